"""`modelshelf plan`: how a shelf differs from the file that declares its gates, protected names and webhooks."""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

from modelshelf.cli import applying, inert, shelf_files
from modelshelf.cli.blocks import Block, Cell, Facts, Heading, Note
from modelshelf.cli.commands import Command
from modelshelf.cli.failures import DIFFERENT
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.declared import document_of
from modelshelf.domain.differences import Action, Change, Plan
from modelshelf.domain.field_changes import FieldChange, Value

_NAMED = 20

file_argument = click.argument(
    "file", required=False, type=click.Path(path_type=Path), default=shelf_files.DEFAULT, metavar="[FILE]"
)
prune_option = click.option(
    "--prune/--no-prune",
    default=None,
    help="Whether what the file's sections have not is removed; else the file says so (prune: true), or it stays.",
)
renew_option = click.option("--renew-secrets", is_flag=True, help="Set secrets again from their variables.")


@click.command("plan", cls=Command)
@file_argument
@prune_option
@renew_option
@click.option("--export", is_flag=True, help="Print a file that declares what the shelf has now, and compare nothing.")
@pass_invocation
def command(invocation: Invocation, file: Path, prune: bool | None, renew_secrets: bool, export: bool) -> None:
    """Tell how the shelf differs from FILE, shelf.yaml unless told, and change nothing.

    Exit code 7 where it differs.
    """
    if export:
        _export(invocation)
        return
    declaration = shelf_files.read(file, os.environ)
    pruned = declaration.prune if prune is None else prune
    found = applying.planned(invocation.registry(), declaration, prune=pruned, renew=renew_secrets)
    content = {
        "file": str(file),
        "prune": pruned,
        "differs": bool(found.changes),
        "changes": [record(change) for change in found.changes],
        "unmanaged": list(found.unmanaged),
        "unknown": list(found.unknown),
    }
    invocation.show(content, *blocks(found), *_notes(found, file))
    if found.changes:
        sys.exit(DIFFERENT)


def record(change: Change) -> dict[str, Any]:
    """A change as `--json` answers it."""
    return {
        "action": change.action.value,
        "kind": change.kind.value,
        "name": change.name,
        "fields": [{"field": each.name, "before": each.before, "after": each.after} for each in change.fields],
        "obstacle": change.obstacle or None,
    }


def blocks(found: Plan) -> list[Block]:
    """Each change with its fields, and how many there are."""
    shown: list[Block] = []
    for change in found.changes:
        shown += [Heading(applying.told(change)), Facts([_fact(change, field) for field in change.fields])]
        if change.obstacle:
            shown.append(Note(f"apply refuses this: {change.obstacle}"))
    if not found.changes:
        return [Note("the shelf is as the file says")]
    return [*shown, Heading(counted(found))]


def counted(found: Plan) -> str:
    """`2 to create, 1 to remove`."""
    counts = Counter(change.action for change in found.changes)
    return ", ".join(f"{counts[action]} to {action}" for action in Action if counts[action])


def _fact(change: Change, field: FieldChange) -> tuple[str, Cell]:
    before, after = _shown(field.before), _shown(field.after)
    if change.action is not Action.CHANGE:
        return field.name, after or before
    return field.name, f"{before} -> {after}" if before and after else f"+ {after}" if after else f"- {before}"


def _shown(value: Value) -> str:
    if value is None:
        return ""
    return ("yes" if value else "no") if isinstance(value, bool) else inert.first_line(str(value))


def _notes(found: Plan, file: Path) -> list[Block]:
    notes = []
    if found.unmanaged:
        more = f" and {len(found.unmanaged) - _NAMED} more" if len(found.unmanaged) > _NAMED else ""
        notes.append(f"not in {file}, and left alone: {', '.join(found.unmanaged[:_NAMED])}{more}")
    notes += [f"can't be compared: {each}" for each in found.unknown]
    return [Note(note) for note in notes]


def _export(invocation: Invocation) -> None:
    document = document_of(applying.live(invocation.registry()))
    if invocation.as_json:
        invocation.show(document)
    else:
        click.echo(shelf_files.text_of(document), nl=False)
