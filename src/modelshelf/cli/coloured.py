"""Blocks on a terminal: coloured, as wide as it is, with times and sizes as people say them."""

import time
from collections.abc import Iterator, Sequence
from typing import IO

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from modelshelf.cli import inert
from modelshelf.cli.blocks import Block, Cell, Facts, Heading, Note, Prose, Styled, Table
from modelshelf.cli.cells import numeric_columns, spoken

_GAP = 2
_ROOM = 14


def show(blocks: Sequence[Block], stream: IO[str]) -> None:
    """Print blocks; texts are never read as markup."""
    console = Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=False)
    now_ms = time.time_ns() // 1_000_000
    for block in blocks:
        match block:
            case Table() if block.rows:
                console.print(_table(block, now_ms, console.width))
            case Table():
                console.print(Text(inert.line(block.empty), style="dim"))
            case Facts():
                console.print(_facts(block, now_ms))
            case Heading(title):
                console.print(Text(f"\n{inert.line(title)}", style="bold"))
            case Note(sentence):
                console.print(Text("\n".join(inert.lines(sentence)), style="dim"))


def _table(table: Table, now_ms: int, width: int) -> RenderableType:
    """The columns that have something in them; one row below the other where there is no room for that."""
    columns = [at for at in range(len(table.columns)) if any(spoken(row[at], now_ms) for row in table.rows)]
    least = [_least(table, at, now_ms) for at in columns]
    if sum(least) + _GAP * (len(columns) - 1) > width:
        return Group(*_stacked(table, columns, now_ms))
    numeric = numeric_columns(table)
    grid = Grid(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for at in columns:
        justify: JustifyMethod = "right" if numeric[at] else "left"
        grid.add_column(table.columns[at], justify=justify, overflow="fold", no_wrap=_is_rigid(table, at))
    for row in table.rows:
        grid.add_row(*(_text(row[at], now_ms) for at in columns))
    return grid


def _stacked(table: Table, columns: Sequence[int], now_ms: int) -> Iterator[RenderableType]:
    for number, row in enumerate(table.rows):
        if number:
            yield Text()
        yield _facts(Facts([(table.columns[at], row[at]) for at in columns]), now_ms)


def _is_rigid(table: Table, at: int) -> bool:
    """Whether nobody would want to see the column's cells broken into lines."""
    return not any(isinstance(row[at], str | Prose) for row in table.rows)


def _least(table: Table, at: int, now_ms: int) -> int:
    """The width below which a column becomes hard to read."""
    longest = max(inert.width(spoken(row[at], now_ms)) for row in table.rows)
    return max(len(table.columns[at]), longest if _is_rigid(table, at) else min(longest, _ROOM))


def _facts(facts: Facts, now_ms: int) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, cell in facts.told:
        grid.add_row(inert.line(label), _text(cell, now_ms))
    return grid


def _text(cell: Cell, now_ms: int) -> Text:
    if isinstance(cell, Prose):
        return Text("\n".join(inert.lines(cell.text)))
    return Text(spoken(cell, now_ms), style=cell.style if isinstance(cell, Styled) else "")
