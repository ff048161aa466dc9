"""What a shelf.yaml declares: gates, protected names and webhooks, read from plain values and written as such."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from modelshelf.domain import webhooks as webhook_rules
from modelshelf.domain.errors import Conflict, Invalid
from modelshelf.domain.gate_documents import document_of as gate_document
from modelshelf.domain.gate_documents import gate_of
from modelshelf.domain.gates import GATES_LIMIT, Gate
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import Stage, alias_name, did_you_mean, stage_name
from modelshelf.domain.patterns import model_pattern
from modelshelf.domain.protection import PROTECTIONS_LIMIT, ProtectedName, movers
from modelshelf.domain.signatures import PREFIX
from modelshelf.domain.targets import target
from modelshelf.domain.webhooks import DEFAULT_TRIES, FORMATS, STANDARD, WEBHOOKS_LIMIT, Webhook

_PRUNE: Final = "prune"
_MOVERS: Final = ("roles", "users", "tokens", "policies")
_PROTECTED_KEYS: Final = ("model", "alias", "stage", *_MOVERS)
_WEBHOOK_KEYS: Final = (
    "name", "url", "url_env", "events", "model", "alias", "format", "secret_env", "signed", "tries", "description",
)  # fmt: skip
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}", re.ASCII)
_T = TypeVar("_T")


class Section(StrEnum):
    """What a file may declare; a section that it has not is none of its business."""

    GATES = "gates"
    PROTECTED = "protected"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True)
class DeclaredWebhook:
    """A webhook as a file says it: what is secret of it stands in variables of the environment, not in the file."""

    name: str
    url: str
    """Empty where a variable holds it that is not set here."""
    events: tuple[str, ...]
    model: str = "*"
    alias: str = ""
    format: str = STANDARD
    signed: bool = True
    tries: int = DEFAULT_TRIES
    description: str = ""
    url_env: str = ""
    secret_env: str = ""
    """The variable with the secret; empty where it is not signed, or where its secret is set by other means."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """All that a file declares. With `prune`, what is in none of its sections is to go."""

    sections: tuple[Section, ...]
    gates: tuple[Gate, ...] = ()
    protected: tuple[ProtectedName, ...] = ()
    webhooks: tuple[DeclaredWebhook, ...] = ()
    prune: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """What a shelf has of the same kinds; webhooks of other projects' formats belong to the clients that made them."""

    gates: tuple[Gate, ...] = ()
    protected: tuple[ProtectedName, ...] = ()
    webhooks: tuple[Webhook, ...] = ()


def declaration_of(document: object) -> Declaration:
    """What a document declares. Raises Invalid, whose `path` tells where the fault is: `gates[2].auto`."""
    told = _mapping(
        {} if document is None else document, "a shelf.yaml", (_PRUNE, *(section.value for section in Section))
    )
    sections = tuple(section for section in Section if section.value in told)
    if not sections:
        raise Invalid(f"it declares nothing: it needs one of {', '.join(Section)}")
    prune = told.get(_PRUNE, False)
    if not isinstance(prune, bool):
        raise Invalid(f"prune must be true or false, not {prune!r}", path=_PRUNE)
    return Declaration(
        sections,
        gates=_listed(told, Section.GATES, GATES_LIMIT, _gate, lambda gate: gate.name),
        protected=_listed(told, Section.PROTECTED, PROTECTIONS_LIMIT, _protected, protected_key),
        webhooks=_listed(told, Section.WEBHOOKS, WEBHOOKS_LIMIT, _webhook, lambda webhook: webhook.name),
        prune=prune,
    )


def document_of(live: Live) -> dict[str, Any]:
    """A document that declares just what there is. Raises Conflict for webhooks that it could not tell apart."""
    names = [webhook.name for webhook in live.webhooks]
    for webhook in live.webhooks:
        if names.count(webhook.name) > 1:
            raise ambiguous(webhook.name, live.webhooks)
    return {
        Section.GATES.value: [gate_document(gate) for gate in sorted(live.gates, key=lambda gate: gate.name)],
        Section.PROTECTED.value: [_protected_document(each) for each in sorted(live.protected, key=protected_key)],
        Section.WEBHOOKS.value: [
            _webhook_document(each) for each in sorted(live.webhooks, key=lambda webhook: webhook.name)
        ],
    }


def ambiguous(name: str, webhooks: Sequence[Webhook]) -> Conflict:
    """The refusal of a name that several webhooks of the shelf have."""
    ids = [webhook.id for webhook in webhooks if webhook.name == name]
    return Conflict(
        f"{len(ids)} webhooks are named {name} ({', '.join(ids)}), and a shelf.yaml tells them apart by their names: "
        f"rename one with modelshelf webhook update {ids[0]} --name NAME, or delete it",
        webhook=name,
        ids=ids,
    )


def protected_key(protected: ProtectedName) -> tuple[str, str, str]:
    """What makes two protected names the same one."""
    return protected.pattern, protected.slot.value, protected.name


def _gate(item: object) -> Gate:
    if isinstance(item, Mapping):
        _text(item, "description")
    return gate_of(item)


def _protected(item: object) -> ProtectedName:
    told = _mapping(item, "a protected name", _PROTECTED_KEYS)
    slot, name = _slot(told.get("alias"), told.get("stage"))
    lists = {key: _texts(told, key) for key in _MOVERS}
    return ProtectedName(model_pattern(told.get("model")), slot, name, movers(**lists), changed_ms=0, changed_by="")


