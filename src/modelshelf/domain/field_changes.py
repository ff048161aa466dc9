"""Gates, protected names and webhooks, as declared and as they are, compared field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, TypeAlias

from modelshelf.domain.declared import DeclaredWebhook
from modelshelf.domain.gates import Clause, Gate
from modelshelf.domain.protection import ProtectedName
from modelshelf.domain.targets import target
from modelshelf.domain.webhooks import Webhook

Declared: TypeAlias = Gate | ProtectedName | DeclaredWebhook
Existing: TypeAlias = Gate | ProtectedName | Webhook
Value: TypeAlias = str | int | bool | None
_Fields: TypeAlias = Mapping[str, Any]
_SET, _NONE = "set", "none"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field as it is and as it is to be, None where it has no value; a list has one for each entry that differs.

    Of secrets it tells only whether there is one, and of URLs only where they lead.
    """

    name: str
    before: Value
    after: Value


def field_changes(wanted: Declared | None, live: Existing | None, *, renew: bool) -> tuple[FieldChange, ...]:
    """What differs; all that is said where one of both is not there. `renew` sets a secret where there is one."""
    found = _differing(_fields(live), _fields(wanted))
    declared = wanted if isinstance(wanted, DeclaredWebhook) else None
    existing = live if isinstance(live, Webhook) else None
    if declared is None and existing is None:
        return found
    return (*_url_change(declared, existing), *found, *_secret_change(declared, existing, renew=renew))


def _differing(before: _Fields, after: _Fields) -> tuple[FieldChange, ...]:
    found: list[FieldChange] = []
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name), after.get(name)
        if isinstance(old, tuple) or isinstance(new, tuple):
            found.extend(_entries(name, old or (), new or ()))
        elif old != new and (old or new):
            found.append(FieldChange(name, old, new))
    return tuple(found)


def _entries(name: str, before: Sequence[Any], after: Sequence[Any]) -> list[FieldChange]:
    found = []
    for tag, *ends in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        old, new = before[ends[0] : ends[1]], after[ends[2] : ends[3]]
        for at in range(max(len(old), len(new))):
            was, will_be = (_entry(side[at]) if at < len(side) else None for side in (old, new))
            found.append(FieldChange(name, was, will_be))
    return found


def _entry(entry: Clause | str) -> str:
    if isinstance(entry, str):
        return entry
    name, message = (f" [{entry.name}]" if entry.name else ""), (f": {entry.message}" if entry.message else "")
    return f"{entry.expression}{name}{message}"


def _fields(of: Declared | Existing | None) -> _Fields:
    if of is None:
        return {}
    if isinstance(of, Gate):
        return _gate_fields(of)
    return _protected_fields(of) if isinstance(of, ProtectedName) else _webhook_fields(of)


def _gate_fields(gate: Gate) -> _Fields:
    return {
        "model": gate.model,
        gate.slot.value: gate.target,
        "clauses": gate.clauses,
        "auto": gate.auto,
        "approvals": f"{gate.approvals.count} from {gate.approvals.role.value}s" if gate.approvals else None,
        "description": gate.description,
    }


def _protected_fields(protected: ProtectedName) -> _Fields:
    return {
        "model": protected.pattern,
        protected.slot.value: protected.name,
        "roles": tuple(sorted(role.value for role in protected.movers.roles)),
        "users": tuple(sorted(protected.movers.users)),
        "tokens": tuple(sorted(protected.movers.tokens)),
        "policies": tuple(sorted(protected.movers.policies)),
    }


def _webhook_fields(webhook: DeclaredWebhook | Webhook) -> _Fields:
    return {
        "events": tuple(sorted(webhook.events)),
        "model": webhook.model,
        "alias": webhook.alias,
        "format": webhook.format,
        "tries": webhook.tries,
        "description": webhook.description,
    }


def _url_change(wanted: DeclaredWebhook | None, live: Webhook | None) -> tuple[FieldChange, ...]:
    """A URL may hold a secret: of it only the origin is told, and whether what follows is another one."""
    old = target(live.url).origin if live else None
    if wanted is None:
        return (FieldChange("url", old, None),)
    if not wanted.url:
        return () if live else (FieldChange("url", None, f"from {wanted.url_env}"),)
    if live and live.url == wanted.url:
        return ()
    new = target(wanted.url).origin
    return (FieldChange("url", old, f"{new} (another path)" if old == new else new),)


def _secret_change(wanted: DeclaredWebhook | None, live: Webhook | None, *, renew: bool) -> tuple[FieldChange, ...]:
    before = None if live is None else _SET if live.signed else _NONE
    if wanted is None:
        return (FieldChange("secret", before, None),)
    if wanted.secret_env and (renew or before != _SET):
        return (FieldChange("secret", before, f"from {wanted.secret_env}"),)
    after = _SET if wanted.signed else _NONE
    return () if before == after else (FieldChange("secret", before, after),)
