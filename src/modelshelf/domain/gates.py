"""Gates: what a version has to show before an alias or a stage moves to it, and what came of looking."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from modelshelf.domain.access import Role, at_least
from modelshelf.domain.errors import GateFailed, Invalid
from modelshelf.domain.governance import Cause, Slot
from modelshelf.domain.names import DESCRIPTION_LIMIT, Stage, alias_name, bounded, stage_name
from modelshelf.domain.patterns import matches, model_pattern

GATE_NAME_LIMIT: Final = 64
CLAUSES_LIMIT: Final = 50
CLAUSE_LIMIT: Final = 1_000
MESSAGE_LIMIT: Final = 1_000
APPROVALS_LIMIT: Final = 20
GATES_LIMIT: Final = 1_000
"""Gates that a shelf may have."""

_GATE_NAME = re.compile(r"[a-z0-9][a-z0-9._\-]{0,63}")


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: an expression that is true or not. `message` says what to do about it where it is not."""

    expression: str
    name: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many people of a role, or of one that may do more, have to agree."""

    count: int
    role: Role = Role.APPROVER


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes to one promotion, with the role they had."""

    actor: str
    role: Role


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on the moves of an alias or a stage; exactly one of `alias` and `stage` is set."""

    name: str
    model: str
    """A model's name, or a pattern of names: `fraud`, `fraud-*`, `*`."""
    alias: str | None = None
    stage: Stage | None = None
    clauses: tuple[Clause, ...] = ()
    auto: bool = False
    """Whether a version is promoted by itself as soon as it passes."""
    approvals: Approvals | None = None
    description: str = ""
    created_ms: int = 0
    created_by: str = ""
    updated_ms: int = 0
    updated_by: str = ""

    @property
    def slot(self) -> Slot:
        return Slot.ALIAS if self.alias is not None else Slot.STAGE

    @property
    def target(self) -> str:
        """The name of its alias or stage."""
        return self.alias if self.alias is not None else self.stage.value if self.stage else ""

    def guards(self, model: str) -> bool:
        """Whether it is about moves of this model."""
        return matches(self.model, model)


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """What came of one clause. `seen` are the values that it spoke of; one that was missing is not among them."""

    clause: str
    """Its expression, or for the approvals what they have to be."""
    passed: bool
    name: str = ""
    note: str = ""
    """Why it failed, or why it passed without a comparison."""
    seen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateResult:
    """What came of one gate: it passes where each of its clauses does."""

    gate: str
    clauses: tuple[ClauseResult, ...]

    @property
    def passed(self) -> bool:
        return all(each.passed for each in self.clauses)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all gates of an alias or a stage say of a version, and the evidence that they saw."""

    model: str
    version: int
    slot: Slot
    target: str
    """The alias or the stage."""
    before: int | None
    """The version that is there now."""
    time_ms: int
    passed: bool
    gates: tuple[GateResult, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[GateResult, ...]:
        return tuple(gate for gate in self.gates if not gate.passed)


@dataclass(frozen=True, slots=True)
class Decision:
    """A judgement that was acted on, as it is kept: a move that passed (with its id), or one that was refused."""

    id: int
    model: str
    version: int
    slot: Slot
    target: str
    before: int | None
    passed: bool
    actor: str
    time_ms: int
    cause: Cause
    reason: str
    move: int | None
    gates: tuple[GateResult, ...]
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplayedMove:
    """A past move, or a refused one, and what a gate would have made of it."""

    model: str
    version: int
    time_ms: int
    actor: str
    moved: bool
    """Whether it moved then."""
    passes: bool
    """Whether the gate would let it pass."""
    rebuilt: bool
    """Whether the evidence of that time was put together again, since none was kept."""
    clauses: tuple[ClauseResult, ...]
    move: int | None = None
    decision: int | None = None
    refused_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """What a gate would have changed."""

    gate: str
    since_ms: int
    stopped: tuple[ReplayedMove, ...]
    """Moves that were made and that it would have refused, the newest first."""
    admitted: tuple[ReplayedMove, ...]
    """Moves that gates refused and that it would have let pass, the newest first."""
    moves: int
    """How many moves it looked at."""
    refusals: int
    """How many refusals it looked at."""
    rebuilt: int
    """For how many of both the evidence had to be put together again."""
    unknown: int = 0
    """How many it could say nothing of: the version has been deleted since."""
    whole: bool = True
    """False where there was more than it looks at."""


def gate_name(text: object) -> str:
    """A gate's name: it becomes a part of an actor's, `policy:<gate>`."""
    if not isinstance(text, str) or not _GATE_NAME.fullmatch(text):
        raise Invalid(
            f"invalid gate name {text!r}: it must be 1 to {GATE_NAME_LIMIT} small letters, digits and '.', '_', '-', "
            "and begin with a letter or digit",
            gate=text,
        )
    return text


def defined(
    name: object,
    *,
    model: object,
    alias: object = None,
    stage: object = None,
    clauses: Sequence[Clause | str] = (),
    auto: bool = False,
    approvals: Approvals | None = None,
    description: object = "",
) -> Gate:
    """A gate with checked names and sizes; what its clauses say is not looked at. Raises Invalid."""
    if (alias is None) == (stage is None):
        raise Invalid("name either the alias or the stage that the gate is for, and not both", field="alias")
    checked = tuple(_clause(each, place) for place, each in enumerate(_bounded_clauses(clauses), start=1))
    if not checked and approvals is None:
        raise Invalid("a gate needs a clause, or approvals: one that asks for nothing refuses nothing", field="clauses")
    return Gate(
        name=gate_name(name),
        model=model_pattern(model),
        alias=None if alias is None else alias_name(alias),
        stage=None if stage is None else stage_name(stage),
        clauses=checked,
        auto=bool(auto),
        approvals=None if approvals is None else _approvals(approvals),
        description=bounded(description, "description", DESCRIPTION_LIMIT),
    )


def _bounded_clauses(clauses: Sequence[Clause | str]) -> Sequence[Clause | str]:
    if len(clauses) > CLAUSES_LIMIT:
        raise Invalid(f"{len(clauses)} clauses; the limit is {CLAUSES_LIMIT} a gate", field="clauses")
    return clauses


def _clause(given: Clause | str, place: int) -> Clause:
    clause = Clause(given) if isinstance(given, str) else given
    expression = bounded(clause.expression, f"clause {place}", CLAUSE_LIMIT).strip()
    if not expression:
        raise Invalid(f"clause {place} is empty", field="clauses")
    bounded(clause.name, f"name of clause {place}", GATE_NAME_LIMIT)
    bounded(clause.message, f"message of clause {place}", MESSAGE_LIMIT)
    return Clause(expression, clause.name.strip(), clause.message.strip())


def _approvals(approvals: Approvals) -> Approvals:
    if not 1 <= approvals.count <= APPROVALS_LIMIT:
        raise Invalid(f"a gate needs 1 to {APPROVALS_LIMIT} approvals, not {approvals.count}", field="approvals")
    if approvals.role is Role.READER:
        raise Invalid("readers only read: ask for approvals by contributors, approvers or admins", field="approvals")
    return approvals


def judge_approvals(wanted: Approvals, given: Collection[Approval]) -> ClauseResult:
    """Whether enough different people agreed. The tokens of one user are one person."""
    who = sorted({each.actor.partition("/")[0] for each in given if at_least(each.role, wanted.role)})
    said = f"{wanted.count} approval{'s' if wanted.count > 1 else ''} from {_article(wanted.role)}"
    passed = len(who) >= wanted.count
    note = "" if passed else f"needs {said}, has {len(who)}: open a promotion request"
    return ClauseResult(said, passed, name="approvals", note=note, seen={"approvals": who})


def _article(role: Role) -> str:
    return f"{role.value}s or above" if role is not Role.ADMIN else "admins"


def refusal_of(judgement: Judgement) -> GateFailed:
    """The error that a refused move raises: each failed clause with what it saw."""
    place = f"{judgement.model}@{judgement.target}"
    if judgement.slot is Slot.STAGE:
        place = f"{judgement.model} in {judgement.target}"
    lines = [
        f"gate {gate.gate}: {shown(clause)}"
        for gate in judgement.failed
        for clause in gate.clauses
        if not clause.passed
    ]
    return GateFailed(
        f"version {judgement.version} may not become {place}; " + "; ".join(lines),
        model=judgement.model,
        version=judgement.version,
        gates=[as_data(gate) for gate in judgement.gates],
        **{judgement.slot.value: judgement.target},
    )


def shown(clause: ClauseResult) -> str:
    """A clause, what it saw, and why that is not enough, in one line."""
    seen = ", ".join(f"{path} = {_value(value)}" for path, value in clause.seen.items())
    return " - ".join(part for part in (clause.clause, seen and f"saw {seen}", clause.note) if part)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def as_data(gate: GateResult) -> dict[str, Any]:
    """A gate's result as plain data, as it is kept and told."""
    return {
        "gate": gate.gate,
        "passed": gate.passed,
        "clauses": [
            {"clause": each.clause, "passed": each.passed, "name": each.name, "note": each.note, "seen": each.seen}
            for each in gate.clauses
        ],
    }


def from_data(data: Mapping[str, Any]) -> GateResult:
    """A gate's result from plain data."""
    return GateResult(data["gate"], tuple(ClauseResult(**each) for each in data["clauses"]))
