"""`modelshelf delete`: versions and models, after a question."""

import sys

import click

from modelshelf.cli import arguments, inert, records
from modelshelf.cli.blocks import Note
from modelshelf.cli.commands import Group
from modelshelf.cli.invocation import Invocation, pass_invocation

_force = click.option("--force", is_flag=True, help="Even if aliases point at it; they are cleared.")
_yes = click.option("--yes", "-y", is_flag=True, help="Don't ask.")


@click.group("delete", cls=Group)
def command() -> None:
    """Delete a version, or a model with all its versions; the history stays."""


@command.command("version")
@arguments.name
@arguments.version
@_force
@_yes
@pass_invocation
def delete_version(invocation: Invocation, name: str, version: int, force: bool, yes: bool) -> None:
    """Delete VERSION of the model NAME; its number is never given again."""
    registry = invocation.registry()
    found = registry.catalog.version(name, version)
    _confirm(f"Delete {found.uri}?", yes=yes)
    registry.catalog.delete_version(name, version, force=force)
    invocation.show({"deleted": {"name": name, "version": version}}, Note(f"deleted {found.uri}"))


@command.command("model")
@arguments.name
@_force
@_yes
@pass_invocation
def delete_model(invocation: Invocation, name: str, force: bool, yes: bool) -> None:
    """Delete the model NAME with all its versions."""
    registry = invocation.registry()
    newest = records.latest_number(registry.catalog.model(name))
    _confirm(f"Delete the model {name} with all its versions{f', up to {newest}' if newest else ''}?", yes=yes)
    registry.catalog.delete_model(name, force=force)
    invocation.show({"deleted": {"name": name}}, Note(f"deleted {name}"))


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    click.echo(f"{inert.line(question)} [y/N]: ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        click.echo(err=True)
        raise click.ClickException("nothing was deleted: nobody answered; pass --yes where nobody can")
    if answer.strip().lower() not in {"y", "yes"}:
        raise click.ClickException("nothing was deleted")
