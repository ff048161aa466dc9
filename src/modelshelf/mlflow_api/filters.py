"""MLflow's filters: a part of ours, and no more than that part is accepted on its wire."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from modelshelf.domain.search import And, Comparison, Condition, Fields, FieldType, Kind, Op, parse_filter
from modelshelf.domain.search_lexer import TokenKind, tokens
from modelshelf.domain.searchable import LOGGED_MODELS, RUNS
from modelshelf.mlflow_api.errors import Refusal

PROMPT_TAG = "mlflow.prompt.is_prompt"

_TEXT_OPS = frozenset({Op.EQ, Op.NE, Op.LIKE, Op.ILIKE})
_NUMBER_OPS = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE})
_LIST_OPS = frozenset({Op.IN, Op.NOT_IN})
_NULL_OPS = frozenset({Op.IS_NULL, Op.IS_NOT_NULL})


@dataclass(frozen=True, slots=True)
class Subset:
    """What MLflow lets one kind of thing be searched and ordered by."""

    fields: Fields
    listed: frozenset[str] = frozenset()
    """Attributes that IN goes with."""
    nullable: frozenset[Kind] = frozenset()
    """Kinds of fields that IS NULL goes with."""
    orders: frozenset[str] = frozenset()
    """Keys to order by, as they are written; none where all of ours do."""
    order_prefix: str = ""
    """What may stand before a key to order by."""
    plain: bool = False
    """Whether attributes stand without backticks, and with no other prefix than `attribute`."""


MODELS = Subset(
    fields=Fields(attributes={"name": FieldType.TEXT}),
    listed=frozenset({"name"}),
    orders=frozenset({"name", "timestamp", "last_updated_timestamp"}),
    plain=True,
)
VERSIONS = Subset(
    fields=Fields(
        attributes={
            "name": FieldType.TEXT,
            "version_number": FieldType.NUMBER,
            "run_id": FieldType.TEXT,
            "source_path": FieldType.TEXT,
        }
    ),
    listed=frozenset({"name", "run_id"}),
    orders=frozenset({"name", "version_number", "creation_timestamp", "last_updated_timestamp"}),
    plain=True,
)
_TRACKED = frozenset({Kind.TAG, Kind.PARAM})
SEARCHED_EXPERIMENTS = Subset(
    fields=Fields(
        attributes={
            "experiment_id": FieldType.NUMBER,
            "name": FieldType.TEXT,
            "creation_time": FieldType.NUMBER,
            "last_update_time": FieldType.NUMBER,
        }
    ),
    orders=frozenset({"experiment_id", "name", "creation_time", "last_update_time"}),
    order_prefix="attribute.",
    plain=True,
)
SEARCHED_RUNS = Subset(fields=RUNS.fields, listed=frozenset({"run_id"}), nullable=_TRACKED)
SEARCHED_LOGGED_MODELS = Subset(fields=LOGGED_MODELS.fields, listed=frozenset(LOGGED_MODELS.fields.attributes))


_FANCY = ("`", "attributes.", "attr.", "run.")


def checked(text: str, subset: Subset) -> list[Comparison]:
    """The comparisons of a filter, all of which must hold. Raises InvalidFilter or Refusal for what MLflow refuses."""
    if text and not text.strip():
        raise Refusal.invalid("the filter is blank; leave it out to find everything")
    found = list(_comparisons(parse_filter(text, subset.fields)))
    _refuse_marks(text, subset)
    for comparison in found:
        _check(comparison, subset)
    return found


def checked_order(items: Iterable[str], subset: Subset) -> list[str]:
    """Keys to order by. Raises Refusal for one that MLflow doesn't order by."""
    for item in items:
        key = (item.split(maxsplit=1)[0] if item.strip() else "").removeprefix(subset.order_prefix)
        if subset.orders and key not in subset.orders:
            known = ", ".join(sorted(subset.orders))
            raise Refusal.invalid(f"invalid order_by {item[:200]!r}: the keys to order by are {known}")
    return list(items)


