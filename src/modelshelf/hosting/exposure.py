"""Which addresses a server may listen on without asking who comes in."""

import ipaddress

from modelshelf.domain.errors import Invalid


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; a name other than `localhost` may mean anything."""
    name = host.strip().removeprefix("[").removesuffix("]").removesuffix(".").lower()
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


_SHELF_DANGER = "read, change and delete models"
_SHELF_WAY_OUT = "--auth required (make users with: modelshelf user create NAME --role admin)"


def refuse_open_address(
    host: str,
    *,
    auth_required: bool,
    insecure: bool,
    danger: str = _SHELF_DANGER,
    way_out: str = _SHELF_WAY_OUT,
) -> None:
    """Raise Invalid where others could come in unasked, unless that is wanted expressly."""
    if auth_required or insecure or is_loopback(host):
        return
    raise Invalid(
        f"listening on {host or 'all addresses'} would let everybody on the network {danger}. "
        f"Ask who is coming in: {way_out}, listen on "
        "127.0.0.1, or pass --insecure if the network keeps others out",
        host=host,
    )
