"""`modelshelf alias`: movable names for versions."""

import click

from modelshelf.cli import arguments, holding, moves
from modelshelf.cli.blocks import Note
from modelshelf.cli.commands import Group
from modelshelf.cli.invocation import Invocation, pass_invocation


@click.group("alias", cls=Group)
def command() -> None:
    """Set, clear and list aliases."""


@command.command("set")
@arguments.name
@arguments.alias
@arguments.version
@arguments.reason
@arguments.if_current
@pass_invocation
def set_alias(invocation: Invocation, name: str, alias: str, version: int, reason: str, if_current: str | None) -> None:
    """Point ALIAS of the model NAME at VERSION."""
    governance = invocation.registry().governance
    expected = arguments.expected(if_current)
    move = governance.set_alias(name, alias, version, reason=reason, if_current=expected)
    moves.show(invocation, move)


@command.command("clear")
@arguments.name
@arguments.alias
@arguments.reason
@pass_invocation
def clear_alias(invocation: Invocation, name: str, alias: str, reason: str) -> None:
    """Take ALIAS of the model NAME away."""
    move = invocation.registry().governance.clear_alias(name, alias, reason=reason)
    if move is None:
        invocation.show({"move": None}, Note(f"{name} has no alias {alias}"))
    else:
        moves.show(invocation, move)


@command.command("list")
@arguments.name
@pass_invocation
def list_aliases(invocation: Invocation, name: str) -> None:
    """List the aliases of the model NAME: what they point at, since when, by whom and why."""
    registry = invocation.registry()
    aliases, held = registry.catalog.model(name).aliases, holding.last_moves(registry, name)
    table = holding.table(aliases, held, f"{name} has no aliases yet")
    invocation.show({"aliases": holding.content(aliases, held)}, table)
