"""`modelshelf webhook`: who is told of which events, and how the telling went."""

import os
import sys
from typing import Any

import click

from modelshelf.cli.blocks import Cell, Facts, Heading, Instant, Note, Styled, Table
from modelshelf.cli.cells import iso
from modelshelf.cli.commands import Group
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.paging import found, limit_option
from modelshelf.domain.signatures import SECRET_BYTES, secret_text
from modelshelf.domain.webhooks import (
    DEFAULT_TRIES,
    FORMATS,
    Delivery,
    DeliveryState,
    TestedWebhook,
    Webhook,
    WebhookState,
)

_FAILED = 1
_STYLES = {
    WebhookState.ACTIVE: "green",
    WebhookState.PAUSED: "yellow",
    DeliveryState.DELIVERED: "green",
    DeliveryState.WAITING: "yellow",
    DeliveryState.DEAD: "red",
}
_webhook = click.argument("webhook")
_events = click.option(
    "--event", "events", multiple=True, metavar="NAME", help="alias.moved, request.*, *; may be given several times."
)
_model = click.option("--model", metavar="PATTERN", help="Only events about models that match, e.g. fraud-*.")
_alias = click.option("--alias", metavar="ALIAS", help="Only events about this alias.")
_description = click.option("--description", metavar="TEXT", help="What it is for.")
_tries = click.option("--tries", type=int, metavar="N", help="How often a delivery is tried before it is dead.")
_secret_stdin = click.option(
    "--secret-stdin", is_flag=True, help="Read the secret (whsec_...) from the standard input."
)


@click.group("webhook", cls=Group)
def command() -> None:
    """Tell URLs of events: make and manage webhooks, and see how their deliveries went."""


@command.command("create")
@click.argument("name")
@click.argument("url")
@_events
@_model
@_alias
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="standard",
    show_default=True,
    help="What is sent: Standard Webhooks, CloudEvents, or {'text': ...} for a chat.",
)
@_description
@_tries
@_secret_stdin
@click.option("--unsigned", is_flag=True, help="Sign nothing, for receivers that can't check it, such as chats.")
@pass_invocation
def create(
    invocation: Invocation,
    name: str,
    url: str,
    events: tuple[str, ...],
    model: str | None,
    alias: str | None,
    format_: str,
    description: str | None,
    tries: int | None,
    secret_stdin: bool,
    unsigned: bool,
) -> None:
    """Tell URL of events from now on. Prints the secret that signs them, this once, unless it was given."""
    if not events:
        raise click.UsageError("say of which events it is told: --event alias.moved (or '*' for all)")
    if secret_stdin and unsigned:
        raise click.UsageError("give either --secret-stdin or --unsigned, and not both")
    made_here = "" if secret_stdin or unsigned else secret_text(os.urandom(SECRET_BYTES))
    made = invocation.registry().events.create_webhook(
        name,
        url,
        events=list(events),
        model=model or "*",
        alias=alias or "",
        format=format_,
        secret=_read_secret() if secret_stdin else made_here,
        description=description or "",
        tries=DEFAULT_TRIES if tries is None else tries,
    )
    if invocation.as_json:
        invocation.show({"webhook": {**_record(made), **({"secret": made_here} if made_here else {})}})
        return
    if made_here:
        click.echo(made_here)
    said = "its secret is above and is not shown again" if made_here else f"signed: {'yes' if made.signed else 'no'}"
    click.echo(f"made the webhook {made.name} ({made.id}); {said}", err=True)


@command.command("list")
@limit_option
@pass_invocation
def list_webhooks(invocation: Invocation, limit: int) -> None:
    """List webhooks, the newest first."""
    events = invocation.registry().events
    got = found(lambda size, token: events.webhooks(limit=size, page_token=token), limit)
    rows: list[tuple[Cell, ...]] = [
        (each.name, each.id, _state(each.state), each.url, ", ".join(each.events), each.model, each.alias or None)
        for each in got.items
    ]
    titles = ("name", "id", "state", "url", "events", "models", "alias")
    table = Table(titles, rows, "no webhooks yet; see modelshelf webhook create --help")
    invocation.show({"webhooks": [_record(each) for each in got.items], "more": got.more}, table, *got.notes)


@command.command("show")
@_webhook
@pass_invocation
def show(invocation: Invocation, webhook: str) -> None:
    """Show WEBHOOK (its name or id) and its last deliveries."""
    events = invocation.registry().events
    shown = events.webhook(webhook)
    last = events.deliveries(shown.id, limit=5).items
    content = {"webhook": _record(shown), "deliveries": [_delivery_record(each) for each in last]}
    invocation.show(content, *_facts(shown), Heading("Last deliveries"), _deliveries_table(last))


@command.command("update")
@_webhook
@click.option("--name", metavar="NAME", help="Another name.")
@click.option("--url", metavar="URL", help="Another URL.")
@_events
@_model
@_alias
@_description
@_tries
@_secret_stdin
@pass_invocation
def update(
    invocation: Invocation, /, webhook: str, events: tuple[str, ...], secret_stdin: bool, **given: str | int | None
) -> None:
    """Change what is given of WEBHOOK."""
    secret = _read_secret() if secret_stdin else None
    area: Any = invocation.registry().events
    changed = area.update_webhook(webhook, events=list(events) or None, secret=secret, **given)
    invocation.show({"webhook": _record(changed)}, *_facts(changed))


