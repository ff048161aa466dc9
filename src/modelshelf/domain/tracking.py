"""Experiments, runs and logged models: what is recorded while models are made."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from modelshelf.domain.errors import Invalid

DEFAULT_EXPERIMENT = "0"
"""The id of the experiment `Default`, which is there from the start."""


_WHOLE_NUMBER = re.compile(r"-?\d+", re.ASCII)


class Lifecycle(StrEnum):
    """Deleted things are kept, read-only, until somebody restores them."""

    ACTIVE = "active"
    DELETED = "deleted"


class View(StrEnum):
    """Which of the active and the deleted ones a search looks at."""

    ACTIVE = "active"
    DELETED = "deleted"
    ALL = "all"

    @property
    def lifecycles(self) -> tuple[Lifecycle, ...]:
        return tuple(Lifecycle) if self is View.ALL else (Lifecycle(self.value),)


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def is_final(self) -> bool:
        return self in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


class LoggedModelStatus(StrEnum):
    """How far the upload of a logged model's files is."""

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"
    UNSPECIFIED = "UNSPECIFIED"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A name that gathers runs and logged models."""

    id: str
    name: str
    created_ms: int
    updated_ms: int
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    tags: dict[str, str] = field(default_factory=dict)
    location: str = ""
    """The folder of the store that was asked for; empty where it is one called by the id."""

    @property
    def artifact_root(self) -> str:
        """The folder of the store below which the files of its runs and logged models lie."""
        return self.location or self.id


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One measured value; `value` may be NaN, never infinite.

    `logged_model`, the dataset and `run_id` say which model was measured on what, by which run; they are empty on the
    points of a run's own history.
    """

    key: str
    value: float
    time_ms: int
    step: int = 0
    logged_model: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Data that a run used; within an experiment the name and the digest identify it."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset and the part it played, e.g. the tag `mlflow.data.context` = `training`."""

    dataset: Dataset
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """A dataset of an experiment, and a part that it played in some run; empty where none was told."""

    experiment_id: str
    name: str
    digest: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """A logged model that a run made, and at which step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of some training code, with what it logged."""

    id: str
    experiment_id: str
    name: str
    user: str
    status: RunStatus
    started_ms: int
    ended_ms: int | None = None
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, MetricPoint] = field(default_factory=dict)
    """The latest point of each metric: the one with the highest step, then time, then value."""
    inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[str, ...] = ()
    """Ids of the logged models that the run used."""
    outputs: tuple[ModelOutput, ...] = ()
    location: str = ""
    """That of its experiment."""

    @property
    def artifact_root(self) -> str:
        """The folder of the store in which the run's files lie."""
        return f"{self.location or self.experiment_id}/{self.id}/artifacts"


@dataclass(frozen=True, slots=True)
class Registration:
    """A version of a registered model that was made of a logged model."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model as a run logged it, whether or not it was registered afterwards. Names need not be unique."""

    id: str
    """`m-` and 32 hexadecimal digits."""
    experiment_id: str
    name: str
    created_ms: int
    updated_ms: int
    model_type: str = ""
    run_id: str = ""
    """The run that made it; empty where none did."""
    status: LoggedModelStatus = LoggedModelStatus.PENDING
    status_message: str = ""
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: tuple[MetricPoint, ...] = ()
    registrations: tuple[Registration, ...] = ()
    location: str = ""
    """That of its experiment."""

    @property
    def artifact_root(self) -> str:
        """The folder of the store in which the model's files lie."""
        return f"{self.location or self.experiment_id}/models/{self.id}/artifacts"


def experiment_number(experiment_id: object) -> int | None:
    """The number that an experiment's id spells; None for one that no experiment can have."""
    if not isinstance(experiment_id, str) or not _WHOLE_NUMBER.fullmatch(experiment_id):
        raise Invalid(
            f"invalid experiment id {experiment_id!r}: it must be a whole number in a text; an experiment's name is "
            "looked up with experiment_by_name",
            experiment_id=experiment_id,
        )
    return int(experiment_id) if len(experiment_id) < 20 and 0 <= int(experiment_id) < 2**63 else None


def run_status(text: str) -> RunStatus:
    """A run's status by its name."""
    try:
        return RunStatus(text)
    except ValueError:
        known = ", ".join(RunStatus)
        raise Invalid(f"unknown run status {text!r}: there are {known}", status=text) from None


def logged_model_status(text: str) -> LoggedModelStatus:
    """A logged model's status by its name."""
    try:
        return LoggedModelStatus(text)
    except ValueError:
        known = ", ".join(LoggedModelStatus)
        raise Invalid(f"unknown status {text!r} of a logged model: there are {known}", status=text) from None
