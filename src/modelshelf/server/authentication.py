"""Who is asking: from a request's headers to an Actor, verified once and then remembered for a minute."""

import hashlib
import ipaddress
import os
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from modelshelf.domain.access import ANONYMOUS, Actor, Identity, Role
from modelshelf.domain.errors import Throttled, Unauthenticated
from modelshelf.server import credentials
from modelshelf.server.credentials import Given, PasswordGiven, SessionGiven
from modelshelf.server.last_uses import LastUses
from modelshelf.server.throttle import Throttle
from modelshelf.services.registry import Registry

CHALLENGE = (b"www-authenticate", b'Basic realm="Modelshelf", charset="UTF-8"')
"""The header that belongs to an answer of 401."""

REMEMBERED_S = 60.0
"""How long credentials are taken for good without asking the database again."""

FAILURES_PER_USER_AND_PEER = 10
FAILURES_PER_USER = 100
FAILURES_PER_PEER = 100
"""In five minutes. Tokens are counted by token and peer alone: nobody guesses 256 bits, and one program with a revoked
token must not lock out the others behind the same address."""

_HEADER = b"authorization"
_REMEMBERED_LIMIT = 10_000
_AT_ONCE = 4
_LONGEST_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Verified credentials, the state of users and tokens at which they were, and until when that holds."""

    actor: Actor
    changes: int
    until: float


class Authentication:
    """One per process, used by all threads.

    `known(headers)` never blocks and answers most requests: call it on the event loop. Where it answers None, call
    `actor(headers, peer=...)` in a thread: it asks the database, and for a password it computes for some 20 ms.
    Users and tokens that are changed by this process are so at once; changes made by another process take effect within
    a minute.
    """

    def __init__(self, registry: Registry, *, required: bool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._access, self._sessions = registry.access, registry.sessions
        self._required, self._monotonic = required, monotonic
        self._anonymous = Actor(ANONYMOUS, Role.ADMIN)
        self._secret = os.urandom(32)
        self._remembered: dict[bytes, _Remembered] = {}
        self._turns = tuple(threading.Lock() for _ in range(_AT_ONCE))
        self._lock = threading.Lock()
        self._throttle = Throttle(monotonic=monotonic)
        self._uses = LastUses(registry.access.note_uses)

    def known(self, headers: Mapping[bytes, bytes]) -> Actor | None:
        """The actor, if that can be told from memory."""
        value = self._sent(headers)
        if value is None:
            return None if self._required else self._anonymous
        return self._recall(self._key(value))

    def actor(self, headers: Mapping[bytes, bytes], *, peer: str = "") -> Actor:
        """The actor; `peer` is the address of the connected socket.

        Credentials that were sent have to be right, also where none are required. Raises Unauthenticated, and Throttled
        after too many failures.
        """
        value = self._sent(headers)
        if value is None:
            if self._required:
                raise Unauthenticated(
                    "this server wants to know who is asking: set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME "
                    "and MLFLOW_TRACKING_PASSWORD"
                )
            return self._anonymous
        key = self._key(value)
        return self._recall(key) or self._verified_in_turn(key, value, peer)

    def _sent(self, headers: Mapping[bytes, bytes]) -> bytes | None:
        """What the header says, or else the cookie of a session, which counts only where credentials are required."""
        value = headers.get(_HEADER)
        return credentials.in_cookies(headers.get(b"cookie")) if value is None and self._required else value

    def close(self) -> None:
        """Write what is still to be written."""
        self._uses.close()

    def _key(self, value: bytes) -> bytes:
        """Credentials are not kept in memory, only a hash of them that is worth nothing outside of this process."""
        return hashlib.blake2b(value, digest_size=32, key=self._secret).digest()

    def _recall(self, key: bytes) -> Actor | None:
        found = self._remembered.get(key)
        if found is None or found.changes != self._access.changes.count or found.until <= self._monotonic():
            return None
        return found.actor

    def _verified_in_turn(self, key: bytes, value: bytes, peer: str) -> Actor:
        """The same credentials sent by many requests at once are verified once; others a few at a time."""
        turn = self._turns[key[0] % _AT_ONCE]
        if not turn.acquire(timeout=_LONGEST_WAIT_S):
            raise Throttled("too many are coming in at once; try again", retry_after=1)
        try:
            return self._recall(key) or self._verified(key, value, peer)
        finally:
            turn.release()

    def _verified(self, key: bytes, value: bytes, peer: str) -> Actor:
        changes = self._access.changes.count
        given = credentials.read(value)
        limits = _limits(given, _network(peer))
        self._throttle.admit(limits)
        try:
            identity = self._identity(given)
        except Unauthenticated:
            raise
        except BaseException:
            self._throttle.forgive(limits)
            raise
        self._throttle.forgive(limits)
        self._throttle.forget(next(iter(limits)))  # whoever knows the password now may mistype it ten times again
        self._remember(key, identity, changes)
        if identity.use_is_due:
            self._uses.note(identity.token_id)
        return identity.actor

    def _identity(self, given: Given) -> Identity:
        if isinstance(given, SessionGiven):
            return self._sessions.authenticate(given.text)
        if isinstance(given, PasswordGiven):
            return self._access.authenticate_password(given.user, given.password)
        identity = self._access.authenticate_token(given.text)
        if given.user not in {"", identity.actor.name.partition("/")[0]}:
            raise Unauthenticated("the token belongs to another user than the one named with it; leave the name out")
        return identity

    def _remember(self, key: bytes, identity: Identity, changes: int) -> None:
        seconds = REMEMBERED_S
        if identity.remaining_ms is not None:
            seconds = min(seconds, identity.remaining_ms / 1000)
        with self._lock:
            self._remembered.pop(key, None)  # so that the oldest are the first
            while len(self._remembered) >= _REMEMBERED_LIMIT:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[key] = _Remembered(identity.actor, changes, self._monotonic() + seconds)


def _limits(given: Given, network: str) -> dict[Hashable, int]:
    """What an attempt is counted by, the narrowest first, and how many may fail."""
    if not isinstance(given, PasswordGiven):
        digest = hashlib.blake2b(given.text.encode(), digest_size=16).digest()
        return {("token", digest, network): FAILURES_PER_USER_AND_PEER}
    name = given.user[:256]
    return {
        ("user and peer", name, network): FAILURES_PER_USER_AND_PEER,
        ("user", name): FAILURES_PER_USER,
        ("peer", network): FAILURES_PER_PEER,
    }


def _network(peer: str) -> str:
    """The part of an address that one attacker can't change at will: all of IPv4, the first 64 bits of IPv6."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer[:64]
    if address.version == 4:
        return peer
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((address, 64), strict=False))
