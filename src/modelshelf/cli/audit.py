"""`modelshelf audit`: proofs that nobody edited history, and who did what to a version."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click

from modelshelf.cli import contents, event_texts, inert, moves, records, references
from modelshelf.cli.blocks import Block, Cell, Facts, Heading, Instant, Note, Prose, Short, Styled, Table
from modelshelf.cli.cells import iso
from modelshelf.cli.commands import Group
from modelshelf.cli.completing import model_names
from modelshelf.cli.contents import column_texts
from modelshelf.cli.failures import FAILED
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.waiting import Waiting
from modelshelf.domain.audit import AuditReport
from modelshelf.domain.errors import Invalid
from modelshelf.domain.proofs import HEADS_LIMIT, TreeHead
from modelshelf.domain.provenance import Provenance
from modelshelf.domain.tracking import Run
from modelshelf.services.registry import Registry


@click.group("audit", cls=Group)
def command() -> None:
    """Prove that nobody edited history, and tell who did what."""


@command.command("head")
@click.option("--size", type=click.IntRange(1), metavar="N", help="The head that the first N events had.")
@click.option("--append", "path", type=click.Path(dir_okay=False, path_type=Path), help="Append it to this file, too.")
@pass_invocation
def head(invocation: Invocation, size: int | None, path: Path | None) -> None:
    """Print the signed head of the ledger: keep it elsewhere, and verify --against it."""
    found = invocation.registry().events.head(size)
    if path is not None:
        from modelshelf.server.sealing import append

        append(path, found)
    if invocation.as_json:
        invocation.show({"head": _head(found)})
    else:
        click.echo(found.checkpoint, nl=False)


@command.command("verify")
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Heads that were kept elsewhere: the ledger must have grown from each.",
)
@click.pass_context
@pass_invocation
def verify(invocation: Invocation, context: click.Context, against: Path | None) -> None:
    """Hash every event again and compare all with all; exit code 1 where anything is wrong."""
    kept = _kept(against) if against else ""
    with Waiting(invocation, "hashing every event"):
        report = invocation.registry().events.verify(against=kept)
    rows = [
        (fault.position, Styled(fault.kind.value, "red"), inert.first_line(fault.message)) for fault in report.faults
    ]
    invocation.show(_report(report), Table(("position", "fault", "what"), rows), Note(_verdict(report)))
    if report.faults:
        context.exit(FAILED)


@command.command("receipt")
@click.argument("position", type=click.IntRange(1))
@click.pass_context
@pass_invocation
def receipt(invocation: Invocation, context: click.Context, position: int) -> None:
    """Print the proof that the event at POSITION is in the ledger."""
    found = invocation.registry().events.receipt(position)
    content = {"position": position, "leaf": found.leaf, "proof": list(found.proof), "head": _head(found.head)}
    facts: list[tuple[str, Cell]] = [
        ("position", position),
        ("event", inert.line(found.leaf)),
        ("proof", Prose("\n".join(found.proof))),
        ("holds", "yes" if found.holds else Styled("no", "red")),
    ]
    head_text = Note(found.head.checkpoint)
    invocation.show({"receipt": {**content, "holds": found.holds}}, Facts(facts), Heading("Head"), head_text)
    if not found.holds:
        context.exit(FAILED)


@command.command("export")
@click.option("--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="Left out: stdout.")
@pass_invocation
def export(invocation: Invocation, output: TextIO) -> None:
    """Write the sealed ledger as JSON lines, its signed head last: whoever has them needs no Modelshelf to verify."""
    registry = invocation.registry()
    with Waiting(invocation, "writing") as waiting:
        for line in _lines(registry):
            output.write(json.dumps(line) + "\n")
            waiting.tell(f"event {line['position']}" if "position" in line else "the head")


@command.command("who")
@click.argument("reference", metavar="REFERENCE", shell_complete=model_names)
@pass_invocation
def who(invocation: Invocation, reference: str) -> None:
    """Tell who registered a version, when, with what parameters, where it was then, and all that moved it since.

    REFERENCE is NAME/3, NAME@ALIAS or any models:/ URI; with ?at=2026-03-01T09:30Z "then" is that moment.
    """
    registry = invocation.registry()
    found = registry.events.provenance(references.uri(reference))
    run = found.run
    if run is None and found.version is not None:
        run = contents.run_of(invocation.tracking(), found.version)
    inside = contents.read(registry, found.version) if found.version else contents.Contents()
    invocation.show(
        {**_provenance(found, run), "signature": inside.signature},
        _facts(found, run),
        *_titled("Params", ("param", "value"), sorted(run.params.items()) if run else []),
        *_titled("Metrics", ("metric", "value"), [(key, each.value) for key, each in _metrics(run)]),
        *_titled("Signature", ("side", "name", "type"), _columns(inside.signature)),
        *_titled("Moves", ("when", "who", "what", "why"), _move_rows(found)),
        *_titled("Decisions", ("when", "who", "event", "what"), _decision_rows(found)),
        *([Note("there is more: modelshelf history NAME --events")] if found.more else []),
    )


def _kept(path: Path) -> str:
    """The heads in a file; of a long one the last, as far as one call takes them."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if not text.strip():
        raise Invalid(f"{path} holds no head; make it with modelshelf audit head --append {path}")
    if len(text) <= HEADS_LIMIT:
        return text
    tail = text[-HEADS_LIMIT:]
    return tail[tail.find("\n\nmodelshelf/") + 2 :]


