"""Which rows an index can lead a search to: for a condition, the ways to gather all ids that may fulfil it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelshelf.database import search_texts
from modelshelf.database.database import Transaction
from modelshelf.database.search_entities import Entity, Lookup
from modelshelf.database.search_predicates import Binder, is_nan, stored, value_sql
from modelshelf.domain.search import And, Comparison, Condition, Kind, Not, Op

_MAX_SOURCES = 64
_RANGES = (Op.LT, Op.LE, Op.GT, Op.GE)


@dataclass(frozen=True, slots=True)
class Driver:
    """Queries for ids, and how few they probably find: 0 is best."""

    sources: tuple[str, ...]
    rank: int
    fulfils: Comparison | None = None
    """A comparison that holds for all that is found."""
    by_trigrams: bool = False

    @property
    def sql(self) -> str:
        """All ids, some maybe twice."""
        return " UNION ALL ".join(self.sources)


def drivers(tx: Transaction, binder: Binder, entity: Entity, condition: Condition) -> list[Driver]:
    """The ways to find a superset of what fulfils the condition, the most promising first; none if all must be read."""
    return sorted(_drivers(tx, binder, entity, condition), key=lambda driver: driver.rank)


def _drivers(tx: Transaction, binder: Binder, entity: Entity, condition: Condition) -> list[Driver]:
    if isinstance(condition, Comparison):
        return _of_comparison(tx, binder, entity, condition)
    if isinstance(condition, Not):
        return []
    each = [_drivers(tx, binder, entity, part) for part in condition.conditions]
    if isinstance(condition, And):
        return [driver for found in each for driver in found]
    return _united(each)


def _united(each: list[list[Driver]]) -> list[Driver]:
    """An OR is found by what finds each of its parts."""
    if not each or not all(each):
        return []
    best = [min(found, key=lambda driver: driver.rank) for found in each]
    sources = tuple(source for driver in best for source in driver.sources)
    if len(sources) > _MAX_SOURCES:
        return []
    by_trigrams = any(driver.by_trigrams for driver in best)
    return [Driver(sources, max(driver.rank for driver in best), by_trigrams=by_trigrams)]


def _of_comparison(tx: Transaction, binder: Binder, entity: Entity, comparison: Comparison) -> list[Driver]:
    lookup = entity.place(comparison.field).lookup
    if lookup is None or comparison.op is Op.IS_NULL:
        return []
    found, wanted = [], stored(entity, comparison)
    keyed = f"{lookup.key} = {binder.bind(comparison.field.key)}" if lookup.key else "TRUE"
    if _has_trigrams(tx, lookup, wanted):
        sources = _trigram_sources(binder, lookup, wanted, keyed)
        found.append(Driver(sources, 3, comparison, by_trigrams=True))
    rank, bound = bounds(binder, lookup.indexed, wanted, cut=lookup.cut)
    if bound or lookup.key:
        found.append(Driver((_source(binder, lookup, wanted, f" AND {keyed}{bound}"),), rank, comparison))
    return found


def _source(binder: Binder, lookup: Lookup, comparison: Comparison, bound: str, *, before: str = "") -> str:
    exact = "TRUE" if comparison.op is Op.IS_NOT_NULL else value_sql(binder, lookup.value, comparison)
    return (
        f"SELECT {lookup.id} AS id FROM {before}{lookup.rows} WHERE {lookup.joined}{bound} AND COALESCE({exact}, FALSE)"
    )


def bounds(binder: Binder, indexed: str, comparison: Comparison, *, cut: bool = False) -> tuple[int, str]:
    """What of a comparison an index over its values finds: how good that is, and SQL from AND on, or nothing."""
    op, value = comparison.op, comparison.value
    if isinstance(value, tuple) and op is Op.IN:
        return 1, f" AND {indexed} IN {binder.some(tuple(_cut(each, cut=cut) for each in value))}"
    if op is Op.EQ:
        if is_nan(value):
            return 1, f" AND {indexed} IS NULL"
        return 0, f" AND {indexed} = {binder.bind(_cut(value, cut=cut))}"
    if op in _RANGES:
        return 4, f" AND {value_sql(binder, indexed, comparison)}"
    if op is Op.LIKE and (prefix := search_texts.literal_prefix(str(value))):
        return 2, _prefixed(binder, indexed, prefix[: search_texts.PREFIX] if cut else prefix)
    return 5, ""


def _cut(value: Any, *, cut: bool) -> Any:
    return value[: search_texts.PREFIX] if cut and isinstance(value, str) else value


def _prefixed(binder: Binder, indexed: str, prefix: str) -> str:
    end = search_texts.successor(prefix)
    upper = f" AND {indexed} < {binder.bind(end)}" if end is not None else ""
    return f" AND {indexed} >= {binder.bind(prefix)}{upper}"


def _has_trigrams(tx: Transaction, lookup: Lookup, comparison: Comparison) -> bool:
    op, value = comparison.op, comparison.value
    if not lookup.trigrams or op not in (Op.LIKE, Op.ILIKE) or not search_texts.trigrams(str(value)):
        return False
    if op is Op.LIKE and len(search_texts.literal_prefix(str(value))) > 2:
        return False
    return tx.dialect == "sqlite" or _index_exists(tx, lookup.trigrams)


def _index_exists(tx: Transaction, name: str) -> bool:
    """Whether pg_trgm could be had when the schema was made."""
    row = tx.one("SELECT to_regclass(CAST(:name AS TEXT)) IS NOT NULL AS found", name=name)
    return bool(row and row["found"])


def _trigram_sources(binder: Binder, lookup: Lookup, comparison: Comparison, keyed: str) -> tuple[str, ...]:
    """What the trigrams find, the key out of the planner's sight, and the values that are too long to have any."""
    before, found = "", f" AND {value_sql(binder, lookup.value, comparison)}"
    if binder.dialect == "sqlite":
        query = search_texts.trigram_query(search_texts.trigrams(str(comparison.value)))
        found = f" AND {lookup.trigrams} MATCH {binder.bind(query)} AND d.id = {lookup.trigrams}.rowid"
        before = f"{lookup.trigrams} CROSS JOIN "
    if not lookup.key:
        return (_source(binder, lookup, comparison, found, before=before),)
    short = f"{found} AND length({lookup.value}) <= {search_texts.SHORT} AND COALESCE({keyed}, FALSE)"
    long = f" AND length({lookup.value}) > {search_texts.SHORT} AND {keyed}"
    return _source(binder, lookup, comparison, short, before=before), _source(binder, lookup, comparison, long)


def anchored(binder: Binder, anchor: str, indexed: Mapping[str, str], condition: Condition) -> Driver:
    """A query for ids, narrowed by what the condition demands of columns that the same index has."""
    narrowed = ""
    for comparison in conjuncts(condition):
        if comparison.field.kind is Kind.ATTRIBUTE and comparison.field.key in indexed:
            narrowed += bounds(binder, indexed[comparison.field.key], comparison)[1]
    return Driver((anchor + narrowed,), 0 if narrowed else 4)


def without(condition: Condition, fulfilled: Comparison) -> Condition:
    """What remains to be asked of a condition once one of its conjuncts is known to hold."""
    if condition == fulfilled:
        return And(())
    if isinstance(condition, And):
        return And(tuple(without(part, fulfilled) for part in condition.conditions))
    return condition


def conjuncts(condition: Condition) -> Iterator[Comparison]:
    """The comparisons that all hold where the condition holds."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, And):
        for part in condition.conditions:
            yield from conjuncts(part)
