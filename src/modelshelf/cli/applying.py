"""How the difference between a file and a shelf is found and made to vanish: ordinary calls, one for each change."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from modelshelf.domain import signatures
from modelshelf.domain.declared import Declaration, DeclaredWebhook, Live, Section
from modelshelf.domain.differences import Action, Change, Plan, plan
from modelshelf.domain.errors import Conflict, Forbidden, Invalid, ShelfError
from modelshelf.domain.gate_documents import as_arguments
from modelshelf.domain.gates import Gate
from modelshelf.domain.governance import Slot
from modelshelf.domain.protection import ProtectedName
from modelshelf.domain.webhooks import FORMATS, Webhook

if TYPE_CHECKING:
    from modelshelf.services.registry import Registry

_PAGE = 100
_NEVER_YET_MS = 2**62
_NAMED = 10


def live(registry: "Registry", sections: tuple[Section, ...] = tuple(Section)) -> Live:
    """What a shelf has now; kinds that nobody asks for need no permission."""
    governance = registry.governance
    return Live(
        gates=tuple(governance.gates()) if Section.GATES in sections else (),
        protected=tuple(governance.protections()) if Section.PROTECTED in sections else (),
        webhooks=tuple(_webhooks(registry)) if Section.WEBHOOKS in sections else (),
    )


def planned(registry: "Registry", declaration: Declaration, *, prune: bool, renew: bool) -> Plan:
    """What differs now. Raises Invalid for a gate whose clauses would be refused."""
    found = plan(declaration, live(registry, declaration.sections), prune=prune, renew=renew)
    for change in found.changes:
        if isinstance(change.wanted, Gate):
            _check_clauses(registry, change.wanted)
    return found


def require_possible(found: Plan, variables: Mapping[str, str]) -> None:
    """Raise what would stop some of the changes, before any is made: Conflict, or Invalid for variables."""
    obstacles = [change.obstacle for change in found.changes if change.obstacle]
    if obstacles:
        raise Conflict("nothing was changed: " + "; ".join(obstacles), obstacles=obstacles)
    for change in found.changes:
        if isinstance(change.wanted, DeclaredWebhook):
            _webhook_arguments(change.wanted, change, variables)


def carry_out(registry: "Registry", found: Plan, variables: Mapping[str, str]) -> Iterator[Change]:
    """Make the changes, one after the other, and tell each that is made.

    Where one fails its error goes on, and says what was made before and what was not.
    """
    for at, change in enumerate(found.changes):
        try:
            _make(registry, change, variables)
        except ShelfError as error:
            raise _stopped(error, found.changes, at) from error
        yield change


def told(change: Change) -> str:
    """A change in a few words: `create gate better`."""
    return f"{change.action} {change.kind} {change.name}"


def _webhooks(registry: "Registry") -> Iterator[Webhook]:
    """All but those in other projects' formats: they belong to the clients that made them."""
    token = None
    while True:
        page = registry.events.webhooks(limit=_PAGE, page_token=token)
        yield from (webhook for webhook in page.items if webhook.format in FORMATS)
        if (token := page.next_token) is None:
            return


def _check_clauses(registry: "Registry", gate: Gate) -> None:
    """Have the clauses compiled where gates are judged, by a test on no moves at all. Whoever only reads may not."""
    try:
        registry.governance.test_gate(gate.name, since_ms=_NEVER_YET_MS, **as_arguments(gate))
    except Forbidden:
        return
    except Invalid as error:
        raise Invalid(f"gate {gate.name}: {error.message}", **{**error.details, "gate": gate.name}) from None


def _make(registry: "Registry", change: Change, variables: Mapping[str, str]) -> None:
    governance, wanted = registry.governance, change.wanted
    if isinstance(wanted, Gate):
        governance.define_gate(wanted.name, **as_arguments(wanted))
    elif isinstance(wanted, ProtectedName):
        _protect(registry, wanted)
    elif wanted is not None:
        _tell(registry, wanted, change, variables)
    elif isinstance(change.live, Gate):
        governance.delete_gate(change.live.name)
    elif isinstance(change.live, ProtectedName):
        governance.unprotect(change.live.pattern, **_place(change.live))
    elif change.live is not None:
        registry.events.delete_webhook(change.live.id)


def _protect(registry: "Registry", wanted: ProtectedName) -> None:
    registry.governance.protect(
        wanted.pattern,
        **_place(wanted),
        roles=[role.value for role in wanted.movers.roles],
        users=list(wanted.movers.users),
        tokens=list(wanted.movers.tokens),
        policies=list(wanted.movers.policies),
    )


def _place(protected: ProtectedName) -> dict[str, str]:
    return {"alias" if protected.slot is Slot.ALIAS else "stage": protected.name}


def _tell(registry: "Registry", wanted: DeclaredWebhook, change: Change, variables: Mapping[str, str]) -> None:
    arguments = _webhook_arguments(wanted, change, variables)
    if isinstance(change.live, Webhook):
        registry.events.update_webhook(change.live.id, **arguments)
    else:
        registry.events.create_webhook(wanted.name, **arguments)


def _webhook_arguments(wanted: DeclaredWebhook, change: Change, variables: Mapping[str, str]) -> dict[str, Any]:
    """What to say of a webhook: all of a new one, else what differs. Raises Invalid for a variable that is not set."""
    differing = {field.name for field in change.fields}
    arguments: dict[str, Any] = {
        "url": wanted.url,
        "events": list(wanted.events),
        "model": wanted.model,
        "alias": wanted.alias,
        "format": wanted.format,
        "description": wanted.description,
        "tries": wanted.tries,
        "secret": "",
    }
    if change.action is Action.CHANGE:
        arguments = {name: value for name, value in arguments.items() if name in differing}
    if arguments.get("url") == "":
        raise _unset(wanted, wanted.url_env, "its URL")
    if "secret" in arguments and wanted.secret_env:
        arguments["secret"] = _secret(wanted, variables)
    return arguments


def _secret(wanted: DeclaredWebhook, variables: Mapping[str, str]) -> str:
    secret = variables.get(wanted.secret_env, "")
    if not secret:
        raise _unset(wanted, wanted.secret_env, "its secret")
    try:
        return signatures.secret(secret)
    except Invalid as error:
        raise Invalid(f"{wanted.secret_env}: {error.message}", variable=wanted.secret_env) from None


def _unset(wanted: DeclaredWebhook, variable: str, what: str) -> Invalid:
    return Invalid(
        f"nothing was changed: webhook {wanted.name} has {what} from {variable}, which is not set here",
        webhook=wanted.name,
        variable=variable,
    )


def _stopped(error: ShelfError, changes: tuple[Change, ...], at: int) -> ShelfError:
    """The error of one change as that of all: of the same kind, with what was made and what was not."""
    made, left = [told(change) for change in changes[:at]], [told(change) for change in changes[at + 1 :]]
    message = (
        f"could not {told(changes[at])}: {error.message}. Made before that: {_some(made)}; not tried: {_some(left)}. "
        "Once the cause is gone, apply again: it makes only what is left"
    )
    details = {**error.details, "failed": told(changes[at]), "made": made, "not_tried": left}
    stopped = type(error)(message)
    stopped.details = details
    return stopped


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more if texts else "nothing"
