"""One page of a search: by an index to the few rows that may fit, or along the index that has the order.

A filter that fits few rows is best served by its own index, one that fits many by the order's. Nobody knows beforehand
which it is, so both are tried with a growing allowance until one is done: ids from the filter's index are counted up to
the allowance, and if there are fewer, they are looked up and sorted; else so many rows are read along the order's
index, in the hope to fill the page. So a page costs in the order of what the better of the two costs, which grows
neither with the rows that do not match nor with the page's depth.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from modelshelf.database.database import Transaction
from modelshelf.database.search_drivers import Driver, drivers, without
from modelshelf.database.search_entities import Entity
from modelshelf.database.search_order import behind, terms
from modelshelf.database.search_predicates import Binder, condition_sql
from modelshelf.database.search_strides import Strides, start
from modelshelf.domain.pages import Kind as ValueKind
from modelshelf.domain.search import Condition, Order, Scalar

FIRST_ALLOWANCE = 500
LAST_ALLOWANCE = 500_000
_GROWTH = 4
_STRIDE = 2
"""So many rows are read along an index for each id that an allowance allows: they cost less."""
_MAX_DRIVERS = 6


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of a page, and the place behind it in the order; None where it is the last page."""

    ids: list[Any]
    behind: tuple[Scalar, ...] | None


@dataclass
class Search:
    """What is searched for, in which order, and where."""

    tx: Transaction
    entity: Entity
    condition: Condition
    orders: Sequence[Order]
    where: str = "TRUE"
    """What else the rows must fulfil, out of the planner's sight."""
    scope: str = ""
    """The same once more, if an index has the order within it."""
    drivers: list[Driver] = field(default_factory=list)
    """Ways to find what fulfils `where`."""
    allowance: int = FIRST_ALLOWANCE
    """How many ids are looked for by the filter's index before rows are read along the order's."""
    binder: Binder = field(init=False)

    def __post_init__(self) -> None:
        self.binder = Binder(self.tx.dialect)

    def kinds(self) -> list[ValueKind]:
        """The types of the order values that a place consists of."""
        return [term.kind for term in terms(Binder(self.tx.dialect), self.entity, self.orders)]

    def page(self, limit: int, after: Sequence[Scalar] | None) -> Found:
        """The next ids behind a place."""
        return _Page(self, limit, after).found()


