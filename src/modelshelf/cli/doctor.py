"""`modelshelf doctor`: whether everything is as it should be, and what to do where it is not."""

import time
from collections.abc import Iterator

import click

from modelshelf.cli import checks
from modelshelf.cli.blocks import Note, Styled, Table
from modelshelf.cli.checks import Check, Health
from modelshelf.cli.commands import Command
from modelshelf.cli.failures import FAILED
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.sdk import session

_STYLES = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "bold red"}


@click.command("doctor", cls=Command)
@click.pass_context
@pass_invocation
def command(invocation: Invocation, context: click.Context) -> None:
    """Check Python, packages, settings, database, stored files, clock and ledger; exit code 1 where something fails."""
    answers = list(_answers(invocation))
    failed = sum(check.health is Health.FAIL for check in answers)
    content = {
        "ok": not failed,
        "checks": [
            {"name": check.name, "status": check.health.value, "found": check.found, "way_out": check.way_out or None}
            for check in answers
        ],
    }
    rows = [
        (Styled(check.health.value, _STYLES[check.health]), check.name, check.found, check.way_out) for check in answers
    ]
    note = Note(f"{failed} checks failed" if failed else "nothing failed")
    invocation.show(content, Table(("", "check", "found", "way out"), rows), note)
    if failed:
        context.exit(FAILED)


def _answers(invocation: Invocation) -> Iterator[Check]:
    yield checks.python()
    yield from checks.packages()
    settings = checks.settings()
    yield settings
    if settings.health is Health.FAIL:
        return
    invocation.choose()
    uri, tracking = session.get_registry_uri(), session.get_tracking_uri()
    if tracking != uri:
        yield checks.place("shelf of runs", tracking)
    place = checks.place("shelf", uri)
    yield place
    if place.health is Health.OK:
        yield from _of_shelf(uri)


def _of_shelf(uri: str) -> Iterator[Check]:
    database, registry = checks.database(uri)
    yield database
    if registry is None:
        return
    yield checks.blobs(registry)
    space = checks.space(uri)
    if space is not None:
        yield space
    yield checks.guarded("clock", lambda: checks.clock(registry, time.time_ns() // 1_000_000))
    yield checks.guarded("ledger", lambda: checks.ledger(registry))
