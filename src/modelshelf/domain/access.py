"""Who acts, and what each role may do; everything not granted here is denied."""

from dataclasses import dataclass
from enum import StrEnum

from modelshelf.domain.errors import Forbidden


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
    ADMINISTER = "administer"


_READER = frozenset({Permission.READ})
_CONTRIBUTOR = _READER | {Permission.WRITE, Permission.MOVE, Permission.DELETE}
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.READER: _READER,
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.APPROVER: _CONTRIBUTOR,
    Role.ADMIN: _CONTRIBUTOR | {Permission.ADMINISTER},
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: a user, a token of theirs, `policy:<gate>`, `local:<system user>` or `anonymous`."""

    name: str
    role: Role

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless this actor's role grants the permission."""
        if permission not in GRANTS.get(self.role, frozenset()):
            raise Forbidden(
                f"{self.name} is a {self.role.value} and may not {permission.value}; "
                "ask an administrator for a role that may",
                actor=self.name,
                permission=permission.value,
            )
