"""The language of clauses as seen from outside: what they can speak of, what they do speak of, and their bounds."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelshelf.domain.errors import Invalid
from modelshelf.domain.evaluations import NUMBERS
from modelshelf.domain.names import nearest

_VERSION: Final[Mapping[str, str]] = {
    "version": "int",
    "metrics": "map<string, double>",
    "params": "map<string, string>",
    "tags": "map<string, string>",
    "run_tags": "map<string, string>",
    "signature.inputs": "map<string, string>",
    "signature.outputs": "map<string, string>",
    "requirements": "list<string>",
    "packages": "map<string, string>",
    "size": "int",
    "age": "duration",
    "sealed": "bool",
    "stage": "string",
    "aliases": "list<string>",
    "approval_status": "string",
    "evaluations": "map<string, map<string, double>>",
    "lineage.run_id": "string",
    "lineage.experiment": "string",
    "lineage.user": "string",
    "lineage.created_by": "string",
    "lineage.source": "string",
    "lineage.logged_model": "string",
}
FIELDS: Final[Mapping[str, str]] = {
    **{f"candidate.{name}": kind for name, kind in _VERSION.items()},
    **{f"current.{name}": kind for name, kind in _VERSION.items()},
    "has_current": "bool",
    "model.name": "string",
    "model.tags": "map<string, string>",
    "move.actor": "string",
    "move.reason": "string",
}
"""Everything that a clause can speak of, and its type."""

_EMPTY: Final[Mapping[str, Any]] = {"int": 0, "bool": False, "string": "", "duration": 0}
_ROOTS: Final = frozenset(field.partition(".")[0] for field in FIELDS)
_TOKEN: Final = re.compile(
    r"""
    (?P<comment>//[^\n]*)
    | (?P<text>
        [bB]?[rR][bB]?(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')
        | [bB]?(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      )
    | (?P<number>\d[\w.]*)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<mark>\S)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that a clause speaks of: a field, and what it looks up in it."""

    field: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.field + "".join(f".{key}" if key.isidentifier() else f'["{key}"]' for key in self.keys)


@dataclass(frozen=True, slots=True)
class Token:
    """A name, a number, a text or a mark of a clause, and where it stands."""

    kind: str
    text: str
    at: int


def fault(message: str, expression: str, at: int) -> Invalid:
    """A clause that can't be, with the place: `details["position"]` counts characters from 0."""
    line = expression.count("\n", 0, at) + 1
    column = at - (expression.rfind("\n", 0, at) + 1) + 1
    return Invalid(f"line {line}, column {column}: {message}", clause=expression, position=at, line=line, column=column)


def references(expression: str) -> tuple[Reference, ...]:
    """What a clause speaks of, each once, in order."""
    tokens = tokens_of(expression)
    found: dict[Reference, None] = {}
    for place, token in enumerate(tokens):
        if token.kind == "name" and token.text in _ROOTS and not (place and tokens[place - 1].text == "."):
            reference = _reference(_path(tokens, place))
            if reference is not None:
                found[reference] = None
    return tuple(found)


def check_keys(expression: str) -> None:
    """Raise Invalid for a field of an evaluation that there is none of: a map's type can't tell its keys."""
    for reference in references(expression):
        if reference.field.endswith(".evaluations") and len(reference.keys) > 1 and reference.keys[1] not in NUMBERS:
            at = max(expression.find(reference.keys[1]), 0)
            raise fault(f"an evaluation has no {reference.keys[1]!r}; it has {', '.join(NUMBERS)}", expression, at)


def near_field(path: str) -> str:
    """What may have been meant by a field that is not there, as the end of a message."""
    wanted = path.strip(".")
    parts = wanted.split(".")
    tries = [".".join(parts[:size]) for size in (3, 2, 1) if len(parts) >= size]
    for tried in tries:
        if near := nearest(tried, FIELDS):
            return f"; did you mean {' or '.join(near)}?"
    owner = parts[0] if parts[0] in {"candidate", "current"} else ""
    known = [field for field in FIELDS if field.startswith(f"{owner}.")] if owner else sorted(_ROOTS)
    return f"; there are {', '.join(known)}"


def value_at(evidence: Mapping[str, Any], path: str) -> Any:
    """A field's value in an evidence document; an empty one of its type where it has none."""
    found: Any = evidence
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is not None:
        return found
    kind = FIELDS[path]
    return [] if kind.startswith("list") else {} if kind.startswith("map") else _EMPTY[kind]


def _path(tokens: list[Token], place: int) -> list[str]:
    path, place = [tokens[place].text], place + 1
    while place + 1 < len(tokens):
        if tokens[place].text == "." and tokens[place + 1].kind == "name":
            if place + 2 < len(tokens) and tokens[place + 2].text == "(":
                break
            path.append(tokens[place + 1].text)
            place += 2
        elif [token.kind for token in tokens[place : place + 3]] == ["mark", "text", "mark"] and tokens[
            place
        ].text == "[":
            path.append(_unquoted(tokens[place + 1].text))
            place += 3
        else:
            break
    return path


def _reference(path: list[str]) -> Reference | None:
    for size in (3, 2, 1):
        field = ".".join(path[:size])
        if len(path) >= size and field in FIELDS:
            looked_up = FIELDS[field].count("map<")
            return Reference(field, tuple(path[size : size + looked_up]))
    return None


def _unquoted(text: str) -> str:
    body = text.lstrip("rRbB")
    quotes = 3 if body[:3] in {'"""', "'''"} else 1
    return re.sub(r"\\(.)", r"\1", body[quotes:-quotes])


def tokens_of(expression: str) -> list[Token]:
    """A clause in pieces, without comments."""
    return list(_scan(expression))


def _scan(expression: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(expression):
        kind = found.lastgroup or ""
        if kind != "comment":
            yield Token(kind, found.group(), found.start())
