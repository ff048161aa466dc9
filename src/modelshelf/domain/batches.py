"""What may be logged to a run at once: the keys, values and points that are valid, and how many of them."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from modelshelf.domain.artifacts import SEALED, ArtifactPath
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import TAG_VALUE_LIMIT, bounded, metric_key, param_key, storable, tag_key
from modelshelf.domain.tracking import Dataset, DatasetInput, MetricPoint

RUN_NAME_TAG = "mlflow.runName"
"""The tag that always holds the run's name; MLflow's clients read and write it."""

METRICS_PER_BATCH = 1_000
PARAMS_PER_BATCH = 100
TAGS_PER_BATCH = 100
ENTRIES_PER_BATCH = 1_000
DATASETS_PER_BATCH = 1_000

EXPERIMENT_NAME_LIMIT = 500
EXPERIMENT_LOCATION_LIMIT = 250
EXPERIMENT_TAG_LIMIT = 20_000
PARAM_VALUE_LIMIT = 6_000
RUN_TAG_LIMIT = 8_000
LOGGED_MODEL_NAME_LIMIT = 1_024
LOGGED_MODEL_KEY_LIMIT = 500
DATASET_LIMITS = {
    "name": 500,
    "digest": 36,
    "source_type": 500,
    "source": 65_535,
    "schema": 1_048_575,
    "profile": 16_777_215,
}
INPUT_TAG_KEY_LIMIT = 255
INPUT_TAG_VALUE_LIMIT = 500

_LARGEST = 1.7976931348623157e308
_BEYOND = 2**63
_WHOLE = range(-_BEYOND, _BEYOND)
_NOT_IN_LOGGED_MODEL_NAMES = "/:.%\"'"


def check_batch(
    metrics: Collection[MetricPoint], params: Mapping[str, str], tags: Mapping[str, str]
) -> tuple[list[MetricPoint], dict[str, str], dict[str, str]]:
    """The batch as it will be stored; raises Invalid for the first thing in it that may not be."""
    _few_enough(len(metrics), METRICS_PER_BATCH, "metrics")
    _few_enough(len(params), PARAMS_PER_BATCH, "params")
    _few_enough(len(tags), TAGS_PER_BATCH, "tags")
    _few_enough(len(metrics) + len(params) + len(tags), ENTRIES_PER_BATCH, "metrics, params and tags together")
    return check_points(metrics), check_params(params), check_tags(tags)


def check_points(points: Iterable[MetricPoint]) -> list[MetricPoint]:
    """The points as they will be stored, each once: infinities become the largest numbers, NaN stays."""
    checked = [point if _is_plain(point) else _checked_point(point) for point in points]
    if len({point.key for point in checked}) == len(checked):
        return checked
    return list({_identity(point): point for point in checked}.values())


def _is_plain(point: MetricPoint) -> bool:
    """Whether a point can be stored as it is: so are almost all, and they need no closer look."""
    value, time_ms, step = point.value, point.time_ms, point.step
    return (
        type(value) is float
        and (0.0 < value <= _LARGEST or -_LARGEST <= value < 0.0)
        and type(time_ms) is int
        and 0 <= time_ms < _BEYOND
        and type(step) is int
        and -_BEYOND <= step < _BEYOND
        and not point.dataset_name
        and not point.dataset_digest
        and type(point.key) is str
        and _is_metric_key(point.key)
    )


@lru_cache(maxsize=4096)
def _is_metric_key(text: str) -> bool:
    """Remembered, as a training logs the same keys again and again. Raises Invalid where it is none."""
    return bool(metric_key(text))


def _checked_point(point: MetricPoint) -> MetricPoint:
    key, value = metric_key(point.key), point.value
    if not isinstance(value, int | float):
        raise Invalid(f"the value of metric {key!r} must be a number, not {value!r}", key=key)
    for what, number in (("time", point.time_ms), ("step", point.step)):
        if not isinstance(number, int) or number not in _WHOLE or (what == "time" and number < 0):
            raise Invalid(f"the {what} of metric {key!r} must be a whole number of 64 bits, not {number!r}", key=key)
    bounded(point.dataset_name, "dataset name", DATASET_LIMITS["name"])
    bounded(point.dataset_digest, "dataset digest", DATASET_LIMITS["digest"])
    return replace(point, value=_finite(value))


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    return number if math.isnan(number) else max(-_LARGEST, min(_LARGEST, number + 0.0))


def _identity(point: MetricPoint) -> MetricPoint:
    """NaN is not equal to itself, None is."""
    return replace(point, value=None) if math.isnan(point.value) else point  # type: ignore[arg-type]


def latest_points(points: Iterable[MetricPoint]) -> dict[str, MetricPoint]:
    """The latest point of each metric: the highest step, then time, then value, where NaN counts as zero."""
    latest: dict[str, MetricPoint] = {}
    for point in points:
        known = latest.setdefault(point.key, point)
        if known is not point and _recency(point) > _recency(known):
            latest[point.key] = point
    return latest


def _recency(point: MetricPoint) -> tuple[int, int, float]:
    return point.step, point.time_ms, 0.0 if math.isnan(point.value) else point.value


def check_params(params: Mapping[str, str]) -> dict[str, str]:
    """Params as they will be stored: values beyond the limit are cut, as a long text must not fail a training."""
    return {param_key(key): _cut(value, f"value of param {key!r}", PARAM_VALUE_LIMIT) for key, value in params.items()}


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a run as they will be stored; values beyond the limit are cut, as those of params are."""
    return {tag_key(key): _cut(value, f"value of tag {key!r}", RUN_TAG_LIMIT) for key, value in tags.items()}


