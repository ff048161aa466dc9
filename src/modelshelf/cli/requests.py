"""`modelshelf request`: ask for a promotion, discuss, approve and reject it."""

import time
from typing import Any

import click

from modelshelf.cli import arguments, inert
from modelshelf.cli.blocks import Block, Facts, Heading, Instant, Note, Prose, Table
from modelshelf.cli.cells import iso
from modelshelf.cli.commands import Group
from modelshelf.cli.completing import alias_names, model_names, stage_names
from modelshelf.cli.failures import REFUSED
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.lifetimes import lifetime_ms
from modelshelf.cli.paging import found, limit_option
from modelshelf.domain.governance import Slot
from modelshelf.domain.requests import Need, PromotionRequest, RequestDetails, RequestState

_id = click.argument("request_id", metavar="ID", type=click.IntRange(1))


@click.group("request", cls=Group)
def command() -> None:
    """Ask that an alias or a stage moves to a version; it does when enough others have approved."""


@command.command("open")
@arguments.name
@arguments.version
@click.option("--to", "alias", metavar="ALIAS", shell_complete=alias_names, help="The alias that is to move to it.")
@click.option("--stage", metavar="STAGE", shell_complete=stage_names, help="The stage that it is to move to.")
@arguments.reason
@arguments.if_current
@click.option("--expires", default="never", show_default=True, metavar="TIME", help="12h, 90d, 2w, 1y or never.")
@pass_invocation
def open_request(
    invocation: Invocation,
    name: str,
    version: int,
    alias: str | None,
    stage: str | None,
    reason: str,
    if_current: str | None,
    expires: str,
) -> None:
    """Ask that VERSION of the model NAME is promoted: --to an alias, or to a --stage."""
    if (alias is None) == (stage is None):
        raise click.UsageError("name either --to ALIAS or --stage STAGE, and not both")
    lifetime, expected = lifetime_ms(expires), arguments.expected(if_current)
    made = invocation.registry().governance.open_request(
        name,
        version,
        alias=alias,
        stage=stage,
        reason=reason,
        if_current=expected,
        expires_ms=None if lifetime is None else time.time_ns() // 1_000_000 + lifetime,
    )
    said = f"opened request {made.id}: version {made.version} to {made.target}"
    invocation.show({"request": _record(made)}, Note(said))


@command.command("list")
@click.argument("name", required=False, shell_complete=model_names)
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in RequestState), "any"], case_sensitive=False),
    default=RequestState.OPEN.value,
    show_default=True,
    help="Only those in this state.",
)
@limit_option
@pass_invocation
def list_requests(invocation: Invocation, name: str | None, state: str, limit: int) -> None:
    """List requests, of all models or of the model NAME, the newest first."""
    governance, wanted = invocation.registry().governance, None if state.lower() == "any" else state.lower()
    requests = found(lambda size, token: governance.requests(name, state=wanted, limit=size, page_token=token), limit)
    rows = [
        (
            each.id,
            each.state.value,
            each.target,
            each.version,
            each.author,
            ", ".join(approval.person for approval in each.approvals),
            Instant(each.created_ms),
            inert.first_line(each.reason),
        )
        for each in requests.items
    ]
    columns = ("id", "state", "to", "version", "by", "approved by", "opened", "reason")
    table = Table(columns, rows, "no requests" if wanted is None else f"no {wanted} requests")
    content = {"requests": [_record(each) for each in requests.items], "more": requests.more}
    invocation.show(content, table, *requests.notes)


@command.command("show")
@_id
@pass_invocation
def show(invocation: Invocation, request_id: int) -> None:
    """Show the request ID: what it asks for, who approved, what was said, and what it waits for."""
    details = invocation.registry().governance.request(request_id)
    of = details.request
    approvals = [
        (each.person, each.actor, each.role.value, Instant(each.time_ms), each.reason) for each in of.approvals
    ]
    comments = [(Instant(each.time_ms), each.actor, each.text) for each in details.comments]
    said: list[Block] = [Heading("Comments"), Table(("when", "by", "text"), comments)] if comments else []
    invocation.show(
        _details(details),
        _facts(details),
        Heading("Approvals"),
        Table(("person", "as", "role", "when", "reason"), approvals, "none yet"),
        *said,
    )


