"""`modelshelf promote` and `modelshelf rollback`: an alias or a stage moved forward, an alias moved back."""

import click

from modelshelf.cli import arguments, judgements, moves
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import alias_names, stage_names
from modelshelf.cli.invocation import Invocation, pass_invocation


@click.command("promote", cls=Command)
@arguments.name
@arguments.version
@click.option("--to", "alias", metavar="ALIAS", shell_complete=alias_names, help="The alias that moves to it.")
@click.option(
    "--stage",
    metavar="STAGE",
    shell_complete=stage_names,
    help="The stage that it moves to; what was in Staging or Production is archived.",
)
@arguments.reason
@arguments.if_current
@click.option(
    "--if-better",
    metavar="METRIC",
    help="Refuse unless its newest evaluation by METRIC against the version that is there shows an improvement.",
)
@click.option("--confidence", type=float, metavar="C", help="How sure --if-better has to be: 0.95.")
@click.option("--dry-run", is_flag=True, help="Only tell what the gates say; exit code 3 where they refuse.")
@pass_invocation
def promote(
    invocation: Invocation,
    name: str,
    version: int,
    alias: str | None,
    stage: str | None,
    reason: str,
    if_current: str | None,
    if_better: str | None,
    confidence: float | None,
    dry_run: bool,
) -> None:
    """Promote VERSION of the model NAME: --to an alias, or to a --stage."""
    if (alias is None) == (stage is None):
        raise click.UsageError("name either --to ALIAS or --stage STAGE, and not both")
    expected = arguments.expected(if_current)
    governance = invocation.registry().governance
    if dry_run:
        judgements.show(
            invocation,
            governance.judge(name, version, alias=alias, stage=stage, if_better=if_better, confidence=confidence),
        )
        return
    move = governance.promote(
        name,
        version,
        alias=alias,
        stage=stage,
        reason=reason,
        if_current=expected,
        if_better=if_better,
        confidence=confidence,
    )
    moves.show(invocation, move)


@click.command("rollback", cls=Command)
@arguments.name
@arguments.alias
@arguments.reason
@pass_invocation
def rollback(invocation: Invocation, name: str, alias: str, reason: str) -> None:
    """Move ALIAS of the model NAME back to the version that it pointed at before."""
    moves.show(invocation, invocation.registry().governance.rollback(name, alias, reason=reason))
