"""Gates and protected names: all of them, those of a model, and each gate with what it says of a version."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelshelf.domain.errors import Invalid, NotFound, ShelfError
from modelshelf.domain.gate_documents import as_arguments, document_of, gate_of
from modelshelf.domain.gates import Gate, Judgement, Replay
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import instant_ms, version_number
from modelshelf.services.registry import Registry
from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.rendering import page

DOCUMENT_LIMIT = 64 << 10
_DECISIONS = 20
_OPEN = 50
_MONTHS_MS = 90 * 24 * 60 * 60 * 1000
_EXAMPLE = """\
name: better-than-current
model: churn
alias: production
clauses:
  - expression: "!has_current || candidate.metrics.auc >= current.metrics.auc"
    message: train longer, or look at the new customers
  - candidate.sealed
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An alias or a stage that gates guard."""

    slot: Slot
    name: str


def places(gates: Sequence[Gate]) -> list[Place]:
    """The aliases and stages that some gates guard, each once."""
    return list(dict.fromkeys(Place(gate.slot, gate.target) for gate in gates))


def judgements(registry: Registry, model: str, number: int) -> list[Judgement]:
    """What the gates of each guarded alias and stage say of a version now."""
    return [judged(registry, model, number, place) for place in places(registry.governance.gates(model))]


def judged(registry: Registry, model: str, number: int, place: Place) -> Judgement:
    """What the gates of one place say of a version now."""
    if place.slot is Slot.ALIAS:
        return registry.governance.judge(model, number, alias=place.name)
    return registry.governance.judge(model, number, stage=place.name)


def gates(asked: Asked) -> Answer:
    """All gates and protected names."""
    governance = asked.registry.governance
    return page(asked, "gates.html", title="Gates", gates=governance.gates(), protections=governance.protections())


def of_model(asked: Asked) -> Answer:
    """Those of a model, with what they decided lately."""
    governance, name = asked.registry.governance, asked.parts["name"]
    model = asked.registry.catalog.model(name)
    return page(
        asked,
        "governance.html",
        title=f"Governance of {name}",
        model=model,
        gates=governance.gates(name),
        protections=governance.protections(name),
        requests=governance.requests(name, state="open", limit=_OPEN).items,
        decisions=governance.decisions(name, limit=_DECISIONS).items,
    )


def gate(asked: Asked) -> Answer:
    """A gate, and with `?model=&version=` what it says of a version."""
    found = asked.registry.governance.gate(asked.parts["gate"])
    model, number = asked.one("model"), asked.one("version")
    judgement, fault = None, ""
    if model and number:
        try:
            judgement = _of_gate(asked.registry, found, model, number)
        except (NotFound, Invalid) as error:
            fault = error.message
    return page(
        asked,
        "gate.html",
        title=f"Gate {found.name}",
        status=404 if fault else 200,
        gate=found,
        document=_written(document_of(found)),
        of_model=model or ("" if "*" in found.model else found.model),
        version=number,
        judgement=judgement,
        fault=fault,
    )


def _of_gate(registry: Registry, gate: Gate, model: str, number: str) -> Judgement:
    """What this gate alone says."""
    if not gate.guards(model):
        raise Invalid(f"gate {gate.name} is for {gate.model}; it does not guard {model}", model=model)
    found = judged(registry, model, version_number(number), Place(gate.slot, gate.target))
    return replace(found, gates=tuple(each for each in found.gates if each.gate == gate.name))


def trying(asked: Asked) -> Answer:
    """The form for a gate that is not defined yet, or that is to be changed."""
    name = asked.one("gate")
    document = _written(document_of(asked.registry.governance.gate(name))) if name else _EXAMPLE
    return _trial(asked, document)


def trial(asked: Asked) -> Answer:
    """What the gate would have made of past moves. Nothing changes."""
    document = asked.field("document")
    try:
        gate = read(document)
        since = _since(asked)
        replay = asked.registry.governance.test_gate(gate.name, since_ms=since, **as_arguments(gate))
    except ShelfError as error:
        return _trial(asked, document, fault=error.message)
    return _trial(asked, document, replay=replay)


def _since(asked: Asked) -> int:
    text = asked.field("since").strip()
    return instant_ms(f"{text}T00:00:00Z") if text else asked.now_ms - _MONTHS_MS


def _trial(asked: Asked, document: str, *, replay: Replay | None = None, fault: str = "") -> Answer:
    return page(
        asked,
        "gate_trial.html",
        title="Try a gate",
        status=400 if fault else 200,
        document=document,
        limit=DOCUMENT_LIMIT,
        replay=replay,
        fault=fault,
    )


def read(document: str) -> Gate:
    """A gate as it is written in YAML. Raises Invalid."""
    import yaml

    if len(document) > DOCUMENT_LIMIT:
        raise Invalid(f"the gate has {len(document):,} characters; the limit is {DOCUMENT_LIMIT:,}", field="document")
    if document.count("&") and document.count("*") > DOCUMENT_LIMIT // 1000:
        raise Invalid("the gate refers to parts of itself too often", field="document")
    try:
        return gate_of(yaml.safe_load(document))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(f"it is not YAML that can be read: {error}", field="document") from None


def _written(document: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return text


ROUTES: Routes = {
    ("GET", "/gates"): gates,
    ("GET", "/gates/{gate}"): gate,
    ("GET", "/gate-trial"): trying,
    ("POST", "/gate-trial"): trial,
    ("GET", "/models/{name}/governance"): of_model,
}
