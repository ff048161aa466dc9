"""`modelshelf approval`: the status that SageMaker's registry gives to a version."""

import click

from modelshelf.cli import arguments, records
from modelshelf.cli.blocks import Note
from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.requests import ApprovalStatus

_NONE = "none"
_STATUSES = [*(status.value for status in ApprovalStatus if status.value), _NONE]


@click.command("approval", cls=Command)
@arguments.name
@arguments.version
@click.argument("status", metavar="STATUS", type=click.Choice(_STATUSES, case_sensitive=False))
@arguments.reason
@pass_invocation
def command(invocation: Invocation, name: str, version: int, status: str, reason: str) -> None:
    """Say of VERSION of the model NAME that it is PendingManualApproval, Approved, Rejected, or none of them.

    It moves nothing. Search for it with: modelshelf search versions "approval_status = 'Approved'".
    """
    wanted = "" if status.lower() == _NONE else status
    found = invocation.registry().governance.set_approval_status(name, version, wanted, reason=reason)
    said = found.approval_status or "without an approval status"
    invocation.show({"version": records.version(found)}, Note(f"{found.name} version {found.number} is {said}"))
