"""`modelshelf apply`: make a shelf what the file says that declares its gates, protected names and webhooks."""

import os
import sys
from pathlib import Path

import click

from modelshelf.cli import applying, inert, plain
from modelshelf.cli.blocks import Note
from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.plan import blocks, counted, file_argument, prune_option, record, renew_option
from modelshelf.cli.shelf_files import read
from modelshelf.domain.differences import Plan
from modelshelf.domain.errors import Conflict

_DONE = {"create": "created", "change": "changed", "remove": "removed"}


@click.command("apply", cls=Command)
@file_argument
@prune_option
@renew_option
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@pass_invocation
def command(invocation: Invocation, file: Path, prune: bool | None, renew_secrets: bool, yes: bool) -> None:
    """Make the shelf what FILE says, shelf.yaml unless told, after showing the difference and a question.

    Each change is made by you and told in the history, as if it had been made by hand.
    """
    declaration, registry = read(file, os.environ), invocation.registry()
    pruned = declaration.prune if prune is None else prune
    found = applying.planned(registry, declaration, prune=pruned, renew=renew_secrets)
    applying.require_possible(found, os.environ)
    if found.changes and not yes:
        _confirm(found)
        again = applying.planned(registry, declaration, prune=pruned, renew=renew_secrets)
        if again.changes != found.changes:
            raise Conflict("nothing was changed: meanwhile the shelf became another one; look at the plan again")
    for change in applying.carry_out(registry, found, os.environ):
        click.echo(inert.line(f"{_DONE[change.action]} {change.kind} {change.name}"), err=True)
    content = {"file": str(file), "prune": pruned, "changes": [record(change) for change in found.changes]}
    invocation.show(content, Note(_summary(found)))


def _summary(found: Plan) -> str:
    count = len(found.changes)
    if not count:
        return "nothing to change: the shelf is as the file says"
    return f"made {count} change{'s' if count > 1 else ''}: the shelf is as the file says"


def _confirm(found: Plan) -> None:
    """Show what is about to happen, on stderr, which `--json` leaves free; then ask."""
    click.echo(plain.text(blocks(found)), err=True)
    click.echo(f"Make these changes ({counted(found)})? [y/N]: ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        click.echo(err=True)
        raise click.ClickException("nothing was changed: nobody answered; pass --yes where nobody can")
    if answer.strip().lower() not in {"y", "yes"}:
        raise click.ClickException("nothing was changed")
