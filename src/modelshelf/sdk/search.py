"""Searches that answer everything at once: runs as a table, and lists of experiments, models and versions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from modelshelf.domain import tracking
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.sdk import session, translation
from modelshelf.sdk.entities import Experiment, Run, ViewType
from modelshelf.sdk.experiments import active_experiment_id
from modelshelf.sdk.model_entities import LoggedModel, ModelVersion, RegisteredModel
from modelshelf.sdk.paging import every
from modelshelf.services.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

MOST_RUNS = 100_000


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = MOST_RUNS,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> "pd.DataFrame": ...


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = MOST_RUNS,
    order_by: Sequence[str] | None = None,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> list[Run]: ...


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = MOST_RUNS,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> "pd.DataFrame | list[Run]":
    """Runs of the experiment in force, of some experiments (by id or by name), or of all; the newest first.

    A table has a row for each run and the columns `run_id`, `experiment_id`, `status`, `artifact_uri`, `start_time`,
    `end_time` and, for whatever any of them logged, `metrics.KEY`, `params.KEY` and `tags.KEY`. Raises InvalidFilter.
    """
    if output_format not in {"pandas", "list"}:
        raise Invalid(f"output_format must be 'pandas' or 'list', not {output_format!r}")
    shelf = session.tracking()
    ids = _experiment_ids(shelf, experiment_ids, experiment_names, search_all=search_all_experiments)
    runs: list[Run] = []
    if ids:
        found = every(
            lambda limit, token: shelf.tracking.search_runs(
                ids,
                filter_string or "",
                view=translation.view(run_view_type),
                order_by=list(order_by or ()),
                limit=limit,
                page_token=token,
            ),
            max_results,
        )
        runs = [translation.run(run) for run in found]
    return runs if output_format == "list" else table_of(runs)


def _experiment_ids(
    shelf: Registry, ids: Sequence[str] | None, names: Sequence[str] | None, *, search_all: bool
) -> list[str]:
    if ids and names:
        raise Invalid("name the experiments by experiment_ids or by experiment_names, not by both")
    if ids:
        return [str(each) for each in ([ids] if isinstance(ids, str) else ids)]
    if names:
        return [found.id for name in names for found in _named(shelf, name)]
    return [found.id for found in _all_experiments(shelf)] if search_all else [active_experiment_id()]


def _named(shelf: Registry, name: str) -> list[tracking.Experiment]:
    """A name that nobody knows finds nothing: the experiment may be made later."""
    try:
        return [shelf.tracking.experiment_by_name(name)]
    except NotFound:
        return []


def _all_experiments(shelf: Registry) -> list[tracking.Experiment]:
    return every(
        lambda limit, token: shelf.tracking.search_experiments(
            "", view=tracking.View.ACTIVE, limit=limit, page_token=token
        )
    )


def table_of(runs: Sequence[Run]) -> "pd.DataFrame":
    """Runs as a table; where a run has no metric there is NaN, no param or tag None."""
    import pandas as pd

    def instants(times: Iterable[int | None]) -> list[Any]:
        return [pd.NaT if time is None else pd.to_datetime(time, unit="ms", utc=True) for time in times]

    columns: dict[str, list[Any]] = {
        "run_id": [run.info.run_id for run in runs],
        "experiment_id": [run.info.experiment_id for run in runs],
        "status": [run.info.status for run in runs],
        "artifact_uri": [run.info.artifact_uri for run in runs],
        "start_time": instants(run.info.start_time for run in runs),
        "end_time": instants(run.info.end_time for run in runs),
    }
    columns.update(_columns("metrics", [run.data.metrics for run in runs], float("nan")))
    columns.update(_columns("params", [run.data.params for run in runs], None))
    columns.update(_columns("tags", [run.data.tags for run in runs], None))
    return pd.DataFrame(columns)


def _columns(kind: str, logged: Sequence[Mapping[str, Any]], missing: Any) -> dict[str, list[Any]]:
    keys = dict.fromkeys(key for each in logged for key in each)
    return {f"{kind}.{key}": [each.get(key, missing) for each in logged] for key in keys}


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """All experiments that fit, the newest first unless ordered otherwise. Raises InvalidFilter."""
    shelf = session.tracking()
    found = every(
        lambda limit, token: shelf.tracking.search_experiments(
            filter_string or "",
            view=translation.view(view_type),
            order_by=list(order_by or ()),
            limit=limit,
            page_token=token,
        ),
        max_results,
    )
    return [translation.experiment(each) for each in found]


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[RegisteredModel]:
    """All registered models that fit, by name unless ordered otherwise. Raises InvalidFilter."""
    shelf = session.registry()
    found = every(
        lambda limit, token: shelf.catalog.search_models(
            filter_string or "", order_by=list(order_by or ()), limit=limit, page_token=token
        ),
        max_results,
    )
    return [translation.registered_model(each) for each in found]


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[ModelVersion]:
    """All versions that fit, the last changed first unless ordered otherwise. Raises InvalidFilter."""
    shelf = session.registry()
    found = every(
        lambda limit, token: shelf.catalog.search_versions(
            filter_string or "", order_by=list(order_by or ()), limit=limit, page_token=token
        ),
        max_results,
    )
    return [translation.model_version(each) for each in found]


@overload
def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: Literal["pandas"] = "pandas",
) -> "pd.DataFrame": ...


@overload
def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    *,
    output_format: Literal["list"],
) -> list[LoggedModel]: ...


def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
) -> "pd.DataFrame | list[LoggedModel]":
    """Logged models of the experiment in force or of some experiments, as a table or as a list; the newest first.

    `datasets` and `order_by` are as `MlflowClient.search_logged_models` takes them. Raises InvalidFilter.
    """
    if output_format not in {"pandas", "list"}:
        raise Invalid(f"output_format must be 'pandas' or 'list', not {output_format!r}")
    shelf = session.tracking()
    ids = [str(each) for each in experiment_ids or [active_experiment_id()]]
    found = every(
        lambda limit, token: shelf.tracking.search_logged_models(
            ids,
            filter_string or "",
            datasets=translation.measured_on(datasets),
            order_by=translation.model_orders(order_by),
            limit=limit,
            page_token=token,
        ),
        max_results,
    )
    models = [translation.logged_model(each) for each in found]
    if output_format == "list":
        return models
    import pandas as pd

    return pd.DataFrame([{**model.to_dictionary(), "status": str(model.status)} for model in models])
