"""`modelshelf stage`: the four stages of a version's life."""

import click

from modelshelf.cli import arguments, moves
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import stage_names
from modelshelf.cli.invocation import Invocation, pass_invocation


@click.command("stage", cls=Command)
@arguments.name
@arguments.version
@click.argument("stage", shell_complete=stage_names)
@click.option("--archive-existing", is_flag=True, help="Move other versions in that stage to Archived.")
@arguments.reason
@pass_invocation
def command(invocation: Invocation, name: str, version: int, stage: str, archive_existing: bool, reason: str) -> None:
    """Move VERSION of the model NAME to STAGE: None, Staging, Production or Archived."""
    governance = invocation.registry().governance
    move = governance.set_stage(name, version, stage, archive_existing=archive_existing, reason=reason)
    moves.show(invocation, move)