class _Page:
    """The reading of one page."""

    def __init__(self, search: Search, limit: int, after: Sequence[Scalar] | None) -> None:
        self._search, self._tx, self._entity, self._binder = search, search.tx, search.entity, search.binder
        self._limit, self._after = limit, after
        self._terms = terms(self._binder, self._entity, search.orders)
        self._fits = self._sql_of(search.condition)
        found = [*search.drivers, *drivers(self._tx, self._binder, self._entity, search.condition)]
        self._drivers = sorted(found, key=lambda driver: driver.rank)[:_MAX_DRIVERS]
        self._rows: list[dict[str, Any]] = []

    def _sql_of(self, condition: Condition) -> str:
        return f"{condition_sql(self._binder, self._entity, condition)} AND {self._search.where}"

    def found(self) -> Found:
        by_trigrams = any(driver.by_trigrams for driver in self._drivers)
        with _advised(self._tx, bitmaps=by_trigrams):
            self._read()
        rows = self._rows[: self._limit]
        more = len(self._rows) > self._limit
        place = tuple(rows[-1][f"k{at}"] for at in range(len(self._terms))) if more else None
        return Found([row["id"] for row in rows], place)

    def _read(self) -> None:
        strides = start(self._binder, self._entity, self._search.orders, self._terms, self._after)
        if not self._drivers:
            if strides is None or not self._read_along(strides):
                self._read_all()
            return
        allowance = self._search.allowance
        while allowance < LAST_ALLOWANCE:
            for driver in self._drivers:
                if self._count(driver, allowance) < allowance:
                    self._read_from(driver)
                    return
            if strides is not None and self._read_stride(strides, allowance * _STRIDE):
                return
            strides = None if strides is None or strides.ended else strides
            allowance *= _GROWTH
        self._read_from(self._drivers[0])

    def _count(self, driver: Driver, most: int) -> int:
        sql = f"SELECT COUNT(*) AS hits FROM (SELECT 1 FROM ({driver.sql}) AS found LIMIT {most}) AS counted"
        row = self._tx.one(sql, **self._binder.values)
        return int(row["hits"]) if row else 0

    @property
    def _full(self) -> bool:
        return len(self._rows) > self._limit

    @property
    def _behind(self) -> str:
        return f" AND COALESCE({behind(self._binder, self._terms, self._after)}, FALSE)" if self._after else ""

    def _read_from(self, driver: Driver) -> None:
        """Look up what an index found, and sort it; of the condition what the index settled is not asked again."""
        self._rows = []
        if driver.fulfils is not None:
            self._fits = self._sql_of(without(self._search.condition, driver.fulfils))
        self._select(
            f"hits CROSS JOIN {self._entity.rows}",
            f"{self._entity.id} = hits.id{self._behind}",
            before=f"WITH found AS MATERIALIZED ({driver.sql}), hits AS MATERIALIZED (SELECT DISTINCT id FROM found) ",
        )

    def _read_all(self) -> None:
        """Look at every row, and sort those that fit."""
        self._rows = []
        self._select(self._entity.rows, f"TRUE{self._behind}")

    def _read_along(self, strides: Strides) -> bool:
        """Read in order until the page is full; whether it is settled."""
        return self._read_stride(strides, None)

    def _read_stride(self, strides: Strides, most: int | None) -> bool:
        """Read on along the order's index, about so many rows; whether the page is settled."""
        scope = f" AND {self._search.scope}" if self._search.scope else ""
        tie = strides.tie(self._binder)
        if tie:
            self._select(strides.rows, f"{tie}{scope}", strides=strides)
        if self._full:
            return True
        end = None if most is None else self._boundary(strides, scope, most)
        self._select(strides.rows, f"{strides.stretch(self._binder, end)}{scope}", strides=strides)
        strides.advance(end)
        return self._full or (strides.ended and strides.complete)

    def _boundary(self, strides: Strides, scope: str, most: int) -> Scalar | None:
        """The order value so many rows on; None where the end comes first."""
        direction = " DESC" if strides.leading.descending else ""
        row = self._tx.one(
            f"SELECT {strides.leading.sql} AS boundary FROM {strides.first} "
            f"WHERE {strides.stretch(self._binder, None, joined=False)}{scope} "
            f"ORDER BY {strides.leading.sql}{direction} LIMIT 1 OFFSET {most}",
            **self._binder.values,
        )
        return row["boundary"] if row else None

    def _select(self, rows: str, where: str, *, before: str = "", strides: Strides | None = None) -> None:
        terms_ = strides.terms if strides else self._terms
        keys = ", ".join(f"{term.sql} AS k{at}" for at, term in enumerate(terms_))
        order = [f"k{at} DESC" if term.descending else f"k{at}" for at, term in enumerate(terms_)]
        missing = self._limit + 1 - len(self._rows)
        sql = (
            f"{before}SELECT {self._entity.id} AS id, {keys} FROM {rows} "
            f"WHERE {self._entity.joined} AND {where} AND {self._fits} "
            f"ORDER BY {', '.join(order[strides.constant if strides else 0 :])} LIMIT {missing}"
        )
        self._rows += self._tx.all(sql, **self._binder.values)


@contextmanager
def _advised(tx: Transaction, *, bitmaps: bool) -> Iterator[None]:
    """In the block PostgreSQL reads by indexes and joins in the order written, whatever statistics say or lack.

    Bitmaps are made whole before the first row is read; only an index of trigrams cannot be read without.
    """
    if tx.dialect == "sqlite":
        yield
        return
    settings = {
        "enable_seqscan": "off",
        "enable_bitmapscan": "on" if bitmaps else "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "join_collapse_limit": "1",
        "jit": "off",
        "plan_cache_mode": "force_custom_plan",
    }
    calls = ", ".join(f"set_config('{name}', '{value}', TRUE)" for name, value in settings.items())
    tx.execute("SAVEPOINT search")
    tx.one(f"SELECT {calls}")
    yield
    tx.execute("ROLLBACK TO search")
