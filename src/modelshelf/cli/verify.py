"""`modelshelf verify`: every stored byte hashed again."""

import click

from modelshelf.cli import records
from modelshelf.cli.blocks import Note, Short, Styled, Table
from modelshelf.cli.cells import size
from modelshelf.cli.commands import Command
from modelshelf.cli.failures import FAILED
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.waiting import Waiting


@click.command("verify", cls=Command)
@click.pass_context
@pass_invocation
def command(invocation: Invocation, context: click.Context) -> None:
    """Hash every stored byte again and compare it with what was sealed; exit code 1 where anything is wrong."""
    artifacts = invocation.registry().artifacts
    read = 0
    with Waiting(invocation, "reading") as waiting:

        def advance(count: int) -> None:
            nonlocal read
            read += count
            waiting.tell(size(read))

        findings = list(artifacts.verify(progress=advance))
    content = {
        "ok": not findings,
        "bytes": read,
        "findings": [records.finding(finding) for finding in findings],
    }
    rows = [(Short(finding.subject), Styled(finding.fault, "red"), ", ".join(finding.uses)) for finding in findings]
    verdict = f"{len(findings)} fault{'s' * (len(findings) > 1)}" if findings else "no faults"
    note = Note(f"{size(read)} read again, {verdict}")
    invocation.show(content, Table(("what", "fault", "used by"), rows), note)
    if findings:
        context.exit(FAILED)
