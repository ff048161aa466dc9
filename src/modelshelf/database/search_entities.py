"""How things that can be searched for lie in tables: the only columns that a search ever names.

Everything here is fixed text of ours; what a user wrote reaches SQL as a bound parameter alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from modelshelf.domain.search import Field, Kind
from modelshelf.domain.searchable import Searchable


@dataclass(frozen=True, slots=True)
class Walk:
    """An index in whose order the things can be read; `first` is the table that has it, `others` what is joined."""

    leading: str
    first: str
    others: str = ""
    joined: str = "TRUE"

    @property
    def rows(self) -> str:
        return f"{self.first} CROSS JOIN {self.others}" if self.others else self.first


@dataclass(frozen=True, slots=True)
class Lookup:
    """How an index leads from a value to the ids of what has it."""

    rows: str
    """FROM items; the first, which is searched, is called d."""
    id: str
    value: str
    indexed: str
    """What the index holds, if `cut` only the first characters of the value."""
    cut: bool = False
    key: str = ""
    joined: str = "TRUE"
    trigrams: str = ""
    """The trigram table (SQLite) or index (PostgreSQL) over the values, which points at d.id."""


@dataclass(frozen=True, slots=True)
class Column:
    """A field with one value at most, in the thing's own row."""

    sql: str
    nullable: bool = False
    lookup: Lookup | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """A field whose values are rows of another table, called d."""

    rows: str
    link: str
    """What ties the rows to the thing."""
    value: str
    key: str = ""
    lookup: Lookup | None = None
    latest: str = ""
    """Where a key can have several values: the order in which the first is the one to sort by."""
    walk: Walk | None = None
    """The index that has the values of one key in order."""


Place: TypeAlias = Column | Side


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of thing: its rows, and where its fields are."""

    searchable: Searchable
    rows: str
    id: str
    attributes: Mapping[str, Place]
    joined: str = "TRUE"
    sides: Mapping[Kind, Side] = field(default_factory=dict)
    datasets: Mapping[str, Side] = field(default_factory=dict)
    walks: Mapping[str, Walk] = field(default_factory=dict)

    def place(self, of: Field) -> Place:
        """Where a field's values are."""
        if of.kind is Kind.ATTRIBUTE:
            return self.attributes[of.key]
        return self.datasets[of.key] if of.kind is Kind.DATASET else self.sides[of.kind]


def own(table: str, column: str, *, cut: bool = False) -> Lookup:
    """A lookup by an index over a column of the thing's own table."""
    value = f"d.{column}"
    return Lookup(f"{table} d", "d.id", value, f"substr({value}, 1, 200)" if cut else value, cut)


def texts_by_key(table: str, owner: str, link: str, *, trigrams: str = "") -> Side:
    """Tags or params: rows of key and value, with an index by both."""
    lookup = Lookup(
        f"{table} d", f"d.{owner}", "d.value", "substr(d.value, 1, 200)", cut=True, key="d.key", trigrams=trigrams
    )
    return Side(f"{table} d", f"d.{owner} = {link}", "d.value", "d.key", lookup)


def numbers_by_key(table: str, owner: str, link: str, *, latest: str = "", walk: Walk | None = None) -> Side:
    """Metrics: rows of key and value, where NULL is NaN, with an index by both."""
    lookup = Lookup(f"{table} d", f"d.{owner}", "d.value", "d.value", key="d.key")
    return Side(f"{table} d", f"d.{owner} = {link}", "d.value", "d.key", lookup, latest, walk)
