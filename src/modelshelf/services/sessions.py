"""Sessions of browsers: open one for whoever has signed in, tell from one who is asking, close it."""

import hashlib
import re
from collections.abc import Callable
from typing import Final

from modelshelf.database import sessions
from modelshelf.database.database import Database
from modelshelf.domain.access import Actor, Identity, Permission, lesser
from modelshelf.domain.errors import Forbidden, Unauthenticated
from modelshelf.services.access_part import Changes

LIFETIME_MS: Final = 12 * 60 * 60 * 1000
_SECRET_BYTES = 32
_FORM = re.compile(r"[0-9a-f]{64}")


class Sessions:
    """What a browser holds instead of a password. `authenticate` asks no permission: nobody has come in yet."""

    def __init__(
        self,
        database: Database,
        *,
        actor: Actor,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        changes: Changes,
    ) -> None:
        self._database, self._actor = database, actor
        self._clock, self._entropy, self._changes = clock, entropy, changes

    def open(self) -> str:
        """Open a session for the actor; its secret, which can't be had again. Raises Forbidden for no known user."""
        self._actor.require(Permission.READ)
        secret, now_ms = self._entropy(_SECRET_BYTES).hex(), self._clock()
        user, _, token = self._actor.name.partition("/")
        expires_ms = now_ms + LIFETIME_MS
        with self._database.write() as tx:
            sessions.delete_expired(tx, now_ms=now_ms)
            opened = sessions.insert_session(
                tx, _digest(secret), user=user, token=token, created_ms=now_ms, expires_ms=expires_ms
            )
        if not opened:
            raise Forbidden(f"{self._actor.name} is no user of this shelf, so there is nobody to sign in")
        return secret

    def authenticate(self, secret: str) -> Identity:
        """Whose session this is, and what they may do now. Raises Unauthenticated."""
        now_ms = self._clock()
        with self._database.read() as tx:
            found = sessions.session(tx, _digest(secret)) if _FORM.fullmatch(secret) else None
        if found is None or found.is_stale:
            raise Unauthenticated("the session has ended; sign in again")
        ends = [found.expires_ms, *([found.token_expires_ms] if found.token_expires_ms is not None else [])]
        if min(ends) <= now_ms:
            raise Unauthenticated("the session has expired; sign in again")
        if found.token_role is None:
            return Identity(Actor(found.user, found.role), remaining_ms=min(ends) - now_ms)
        actor = Actor(f"{found.user}/{found.token}", lesser(found.token_role, found.role))
        return Identity(actor, remaining_ms=min(ends) - now_ms)

    def close(self, secret: str) -> None:
        """End a session; one that is over already stays so."""
        self._actor.require(Permission.READ)
        with self._database.write() as tx:
            sessions.delete_session(tx, _digest(secret))
        self._changes.note()


def _digest(secret: str) -> str:
    """What is stored of a secret, which has 256 random bits and can't be guessed, however fast the hash is."""
    return hashlib.sha256(secret.encode()).hexdigest()
