"""What lists share: the search box, columns that one chooses, the order, and pages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelshelf.domain.errors import InvalidFilter
from modelshelf.domain.names import tag_key
from modelshelf.domain.search import parse_filter, parse_order
from modelshelf.domain.searchable import Searchable
from modelshelf.ui.exchange import Asked

_PLAIN = re.compile(r"[\w .@\-]+")
_GRAMMAR = re.compile(r"\b(AND|OR|NOT|LIKE|ILIKE|IN|IS|NULL)\b")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list; `order` is the key that the registry orders by, empty where it has none."""

    key: str
    label: str
    order: str = ""
    is_number: bool = False
    shown: bool = True
    """Whether it is there until somebody chooses."""


@dataclass(frozen=True, slots=True)
class Query:
    """What was searched for: a filter and an order that the registry takes, or why there is none."""

    text: str
    filter: str
    order_by: tuple[str, ...]
    error: str = ""


def literal(value: str) -> str:
    """A text inside the list of IN, the one place where any text can be spelled."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def among(field: str, value: str) -> str:
    """The condition that a field is a text."""
    return f"{field} IN ({literal(value)})"


def keyed(kind: str, key: str) -> str:
    """A tag, param or metric as filters and orders write it."""
    return f"{kind}.`{key}`"


def read(
    asked: Asked, searchable: Searchable, *, words: str, order: Sequence[str], always: Iterable[str] = ()
) -> Query:
    """What the page's parameters ask for: `q`, `sort`, and the small filters `alias`, `stage`, `tag`.

    Words that are no filter are looked for in the field `words`; conditions of `always` hold besides.
    """
    text, order_by = asked.one("q"), _order(asked, order)
    try:
        wanted = _filter(text, searchable, words)
        parse_order(order_by, searchable.fields)
        small = _small(asked)
    except InvalidFilter as error:
        return Query(text, "", tuple(order), error.message)
    conditions = [*always, *small, *([f"({wanted})"] if wanted else [])]
    return Query(text, " AND ".join(conditions), tuple(order_by))


def _filter(text: str, searchable: Searchable, words: str) -> str:
    try:
        parse_filter(text, searchable.fields)
    except InvalidFilter:
        if _PLAIN.fullmatch(text) and not _GRAMMAR.search(text):
            return _of_words(text, words)
        raise
    return text


def _of_words(text: str, words: str) -> str:
    if text.startswith("@") and len(text) > 1:
        return among("alias", text[1:])
    return " AND ".join(f"{words} ILIKE '%{word}%'" for word in text.split())


def _small(asked: Asked) -> list[str]:
    found = [among(name, asked.one(name)) for name in ("alias", "stage") if asked.one(name)]
    for tag in asked.all("tag"):
        key, equals, value = tag.partition("=")
        name = keyed("tags", tag_key(key.strip()))
        found.append(among(name, value.strip()) if equals else f"{name} IS NOT NULL")
    return found


def _order(asked: Asked, otherwise: Sequence[str]) -> list[str]:
    key = asked.one("sort")
    if not key:
        return list(otherwise)
    descending = key.startswith("-")
    kind, dot, rest = key.removeprefix("-").partition(".")
    name = keyed(kind, rest) if dot and "`" not in rest else key.removeprefix("-")
    return [f"{name} DESC" if descending else name]


def columns(asked: Asked, known: Sequence[Column], *, first: int = 0) -> list[Column]:
    """The columns that were chosen, in the order in which they are known; `first` of the keyed ones if none was."""
    chosen = asked.all("col")
    if chosen:
        return [column for column in known if column.key in chosen]
    is_keyed = [column for column in known if "." in column.key][:first]
    return [column for column in known if column.shown or column in is_keyed]


def keyed_columns(kind: str, keys: Iterable[str], *, order: bool = True) -> list[Column]:
    """Columns for metrics, params or tags, by name; none of them is shown until chosen."""
    return [
        Column(f"{kind}.{key}", key, f"{kind}.{key}" if order else "", is_number=kind == "metrics", shown=False)
        for key in sorted(set(keys))
    ]
