"""Access as one area: users and tokens (by inheritance), and telling from credentials who is asking."""

from collections.abc import Collection
from datetime import UTC, datetime

from modelshelf.database import access
from modelshelf.domain.access import Actor, Identity, lesser, user_name
from modelshelf.domain.credentials import PASSWORD_LONGEST, Token, token_id, token_matches
from modelshelf.domain.errors import Invalid, Unauthenticated
from modelshelf.services import passwords
from modelshelf.services.tokens import Tokens


class Access(Tokens):
    """Who may come in, and as what. `authenticate_*` and `note_uses` ask no permission: nobody has come in yet."""

    def authenticate_password(self, name: str, password: str) -> Identity:
        """Whose user name and password these are; takes as long for a user that there isn't.

        Costs some 20 ms and 19 MiB on purpose: remember the answer for a while. Raises Unauthenticated.
        """
        try:
            known_form = user_name(name)
        except Invalid:
            known_form = ""
        with self._database.read() as tx:
            found = access.password_of(tx, known_form)
        role, stored = found or (None, "")
        matches = len(password) <= PASSWORD_LONGEST and passwords.matches(stored, password)
        if role is None or not matches:
            raise Unauthenticated("wrong user name or password; an administrator can set another password")
        return Identity(Actor(known_form, role))

    def authenticate_token(self, text: str) -> Identity:
        """Whose token this is; it may do what both it and its user may. Raises Unauthenticated."""
        now_ms, wanted = self._clock(), token_id(text)
        if wanted is None:
            raise Unauthenticated("that is not a token of this server; they look like ms_..., whole and without blanks")
        with self._database.read() as tx:
            found = access.token(tx, wanted)
        if found is None or not token_matches(text, found.digest):
            raise Unauthenticated("unknown or revoked token; make another one: modelshelf token create")
        token = found.token
        if token.has_expired(now_ms):
            raise Unauthenticated(f"{_ended(token)}; make another one: modelshelf token create", token=token.name)
        return Identity(
            Actor(token.actor_name, lesser(token.role, found.user_role)),
            token_id=token.id,
            remaining_ms=None if token.expires_ms is None else token.expires_ms - now_ms,
            use_is_due=token.use_is_due(now_ms),
        )

    def note_uses(self, token_ids: Collection[str]) -> None:
        """Note that tokens were used now; of each at most once a minute."""
        now_ms = self._clock()
        with self._database.write() as tx:
            for each in sorted(token_ids):
                access.note_use(tx, each, now_ms=now_ms)


def _ended(token: Token) -> str:
    assert token.expires_ms is not None
    day = datetime.fromtimestamp(token.expires_ms / 1000, tz=UTC).strftime("%Y-%m-%d")
    return f"the token {token.name!r} of {token.user} expired on {day}"
