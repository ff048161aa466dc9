"""Tokens: issue, list, revoke."""

from modelshelf.database import access
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Role, lesser, role_name, token_name
from modelshelf.domain.credentials import (
    DEFAULT_LIFETIME_MS,
    TOKEN_ID_BYTES,
    TOKEN_SECRET_BYTES,
    TOKENS_PER_USER,
    IssuedToken,
    Token,
    token_digest,
    token_lifetime,
    token_text,
)
from modelshelf.domain.errors import AlreadyExists, Conflict, Invalid, NotFound
from modelshelf.domain.events import EventName
from modelshelf.domain.names import did_you_mean
from modelshelf.services.users import Users


class Tokens(Users):
    """Random passwords for programs. Users manage their own, administrators everybody's."""

    def create_token(
        self, user: str, *, name: str = "", role: str | None = None, lifetime_ms: int | None = DEFAULT_LIFETIME_MS
    ) -> IssuedToken:
        """Issue a token of a user; what is returned holds it, and nothing else ever will.

        `role` is what it may do at most, left out what its user may; it is good for `lifetime_ms` milliseconds, None is
        for ever. Raises NotFound for an unknown user, Invalid for a role above the user's, AlreadyExists for a name
        that another token of the user has.
        """
        self._administer_unless_own(user)
        now_ms, lifetime = self._clock(), token_lifetime(lifetime_ms)
        token_id, secret = self._entropy(TOKEN_ID_BYTES).hex(), self._entropy(TOKEN_SECRET_BYTES)
        name = token_name(name or f"token-{token_id}")
        with self._database.write() as tx:
            user_id = self._lock_user(tx, user, now_ms)
            owner = self._user(tx, user)
            token = Token(
                id=token_id,
                user=owner.name,
                name=name,
                role=_allowed(owner.role, role, user),
                created_ms=now_ms,
                created_by=self._actor.name,
                expires_ms=None if lifetime is None else now_ms + lifetime,
            )
            issued = IssuedToken(token, token_text(token_id, secret))
            self._insert(tx, user_id, issued)
            data = {"id": token.id, "role": token.role.value, "expires_ms": token.expires_ms}
            self._append(tx, EventName.TOKEN_CREATED, _subject(token), data, now_ms)
        return issued

    def tokens(self, user: str | None = None) -> list[Token]:
        """A user's tokens, or (None) everybody's; of none of them can the token itself be had again."""
        if user is None:
            self._administer()
        else:
            self._administer_unless_own(user)
        with self._database.read() as tx:
            if user is None:
                return access.tokens(tx)
            return access.tokens_of(tx, self._user(tx, user).name)

    def revoke_token(self, user: str, name: str) -> Token:
        """End a token of a user by its name or its id. Raises NotFound.

        This process refuses it at once; others that have just let it in do so within a minute.
        """
        self._administer_unless_own(user)
        now_ms = self._clock()
        with self._database.write() as tx:
            owned = access.tokens_of(tx, self._user(tx, user).name)
            token = next((each for each in owned if name in {each.name, each.id}), None)
            if token is None or not access.delete_token(tx, token.id):
                near = did_you_mean(name, [each.name for each in owned])
                raise NotFound(
                    f"{user} has no token {name!r}{near}; modelshelf token list shows those there are",
                    user=user,
                    token=name,
                )
            self._append(tx, EventName.TOKEN_REVOKED, _subject(token), {"id": token.id}, now_ms)
        self.changes.note()
        return token

    @staticmethod
    def _insert(tx: Transaction, user_id: int, issued: IssuedToken) -> None:
        token = issued.token
        if len(access.tokens_of(tx, token.user)) >= TOKENS_PER_USER:
            raise Conflict(
                f"{token.user} has {TOKENS_PER_USER} tokens, which is the limit; revoke those out of use first",
                user=token.user,
                limit=TOKENS_PER_USER,
            )
        if not access.insert_token(tx, user_id, token, digest=token_digest(issued.text)):
            raise AlreadyExists(
                f"{token.user} has a token {token.name!r} already; revoke it, or choose another name",
                user=token.user,
                token=token.name,
            )


def _allowed(of_user: Role, wanted: str | None, user: str) -> Role:
    role = of_user if wanted is None else role_name(wanted)
    if lesser(role, of_user) is not role:
        raise Invalid(
            f"{user} is a {of_user.value}, so a token of theirs can't be of a higher role ({role.value})",
            user=user,
            role=role.value,
        )
    return role


def _subject(token: Token) -> str:
    return f"users/{token.user}/tokens/{token.name}"
