"""`modelshelf gate`: what a version has to show before an alias or a stage moves to it."""

import time
from pathlib import Path
from typing import Any

import click

from modelshelf.cli import arguments, gate_files, inert, judgements
from modelshelf.cli.blocks import Facts, Heading, Instant, Note, Prose, Table
from modelshelf.cli.cells import iso
from modelshelf.cli.commands import Group
from modelshelf.cli.completing import alias_names, stage_names
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.lifetimes import lifetime_ms
from modelshelf.domain.access import Role
from modelshelf.domain.errors import Invalid
from modelshelf.domain.gate_documents import as_arguments, document_of
from modelshelf.domain.gates import Approvals, Gate, GateResult, Replay, ReplayedMove, as_data, defined
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import instant_ms

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_alias = click.option("--alias", metavar="ALIAS", shell_complete=alias_names, help="The alias that it guards.")
_stage = click.option("--stage", metavar="STAGE", shell_complete=stage_names, help="The stage that it guards.")


@click.group("gate", cls=Group)
def command() -> None:
    """Define, test and look at gates: what a version has to show before an alias or a stage moves to it."""


@command.command("define")
@click.argument("file_or_name", metavar="FILE|NAME")
@click.option("--model", metavar="PATTERN", help="The model, or a pattern of names: fraud-*.")
@_alias
@_stage
@click.option("--clause", "clauses", multiple=True, metavar="EXPRESSION", help="A clause; may be given several times.")
@click.option("--auto", is_flag=True, help="Promote a version by itself as soon as it passes.")
@click.option("--approvals", type=click.IntRange(1), metavar="N", help="How many people have to agree.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role if role is not Role.READER]),
    default=Role.APPROVER.value,
    show_default=True,
    help="What role they need at least.",
)
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@pass_invocation
def define(
    invocation: Invocation,
    file_or_name: str,
    model: str | None,
    alias: str | None,
    stage: str | None,
    clauses: tuple[str, ...],
    auto: bool,
    approvals: int | None,
    role: str,
    description: str,
) -> None:
    """Define the gates of a YAML FILE, or the gate NAME that the options describe.

    A gate of the same name is replaced.
    """
    if model is None:
        wanted = gate_files.read(_existing(file_or_name))
    else:
        agreed = None if approvals is None else Approvals(approvals, Role(role))
        wanted = [
            defined(
                file_or_name,
                model=model,
                alias=alias,
                stage=stage,
                clauses=clauses,
                auto=auto,
                approvals=agreed,
                description=description,
            )
        ]
    governance = invocation.registry().governance
    made = [governance.define_gate(gate.name, **as_arguments(gate)) for gate in wanted]
    notes = [Note(f"gate {gate.name} guards {_guarded(gate)}") for gate in made]
    invocation.show({"gates": [record(gate) for gate in made]}, *notes)


@command.command("list")
@click.argument("name", required=False)
@pass_invocation
def list_gates(invocation: Invocation, name: str | None) -> None:
    """List the gates of the whole shelf, or those that guard the model NAME."""
    found = invocation.registry().governance.gates(name)
    rows = [
        (gate.name, _guarded(gate), len(gate.clauses), _asks(gate), Instant(gate.updated_ms), gate.updated_by)
        for gate in found
    ]
    table = Table(
        ("gate", "guards", "clauses", "also", "changed", "by"),
        rows,
        "there are no gates" if name is None else f"no gate guards {name}",
    )
    invocation.show({"gates": [record(gate) for gate in found]}, table)


@command.command("show")
@click.argument("gate")
@pass_invocation
def show(invocation: Invocation, gate: str) -> None:
    """Show GATE with its clauses."""
    found = invocation.registry().governance.gate(gate)
    facts = Facts(
        (
            ("guards", _guarded(found)),
            ("also", _asks(found)),
            ("description", Prose(found.description)),
            ("made", Instant(found.created_ms)),
            ("by", found.created_by),
            ("changed", Instant(found.updated_ms)),
            ("by", found.updated_by),
        )
    )
    rows = [(clause.name, inert.first_line(clause.expression), clause.message) for clause in found.clauses]
    table = Table(("name", "clause", "where it fails"), rows, "it has no clauses")
    invocation.show({"gate": record(found)}, Heading(found.name), facts, table)


@command.command("delete")
@click.argument("gate")
@pass_invocation
def delete(invocation: Invocation, gate: str) -> None:
    """Delete GATE; what it decided stays in the history."""
    found = invocation.registry().governance.delete_gate(gate)
    invocation.show({"deleted": record(found)}, Note(f"gate {found.name} is gone; it guarded {_guarded(found)}"))


@command.command("check")
@arguments.name
@arguments.version
@click.option("--to", "alias", metavar="ALIAS", shell_complete=alias_names, help="The alias.")
@click.option("--stage", metavar="STAGE", shell_complete=stage_names, help="The stage.")
@pass_invocation
def check(invocation: Invocation, name: str, version: int, alias: str | None, stage: str | None) -> None:
    """Tell what the gates say of VERSION of the model NAME, without moving anything; exit code 3 where they refuse."""
    judgements.show(invocation, invocation.registry().governance.judge(name, version, alias=alias, stage=stage))


