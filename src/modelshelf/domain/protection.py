"""Protected names: aliases and stages that only some may move, whatever else everybody's role grants."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from modelshelf.domain.access import (
    ANONYMOUS,
    SYSTEM,
    TOKEN_NAME_LIMIT,
    USER_NAME_LIMIT,
    Actor,
    Role,
    at_least,
    role_name,
    token_name,
    user_name,
)
from modelshelf.domain.errors import Invalid, Protected
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import ALIAS_LIMIT

PROTECTIONS_LIMIT = 1000
"""How many protected names a shelf may have."""
MOVERS_LIMIT = 100
"""How many roles, users, tokens and policies one of them may list."""
POLICY_LIMIT = ALIAS_LIMIT
_POLICY = "policy:"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Movers:
    """Who may move a protected name: at least one of them is named."""

    roles: tuple[Role, ...] = ()
    """Users of these roles or higher ones, and tokens that carry them."""
    users: tuple[str, ...] = ()
    """These users in person; their tokens only where those are named too."""
    tokens: tuple[str, ...] = ()
    """`alice/ci`, or `alice/*` for all of alice's."""
    policies: tuple[str, ...] = ()
    """The names of gates that promote by themselves."""

    def include(self, actor: Actor) -> bool:
        """Whether an actor is one of them; nobody is who isn't known by name, and no policy is by its role."""
        if actor.name in {ANONYMOUS, SYSTEM}:
            return False
        if actor.name.startswith(_POLICY):
            return actor.name.removeprefix(_POLICY) in self.policies
        if any(at_least(actor.role, role) for role in self.roles):
            return True
        user, slash, _ = actor.name.partition("/")
        return bool({actor.name, f"{user}/*"} & set(self.tokens)) if slash else user in self.users

    def names(self) -> tuple[str, ...]:
        """All of them as texts: `role:approver`, `alice`, `alice/ci`, `policy:better`."""
        roles = (f"role:{role.value}" for role in self.roles)
        return (*roles, *self.users, *self.tokens, *(f"{_POLICY}{name}" for name in self.policies))


@dataclass(frozen=True, slots=True)
class ProtectedName:
    """An alias or a stage of the models that a pattern means, and who may move it."""

    pattern: str
    slot: Slot
    name: str
    """The alias, or the stage."""
    movers: Movers
    changed_ms: int
    changed_by: str


def movers(*, roles: Iterable[str], users: Iterable[str], tokens: Iterable[str], policies: Iterable[str]) -> Movers:
    """Who may move something, checked. Raises Invalid for names that can't be, for too many, and for nobody."""
    found = Movers(
        roles=_unique(role_name(role) for role in roles),
        users=_unique(user_name(user) for user in users),
        tokens=_unique(_token(token) for token in tokens),
        policies=_unique(_policy(policy) for policy in policies),
    )
    count = len(found.names())
    if not count:
        raise Invalid("name who may move it: at least one role, user, token or policy", field="roles")
    if count > MOVERS_LIMIT:
        raise Invalid(f"{count} roles, users, tokens and policies are too many; the limit is {MOVERS_LIMIT}")
    return found


def refused(actor: Actor, model: str, protected: ProtectedName) -> Protected:
    """The refusal of a move that a protected name doesn't let an actor make."""
    allowed = protected.movers.names()
    shown = f"{model}@{protected.name}" if protected.slot is Slot.ALIAS else f"stage {protected.name} of {model}"
    of = "" if protected.pattern == model else f" (as of every model {protected.pattern})"
    return Protected(
        f"{shown} is protected{of}: {actor.name} may not move it; those who may are {', '.join(allowed)}. "
        "Ask one of them, or open a request for it",
        actor=actor.name,
        model=model,
        pattern=protected.pattern,
        **{protected.slot.value: protected.name},
        allowed=list(allowed),
    )


def _token(text: object) -> str:
    if isinstance(text, str) and len(text) <= USER_NAME_LIMIT + 1 + TOKEN_NAME_LIMIT:
        user, slash, name = text.partition("/")
        if slash:
            return f"{user_name(user)}/{name if name == '*' else token_name(name)}"
    raise Invalid(f"invalid token {text!r}: write it with its user, like alice/ci, or alice/* for all of alice's")


def _policy(text: object) -> str:
    name = text.removeprefix(_POLICY) if isinstance(text, str) else ""
    if not name or len(name) > POLICY_LIMIT or not name.isprintable():
        raise Invalid(f"invalid policy {text!r}: it is the name of a gate, of at most {POLICY_LIMIT} characters")
    return name


def _unique(values: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))
