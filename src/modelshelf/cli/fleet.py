"""`modelshelf fleet`: which loaders of a model should run what, and what they do run."""

from typing import Any

import click

from modelshelf.cli import arguments, rollout_texts
from modelshelf.cli.blocks import Heading, Instant, Note, Table
from modelshelf.cli.cells import iso
from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.fleet import Loader, Placement


@click.command("fleet", cls=Command)
@arguments.name
@click.option("--all", "show_all", is_flag=True, help="List each loader, also those that run what they should.")
@pass_invocation
def command(invocation: Invocation, name: str, show_all: bool) -> None:
    """Show which versions of the model NAME its loaders run, by the alias that they follow."""
    placements = invocation.registry().rollouts.fleet(name)
    blocks: list[Heading | Note | Table] = []
    for placement in placements:
        blocks.append(Heading(f"{name}@{placement.route.alias}"))
        blocks.append(Note(placement.summary))
        if placement.rollout is not None:
            blocks.append(Note(f"rollout {placement.rollout.id}: {rollout_texts.line(placement.rollout)}"))
        rows = [_row(each) for each in placement.loaders if show_all or _is_odd(placement, each)]
        if rows:
            blocks.append(Table(("host", "version", "kind", "loaded", "stale since", "last error", "heard of"), rows))
    if not blocks:
        blocks.append(Note("no loaders have been heard of lately"))
    invocation.show({"model": name, "aliases": [record(each) for each in placements]}, *blocks)


def record(placement: Placement) -> dict[str, Any]:
    """What the loaders of an alias run, as `--json` answers it."""
    return {
        "alias": placement.route.alias,
        "wanted": sorted(placement.wanted),
        "summary": placement.summary,
        "rollout": rollout_texts.record(placement.rollout) if placement.rollout else None,
        "loaders": [
            {
                "loader": each.beat.loader,
                "host": each.beat.host,
                "version": each.beat.version,
                "digest": each.beat.digest or None,
                "kind": each.beat.kind,
                "loaded": iso(each.beat.loaded_ms or None),
                "stale_since": iso(each.beat.stale_since_ms),
                "last_error": each.beat.last_error or None,
                "seen": iso(each.seen_ms),
                "actor": each.actor,
            }
            for each in placement.loaders
        ],
    }


def _is_odd(placement: Placement, loader: Loader) -> bool:
    return loader.beat.version not in placement.wanted or loader.beat.stale_since_ms is not None


def _row(loader: Loader) -> tuple[str, int, str, Instant, Instant, str, Instant]:
    beat = loader.beat
    return (
        beat.host,
        beat.version,
        beat.kind,
        Instant(beat.loaded_ms or None),
        Instant(beat.stale_since_ms),
        beat.last_error,
        Instant(loader.seen_ms),
    )