@command.command("delete")
@_webhook
@pass_invocation
def delete(invocation: Invocation, webhook: str) -> None:
    """Delete WEBHOOK, and what waits for it."""
    invocation.registry().events.delete_webhook(webhook)
    invocation.show({"deleted": webhook}, Note(f"deleted the webhook {webhook}"))


@command.command("test")
@_webhook
@pass_invocation
def test(invocation: Invocation, webhook: str) -> None:
    """Send WEBHOOK a test event now, and tell what the receiver answered. Exits with 1 where it refused."""
    tested = invocation.registry().events.test_webhook(webhook)
    content = {
        "delivered": tested.delivered,
        "status": tested.status,
        "latency_ms": tested.latency_ms,
        "excerpt": tested.excerpt,
        "error": tested.error,
    }
    invocation.show({"test": content}, _tested(tested))
    if not tested.delivered:
        sys.exit(_FAILED)


@command.command("deliveries")
@_webhook
@click.option("--state", type=click.Choice([state.value for state in DeliveryState]), help="Only those in this state.")
@limit_option
@pass_invocation
def deliveries(invocation: Invocation, webhook: str, state: str | None, limit: int) -> None:
    """List the deliveries to WEBHOOK, the newest first; those done are kept for 30 days."""
    events = invocation.registry().events
    got = found(lambda size, token: events.deliveries(webhook, state=state or "", limit=size, page_token=token), limit)
    content = {"deliveries": [_delivery_record(each) for each in got.items], "more": got.more}
    invocation.show(content, _deliveries_table(got.items), *got.notes)


@command.command("redeliver")
@click.argument("delivery", type=click.IntRange(0))
@pass_invocation
def redeliver(invocation: Invocation, delivery: int) -> None:
    """Send DELIVERY (its id) again, under the same message id; a server does it within a moment."""
    again = invocation.registry().events.redeliver(delivery)
    invocation.show({"delivery": _delivery_record(again)}, Note(f"delivery {again.id} ({again.event}) is sent again"))


@command.command("pause")
@_webhook
@click.option("--reason", default="", metavar="TEXT", help="Why; the history keeps it.")
@pass_invocation
def pause(invocation: Invocation, webhook: str, reason: str) -> None:
    """Let nothing leave for WEBHOOK; it keeps its place in the events."""
    paused = invocation.registry().events.pause_webhook(webhook, reason=reason)
    invocation.show({"webhook": _record(paused)}, Note(f"paused {paused.name}"))


@command.command("resume")
@_webhook
@click.option("--skip", is_flag=True, help="Leave out the events that it missed, if they were not queued yet.")
@pass_invocation
def resume(invocation: Invocation, webhook: str, skip: bool) -> None:
    """Let deliveries to WEBHOOK leave again, with what it missed."""
    resumed = invocation.registry().events.resume_webhook(webhook, skip=skip)
    invocation.show({"webhook": _record(resumed)}, Note(f"resumed {resumed.name}"))


def _read_secret() -> str:
    return sys.stdin.readline().strip()


def _state(state: WebhookState | DeliveryState) -> Styled:
    return Styled(state.value, _STYLES[state])


def _tested(tested: TestedWebhook) -> Note:
    if tested.status is None:
        return Note(f"not delivered: {tested.error}")
    said = "delivered" if tested.delivered else "refused"
    return Note(f"{said}: {tested.status} after {tested.latency_ms} ms {tested.excerpt!r}")


def _facts(of: Webhook) -> tuple[Heading, Facts]:
    rows: list[tuple[str, Cell]] = [
        ("id", of.id),
        ("url", of.url),
        ("state", _state(of.state)),
        ("because", of.paused_because),
        ("events", ", ".join(of.events)),
        ("models", of.model),
        ("alias", of.alias),
        ("format", of.format),
        ("signed", "yes" if of.signed else "no"),
        ("tries", of.tries),
        ("failing since", Instant(of.failing_since_ms)),
        ("created", Instant(of.created_ms)),
        ("by", of.created_by),
        ("description", of.description),
    ]
    return Heading(of.name), Facts(rows)


def _deliveries_table(shown: "tuple[Delivery, ...]") -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            each.id,
            _state(each.state),
            each.event,
            each.subject,
            each.tries,
            Instant(each.tried_ms),
            each.status,
            each.latency_ms,
            each.error or None,
        )
        for each in shown
    ]
    titles = ("id", "state", "event", "about", "tries", "last try", "status", "ms", "error")
    return Table(titles, rows, "nothing was sent yet; a server of this shelf sends")


def _record(of: Webhook) -> dict[str, Any]:
    return {
        "id": of.id,
        "name": of.name,
        "url": of.url,
        "events": list(of.events),
        "model": of.model,
        "alias": of.alias,
        "format": of.format,
        "signed": of.signed,
        "tries": of.tries,
        "state": of.state.value,
        "paused_because": of.paused_because,
        "failures": of.failures,
        "failing_since": iso(of.failing_since_ms),
        "description": of.description,
        "created": iso(of.created_ms),
        "created_by": of.created_by,
    }


def _delivery_record(of: Delivery) -> dict[str, Any]:
    return {
        "id": of.id,
        "message": of.message,
        "event": of.event,
        "subject": of.subject,
        "position": of.position,
        "state": of.state.value,
        "tries": of.tries,
        "created": iso(of.created_ms),
        "tried": iso(of.tried_ms),
        "status": of.status,
        "latency_ms": of.latency_ms,
        "excerpt": of.excerpt,
        "error": of.error,
    }
