"""Who acts, and what each role may do; everything not granted here is denied."""

import re
from dataclasses import dataclass
from enum import StrEnum

from modelshelf.domain.errors import Forbidden, Invalid

ANONYMOUS = "anonymous"
"""The name of an actor nobody asked for credentials."""

SYSTEM = "system"
"""The name under which a server does what nobody in particular asked for."""

USER_NAME_LIMIT = 64
TOKEN_NAME_LIMIT = 64

_USER_NAME = re.compile(r"[a-z0-9][a-z0-9._@+\-]{0,63}")
_TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
_RESERVED = {ANONYMOUS, SYSTEM, "local", "policy", "unknown"}


class Role(StrEnum):
    """What an actor may do at most, each role with all that the ones before it may."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    APPROVER = "approver"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a service method asks for before it does anything."""

    READ = "read"
    WRITE = "write"
    MOVE = "move"
    DELETE = "delete"
    APPROVE = "approve"
    ADMINISTER = "administer"


_READER = frozenset({Permission.READ})
_CONTRIBUTOR = _READER | {Permission.WRITE, Permission.MOVE, Permission.DELETE}
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.READER: _READER,
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.APPROVER: _CONTRIBUTOR | {Permission.APPROVE},
    Role.ADMIN: _CONTRIBUTOR | {Permission.APPROVE, Permission.ADMINISTER},
}
_RANKS = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: `alice`, `alice/<token>`, `policy:<gate>`, `local:<system user>` or `anonymous`."""

    name: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Whether this actor's role grants the permission."""
        return permission in GRANTS.get(self.role, frozenset())

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless this actor's role grants the permission."""
        if not self.may(permission):
            raise Forbidden(
                f"{self.name} is a {self.role.value} and may not {permission.value}; "
                "ask an administrator for a role that may",
                actor=self.name,
                permission=permission.value,
            )


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is known by name."""

    name: str
    role: Role
    has_password: bool
    created_ms: int
    created_by: str
    updated_ms: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose credentials were right, for how long they are, and whether their use is worth noting."""

    actor: Actor
    token_id: str = ""
    """Empty where it was a password."""
    remaining_ms: int | None = None
    """Until the token expires; None is never."""
    use_is_due: bool = False
    """Whether the last noted use of the token is long enough ago."""


def lesser(one: Role, other: Role) -> Role:
    """The role of the two that may do less."""
    return min(one, other, key=_RANKS.__getitem__)


def at_least(role: Role, needed: Role) -> bool:
    """Whether a role is the needed one or a higher one."""
    return _RANKS[role] >= _RANKS[needed]


def role_name(text: object) -> Role:
    """A role by its name; raises Invalid with those that there are."""
    try:
        return Role(str(text))
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise Invalid(f"unknown role {text!r}: the roles are {known}", role=text) from None


def user_name(text: object) -> str:
    """A user's name: one that can't be mistaken for another one, nor for another kind of actor."""
    if not isinstance(text, str) or not _USER_NAME.fullmatch(text):
        raise Invalid(
            f"invalid user name {text!r}: it must be 1 to {USER_NAME_LIMIT} small letters, digits and '.', '_', '-', "
            "'@', '+', and begin with a letter or digit",
            user=text,
        )
    if text in _RESERVED:
        raise Invalid(f"the user name {text!r} is reserved; choose another one", user=text)
    return text


def token_name(text: object) -> str:
    """A token's name, which its user gives it."""
    if not isinstance(text, str) or not _TOKEN_NAME.fullmatch(text):
        raise Invalid(
            f"invalid token name {text!r}: it must be 1 to {TOKEN_NAME_LIMIT} letters, digits and '.', '_', '-', and "
            "begin with a letter or digit",
            token=text,
        )
    return text
