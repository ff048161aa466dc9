"""What is logged to the run that is going on: params, metrics, tags, datasets and models."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelshelf.domain.batches import METRICS_PER_BATCH, PARAMS_PER_BATCH, TAGS_PER_BATCH
from modelshelf.domain.errors import Invalid
from modelshelf.domain.tracking import MetricPoint, ModelOutput
from modelshelf.sdk import session, translation
from modelshelf.sdk.active import PARENT_TAG, Going, going, going_or_none, now_ms
from modelshelf.sdk.active_model import get_active_model_id
from modelshelf.sdk.data import Dataset
from modelshelf.sdk.entities import Dataset as DatasetEntity
from modelshelf.sdk.entities import DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput, Run
from modelshelf.sdk.experiments import texts
from modelshelf.services.registry import Registry

CONTEXT_TAG = "mlflow.data.context"


def get_run(run_id: str) -> Run:
    """A run with all that it logged, the latest value of each metric. Raises NotFound."""
    return translation.run(session.tracking().tracking.run(run_id))


def get_parent_run(run_id: str) -> Run | None:
    """The run below which a run was started; None if there is none. Raises NotFound."""
    return parent_of(session.tracking(), run_id)


def parent_of(shelf: Registry, run_id: str) -> Run | None:
    """The run below which a run was started; None if there is none. Raises NotFound."""
    parent = shelf.tracking.run(run_id).tags.get(PARENT_TAG)
    return translation.run(shelf.tracking.run(parent)) if parent else None


def delete_run(run_id: str) -> None:
    """Mark a run deleted. Raises NotFound."""
    session.tracking().tracking.delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Undo a delete. Raises NotFound."""
    session.tracking().tracking.restore_run(run_id)


def log_param(
    key: str,
    value: Any,
    synchronous: bool | None = None,  # noqa: ARG001 — MLflow's argument
) -> Any:
    """Log what the run was started with, as text, at most 6,000 characters. Raises Invalid if it has another value."""
    run = going()
    run.shelf.tracking.log_params(run.run_id, {key: str(value)})
    return value


def log_params(
    params: Mapping[str, Any],
    synchronous: bool | None = None,  # noqa: ARG001 — MLflow's argument
    run_id: str | None = None,
) -> None:
    """Log several params: all or none of each hundred. Raises Invalid where one of them has another value."""
    shelf, target = target_of(run_id)
    for some in _slices(list(texts(params).items()), PARAMS_PER_BATCH):
        shelf.tracking.log_params(target, dict(some))


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Dataset | DatasetEntity | None = None,
) -> None:
    """Log one measured value; `timestamp` in milliseconds, now if left out. It is stored when the call returns."""
    log_metrics({key: value}, step, synchronous, run_id, timestamp, model_id, dataset)


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,  # noqa: ARG001 — MLflow's argument
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Dataset | DatasetEntity | None = None,
) -> None:
    """Log several measured values of one step, and for the models that the run made at that step, if it made any.

    Raises Invalid for a value that is no number, NotFound for an unknown model.
    """
    shelf, target = target_of(run_id)
    run = going_or_none() if run_id is None else None
    model_id, step, now = model_id or get_active_model_id(), step or 0, timestamp or now_ms()
    described = None if dataset is None else as_entity(dataset)
    _link(shelf, target, run, model_id, described)
    models = [model_id] if model_id else (run.models_of_step(step) if run else []) or [""]
    points = [
        MetricPoint(
            key=key,
            value=number(key, value),
            time_ms=now,
            step=step,
            logged_model=model,
            dataset_name=described.name if described else "",
            dataset_digest=described.digest if described else "",
        )
        for key, value in metrics.items()
        for model in models
    ]
    for some in _slices(points, METRICS_PER_BATCH):
        shelf.tracking.log_metrics(target, some)


