"""Cells as text: exact where a program may read them, in the viewer's own words where a person does."""

import math
from datetime import UTC, datetime

from modelshelf.cli import inert
from modelshelf.cli.blocks import Cell, Instant, Prose, Short, Size, Styled, Table

_MINUTE_MS = 60_000
_UNITS = (("minute", _MINUTE_MS), ("hour", 60 * _MINUTE_MS), ("day", 24 * 60 * _MINUTE_MS))
_WEEK_MS = 7 * 24 * 60 * _MINUTE_MS
_STEP = 1024
_SHORT = 19  # `sha256:` and twelve digits


def exact(cell: Cell) -> str:
    """For plain text: times as ISO 8601 in the viewer's zone, sizes in bytes, and `-` where there is nothing."""
    if isinstance(cell, Instant):
        return local_time(cell.ms).isoformat(timespec="seconds") if cell.ms is not None else "-"
    if isinstance(cell, Size):
        return str(cell.bytes)
    return _text(cell) or "-"


def spoken(cell: Cell, now_ms: int) -> str:
    """For a terminal: `3 minutes ago`, `1.5 MB`."""
    if isinstance(cell, Instant):
        return ago(cell.ms, now_ms) if cell.ms is not None else ""
    if isinstance(cell, Size):
        return size(cell.bytes)
    if isinstance(cell, Short) and len(cell.text) > _SHORT:
        return f"{_text(cell)[:_SHORT]}…"
    return _text(cell)


def numeric_columns(table: Table) -> list[bool]:
    """For each column whether it is set to the right: it holds numbers, and nothing else but gaps."""
    columns = ([row[at] for row in table.rows if row[at] is not None] for at in range(len(table.columns)))
    return [bool(cells) and all(isinstance(cell, int | float | Size) for cell in cells) for cells in columns]


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return number(cell)
    if isinstance(cell, Styled | Prose | Short):
        return inert.line(cell.text)
    return inert.line(cell)


def number(value: float) -> str:
    """At most six digits that count: 0.912346, 1.5e-07."""
    return f"{value:.6g}" if math.isfinite(value) else str(value)


def local_time(ms: int) -> datetime:
    """The moment in the viewer's time zone."""
    try:
        return datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone()
    except (OverflowError, ValueError, OSError):  # a client may have sent any number
        return datetime.max.replace(tzinfo=UTC) if ms > 0 else datetime.min.replace(tzinfo=UTC)


def iso(ms: int | None) -> str | None:
    """The moment in UTC, as JSON has it: 2026-03-01T09:30:00.123Z."""
    if ms is None:
        return None
    try:
        return datetime.fromtimestamp(ms / 1000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return str(ms)


def ago(ms: int, now_ms: int) -> str:
    """How long ago a moment was; its date and time where that is more than a week, or still to come."""
    passed = now_ms - ms
    if not -_MINUTE_MS < passed < _WEEK_MS:
        return local_time(ms).strftime("%Y-%m-%d %H:%M")
    if passed < _MINUTE_MS:
        return "just now"
    unit, length = next((name, span) for name, span in reversed(_UNITS) if passed >= span)
    count = passed // length
    return f"{count} {unit}{'s' if count > 1 else ''} ago"


def size(count: int) -> str:
    """Bytes in the nearest unit, of 1,024 each."""
    if count < _STEP:
        return f"{count} B"
    value, units = float(count), iter(("KB", "MB", "GB", "TB", "PB"))
    unit = "B"
    while value >= _STEP and (larger := next(units, None)):
        value, unit = value / _STEP, larger
    return f"{value:.1f} {unit}"
