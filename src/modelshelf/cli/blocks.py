"""What a command shows, as values: tables, facts, headings and notes, made of cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, in milliseconds since the epoch; None is no moment."""

    ms: int | None


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes."""

    bytes: int


@dataclass(frozen=True, slots=True)
class Short:
    """A long identifier whose beginning is enough for a person."""

    text: str


@dataclass(frozen=True, slots=True)
class Styled:
    """A text that stands out where there are colours."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Prose:
    """A text of several lines."""

    text: str


Cell: TypeAlias = str | int | float | Instant | Size | Short | Styled | Prose | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below titles; `empty` is said where there are no rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels and what they are; facts that are None or empty are left out."""

    rows: Sequence[tuple[str, Cell]]

    @property
    def told(self) -> list[tuple[str, Cell]]:
        return [(label, cell) for label, cell in self.rows if not _is_empty(cell)]


def _is_empty(cell: Cell) -> bool:
    if isinstance(cell, Styled | Short | Prose):
        return not cell.text
    return cell is None or cell == "" or cell == Instant(None)


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of what follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence."""

    text: str


Block: TypeAlias = Table | Facts | Heading | Note
