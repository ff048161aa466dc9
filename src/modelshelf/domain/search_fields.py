"""A name as a filter writes it, such as tags.`my key`, as the field that it means."""

from collections.abc import Iterable
from difflib import get_close_matches

from modelshelf.domain.errors import InvalidFilter
from modelshelf.domain.search_conditions import Field, Fields, FieldType, Kind
from modelshelf.domain.search_lexer import Token, TokenKind, refusal

DATASET_KEYS = ("name", "digest", "context")

_PREFIXES = {
    Kind.ATTRIBUTE: ("attribute", "attributes", "attr", "run"),
    Kind.TAG: ("tag", "tags"),
    Kind.PARAM: ("param", "params", "parameter", "parameters"),
    Kind.METRIC: ("metric", "metrics"),
    Kind.DATASET: ("dataset", "datasets"),
}
_KINDS = {prefix: kind for kind, prefixes in _PREFIXES.items() for prefix in prefixes}
_WRITTEN = {
    Kind.TAG: "tags.<key>",
    Kind.PARAM: "params.<key>",
    Kind.METRIC: "metrics.<key>",
    Kind.DATASET: "dataset.<name, digest or context>",
}


def resolve(text: str, token: Token, fields: Fields) -> Field:
    """The field that a NAME, or a TEXT in the place of a name, stands for."""
    prefix, dot, key = _split(token)
    kind = _KINDS.get(prefix) if dot else Kind.ATTRIBUTE
    if kind is None:
        nearest = _nearest(prefix, [known for known, of in _KINDS.items() if of in (Kind.ATTRIBUTE, *fields.kinds)])
        raise _unknown(text, token, f"unknown prefix in {token.shown}", nearest, fields)
    if kind is Kind.ATTRIBUTE:
        name = fields.aliases.get(key, key)
        if name not in fields.attributes:
            nearest = _nearest(key, [*fields.attributes, *fields.aliases])
            raise _unknown(text, token, f"unknown attribute {token.shown}", nearest, fields)
        return Field(kind, name)
    if kind not in fields.kinds:
        raise _unknown(text, token, f"there are no {kind}s to search by here", [], fields)
    if kind is Kind.DATASET and key not in DATASET_KEYS:
        raise _unknown(text, token, f"unknown dataset key in {token.shown}", _nearest(key, DATASET_KEYS), fields)
    return Field(kind, key)


def type_of(field: Field, fields: Fields) -> FieldType | None:
    """The type of an attribute, TEXT for the other kinds; None for a metric, which is any number."""
    if field.kind is Kind.METRIC:
        return None
    return fields.attributes[field.key] if field.kind is Kind.ATTRIBUTE else FieldType.TEXT


def written(field: Field) -> str:
    """The field as a message shows it."""
    if field.kind is Kind.ATTRIBUTE:
        return field.key
    prefix = "dataset" if field.kind is Kind.DATASET else f"{field.kind}s"
    return f"{prefix}.{field.key}"


def _split(token: Token) -> tuple[str, str, str]:
    if token.kind is TokenKind.TEXT:
        return "", "", token.text[1:-1]
    prefix, dot, key = token.text.partition(".")
    if dot and prefix.strip("`") in _KINDS:
        return prefix.strip("`"), dot, _unquoted(key)
    if dot and not token.text.startswith("`"):
        return prefix, dot, key
    return "", "", _unquoted(token.text)


def _unquoted(key: str) -> str:
    for quotes in ("'\"", "`"):
        if len(key) >= 2 and key[0] == key[-1] and key[0] in quotes:
            key = key[1:-1]
    return key


def _nearest(name: str, names: Iterable[str]) -> list[str]:
    spelled = {known.lower(): known for known in names}
    return [spelled[known] for known in get_close_matches(name.lower(), spelled)]


def _unknown(text: str, token: Token, problem: str, nearest: list[str], fields: Fields) -> InvalidFilter:
    known = [*fields.attributes, *(shape for kind, shape in _WRITTEN.items() if kind in fields.kinds)]
    meant = f"did you mean {' or '.join(nearest)}?" if nearest else f"known are {', '.join(known)}"
    return refusal(text, token.start, f"{problem}; {meant}", expected="a field", nearest=nearest)