def _lines(registry: Registry) -> Iterator[dict[str, Any]]:
    last, after = registry.events.head(), 0
    while after < last.size:
        for event in registry.events.sealed(after, limit=min(1_000, last.size - after)):
            yield {"position": event.position, "leaf": event.leaf, "hash": event.hash}
            after = event.position
    yield {"size": last.size, "root": last.root, "checkpoint": last.checkpoint, "key": last.key}


def _head(of: TreeHead) -> records.Record:
    return {
        "size": of.size,
        "root": of.root,
        "checkpoint": of.checkpoint,
        "key": of.key,
        "signed": iso(of.time_ms),
    }


def _report(of: AuditReport) -> records.Record:
    return {
        "ok": not of.faults,
        "events": of.size,
        "unsealed": of.waiting,
        "moves": of.moves,
        "heads": of.heads,
        "compared": list(of.compared),
        "key": of.key or None,
        "key_from": of.key_from or None,
        "faults": [
            {"kind": fault.kind.value, "position": fault.position, "message": fault.message} for fault in of.faults
        ],
        "more": of.more,
    }


def _verdict(of: AuditReport) -> str:
    faults = _counted(len(of.faults) + of.more, "fault") if of.faults else "no faults"
    unsealed = f", {of.waiting} not sealed yet" if of.waiting else ""
    outside = f", {len(of.compared)} kept outside" if of.compared else ""
    from_database = "; the key is the database's own, which proves little" if of.key_from == "database" else ""
    seen = f"{_counted(of.size, 'event')}{unsealed}, {_counted(of.moves, 'move')}, {_counted(of.heads, 'head')}"
    return f"{seen}{outside}: {faults}{from_database}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _provenance(of: Provenance, run: Run | None) -> records.Record:
    return {
        "model": of.model,
        "version": of.number,
        "registered_by": of.registered_by,
        "registered": iso(of.registered_ms),
        "position": of.position,
        "source": of.source,
        "run_id": of.run_id or None,
        "run": records.run(run) if run else None,
        "manifest": of.manifest,
        "then": {"time": iso(of.then_ms), "stage": of.stage_then.value, "aliases": list(of.aliases_then)},
        "now": {"stage": of.version.stage.value, "aliases": list(of.version.aliases)} if of.version else None,
        "moves": [records.move(move) for move in of.moves],
        "decisions": [records.event(event) for event in of.decisions],
        "more": of.more,
    }


def _facts(of: Provenance, run: Run | None) -> Facts:
    now = of.version
    return Facts(
        [
            ("version", f"models:/{of.model}/{of.number}"),
            ("registered by", of.registered_by),
            ("registered", Instant(of.registered_ms)),
            ("ledger position", of.position),
            ("source", of.source),
            ("run", f"{run.id} ({run.name})" if run else of.run_id),
            ("sealed as", Short(of.manifest) if of.manifest else "unsealed"),
            ("then", Instant(of.then_ms)),
            ("stage then", of.stage_then.value),
            ("aliases then", ", ".join(of.aliases_then)),
            ("stage now", now.stage.value if now else "deleted"),
            ("aliases now", ", ".join(now.aliases) if now else ""),
        ]
    )


def _titled(title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[Block]:
    return [Heading(title), Table(columns, rows)] if rows else []


def _metrics(run: Run | None) -> list[tuple[str, Any]]:
    return sorted(run.metrics.items()) if run else []


def _columns(signature: dict[str, Any] | None) -> list[tuple[Any, ...]]:
    return [(side.rstrip("s"), *column) for side, specs in (signature or {}).items() for column in column_texts(specs)]


def _move_rows(of: Provenance) -> list[tuple[Any, ...]]:
    return [(Instant(move.time_ms), move.actor, moves.said(move), inert.first_line(move.reason)) for move in of.moves]


def _decision_rows(of: Provenance) -> list[tuple[Any, ...]]:
    return [(Instant(event.time_ms), event.actor, event.name, event_texts.told(event.data)) for event in of.decisions]
