"""Search over models, versions, experiments, runs and logged models: the parts of the catalog and of tracking.

What a page costs depends on how many rows fit, not on how many there are, nor on how deep the page lies, where an index
answers: =, IN, ranges, LIKE 'abc%', and whatever else is asked of a tag, param or metric within the rows that have the
key. Texts inside names of models and values of tags (LIKE '%abc%', ILIKE with three letters or more in a row) are found
by trigrams; on PostgreSQL that needs the extension pg_trgm. Rows are read one by one, in order and until the page is
full, for NOT, for IS NULL, for != and NOT IN and NOT LIKE of attributes, for texts inside other attributes, and for
description, size, duration, artifact_uri, a version number without its model's name, and the status of logged models.
Every match is read and sorted where no index has the order: any other than by name, created, updated, version (of one
model), start_time, ids, or a metric of runs and versions.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from modelshelf.database import catalog, experiments, logged_models, search, tracking, versions
from modelshelf.database.database import Database, Transaction
from modelshelf.database.search_pages import Search
from modelshelf.domain.access import Actor, Permission
from modelshelf.domain.catalog import ModelVersion, RegisteredModel
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import storable
from modelshelf.domain.pages import Page, page_start
from modelshelf.domain.pages import page_token as make_token
from modelshelf.domain.search import MAX_ORDER, Order, check_order, parse_filter, parse_order
from modelshelf.domain.searchable import EXPERIMENTS, LOGGED_MODELS, MODELS, RUNS, VERSIONS, Searchable
from modelshelf.domain.tracking import Experiment, LoggedModel, Run, View, experiment_number

T = TypeVar("T")

MAX_DATASETS = 100


class CatalogSearch:
    """Search over models and versions; see `modelshelf.domain.search` for the grammar of filters."""

    _database: Database
    _actor: Actor

    def search_models(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int = 100, page_token: str | None = None
    ) -> Page[RegisteredModel]:
        """Registered models that fit the filter, by name unless ordered otherwise; `limit` is 1 to 1,000.

        Attributes are name, created, updated (milliseconds since the epoch), description, created_by, and alias and
        stage, which are those of any version; and tags.<key>.
        Raises InvalidFilter, which points at the fault, and Invalid for a bad limit or page token.
        """
        self._actor.require(Permission.READ)
        size, condition, order = MODELS.limit(limit), parse_filter(filter, MODELS.fields), _order(order_by, MODELS)
        with self._database.read() as tx:
            found = search.models(tx, condition, order)
            query = ["models", filter, *_written(order_by)]
            return _page(tx, found, size, page_token, query, catalog.models_by_ids)

    def search_versions(
        self, filter: str = "", *, order_by: Sequence[str] = (), limit: int = 100, page_token: str | None = None
    ) -> Page[ModelVersion]:
        """Versions that fit the filter, the last updated first unless ordered otherwise; `limit` is 1 to 200,000.

        Attributes are name, version, alias, stage, approval_status, run_id, source, created, updated (milliseconds
        since the epoch), created_by, description, size (bytes), manifest and logged_model; further tags.<key>, and
        params.<key> and metrics.<key> of the run that made the version.
        Raises InvalidFilter, which points at the fault, and Invalid for a bad limit or page token.
        """
        self._actor.require(Permission.READ)
        size, condition, order = (
            VERSIONS.limit(limit),
            parse_filter(filter, VERSIONS.fields),
            _order(order_by, VERSIONS),
        )
        with self._database.read() as tx:
            found = search.versions(tx, condition, order)
            query = ["versions", filter, *_written(order_by)]
            return _page(tx, found, size, page_token, query, versions.versions_by_ids)


class TrackingSearch:
    """Search over experiments, runs and logged models; see `modelshelf.domain.search` for the grammar of filters."""

    _database: Database
    _actor: Actor

    def search_experiments(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        limit: int = 1_000,
        page_token: str | None = None,
        view: View = View.ACTIVE,
    ) -> Page[Experiment]:
        """Experiments that fit the filter, the last created first unless ordered otherwise; `limit` is 1 to 50,000.

        Attributes are experiment_id, name, created and updated (milliseconds since the epoch); and tags.<key>.
        Raises InvalidFilter, which points at the fault, and Invalid for a bad limit or page token.
        """
        self._actor.require(Permission.READ)
        size, condition = EXPERIMENTS.limit(limit), parse_filter(filter, EXPERIMENTS.fields)
        order = _order(order_by, EXPERIMENTS)
        with self._database.read() as tx:
            found = search.experiments(tx, condition, order, lifecycles=view.lifecycles)
            query = ["experiments", view.value, filter, *_written(order_by)]
            return _page(tx, found, size, page_token, query, experiments.experiments_by_ids)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        limit: int = 1_000,
        page_token: str | None = None,
        view: View = View.ACTIVE,
    ) -> Page[Run]:
        """Runs of some experiments that fit the filter, the last started first unless ordered otherwise.

        `limit` is 1 to 50,000. Attributes are run_id, run_name, status, start_time, end_time (milliseconds since the
        epoch), duration (milliseconds), user_id, experiment_id and artifact_uri; further tags.<key>, params.<key>,
        metrics.<key> (the latest value), and dataset.name, dataset.digest and dataset.context.
        Raises InvalidFilter, which points at the fault, and Invalid for a bad limit, page token or experiment id.
        """
        self._actor.require(Permission.READ)
        size, condition, order = RUNS.limit(limit), parse_filter(filter, RUNS.fields), _order(order_by, RUNS)
        numbers = _numbers(experiment_ids)
        with self._database.read() as tx:
            found = search.runs(tx, condition, order, experiments=numbers, lifecycles=view.lifecycles)
            query = ["runs", numbers, view.value, filter, *_written(order_by)]
            return _page(tx, found, size, page_token, query, tracking.runs_by_ids)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter: str = "",
        *,
        datasets: Sequence[tuple[str, str]] = (),
        order_by: Sequence[str | Order] = (),
        limit: int = 100,
        page_token: str | None = None,
    ) -> Page[LoggedModel]:
        """Logged models of some experiments that fit the filter, the last created first unless ordered otherwise.

        `limit` is 1 to 50,000. Attributes are model_id, name, model_type, status, run_id, created, updated
        (milliseconds since the epoch) and experiment_id; further tags.<key>, params.<key> and metrics.<key>, which fits
        when one of its points does. With `datasets` (each a name, and a digest or "") only points count that were
        measured on one of them.
        Raises InvalidFilter, which points at the fault, and Invalid for a bad limit, page token or experiment id.
        """
        self._actor.require(Permission.READ)
        size, condition = LOGGED_MODELS.limit(limit), parse_filter(filter, LOGGED_MODELS.fields)
        order, numbers, measured = _order(order_by, LOGGED_MODELS), _numbers(experiment_ids), _datasets(datasets)
        with self._database.read() as tx:
            found = search.logged_models(tx, condition, order, experiments=numbers, datasets=measured)
            query = ["logged models", numbers, measured, filter, *_written(order_by)]
            return _page(tx, found, size, page_token, query, logged_models.logged_models_by_ids)


def _page(
    tx: Transaction,
    found: Search,
    limit: int,
    token: str | None,
    query: list[Any],
    by_ids: Callable[[Transaction, list[Any]], list[T]],
) -> Page[T]:
    page = found.page(limit, page_start(token, query=query, kinds=found.kinds()))
    return Page(tuple(by_ids(tx, page.ids)), None if page.behind is None else make_token(page.behind, query=query))


def _order(order_by: Sequence[str | Order], searchable: Searchable) -> tuple[Order, ...]:
    if isinstance(order_by, str):
        raise Invalid(f"order_by is a list of keys, not one text; write [{order_by!r}]")
    for each in order_by:
        if not isinstance(each, str | Order):
            raise Invalid(f"a key to order by must be a text like 'name DESC', not {each!r}")
    if len(order_by) > MAX_ORDER:
        raise Invalid(f"{len(order_by)} keys to order by; the limit is {MAX_ORDER}", limit=MAX_ORDER)
    if all(isinstance(each, str) for each in order_by):
        return parse_order([each for each in order_by if isinstance(each, str)], searchable.fields)
    each_order = [
        parse_order([each], searchable.fields) if isinstance(each, str) else (check_order(each, searchable.fields),)
        for each in order_by
    ]
    return tuple(order for orders in each_order for order in orders)


def _written(order_by: Sequence[str | Order]) -> list[Any]:
    return [
        each if isinstance(each, str) else [each.field.kind, each.field.key, each.descending, each.dataset]
        for each in order_by
    ]


def _numbers(experiment_ids: Sequence[str]) -> list[int]:
    if isinstance(experiment_ids, str):
        raise Invalid(f"experiment_ids is a list of ids, not one text; write [{experiment_ids!r}]")
    numbers = {experiment_number(experiment_id) for experiment_id in experiment_ids}
    return sorted(number for number in numbers if number is not None)


def _datasets(datasets: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(datasets) > MAX_DATASETS:
        raise Invalid(f"{len(datasets)} datasets; the limit is {MAX_DATASETS}", limit=MAX_DATASETS)
    for name, digest in datasets:
        storable(name, "dataset's name")
        storable(digest, "dataset's digest")
    return list(datasets)
