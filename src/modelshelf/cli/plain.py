"""Blocks as plain text: aligned, never cut, without colours; what pipes and `--plain` get."""

from collections.abc import Sequence

from modelshelf.cli import inert
from modelshelf.cli.blocks import Block, Cell, Facts, Heading, Note, Prose, Table
from modelshelf.cli.cells import exact, numeric_columns

_GAP = "  "


def text(blocks: Sequence[Block]) -> str:
    """All blocks, each ending with a line feed."""
    return "".join(f"{line}\n" for block in blocks for line in _lines(block))


def _lines(block: Block) -> list[str]:
    match block:
        case Table():
            return _table(block)
        case Facts():
            return _facts(block)
        case Heading(title):
            return ["", inert.line(title)]
        case Note(sentence):
            return inert.lines(sentence)


def _table(table: Table) -> list[str]:
    if not table.rows:
        return [inert.line(table.empty)] if table.empty else []
    right = numeric_columns(table)
    texts = [list(table.columns), *([exact(cell) for cell in row] for row in table.rows)]
    widths = [max(inert.width(row[at]) for row in texts) for at in range(len(table.columns))]
    return [_row(row, widths, right) for row in texts]


def _row(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, width, to_right in zip(row, widths, right, strict=True):
        space = " " * (width - inert.width(cell))
        padded.append(space + cell if to_right else cell + space)
    return _GAP.join(padded).rstrip()


def _facts(facts: Facts) -> list[str]:
    told = facts.told
    widest = max((inert.width(label) for label, _ in told), default=0)
    return [line for label, cell in told for line in _fact(inert.line(label), cell, widest)]


def _fact(label: str, cell: Cell, widest: int) -> list[str]:
    indent = " " * widest + _GAP
    shown = inert.lines(cell.text) if isinstance(cell, Prose) else [exact(cell)]
    head = label + " " * (widest - inert.width(label)) + _GAP + shown[0]
    return [head.rstrip(), *((indent + line).rstrip() for line in shown[1:])]
