"""Search: ids of what fulfils a condition, in an order, page by page."""

import json
from collections.abc import Sequence
from dataclasses import replace

from modelshelf.database import arrays
from modelshelf.database.catalog import model_id
from modelshelf.database.database import Transaction
from modelshelf.database.search_catalog import MODELS, VERSIONS, WITHIN_MODEL
from modelshelf.database.search_drivers import anchored, conjuncts
from modelshelf.database.search_pages import Search
from modelshelf.database.search_tracking import EXPERIMENTS, LOGGED_MODELS, RUNS
from modelshelf.domain.search import Comparison, Condition, Field, Kind, Not, Op, Order
from modelshelf.domain.tracking import Lifecycle

_NAME, _VERSION = Field(Kind.ATTRIBUTE, "name"), Field(Kind.ATTRIBUTE, "version")
_INDEX = "{index}"
"""Where SQLite is told which index to use: statistics tell it how many runs fail, not how many of these."""


def _by(attribute: str, *, descending: bool = False) -> Order:
    return Order(Field(Kind.ATTRIBUTE, attribute), descending)


def _ordered(given: Sequence[Order], default: Sequence[Order], last: Sequence[Order]) -> list[Order]:
    """The given order or the default one, then what tells equal ones apart."""
    orders = list(given or default)
    return [*orders, *(order for order in last if all(order.field != earlier.field for earlier in orders))]


def models(tx: Transaction, condition: Condition, order: Sequence[Order]) -> Search:
    """A search for registered models, by name unless ordered otherwise."""
    return Search(tx, MODELS, condition, _ordered(order, (), (_by("name"),)))


def versions(tx: Transaction, condition: Condition, order: Sequence[Order]) -> Search:
    """A search for versions: the last updated first, then by name, the higher number first."""
    last = (_by("name"), _by("version", descending=True))
    orders = _ordered(order, (_by("updated", descending=True),), last)
    search = Search(tx, VERSIONS, condition, orders)
    name = next((each.value for each in conjuncts(condition) if each.field == _NAME and each.op is Op.EQ), None)
    if name is not None:
        model = search.binder.bind(model_id(tx, str(name)))
        anchor = f"SELECT d.id AS id FROM model_versions d WHERE d.model_id = {model}"
        search.drivers = [anchored(search.binder, anchor, {"version": "d.number", "stage": "d.stage"}, condition)]
        search.orders = [each for each in orders if each.field != _NAME]
        if search.orders[0].field == _VERSION:
            search.scope = f"v.model_id = {model}"
            search.entity = replace(VERSIONS, walks={"version": WITHIN_MODEL})
    return search


def experiments(
    tx: Transaction, condition: Condition, order: Sequence[Order], *, lifecycles: Sequence[Lifecycle]
) -> Search:
    """A search for experiments: the last created first, and of those created at once the first."""
    default = (_by("created", descending=True), _by("experiment_id"))
    search = Search(tx, EXPERIMENTS, condition, _ordered(order, default, (_by("experiment_id", descending=True),)))
    search.where = f"COALESCE(r.lifecycle IN {search.binder.some(tuple(lifecycles))}, FALSE)"
    return search


def runs(
    tx: Transaction,
    condition: Condition,
    order: Sequence[Order],
    *,
    experiments: Sequence[int],
    lifecycles: Sequence[Lifecycle],
) -> Search:
    """A search for runs of some experiments: the last started first, then by id."""
    last = (_by("start_time", descending=True), _by("run_id"))
    search = Search(tx, RUNS, condition, _ordered(order, (), last))
    _within(search, "runs", "start_time", experiments, lifecycles, condition)
    return search


def logged_models(
    tx: Transaction,
    condition: Condition,
    order: Sequence[Order],
    *,
    experiments: Sequence[int],
    datasets: Sequence[tuple[str, str]] = (),
) -> Search:
    """A search for logged models of some experiments, deleted ones left out: the last created first, then by id.

    Of metrics only those count that were measured on one of the datasets (name, and digest or ""), if any is named.
    """
    last = (_by("created", descending=True), _by("model_id"))
    search = Search(tx, LOGGED_MODELS, condition, _ordered(order, (), last))
    _within(search, "logged_models", "created", experiments, (Lifecycle.ACTIVE,), condition)
    if datasets:
        _measured_on(search, datasets)
    return search


def _within(
    search: Search,
    table: str,
    ordered: str,
    experiments: Sequence[int],
    lifecycles: Sequence[Lifecycle],
    condition: Condition,
) -> None:
    """Keep a search to experiments. Of one experiment and one lifecycle the rows lie in order."""
    binder, wanted = search.binder, tuple(lifecycle.value for lifecycle in lifecycles)
    binder.values["experiments"] = json.dumps(list(experiments))
    some = f"(SELECT value FROM {arrays.numbers(search.tx, 'experiments')})"
    inside = f"{{0}}.experiment_id IN {some} AND {{0}}.lifecycle IN {binder.some(wanted)}"
    search.where = f"COALESCE({inside.format('r')}, FALSE)"
    anchor = f"SELECT d.id AS id FROM {table} d{_INDEX} WHERE {inside.format('d')}"
    driver = anchored(binder, anchor, {"status": "d.status"} if table == "runs" else {}, condition)
    index = f"{table}_by_status" if driver.rank == 0 else f"{table}_by_{'start' if table == 'runs' else 'creation'}"
    hint = f" INDEXED BY {index}" if search.tx.dialect == "sqlite" else ""
    search.drivers = [replace(driver, sources=tuple(source.replace(_INDEX, hint) for source in driver.sources))]
    if len(experiments) == len(wanted) == 1 and search.orders[0].field == Field(Kind.ATTRIBUTE, ordered):
        search.scope = f"r.experiment_id = {binder.bind(experiments[0])} AND r.lifecycle = {binder.bind(wanted[0])}"


def _measured_on(search: Search, datasets: Sequence[tuple[str, str]]) -> None:
    binder, metric = search.binder, search.entity.sides[Kind.METRIC]
    each = [
        f"(d.dataset_name = {binder.bind(name)}"
        + (f" AND d.dataset_digest = {binder.bind(digest)})" if digest else ")")
        for name, digest in datasets
    ]
    measured = f"({' OR '.join(each)})"
    link, lookup = f"{metric.link} AND {measured}", metric.lookup and replace(metric.lookup, joined=measured)
    sides = {**search.entity.sides, Kind.METRIC: replace(metric, link=link, lookup=lookup)}
    search.entity = replace(search.entity, sides=sides)
    if not _asks_for_metrics(search.condition):
        search.where += f" AND (SELECT 1 FROM {metric.rows} WHERE {link} LIMIT 1) IS NOT NULL"


def _asks_for_metrics(condition: Condition) -> bool:
    if isinstance(condition, Comparison):
        return condition.field.kind is Kind.METRIC
    parts = (condition.condition,) if isinstance(condition, Not) else condition.conditions
    return any(_asks_for_metrics(part) for part in parts)