def number(key: str, value: Any) -> float:
    """A metric's value as a number: also of a numpy scalar or of a tensor with one element."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Invalid(f"the value of metric {key!r} must be a number, not {value!r}", key=key) from None


def _link(shelf: Registry, run_id: str, run: Going | None, model_id: str | None, dataset: DatasetEntity | None) -> None:
    """Say that the run used the model and the dataset, if it is not known to have said so."""
    models = [model_id] if model_id and (run is None or model_id not in run.models) else []
    name = (dataset.name, dataset.digest) if dataset else None
    datasets = [DatasetInput(dataset)] if dataset and (run is None or name not in run.datasets) else []
    if models and run is None:
        models = [each for each in models if each not in {made.model_id for made in shelf.tracking.run(run_id).outputs}]
    if models or datasets:
        shelf.tracking.log_inputs(
            run_id, datasets=[translation.dataset_input(each) for each in datasets], models=models
        )
    if run is not None:
        run.models.update(models)
        run.datasets.update((used.dataset.name, used.dataset.digest) for used in datasets)


def set_tag(
    key: str,
    value: Any,
    synchronous: bool | None = None,  # noqa: ARG001 — MLflow's argument
) -> None:
    """Set a tag of the run, as text, at most 8,000 characters."""
    run = going()
    run.shelf.tracking.tag_run(run.run_id, {key: str(value)})


def set_tags(
    tags: Mapping[str, Any],
    synchronous: bool | None = None,  # noqa: ARG001 — MLflow's argument
) -> None:
    """Set several tags of the run: all or none of each hundred."""
    run = going()
    for some in _slices(list(texts(tags).items()), TAGS_PER_BATCH):
        run.shelf.tracking.tag_run(run.run_id, dict(some))


def delete_tag(key: str) -> None:
    """Remove a tag of the run. Raises NotFound where there is none."""
    run = going()
    run.shelf.tracking.untag_run(run.run_id, key)


def log_input(
    dataset: Dataset | None = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: LoggedModelInput | None = None,
) -> None:
    """Record a dataset that the run used, and in what role: `context="training"`."""
    if dataset is None and (context or tags):
        raise Invalid("context and tags describe a dataset; give one")
    used = [] if dataset is None else [_used(dataset, context, tags)]
    _log_inputs(used, [model.model_id] if model else [])


def log_inputs(
    datasets: Sequence[Dataset] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: Sequence[LoggedModelInput] | None = None,
) -> None:
    """Record several datasets, each with its context and tags, in lists of equal length."""
    datasets, contexts, tags_list = datasets or [], contexts or [], tags_list or []
    if not len(datasets) == len(contexts) == len(tags_list):
        raise Invalid(
            "datasets, contexts and tags_list must be of equal length; write None where there is nothing to say"
        )
    used = [_used(*each) for each in zip(datasets, contexts, tags_list, strict=True)]
    _log_inputs(used, [model.model_id for model in models or []])


def _used(dataset: Dataset | DatasetEntity, context: str | None, tags: Mapping[str, str] | None) -> DatasetInput:
    all_tags = {**texts(tags), **({CONTEXT_TAG: context} if context else {})}
    return DatasetInput(as_entity(dataset), [InputTag(key, value) for key, value in all_tags.items()])


def as_entity(dataset: Dataset | DatasetEntity) -> DatasetEntity:
    """A dataset as runs record it."""
    return dataset if isinstance(dataset, DatasetEntity) else dataset.to_entity()


def _log_inputs(used: Sequence[DatasetInput], models: Sequence[str]) -> None:
    run = going()
    run.shelf.tracking.log_inputs(
        run.run_id, datasets=[translation.dataset_input(each) for each in used], models=models
    )
    run.models.update(models)
    run.datasets.update((each.dataset.name, each.dataset.digest) for each in used)


def log_outputs(models: Sequence[LoggedModelOutput] | None = None) -> None:
    """Record logged models that the run made; metrics of their steps are theirs from now on."""
    run = going()
    run.shelf.tracking.log_outputs(run.run_id, [ModelOutput(each.model_id, each.step) for each in models or []])
    note_outputs(run.run_id, models or [])


def note_outputs(run_id: str, models: Iterable[LoggedModelOutput]) -> None:
    """Remember what was recorded elsewhere as an output of the run that is going on."""
    run = going_or_none()
    if run is not None and run.run_id == run_id:
        noted = list(models)
        run.run.outputs.model_outputs.extend(noted)
        run.models.update(each.model_id for each in noted)


def flush_async_logging() -> None:
    """Does nothing: whatever was logged is stored when the call that logged it returns."""


def target_of(run_id: str | None) -> tuple[Registry, str]:
    """The run that is named, or else going on, and the shelf that has it."""
    active = going() if run_id is None else going_or_none()
    if active is not None and run_id in {None, active.run_id}:
        return active.shelf, active.run_id
    return session.tracking(), str(run_id)


def _slices(items: list[Any], size: int) -> list[list[Any]]:
    """As many as may be sent at once; one empty slice of nothing, so that a bad run is told even then."""
    return [items[at : at + size] for at in range(0, max(len(items), 1), size)]
