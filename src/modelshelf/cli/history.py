"""`modelshelf history`: what moved when, by whom and why."""

import click

from modelshelf.cli import arguments, event_texts, inert, moves, records
from modelshelf.cli.blocks import Instant, Note, Table
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import alias_names
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.paging import limit_option
from modelshelf.domain.events import Event
from modelshelf.services.registry import Registry

_PAGE = 1000


@click.command("history", cls=Command)
@arguments.name
@click.option("--alias", metavar="ALIAS", shell_complete=alias_names, help="Only the moves of one alias.")
@click.option("--events", "all_events", is_flag=True, help="Every event: creations, tags, refusals, deletions too.")
@limit_option
@pass_invocation
def command(invocation: Invocation, name: str, alias: str | None, all_events: bool, limit: int) -> None:
    """Show the moves of the aliases and stages of the model NAME, the newest first.

    A model that was renamed or deleted keeps its history.
    """
    if all_events and alias is not None:
        raise click.UsageError("--events shows all of a model's events; leave --alias out")
    registry = invocation.registry()
    if all_events:
        _show_events(invocation, _events(registry, name, limit + 1), limit)
        return
    found = registry.governance.history(name, alias=alias, limit=limit + 1)
    rows = [
        (Instant(move.time_ms), move.actor, moves.said(move), inert.first_line(move.reason), moves.cause(move))
        for move in found[:limit]
    ]
    content = {"moves": [records.move(move) for move in found[:limit]], "more": len(found) > limit}
    table = Table(("when", "who", "what", "why", "cause"), rows, "nothing has moved yet")
    invocation.show(content, table, *_more(len(found), limit))


def _events(registry: Registry, name: str, limit: int) -> list[Event]:
    found: list[Event] = []
    before: int | None = None
    while len(found) < limit:
        page = registry.events.latest(model=name, before=before, limit=min(_PAGE, limit - len(found)))
        found += page
        if not page:
            break
        before = page[-1].position
    return found


def _show_events(invocation: Invocation, events: list[Event], limit: int) -> None:
    rows = [
        (Instant(event.time_ms), event.actor, event.name, event.subject, event_texts.told(event.data))
        for event in events[:limit]
    ]
    content = {"events": [records.event(event) for event in events[:limit]], "more": len(events) > limit}
    table = Table(("when", "who", "event", "subject", "data"), rows, "nothing has happened yet")
    invocation.show(content, table, *_more(len(events), limit))


def _more(count: int, limit: int) -> tuple[Note, ...]:
    return (Note(f"the newest {limit}; there are more: --limit N"),) if count > limit else ()
