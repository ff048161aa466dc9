"""`modelshelf verify`: every stored byte hashed again."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from modelshelf.cli import records
from modelshelf.cli.blocks import Note, Short, Styled, Table
from modelshelf.cli.cells import size
from modelshelf.cli.commands import Command
from modelshelf.cli.failures import FAILED
from modelshelf.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from rich.status import Status

_INTERVAL_S = 0.2


@click.command("verify", cls=Command)
@click.pass_context
@pass_invocation
def command(invocation: Invocation, context: click.Context) -> None:
    """Hash every stored byte again and compare it with what was sealed; exit code 1 where anything is wrong."""
    artifacts = invocation.registry().artifacts
    with _Counter(watched=not invocation.as_json and not invocation.plain and sys.stderr.isatty()) as counter:
        findings = list(artifacts.verify(progress=counter.advance))
    content = {
        "ok": not findings,
        "bytes": counter.count,
        "findings": [records.finding(finding) for finding in findings],
    }
    rows = [(Short(finding.subject), Styled(finding.fault, "red"), ", ".join(finding.uses)) for finding in findings]
    verdict = f"{len(findings)} faults" if findings else "no faults"
    note = Note(f"{size(counter.count)} read again, {verdict}")
    invocation.show(content, Table(("what", "fault", "used by"), rows), note)
    if findings:
        context.exit(FAILED)


class _Counter:
    """Counts bytes, and shows them on stderr while a person waits."""

    def __init__(self, *, watched: bool) -> None:
        self.count, self._watched, self._due = 0, watched, 0.0
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._watched:
            from rich.console import Console

            self._status = Console(stderr=True).status("reading")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def advance(self, count: int) -> None:
        self.count += count
        if self._status and time.monotonic() >= self._due:
            self._status.update(f"{size(self.count)} read")
            self._due = time.monotonic() + _INTERVAL_S
