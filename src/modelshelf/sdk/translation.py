"""From domain values to the entities of the public surface."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from modelshelf.domain import catalog, tracking
from modelshelf.domain.artifacts import Listing
from modelshelf.domain.errors import Invalid
from modelshelf.domain.pages import Page
from modelshelf.domain.search import Order, parse_order
from modelshelf.domain.searchable import LOGGED_MODELS
from modelshelf.domain.sources import store_uri
from modelshelf.sdk import entities, model_entities

Before = TypeVar("Before")
After = TypeVar("After")


def experiment(found: tracking.Experiment) -> entities.Experiment:
    return entities.Experiment(
        experiment_id=found.id,
        name=found.name,
        artifact_location=store_uri(found.artifact_root),
        lifecycle_stage=found.lifecycle.value,
        tags=dict(found.tags),
        creation_time=found.created_ms,
        last_update_time=found.updated_ms,
    )


def run(found: tracking.Run) -> entities.Run:
    return entities.Run(
        info=_run_info(found),
        data=entities.RunData(
            metrics={key: point.value for key, point in found.metrics.items()},
            params=dict(found.params),
            tags=dict(found.tags),
        ),
        inputs=entities.RunInputs(
            dataset_inputs=[_dataset_input(used) for used in found.inputs],
            model_inputs=[entities.LoggedModelInput(model_id) for model_id in found.model_inputs],
        ),
        outputs=entities.RunOutputs([entities.LoggedModelOutput(made.model_id, made.step) for made in found.outputs]),
    )


def _run_info(found: tracking.Run) -> entities.RunInfo:
    return entities.RunInfo(
        run_id=found.id,
        experiment_id=found.experiment_id,
        user_id=found.user,
        status=found.status.value,
        start_time=found.started_ms,
        end_time=found.ended_ms,
        lifecycle_stage=found.lifecycle.value,
        artifact_uri=store_uri(found.artifact_root),
        run_name=found.name,
    )


def _dataset_input(used: tracking.DatasetInput) -> entities.DatasetInput:
    dataset = used.dataset
    return entities.DatasetInput(
        entities.Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema or None,
            profile=dataset.profile or None,
        ),
        [entities.InputTag(key, value) for key, value in used.tags.items()],
    )


def metric(point: tracking.MetricPoint) -> entities.Metric:
    return entities.Metric(
        key=point.key,
        value=point.value,
        timestamp=point.time_ms,
        step=point.step,
        model_id=point.logged_model or None,
        dataset_name=point.dataset_name or None,
        dataset_digest=point.dataset_digest or None,
        run_id=point.run_id or None,
    )


def logged_model(found: tracking.LoggedModel) -> model_entities.LoggedModel:
    return model_entities.LoggedModel(
        experiment_id=found.experiment_id,
        model_id=found.id,
        name=found.name,
        artifact_location=store_uri(found.artifact_root),
        creation_timestamp=found.created_ms,
        last_updated_timestamp=found.updated_ms,
        model_type=found.model_type or None,
        source_run_id=found.run_id or None,
        status=model_entities.LoggedModelStatus(found.status.value),
        status_message=found.status_message or None,
        tags=dict(found.tags),
        params=dict(found.params),
        metrics=[metric(point) for point in found.metrics] or None,
    )


def model_version(found: catalog.ModelVersion) -> model_entities.ModelVersion:
    return model_entities.ModelVersion(
        name=found.name,
        version=found.number,
        creation_timestamp=found.created_ms,
        last_updated_timestamp=found.updated_ms,
        description=found.description or None,
        user_id=found.created_by,
        current_stage=found.stage.value,
        source=found.source,
        run_id=found.run_id or None,
        tags=dict(found.tags),
        run_link=found.run_link or None,
        aliases=list(found.aliases),
        model_id=found.logged_model or None,
        digest=found.manifest,
    )


def registered_model(found: catalog.RegisteredModel) -> model_entities.RegisteredModel:
    return model_entities.RegisteredModel(
        name=found.name,
        creation_timestamp=found.created_ms,
        last_updated_timestamp=found.updated_ms,
        description=found.description or None,
        latest_versions=[model_version(version) for version in found.latest_versions],
        tags=dict(found.tags),
        aliases=dict(found.aliases),
    )


def page(found: Page[Before], translate: Callable[[Before], After]) -> entities.PagedList[After]:
    return entities.PagedList([translate(item) for item in found.items], found.next_token)


def listing(found: Listing, root: str) -> list[entities.FileInfo]:
    """What lies in a folder, with paths relative to the root of the run or logged model, in their order."""
    skipped = len(root) + 1
    files = [entities.FileInfo(file.path[skipped:], is_dir=False, file_size=file.size) for file in found.files]
    folders = [entities.FileInfo(folder[skipped:], is_dir=True, file_size=None) for folder in found.folders]
    return sorted(files + folders, key=lambda info: info.path)


def points(metrics: Iterable[entities.Metric]) -> list[tracking.MetricPoint]:
    """The way back: metrics as a user made them."""
    return [
        tracking.MetricPoint(
            key=each.key,
            value=each.value,
            time_ms=each.timestamp,
            step=each.step,
            logged_model=each.model_id or "",
            dataset_name=each.dataset_name or "",
            dataset_digest=each.dataset_digest or "",
        )
        for each in metrics
    ]


def dataset_input(used: entities.DatasetInput) -> tracking.DatasetInput:
    """The way back: a dataset as a user described it."""
    dataset = used.dataset
    return tracking.DatasetInput(
        tracking.Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema or "",
            profile=dataset.profile or "",
        ),
        {tag.key: tag.value for tag in used.tags},
    )


def view(view_type: int) -> tracking.View:
    """The way back: a ViewType. Raises Invalid for a number that is none."""
    return tracking.View(entities.ViewType.to_string(view_type).removesuffix("_only"))


def measured_on(datasets: Iterable[Mapping[str, str]] | None) -> list[tuple[str, str]]:
    """The way back: datasets as `search_logged_models` is given them, with `dataset_name`, maybe `dataset_digest`."""
    given = list(datasets or ())
    if not all("dataset_name" in each for each in given):
        raise Invalid("each of the datasets is a dict with dataset_name and, if wanted, dataset_digest")
    return [(each["dataset_name"], each.get("dataset_digest") or "") for each in given]


def model_orders(order_by: Iterable[Mapping[str, Any]] | None) -> list[Order]:
    """The way back: keys as `search_logged_models` is given them, with `field_name` and maybe `ascending`."""
    return [_model_order(each) for each in order_by or ()]


def _model_order(given: Mapping[str, Any]) -> Order:
    if "field_name" not in given:
        raise Invalid("each key to order by is a dict with field_name and, if wanted, ascending and dataset_name")
    kind, dot, key = str(given["field_name"]).partition(".")
    written = f"{kind}.`{key}`" if dot else kind
    direction = "ASC" if given.get("ascending", True) else "DESC"
    (order,) = parse_order([f"{written} {direction}"], LOGGED_MODELS.fields)
    name = given.get("dataset_name")
    return replace(order, dataset=(name, given.get("dataset_digest") or "")) if name else order
