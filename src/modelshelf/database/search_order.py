"""The order of a search as terms that are never NULL, and the rows behind a place in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelshelf.database.search_entities import Column, Entity, Side
from modelshelf.database.search_predicates import Binder
from modelshelf.domain.pages import Kind as ValueKind
from modelshelf.domain.search import FieldType, Kind, Order, Scalar

TEXT_LENGTH = 1_000
"""Long texts are told apart by their first characters alone, so many in all terms together: a page token has limits."""


NUMBER: ValueKind = (int, float)


@dataclass(frozen=True, slots=True)
class Term:
    """An expression to order by, and the type of its values."""

    sql: str
    descending: bool
    kind: ValueKind
    attribute: str = ""
    """The attribute whose plain column this is, if it is one."""


def terms(binder: Binder, entity: Entity, orders: Sequence[Order]) -> list[Term]:
    """The terms of some orders. What has no value comes last whatever the direction, NaN right before it."""
    length = max(1, TEXT_LENGTH // max(1, len(orders)))
    return [term for order in orders for term in _terms(binder, entity, order, length)]


def _terms(binder: Binder, entity: Entity, order: Order, length: int) -> list[Term]:
    place = entity.place(order.field)
    if isinstance(place, Side):
        return _side_terms(binder, place, order, length)
    is_text = entity.searchable.fields.attributes[order.field.key] is FieldType.TEXT
    whole = not is_text or order.field.key in entity.walks
    sql = place.sql if whole else f"substr({place.sql}, 1, {length})"
    kind: ValueKind = str if is_text else int
    if not place.nullable:
        return [Term(sql, order.descending, kind, _plain(place, order, whole=whole))]
    empty = "''" if is_text else "0"
    return [
        Term(f"(CASE WHEN {place.sql} IS NULL THEN 1 ELSE 0 END)", descending=False, kind=int),
        Term(f"COALESCE({sql}, {empty})", order.descending, kind),
    ]


def _plain(place: Column, order: Order, *, whole: bool) -> str:
    return order.field.key if whole and place.sql.count(".") == 1 else ""


def _side_terms(binder: Binder, side: Side, order: Order, length: int) -> list[Term]:
    """Whether there is a value comes first, then the value: of several the latest."""
    rows = f"FROM {side.rows} WHERE {side.link} AND {side.key} = {binder.bind(order.field.key)}"
    if order.dataset is not None:
        name, digest = order.dataset
        rows += f" AND d.dataset_name = {binder.bind(name)}"
        rows += f" AND d.dataset_digest = {binder.bind(digest)}" if digest else ""
    rows += f" ORDER BY {side.latest} LIMIT 1" if side.latest else ""
    if order.field.kind is Kind.METRIC:
        rank = f"COALESCE((SELECT CASE WHEN {side.value} IS NULL THEN 1 ELSE 0 END {rows}), 2)"
        value = f"COALESCE((SELECT {side.value} {rows}), 0)"
        return [Term(rank, descending=False, kind=int), Term(value, order.descending, NUMBER)]
    rank = f"COALESCE((SELECT 0 {rows}), 1)"
    value = f"COALESCE((SELECT substr({side.value}, 1, {length}) {rows}), '')"
    return [Term(rank, descending=False, kind=int), Term(value, order.descending, str)]


def behind(binder: Binder, ordered: Sequence[Term], place: Sequence[Scalar]) -> str:
    """The rows that come after the one with these values."""
    term, value = ordered[0], binder.bind(place[0])
    further = f"{term.sql} {'<' if term.descending else '>'} {value}"
    if len(ordered) == 1:
        return further
    return f"({further} OR ({term.sql} = {value} AND {behind(binder, ordered[1:], place[1:])}))"