@command.command("test")
@_file
@click.option("--since", default="90d", show_default=True, metavar="TIME", help="12h, 90d, 2w, 1y, or an instant.")
@pass_invocation
def test(invocation: Invocation, file: Path, since: str) -> None:
    """Tell what the gates of a YAML FILE would have made of past moves and refusals; they are not defined by this."""
    since_ms, governance = _since_ms(since), invocation.registry().governance
    found = [governance.test_gate(gate.name, since_ms=since_ms, **as_arguments(gate)) for gate in gate_files.read(file)]
    blocks = [block for replay in found for block in _replay(replay)]
    invocation.show({"replays": [_replay_record(replay) for replay in found]}, *blocks)


def record(gate: Gate) -> dict[str, Any]:
    """A gate as `--json` answers it."""
    return {
        "name": gate.name,
        "model": gate.model,
        "alias": gate.alias,
        "stage": gate.stage.value if gate.stage else None,
        "clauses": [
            {"expression": clause.expression, "name": clause.name, "message": clause.message} for clause in gate.clauses
        ],
        "auto": gate.auto,
        "approvals": document_of(gate).get("approvals"),
        "description": gate.description,
        "created": iso(gate.created_ms),
        "created_by": gate.created_by,
        "updated": iso(gate.updated_ms),
        "updated_by": gate.updated_by,
    }


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise Invalid(f"there is no file {text}; name one, or say --model, --alias or --stage, and --clause", path=text)
    return path


def _since_ms(text: str) -> int:
    if text[:4].isdigit() and "-" in text:
        return instant_ms(text)
    try:
        ago = lifetime_ms(text)
    except Invalid:
        raise Invalid(f"--since {text!r} is not understood; write 12h, 90d, 2w, 1y or an instant", since=text) from None
    return 0 if ago is None else max(int(time.time() * 1000) - ago, 0)


def _guarded(gate: Gate) -> str:
    place = f"@{gate.target}" if gate.slot is Slot.ALIAS else f"stage {gate.target}"
    return f"{place} of {gate.model}"


def _asks(gate: Gate) -> str:
    asked = gate.approvals
    approvals = f"{asked.count} approval{'s' * (asked.count > 1)} from {asked.role.value}s" if asked else ""
    return ", ".join(part for part in ("promotes by itself" if gate.auto else "", approvals) if part)


def _replay(replay: Replay) -> list[Heading | Note | Table]:
    told = [
        (
            f"looked at {replay.moves} moves and {replay.refusals} refusals since {iso(replay.since_ms)}: it would "
            f"have stopped {len(replay.stopped)} of the moves, and let pass {len(replay.admitted)} of the refused"
        )
    ]
    if replay.rebuilt:
        told.append(f"for {replay.rebuilt} the evidence of the time was not kept, and was put together again")
    if replay.unknown:
        told.append(f"of {replay.unknown} the version has been deleted since, so nothing can be said")
    if not replay.whole:
        told.append("there was more: name a later --since")
    rows = [_row("stopped", each) for each in replay.stopped] + [_row("let pass", each) for each in replay.admitted]
    columns = ("what", "model", "version", "when", "who", "why", "evidence")
    return [Heading(replay.gate), Note(". ".join(told)), Table(columns, rows, "it would have changed nothing")]


def _row(what: str, each: ReplayedMove) -> tuple[str, str, int, Instant, str, str, str]:
    failed = "; ".join(
        f"{inert.first_line(clause.clause)} ({judgements.seen(clause) or clause.note})"
        for clause in each.clauses
        if not clause.passed
    )
    why = failed or f"refused by {', '.join(each.refused_by)}"
    return what, each.model, each.version, Instant(each.time_ms), each.actor, why, "rebuilt" if each.rebuilt else "kept"


def _replay_record(replay: Replay) -> dict[str, Any]:
    return {
        "gate": replay.gate,
        "since": iso(replay.since_ms),
        "moves": replay.moves,
        "refusals": replay.refusals,
        "rebuilt": replay.rebuilt,
        "unknown": replay.unknown,
        "whole": replay.whole,
        "stopped": [_replayed_record(each, replay.gate) for each in replay.stopped],
        "admitted": [_replayed_record(each, replay.gate) for each in replay.admitted],
    }


def _replayed_record(each: ReplayedMove, gate: str) -> dict[str, Any]:
    return {
        "model": each.model,
        "version": each.version,
        "time": iso(each.time_ms),
        "actor": each.actor,
        "move": each.move,
        "decision": each.decision,
        "rebuilt": each.rebuilt,
        "refused_by": list(each.refused_by),
        "clauses": as_data(GateResult(gate, each.clauses))["clauses"],
    }
