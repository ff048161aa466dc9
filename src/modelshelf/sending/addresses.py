"""Which addresses messages may go to: public ones, and those that an administrator listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self, TypeAlias

from modelshelf.domain.errors import Invalid

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NEVER = tuple(
    map(
        ip_network,
        ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "224.0.0.0/4", "ff00::/8", "0.0.0.0/8", "::/128"),
    )
)
"""Metadata services of clouds and other neighbours, and what is nobody's: not even a listing opens them."""
_NOT_PUBLIC = tuple(map(ip_network, ("100.64.0.0/10", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4")))
_PUBLIC_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Internal hosts that an administrator listed: names (`*.` in front: all below it), addresses and networks."""

    names: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a list by commas. Raises Invalid for what is neither a name nor a network."""
        names, networks = list[str](), list[Network]()
        for part in filter(None, (part.strip().lower() for part in text.split(","))):
            bare = part.strip("[]")
            if "/" in bare or ":" in bare or bare.replace(".", "").isdigit():
                try:
                    networks.append(ip_network(bare))
                except ValueError as error:
                    raise Invalid(f"MODELSHELF_WEBHOOK_ALLOWED_HOSTS has {part!r}: {error}") from None
            else:
                names.append(part)
        return cls(tuple(names), tuple(networks))

    def has_name(self, host: str) -> bool:
        """Whether a host is listed by its name."""
        return any(
            host == name or (name.startswith("*.") and host.endswith(name[1:]) and len(host) >= len(name))
            for name in self.names
        )

    def refusal(self, host: str, address: Address) -> str:
        """Why a host may not be connected to at an address; empty where it may."""
        inner = _unwrapped(address)
        if any(_within(each, network) for each in inner for network in _NEVER):
            return f"{address} is a link-local or otherwise reserved address, which is never sent to"
        if self.has_name(host) or any(_within(address, network) for network in self.networks):
            return ""
        if all(map(_is_public, inner[1:] or inner)):
            return ""
        return (
            f"{address} is not a public address; an administrator can allow it with "
            "MODELSHELF_WEBHOOK_ALLOWED_HOSTS (names or networks, by commas)"
        )


def read_address(text: str) -> Address:
    """An address as the system tells it; raises ValueError."""
    return ip_address(text.partition("%")[0])


def _unwrapped(address: Address) -> Sequence[Address]:
    """The address, and the one that it carries inside of it."""
    if isinstance(address, IPv4Address):
        return (address,)
    carried = address.ipv4_mapped or address.sixtofour
    if carried is None and address.teredo is not None:
        carried = address.teredo[1]
    if carried is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)):
        carried = IPv4Address(int(address) & 0xFFFFFFFF)
    return (address,) if carried is None else (address, carried)


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_private:
        return False
    if isinstance(address, IPv6Address):
        return address in _PUBLIC_V6
    return not any(_within(address, network) for network in _NOT_PUBLIC)


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network