def _slot(alias: object, stage: object) -> tuple[Slot, str]:
    if (alias is None) == (stage is None):
        raise Invalid("name either the alias or the stage that is protected, and not both")
    if alias is not None:
        return Slot.ALIAS, alias_name(alias)
    if (checked := stage_name(stage)) is Stage.NONE:
        raise Invalid(
            "every version begins in the stage None, so it can't be protected; protect the others", path="stage"
        )
    return Slot.STAGE, checked.value


def _webhook(item: object) -> DeclaredWebhook:
    if isinstance(item, Mapping) and "secret" in item:
        raise Invalid(
            "a secret has no place in a file: keep it in a variable of the environment, and name that with secret_env",
            path="secret",
        )
    told = _mapping(item, "a webhook", _WEBHOOK_KEYS)
    form = told.get("format", STANDARD)
    if form not in FORMATS:
        raise Invalid(f"unknown format {form!r}: the formats are {', '.join(FORMATS)}", path="format")
    url, url_env = _url(told)
    signed, secret_env = _signed(told)
    return DeclaredWebhook(
        name=webhook_rules.webhook_name(told.get("name")),
        url=url,
        url_env=url_env,
        events=webhook_rules.event_patterns(_texts(told, "events"), webhook_rules.event_names()),
        model=webhook_rules.model_filter(told.get("model", "*")),
        alias=webhook_rules.alias_filter(told.get("alias", "")),
        format=form,
        signed=signed,
        secret_env=secret_env,
        tries=webhook_rules.tries(told.get("tries", DEFAULT_TRIES)),
        description=webhook_rules.description(_text(told, "description")),
    )


def _url(told: Mapping[str, Any]) -> tuple[str, str]:
    if ("url" in told) == ("url_env" in told):
        raise Invalid("a webhook needs a url, or a url_env that names the variable with it, and not both", path="url")
    if "url_env" in told:
        return "", _variable(told, "url_env")
    target(told["url"])
    return told["url"], ""


def _signed(told: Mapping[str, Any]) -> tuple[bool, str]:
    if ("signed" in told) == ("secret_env" in told):
        raise Invalid(
            "say of a webhook either secret_env, the variable with the secret that signs its deliveries, or signed: "
            "false, or signed: true where the secret is set by other means",
        )
    if "secret_env" in told:
        return True, _variable(told, "secret_env")
    if not isinstance(told["signed"], bool):
        raise Invalid(f"signed must be true or false, not {told['signed']!r}", path="signed")
    return told["signed"], ""


def _variable(told: Mapping[str, Any], key: str) -> str:
    """The name of a variable; what is none may be the secret itself, so it is not repeated."""
    name = told[key]
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name) or name.startswith(PREFIX):
        raise Invalid(f"{key} is the name of a variable of the environment, such as CI_WEBHOOK_SECRET", path=key)
    return name


def _listed(
    told: Mapping[str, Any],
    section: Section,
    limit: int,
    read: Callable[[object], _T],
    key_of: Callable[[_T], Hashable],
) -> tuple[_T, ...]:
    items = told.get(section, [])
    if not isinstance(items, list):
        raise Invalid(f"{section} must be a list; write [] for none", path=section.value)
    if len(items) > limit:
        raise Invalid(f"{len(items):,} {section} are too many; the limit is {limit:,}", path=section.value)
    found: dict[Hashable, _T] = {}
    for at, item in enumerate(items):
        place = f"{section.value}[{at}]"
        each = _read(item, read, place)
        if (key := key_of(each)) in found:
            raise Invalid(f"it is declared twice: {section.value}[{list(found).index(key)}] is the same", path=place)
        found[key] = each
    return tuple(found.values())


def _read(item: object, read: Callable[[object], _T], place: str) -> _T:
    try:
        return read(item)
    except Invalid as error:
        keys = [error.details.get("path"), error.details.get("field"), *error.details]
        inner = next((key for key in keys if isinstance(item, Mapping) and key in item), None)
        path = place if inner is None else f"{place}.{inner}"
        raise Invalid(error.message, **{**error.details, "path": path}) from None


def _mapping(told: object, what: str, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise Invalid(f"{what} must have {', '.join(known)}; found {type(told).__name__}")
    for key in told:
        if key not in known:
            near = did_you_mean(str(key), known) or f"; it has {', '.join(known)}"
            raise Invalid(f"{what} has no {str(key)[:100]!r}{near}", path=str(key))
    return told


def _text(told: Mapping[str, Any], key: str) -> str:
    text = told.get(key, "")
    if not isinstance(text, str):
        raise Invalid(f"{key} must be a text, not {text!r}", path=key)
    return text


def _texts(told: Mapping[str, Any], key: str) -> list[str]:
    texts = told.get(key, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Invalid(f"{key} must be a list of texts", path=key)
    return texts


def _protected_document(protected: ProtectedName) -> dict[str, Any]:
    lists: dict[str, list[str]] = {
        "roles": [role.value for role in protected.movers.roles],
        "users": list(protected.movers.users),
        "tokens": list(protected.movers.tokens),
        "policies": list(protected.movers.policies),
    }
    said = {"model": protected.pattern, protected.slot.value: protected.name}
    return {**said, **{key: texts for key, texts in lists.items() if texts}}


def _webhook_document(webhook: Webhook) -> dict[str, Any]:
    said: dict[str, Any] = {"name": webhook.name, "url": webhook.url, "events": list(webhook.events)}
    others = (
        ("model", webhook.model, "*"),
        ("alias", webhook.alias, ""),
        ("format", webhook.format, STANDARD),
        ("tries", webhook.tries, DEFAULT_TRIES),
        ("description", webhook.description, ""),
    )
    said.update({key: value for key, value, default in others if value != default})
    return {**said, "signed": webhook.signed}
