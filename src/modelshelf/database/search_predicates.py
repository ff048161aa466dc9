"""Conditions as SQL that is true or false for every row, never NULL, so that NOT means what it says.

Comparisons stand inside COALESCE, where no planner looks for an index: which index a search uses is settled by
search_drivers.py and search.py, not by statistics that a database may not have.
"""

import math
from typing import Any

from modelshelf.database import search_texts
from modelshelf.database.search_entities import Column, Entity, Side
from modelshelf.domain.search import And, Comparison, Condition, Kind, Not, Op, Scalar

_LARGEST = 1.7976931348623157e308
_NEGATED = {Op.NOT_LIKE: Op.LIKE, Op.NOT_ILIKE: Op.ILIKE}
_WHOLE = range(-(2**63), 2**63)


class Binder:
    """The bound parameters of one statement."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.values: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        """A new parameter with the value; its name, as SQL."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def some(self, values: tuple[Scalar, ...]) -> str:
        """A list of parameters in parentheses."""
        return f"({', '.join(self.bind(value) for value in values)})"


def condition_sql(binder: Binder, entity: Entity, condition: Condition) -> str:
    """What a row of the entity must fulfil."""
    if isinstance(condition, Comparison):
        return _comparison(binder, entity, condition)
    if isinstance(condition, Not):
        return f"NOT {condition_sql(binder, entity, condition.condition)}"
    parts = [condition_sql(binder, entity, part) for part in condition.conditions]
    if isinstance(condition, And):
        return _joined(parts, "AND") if parts else "TRUE"
    return _joined(parts, "OR") if parts else "FALSE"


def _joined(parts: list[str], word: str) -> str:
    """Halves of halves: SQLite limits how deep an expression nests, and a chain is as deep as it is long."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({_joined(parts[:middle], word)} {word} {_joined(parts[middle:], word)})"


def _comparison(binder: Binder, entity: Entity, comparison: Comparison) -> str:
    place, op = entity.place(comparison.field), comparison.op
    if isinstance(place, Column):
        sql = _presence(op, place.sql) or value_sql(binder, place.sql, stored(entity, comparison))
        return f"COALESCE({sql}, FALSE)"
    if op is Op.IS_NULL:
        return f"{_first(binder, place, comparison, 'TRUE')} IS NULL"
    sql = "TRUE" if op is Op.IS_NOT_NULL else value_sql(binder, place.value, stored(entity, comparison))
    return f"{_first(binder, place, comparison, sql)} IS NOT NULL"


def _presence(op: Op, sql: str) -> str:
    return f"{sql} {op}" if op in (Op.IS_NULL, Op.IS_NOT_NULL) else ""


def _first(binder: Binder, side: Side, comparison: Comparison, sql: str) -> str:
    """A row of the side that fulfils the SQL, as a value: as EXISTS, PostgreSQL might make a join of it."""
    key = f" AND {side.key} = {binder.bind(comparison.field.key)}" if side.key else ""
    return f"(SELECT 1 FROM {side.rows} WHERE {side.link}{key} AND COALESCE({sql}, FALSE) LIMIT 1)"


def stored(entity: Entity, comparison: Comparison) -> Comparison:
    """The comparison with its values as they are stored."""
    if comparison.field.kind is Kind.METRIC:
        return _mapped(comparison, lambda value: max(-_LARGEST, min(_LARGEST, float(value))))
    if comparison.field.kind is not Kind.ATTRIBUTE or comparison.op not in (Op.EQ, Op.NE, Op.IN, Op.NOT_IN):
        return comparison
    attribute, searchable = comparison.field.key, entity.searchable
    return _mapped(comparison, lambda value: searchable.spelled(attribute, value) if isinstance(value, str) else value)


def _mapped(comparison: Comparison, change: Any) -> Comparison:
    value = comparison.value
    if value is None or is_nan(value):
        return comparison
    changed = tuple(change(each) for each in value) if isinstance(value, tuple) else change(value)
    return Comparison(comparison.field, comparison.op, changed)


def value_sql(binder: Binder, sql: str, comparison: Comparison) -> str:
    """A comparison of one value. Of a metric the row is there, and NULL means NaN; of all else NULL stays NULL."""
    op, value = comparison.op, comparison.value
    if comparison.field.kind is Kind.METRIC:
        return _metric(binder, sql, op, value)
    if isinstance(value, tuple):
        return _listed(binder, sql, op, value)
    if isinstance(value, float):
        return _beside_whole(binder, sql, op, value)
    if op in (Op.LIKE, Op.ILIKE, Op.NOT_LIKE, Op.NOT_ILIKE):
        matches = _matches(binder, sql, _NEGATED.get(op, op), str(value))
        return f"NOT ({matches})" if op in _NEGATED else matches
    return f"{sql} {'<>' if op is Op.NE else op} {binder.bind(value)}"


def _metric(binder: Binder, sql: str, op: Op, value: Any) -> str:
    if isinstance(value, tuple):
        listed = f"{sql} IN {binder.some(value)}"
        return listed if op is Op.IN else f"({sql} IS NULL OR NOT {listed})"
    if math.isnan(value):
        return f"{sql} IS NULL" if op is Op.EQ else f"{sql} IS NOT NULL"
    if op is Op.NE:
        return f"({sql} IS NULL OR {sql} <> {binder.bind(value)})"
    return f"{sql} {op} {binder.bind(value)}"


def _listed(binder: Binder, sql: str, op: Op, values: tuple[Scalar, ...]) -> str:
    possible = tuple(value for value in values if not isinstance(value, float))
    if not possible:
        return "FALSE" if op is Op.IN else f"{sql} IS NOT NULL"
    return f"{sql} {op} {binder.some(possible)}"


def _beside_whole(binder: Binder, sql: str, op: Op, value: float) -> str:
    """Whole numbers against one with a fraction, or one beyond 64 bits."""
    if op in (Op.EQ, Op.NE):
        return "FALSE" if op is Op.EQ else f"{sql} IS NOT NULL"
    below = op in (Op.LT, Op.LE)
    if math.isinf(value) or math.floor(value) not in _WHOLE:
        return f"{sql} IS NOT NULL" if (value > 0) == below else "FALSE"
    return f"{sql} {'<=' if below else '>'} {binder.bind(math.floor(value))}"


def _matches(binder: Binder, sql: str, op: Op, pattern: str) -> str:
    dialect = binder.dialect
    if op is Op.LIKE:
        return search_texts.like(dialect, sql, binder.bind(search_texts.like_pattern(dialect, pattern)))
    return search_texts.ilike(dialect, sql, binder.bind(search_texts.ilike_pattern(dialect, pattern)))


def is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
