"""Judgements of gates as commands show them: each clause with what it saw."""

from modelshelf.cli import inert
from modelshelf.cli.blocks import Block, Note, Styled, Table
from modelshelf.cli.invocation import Invocation
from modelshelf.domain.gates import ClauseResult, GateResult, Judgement, as_data, refusal_of
from modelshelf.domain.governance import Slot


def show(invocation: Invocation, judgement: Judgement) -> None:
    """Answer with a judgement; raises GateFailed, with the same content, where it refuses."""
    if not judgement.passed:
        raise refusal_of(judgement)
    content = {
        "passed": judgement.passed,
        "model": judgement.model,
        "version": judgement.version,
        judgement.slot.value: judgement.target,
        "before": judgement.before,
        "gates": [as_data(gate) for gate in judgement.gates],
    }
    invocation.show({"judgement": content}, *_blocks(judgement))


def _blocks(judgement: Judgement) -> list[Block]:
    place = judgement.target if judgement.slot is Slot.ALIAS else f"the stage {judgement.target}"
    said = f"version {judgement.version} of {judgement.model} may move to {place}; nothing was moved"
    if not judgement.gates:
        return [Note(f"{said}, and no gate guards it")]
    return [table(judgement.gates), Note(said)]


def table(gates: tuple[GateResult, ...]) -> Table:
    """Each clause of some gates."""
    rows = [
        (gate.gate, verdict(clause), inert.first_line(clause.clause), seen(clause), clause.note)
        for gate in gates
        for clause in gate.clauses
    ]
    return Table(("gate", "verdict", "clause", "saw", "note"), rows, "no gate guards it")


def verdict(clause: ClauseResult) -> Styled:
    """Passed or failed."""
    return Styled("passed", "green") if clause.passed else Styled("failed", "red")


def seen(clause: ClauseResult) -> str:
    """The values that a clause saw."""
    return ", ".join(
        f"{path} = {value:.6g}" if isinstance(value, float) else f"{path} = {value}"
        for path, value in clause.seen.items()
    )
