"""`modelshelf diff`: what differs between two versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from modelshelf.cli import contents, records, references
from modelshelf.cli.blocks import Block, Cell, Heading, Instant, Note, Size, Styled, Table
from modelshelf.cli.cells import number
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import model_names
from modelshelf.cli.contents import Contents, column_texts
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.tracking import Run

_Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions, with all that is compared."""

    version: ModelVersion
    inside: Contents
    run: Run | None

    @property
    def params(self) -> _Values:
        return self.run.params if self.run else {}

    @property
    def metrics(self) -> _Values:
        return {key: point.value for key, point in self.run.metrics.items()} if self.run else {}

    @property
    def signature(self) -> _Values:
        sides = self.inside.signature or {}
        columns = (
            (side.rstrip("s"), at, *column) for side in sides for at, column in enumerate(column_texts(sides[side]))
        )
        return {f"{side} {name or at}": kind for side, at, name, kind in columns}

    @property
    def requirements(self) -> _Values:
        split = (_requirement(line) for line in self.inside.requirements)
        return {name: rest or "any" for name, rest in split}

    @property
    def files(self) -> _Values:
        return {entry.path: entry.digest for entry in self.inside.files}


@click.command("diff", cls=Command)
@click.argument("before", shell_complete=model_names)
@click.argument("after", shell_complete=model_names)
@pass_invocation
def command(invocation: Invocation, before: str, after: str) -> None:
    """Compare the versions BEFORE and AFTER (NAME/3, NAME@ALIAS, models:/...): what differs comes first."""
    registry, tracking = invocation.registry(), invocation.tracking()
    versions = [references.version(registry, text) for text in (before, after)]
    old, new = (Side(found, contents.read(registry, found), contents.run_of(tracking, found)) for found in versions)
    changes = {name: _changes(getattr(old, name), getattr(new, name)) for name in _SECTIONS}
    content = {
        "before": records.version(old.version),
        "after": records.version(new.version),
        **{name: _record(changes[name]) for name in _SECTIONS},
        "files": _files(old, new),
    }
    differing = [block for name in _SECTIONS if changes[name].different for block in _section(name, changes[name])]
    invocation.show(content, _heads(old, new), *differing, *_file_blocks(old, new), *_same(changes, old, new))


_SECTIONS = ("metrics", "params", "signature", "requirements")
_SAME = {"signature": "parts of the signature"}


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys with a value before and after (None: it has none there), and those with the same value in both."""

    different: Mapping[str, tuple[Any, Any]]
    same: _Values


def _changes(before: _Values, after: _Values) -> Changes:
    keys = sorted({*before, *after})
    pairs = {key: (before.get(key), after.get(key)) for key in keys}
    # NaN is the same as NaN here.
    equal = {key for key, (old, new) in pairs.items() if old == new or (old != old and new != new)}  # noqa: PLR0124
    return Changes(
        {key: pair for key, pair in pairs.items() if key not in equal},
        {key: before[key] for key in keys if key in equal},
    )


def _record(changes: Changes) -> records.Record:
    different = {key: _pair(*pair) for key, pair in changes.different.items()}
    return {"different": different, "same": dict(changes.same)}


def _pair(before: Any, after: Any) -> records.Record:
    delta = {"delta": after - before} if isinstance(before, float) and isinstance(after, float) else {}
    return {"before": before, "after": after, **delta}


def _heads(old: Side, new: Side) -> Table:
    def row(label: str, cell: Any) -> tuple[Cell, ...]:
        return label, cell(old), cell(new)

    return Table(
        ("", "before", "after"),
        [
            row("version", lambda side: side.version.uri),
            row("aliases", lambda side: Styled(", ".join(side.version.aliases), "green")),
            row("stage", lambda side: side.version.stage.value),
            row("created", lambda side: Instant(side.version.created_ms)),
            row("by", lambda side: side.version.created_by),
            row("run", lambda side: side.version.run_id),
            row("size", lambda side: Size(side.version.size)),
        ],
    )


def _section(name: str, changes: Changes) -> list[Block]:
    has_delta = name == "metrics"
    rows = [
        (key, before, after, *((_delta(before, after),) if has_delta else ()))
        for key, (before, after) in changes.different.items()
    ]
    return [Heading(name.capitalize()), Table(("", "before", "after", *(("delta",) if has_delta else ())), rows)]


def _delta(before: Any, after: Any) -> Cell:
    if before is None or after is None:
        return None
    return f"+{number(after - before)}" if after > before else number(after - before)


def _files(old: Side, new: Side) -> records.Record:
    found = Manifest(old.inside.files).diff(Manifest(new.inside.files))
    return {
        "added": [records.file(entry) for entry in found.added],
        "removed": [records.file(entry) for entry in found.removed],
        "changed": [{"before": records.file(was), "after": records.file(now)} for was, now in found.changed],
    }


def _file_blocks(old: Side, new: Side) -> list[Block]:
    found = Manifest(old.inside.files).diff(Manifest(new.inside.files))
    if not found:
        return []
    rows: list[tuple[Cell, ...]] = [
        *((Styled("changed", "yellow"), now.path, Size(was.size), Size(now.size)) for was, now in found.changed),
        *((Styled("added", "green"), entry.path, None, Size(entry.size)) for entry in found.added),
        *((Styled("removed", "red"), entry.path, Size(entry.size), None) for entry in found.removed),
    ]
    return [Heading("Files"), Table(("", "file", "before", "after"), rows)]


def _same(changes: Mapping[str, Changes], old: Side, new: Side) -> list[Block]:
    counts = {_SAME.get(name, name): len(found.same) for name, found in changes.items()}
    counts["files"] = len(_changes(old.files, new.files).same)
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return [Note(f"the same in both: {said}")] if said else []


def _requirement(line: str) -> tuple[str, str]:
    """A requirement as its package and the rest, so that another version of it is a change of one line."""
    for at, sign in enumerate(line):
        if sign in "=<>!~;@[ ":
            return line[:at].lower(), line[at:].strip()
    return line.lower(), ""