def _cut(text: object, what: str, limit: int) -> str:
    if not isinstance(text, str):
        raise Invalid(f"the {what} must be a text, not {text!r}")
    return storable(text[:limit], what)


def unique_params(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Params that come as pairs; raises Invalid where a key is there twice."""
    params: dict[str, str] = {}
    for key, value in pairs:
        if key in params:
            raise Invalid(f"the param {key!r} is in the batch twice; send one value for each key", key=key)
        params[key] = value
    return params


def refuse_changes(stored: Mapping[str, str], wanted: Mapping[str, str], *, run_id: str) -> None:
    """Raise Invalid where a param already has another value: params are what a run was started with."""
    changes = {key: (stored[key], value) for key, value in wanted.items() if stored.get(key, value) != value}
    for key, (old, new) in changes.items():
        raise Invalid(
            f"changing param values is not allowed: {key!r} of run {run_id} is {_short(old)} and cannot become "
            f"{_short(new)}; start another run, or log it under another name",
            run_id=run_id,
            keys=sorted(changes),
        )


def _short(text: str) -> str:
    return repr(text) if len(text) <= 200 else f"{text[:200]!r}…"


def run_name(name: str | None, tags: Mapping[str, str]) -> str | None:
    """The name that a new run was given, by argument or by tag; None where it was not given one."""
    tagged = tags.get(RUN_NAME_TAG)
    if name and tagged and name != tagged:
        raise Invalid(
            f"the run has two names, {_short(name)} and, in the tag {RUN_NAME_TAG}, {_short(tagged)}; give one"
        )
    given = name or tagged
    return _cut(given, "run name", RUN_TAG_LIMIT) if given else None


def check_experiment_name(name: object) -> str:
    """An experiment's name: any text that is not empty."""
    if not isinstance(name, str) or not name:
        raise Invalid(f"an experiment's name must be a non-empty text, not {name!r}", name=name)
    return bounded(name, "experiment name", EXPERIMENT_NAME_LIMIT)


def check_experiment_location(location: object) -> str:
    """A folder of the store for an experiment's files, short enough to leave room for them; empty for its own one."""
    if location == "":
        return ""
    if not isinstance(location, str):
        raise Invalid(f"an experiment's location must be a text, not {location!r}", location=location)
    path = ArtifactPath(bounded(location, "experiment location", EXPERIMENT_LOCATION_LIMIT))
    if path.parts[0] == SEALED:
        raise Invalid(f"the location {location!r} cannot be used: {SEALED}/ shows sealed manifests", location=location)
    if any(sign in location for sign in "%#?"):
        raise Invalid(f"the location {location!r} cannot be used: leave out %, # and ?", location=location)
    return path.text


def check_experiment_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of an experiment; unlike those of a run they are refused when too long."""
    return {tag_key(key): bounded(value, f"value of tag {key!r}", EXPERIMENT_TAG_LIMIT) for key, value in tags.items()}


def check_logged_model_name(name: object) -> str:
    """A logged model's name: a text that can stand in the path of a URI."""
    if not isinstance(name, str) or not name or any(character in name for character in _NOT_IN_LOGGED_MODEL_NAMES):
        known = " ".join(_NOT_IN_LOGGED_MODEL_NAMES)
        raise Invalid(f"invalid name of a logged model {name!r}: it must be a text without {known}", name=name)
    return bounded(name, "logged model's name", LOGGED_MODEL_NAME_LIMIT)


def check_logged_model_entries(entries: Mapping[str, str], what: str) -> dict[str, str]:
    """Params or tags of a logged model, whose keys are free texts."""
    return {
        bounded(key, f"name of the {what}", LOGGED_MODEL_KEY_LIMIT): bounded(
            value, f"value of {what} {key!r}", TAG_VALUE_LIMIT
        )
        for key, value in entries.items()
    }


def check_inputs(inputs: Collection[DatasetInput]) -> list[DatasetInput]:
    """Dataset inputs, the first one for each name and digest."""
    _few_enough(len(inputs), DATASETS_PER_BATCH, "datasets")
    first: dict[tuple[str, str], DatasetInput] = {}
    for given in inputs:
        _check_dataset(given.dataset)
        for key, value in given.tags.items():
            bounded(key, "name of an input's tag", INPUT_TAG_KEY_LIMIT)
            bounded(value, f"value of the input's tag {key!r}", INPUT_TAG_VALUE_LIMIT)
        first.setdefault((given.dataset.name, given.dataset.digest), given)
    return list(first.values())


def check_step(step: object) -> None:
    """Raise Invalid where a step is not a whole number that both databases can hold."""
    if not isinstance(step, int) or step not in _WHOLE:
        raise Invalid(f"the step must be a whole number of 64 bits, not {step!r}", step=step)


def _check_dataset(dataset: Dataset) -> None:
    for what, limit in DATASET_LIMITS.items():
        bounded(getattr(dataset, what), f"dataset's {what}", limit)


def _few_enough(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise Invalid(f"the batch has {count:,} {what}; the limit is {limit:,}, send several", limit=limit)
