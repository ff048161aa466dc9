"""The difference between what a file declares and what a shelf has: what to create, to change and to remove."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from modelshelf.domain.declared import Declaration, DeclaredWebhook, Live, Section, ambiguous, protected_key
from modelshelf.domain.field_changes import Declared, Existing, FieldChange, field_changes
from modelshelf.domain.governance import Slot
from modelshelf.domain.protection import ProtectedName
from modelshelf.domain.webhooks import Webhook


class Kind(StrEnum):
    """What a difference is about."""

    GATE = "gate"
    PROTECTED = "protected name"
    WEBHOOK = "webhook"


class Action(StrEnum):
    """What makes the shelf what the file says."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as the file says; `obstacle` tells why it can't be made so."""

    action: Action
    kind: Kind
    name: str
    fields: tuple[FieldChange, ...]
    wanted: Declared | None = None
    live: Existing | None = None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that differs, in the order in which it is to be changed: what is removed comes last."""

    changes: tuple[Change, ...] = ()
    unmanaged: tuple[str, ...] = ()
    """What the shelf has and the file has not, and what stays: `gate better`."""
    unknown: tuple[str, ...] = ()
    """What can't be compared from here: secrets, and URLs in variables that are not set."""


def plan(declaration: Declaration, live: Live, *, prune: bool, renew: bool = False) -> Plan:
    """What makes a shelf what a file declares; with `prune` also by removing what the file's sections have not.

    `renew` sets secrets again where there are some. Raises Conflict for a webhook's name that several have.
    """
    for webhook in declaration.webhooks:
        if [each.name for each in live.webhooks].count(webhook.name) > 1:
            raise ambiguous(webhook.name, live.webhooks)
    sections: dict[Section, tuple[Kind, Sequence[Declared], Sequence[Existing]]] = {
        Section.GATES: (Kind.GATE, declaration.gates, live.gates),
        Section.PROTECTED: (Kind.PROTECTED, declaration.protected, live.protected),
        Section.WEBHOOKS: (Kind.WEBHOOK, declaration.webhooks, live.webhooks),
    }
    wanted: list[Change] = []
    extra: list[Change] = []
    for section in declaration.sections:
        kind, declared, existing = sections[section]
        wanted.extend(_wanted(kind, declared, existing, renew=renew))
        extra.extend(_extra(kind, declared, existing))
    return Plan(
        changes=(*wanted, *reversed(extra)) if prune else tuple(wanted),
        unmanaged=() if prune else tuple(f"{each.kind} {each.name}" for each in extra),
        unknown=_unknown(declaration, live, renew=renew),
    )


def _wanted(kind: Kind, declared: Sequence[Declared], existing: Sequence[Existing], *, renew: bool) -> list[Change]:
    there = {_key(each): each for each in existing}
    found = []
    for each in declared:
        live = there.get(_key(each))
        if fields := field_changes(each, live, renew=renew):
            action = Action.CREATE if live is None else Action.CHANGE
            found.append(Change(action, kind, _name(each), fields, each, live, _obstacle(each, live)))
    return found


def _extra(kind: Kind, declared: Sequence[Declared], existing: Sequence[Existing]) -> list[Change]:
    named = {_key(each) for each in declared}
    return [
        Change(Action.REMOVE, kind, _name(each), field_changes(None, each, renew=False), live=each)
        for each in existing
        if _key(each) not in named
    ]


def _key(of: Declared | Existing) -> Hashable:
    return protected_key(of) if isinstance(of, ProtectedName) else of.name


def _name(of: Declared | Existing) -> str:
    if not isinstance(of, ProtectedName):
        return of.name
    place = f"@{of.name}" if of.slot is Slot.ALIAS else f"stage {of.name}"
    return f"{place} of {of.pattern}"


def _unknown(declaration: Declaration, live: Live, *, renew: bool) -> tuple[str, ...]:
    there = {webhook.name: webhook for webhook in live.webhooks}
    found = []
    for wanted in declaration.webhooks:
        before = there.get(wanted.name)
        if before is not None and not wanted.url:
            found.append(f"the URL of webhook {wanted.name}: {wanted.url_env} is not set here")
        if before is not None and before.signed and wanted.secret_env and not renew:
            found.append(f"the secret of webhook {wanted.name}: it has one, which is never told again")
    return tuple(found)


def _obstacle(wanted: Declared, live: Existing | None) -> str:
    if not isinstance(wanted, DeclaredWebhook):
        return ""
    before = live if isinstance(live, Webhook) else None
    if before is not None and before.format != wanted.format:
        return (
            f"webhook {wanted.name} has the format {before.format}, and that can't be changed: declare it under "
            "another name, or delete it first"
        )
    if wanted.signed and not wanted.secret_env and (before is None or not before.signed):
        return (
            f"webhook {wanted.name} is to be signed, and nothing says with what: name the variable with its secret as "
            "secret_env, or say signed: false"
        )
    return ""