def without_prompts(text: str, subset: Subset) -> str:
    """The filter with the condition that prompts are left out, unless it asks for them."""
    found = checked(text, subset)
    about = [each for each in found if each.field.kind is Kind.TAG and each.field.key == PROMPT_TAG]
    if about and _asks_for_prompts(about[0]):
        return text
    others = [written(each) for each in found if each not in about]
    return " AND ".join([*others, f"NOT tags.`{PROMPT_TAG}` = 'true'"])


def written(comparison: Comparison) -> str:
    """A comparison as text that parses to it."""
    prefix = "attributes" if comparison.field.kind is Kind.ATTRIBUTE else f"{comparison.field.kind.value}s"
    key = comparison.field.key
    named = f"{prefix}.{key}" if comparison.field.kind is Kind.ATTRIBUTE else f"{prefix}.{_quoted_key(key)}"
    if comparison.value is None:
        return f"{named} {comparison.op}"
    if isinstance(comparison.value, tuple):
        return f"{named} {comparison.op} ({', '.join(_listed(value) for value in comparison.value)})"
    return f"{named} {comparison.op} {_literal(comparison.value)}"


def _quoted_key(key: str) -> str:
    return f"`{key}`" if "`" not in key else f'"{key}"'


def _literal(value: str | float) -> str:
    if not isinstance(value, str):
        return repr(value)
    return f"'{value}'" if '"' in value else f'"{value}"'


def _listed(value: str | float) -> str:
    if not isinstance(value, str):
        return repr(value)
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _asks_for_prompts(comparison: Comparison) -> bool:
    value = str(comparison.value).lower()
    return (comparison.op, value) in {(Op.EQ, "true"), (Op.NE, "false")}


def _comparisons(condition: Condition) -> Iterator[Comparison]:
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, And):
        for each in condition.conditions:
            yield from _comparisons(each)
    else:
        raise Refusal.invalid("invalid clause in the filter: it takes comparisons joined by AND, no OR and no NOT")


def _refuse_marks(text: str, subset: Subset) -> None:
    before = ""
    for token in tokens(text):
        if subset.plain and token.kind is TokenKind.NAME and token.text.startswith(_FANCY):
            raise Refusal.invalid(f"invalid name {token.shown} in the filter: write an attribute by its name alone")
        if token.is_one_of("(") and before != "IN":
            raise Refusal.invalid("invalid clause in the filter: it takes comparisons joined by AND, no parentheses")
        before = token.text


def _check(comparison: Comparison, subset: Subset) -> None:
    if isinstance(comparison.value, float) and math.isnan(comparison.value):
        raise Refusal.invalid("nan in the filter equals nothing; leave it out")
    if _is_fraction(comparison, subset):
        raise Refusal.invalid(
            f"invalid value {comparison.value} in the filter: {comparison.field.key} is a whole number"
        )
    allowed = _allowed(comparison, subset)
    if comparison.op not in allowed:
        known = ", ".join(op for op in Op if op in allowed)
        raise Refusal.invalid(
            f"invalid comparator {comparison.op} for {comparison.field.kind.value} {comparison.field.key!r}: "
            f"it takes {known}"
        )


def _is_fraction(comparison: Comparison, subset: Subset) -> bool:
    field = comparison.field
    is_number = field.kind is Kind.ATTRIBUTE and subset.fields.attributes[field.key] is FieldType.NUMBER
    return is_number and isinstance(comparison.value, float)


def _allowed(comparison: Comparison, subset: Subset) -> Iterable[Op]:
    kind, key = comparison.field.kind, comparison.field.key
    nullable = _NULL_OPS if kind in subset.nullable else frozenset[Op]()
    if kind is Kind.METRIC or (kind is Kind.ATTRIBUTE and subset.fields.attributes[key] is FieldType.NUMBER):
        return _NUMBER_OPS | nullable
    listed = _LIST_OPS if kind is Kind.ATTRIBUTE and key in subset.listed else frozenset[Op]()
    return _TEXT_OPS | listed | nullable
