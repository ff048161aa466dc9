"""What a search should find, worked out in plain Python over plain values."""

import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from modelshelf.domain.search import And, Comparison, Condition, Field, Kind, Not, Op, Or, Order

_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass
class Thing:
    """Something to search for; attributes are single values, None or tuples, and so are metrics."""

    id: Any
    attributes: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    datasets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def values_of(thing: Thing, of: Field) -> tuple[Any, ...]:
    places = {Kind.TAG: thing.tags, Kind.PARAM: thing.params, Kind.METRIC: thing.metrics, Kind.DATASET: thing.datasets}
    value = places.get(of.kind, thing.attributes).get(of.key)
    return () if value is None else value if isinstance(value, tuple) else (value,)


def matches(thing: Thing, condition: Condition) -> bool:
    if isinstance(condition, And):
        return all(matches(thing, part) for part in condition.conditions)
    if isinstance(condition, Or):
        return any(matches(thing, part) for part in condition.conditions)
    if isinstance(condition, Not):
        return not matches(thing, condition.condition)
    values = values_of(thing, condition.field)
    if condition.op in (Op.IS_NULL, Op.IS_NOT_NULL):
        return bool(values) == (condition.op is Op.IS_NOT_NULL)
    return any(_holds(value, condition) for value in values)


def _holds(value: Any, comparison: Comparison) -> bool:
    op, wanted = comparison.op, comparison.value
    if isinstance(wanted, float) and math.isnan(wanted):
        return math.isnan(value) == (op is Op.EQ)
    if op in (Op.LIKE, Op.NOT_LIKE, Op.ILIKE, Op.NOT_ILIKE):
        return _like(value, str(wanted), ignore_case="ILIKE" in op) == ("NOT" not in op)
    if op in (Op.IN, Op.NOT_IN):
        return (value in wanted) == (op is Op.IN)
    compare = {
        Op.EQ: value == wanted,
        Op.NE: value != wanted,
        **(
            {}
            if isinstance(value, str)
            else {Op.LT: value < wanted, Op.LE: value <= wanted, Op.GT: value > wanted, Op.GE: value >= wanted}
        ),
    }
    return compare[op]


def _like(value: str, pattern: str, *, ignore_case: bool) -> bool:
    if ignore_case:
        value, pattern = value.translate(_FOLD), pattern.translate(_FOLD)
    wild = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wild.get(each, re.escape(each)) for each in pattern), value, re.DOTALL) is not None


def expected(things: Iterable[Thing], condition: Condition, orders: Sequence[Order]) -> list[Any]:
    """The ids of what fits, in order."""
    found = [thing for thing in things if matches(thing, condition)]
    return [thing.id for thing in sorted(found, key=cmp_to_key(lambda one, other: _compared(one, other, orders)))]


def _compared(one: Thing, other: Thing, orders: Sequence[Order]) -> int:
    for order in orders:
        left, right = _key(one, order), _key(other, order)
        if left[0] != right[0]:
            return left[0] - right[0]
        if left != right:
            return -1 if (left < right) != order.descending else 1
    return 0


def _key(thing: Thing, order: Order) -> tuple[int, Any]:
    values = values_of(thing, order.field)
    if not values:
        return (2, 0)
    if isinstance(values[0], float) and math.isnan(values[0]):
        return (1, 0)
    return (0, values[0])