@command.command("comment")
@_id
@click.argument("text")
@pass_invocation
def comment(invocation: Invocation, request_id: int, text: str) -> None:
    """Say something about the request ID."""
    made = invocation.registry().governance.comment_request(request_id, text)
    content = {"id": made.id, "time": iso(made.time_ms), "actor": made.actor, "text": made.text}
    invocation.show({"comment": content}, Note(f"commented on request {request_id}"))


@command.command("approve")
@_id
@arguments.reason
@click.pass_context
@pass_invocation
def approve(invocation: Invocation, context: click.Context, request_id: int, reason: str) -> None:
    """Approve the request ID of somebody else; with the last approval it needs, the move is made.

    Where the move is refused the approval counts all the same, and the exit code is 3.
    """
    governance = invocation.registry().governance
    of = governance.approve_request(request_id, reason=reason)
    lacking = _lacking(governance.request(request_id).needs)
    waits = "it waits for approvals" if lacking else "it can be carried out"
    said = f"promoted: {of.target} is version {of.version}" if of.move else f"not promoted: {of.refusal or waits}"
    invocation.show({"request": _record(of)}, Note(f"approved request {of.id}; {said}"))
    if of.refusal:
        context.exit(REFUSED)


@command.command("carry-out")
@_id
@pass_invocation
def carry_out(invocation: Invocation, request_id: int) -> None:
    """Make the move of the request ID, which has all its approvals, but was refused when the last of them came."""
    of = invocation.registry().governance.carry_out_request(request_id)
    invocation.show({"request": _record(of)}, Note(f"promoted: {of.target} is version {of.version}"))


@command.command("reject")
@_id
@arguments.reason
@pass_invocation
def reject(invocation: Invocation, request_id: int, reason: str) -> None:
    """Turn the request ID down."""
    of = invocation.registry().governance.reject_request(request_id, reason=reason)
    invocation.show({"request": _record(of)}, Note(f"rejected request {of.id}"))


@command.command("withdraw")
@_id
@arguments.reason
@pass_invocation
def withdraw(invocation: Invocation, request_id: int, reason: str) -> None:
    """Take your request ID back."""
    of = invocation.registry().governance.withdraw_request(request_id, reason=reason)
    invocation.show({"request": _record(of)}, Note(f"withdrew request {of.id}"))


def _lacking(needs: tuple[Need, ...]) -> str:
    return ", ".join(
        f"{need.given} of {need.count} by {need.role.value}s" + (f" (gate {need.gate})" if need.gate else "")
        for need in needs
        if not need.met
    )


def _facts(details: RequestDetails) -> Facts:
    of = details.request
    is_open = of.state is RequestState.OPEN
    return Facts(
        [
            ("request", of.id),
            ("state", of.state.value),
            ("asks for", f"version {of.version} to {of.target}"),
            ("reason", Prose(of.reason) if of.reason else None),
            ("by", of.author),
            ("opened", Instant(of.created_ms)),
            ("expires", Instant(of.expires_ms)),
            ("there when opened", f"version {of.before}" if of.before is not None else "nothing"),
            ("there now", f"version {details.current}" if details.current is not None else "nothing"),
            ("approvals", _lacking(details.needs) or "complete" if is_open else None),
            ("refused", of.refusal),
            ("closed by", of.closed_by),
            ("because", Prose(of.closing) if of.closing else None),
        ]
    )


def _record(of: PromotionRequest) -> dict[str, Any]:
    return {
        "id": of.id,
        "state": of.state.value,
        "model": of.model,
        "version": of.version,
        "alias": of.name if of.slot is Slot.ALIAS else None,
        "stage": of.name if of.slot is Slot.STAGE else None,
        "reason": of.reason,
        "author": of.author,
        "before": of.before,
        "opened": iso(of.created_ms),
        "updated": iso(of.updated_ms),
        "expires": iso(of.expires_ms),
        "approvals": [
            {
                "person": each.person,
                "actor": each.actor,
                "role": each.role.value,
                "reason": each.reason,
                "time": iso(each.time_ms),
            }
            for each in of.approvals
        ],
        "refusal": of.refusal or None,
        "closed_by": of.closed_by or None,
        "closing": of.closing or None,
        "move": of.move,
    }


def _details(details: RequestDetails) -> dict[str, Any]:
    return {
        "request": _record(details.request),
        "current": details.current,
        "needs": [
            {"count": need.count, "role": need.role.value, "given": need.given, "gate": need.gate or None}
            for need in details.needs
        ],
        "comments": [
            {"id": each.id, "time": iso(each.time_ms), "actor": each.actor, "text": each.text}
            for each in details.comments
        ],
    }
