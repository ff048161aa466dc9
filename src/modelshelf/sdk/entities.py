"""Experiments, runs and what they log, as MLflow's users know them: its field names, its ways to get at them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any, ClassVar, Generic, Self, TypeVar

from modelshelf.domain.errors import Invalid

T = TypeVar("T")


class Entity:
    """What all of them can: `dict(entity)` and, where a caller wants plain data, `to_dictionary()`."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for name in sorted(each.name for each in fields(self)):  # type: ignore[arg-type]
            yield name, getattr(self, name)

    def to_dictionary(self) -> dict[str, Any]:
        return dict(self)

    @classmethod
    def from_dictionary(cls, content: dict[str, Any]) -> Self:
        """The entity with these fields; what is no field of it is ignored."""
        known = {each.name for each in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in content.items() if name in known})


class _Named(IntEnum):
    """A number that has a name; MLflow's users turn one into the other."""

    @classmethod
    def from_string(cls, text: str) -> int:
        try:
            return cls[text.upper()]
        except KeyError:
            known = ", ".join(member.name for member in cls)
            raise Invalid(f"unknown {cls.__name__} {text!r}: there are {known}") from None

    @classmethod
    def to_string(cls, number: int) -> str:
        try:
            return cls(number).name
        except ValueError:
            known = ", ".join(str(member.value) for member in cls)
            raise Invalid(f"unknown {cls.__name__} {number!r}: there are {known}") from None


class ViewType(_Named):
    """Which of the active and the deleted ones a search looks at."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    @classmethod
    def to_string(cls, number: int) -> str:
        return super().to_string(number).lower()


class RunStatus(_Named):
    """How far a run is. On `run.info.status` it stands as its name, e.g. `FINISHED`."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    @classmethod
    def is_terminated(cls, number: int) -> bool:
        return number in {cls.FINISHED, cls.FAILED, cls.KILLED}

    @classmethod
    def all_status(cls) -> list[int]:
        return list(cls)


class SourceType(_Named):
    """What kind of thing made a run, as the tag `mlflow.source.type` names it."""

    NOTEBOOK = 1
    JOB = 2
    PROJECT = 3
    LOCAL = 4
    UNKNOWN = 5


class LifecycleStage:
    """Whether an experiment or a run is there or deleted."""

    ACTIVE = "active"
    DELETED = "deleted"


class PagedList(list[T], Generic[T]):
    """A page of results; `token` asks for the next one, None where this is the last."""

    def __init__(self, items: Sequence[T] = (), token: str | None = None) -> None:
        super().__init__(items)
        self.token = token

    def to_list(self) -> list[T]:
        return list(self)


@dataclass(frozen=True, slots=True)
class Metric(Entity):
    """One measured value; `timestamp` in milliseconds since the epoch."""

    key: str
    value: float
    timestamp: int
    step: int
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Param(Entity):
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag(Entity):
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ExperimentTag(Entity):
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class InputTag(Entity):
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Experiment(Entity):
    """A name that gathers runs; times in milliseconds since the epoch."""

    DEFAULT_EXPERIMENT_NAME: ClassVar[str] = "Default"

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    tags: dict[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None


@dataclass(frozen=True, slots=True)
class Dataset(Entity):
    """A dataset as a run recorded it; `source`, `schema` and `profile` are JSON texts."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetInput(Entity):
    """A dataset and the part it played, told by tags such as `mlflow.data.context`."""

    dataset: Dataset
    tags: list[InputTag] = field(default_factory=list)

    def to_dictionary(self) -> dict[str, Any]:
        return {"dataset": self.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in self.tags}}


@dataclass(frozen=True, slots=True)
class LoggedModelInput(Entity):
    """A logged model that a run used."""

    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelOutput(Entity):
    """A logged model that a run made, and at which step."""

    model_id: str
    step: int


@dataclass(frozen=True, slots=True)
class RunInfo(Entity):
    """What a run is; times in milliseconds since the epoch, `status` the name of a RunStatus."""

    run_id: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    lifecycle_stage: str
    artifact_uri: str | None = None
    run_name: str | None = None


@dataclass(frozen=True, slots=True)
class RunData(Entity):
    """What a run logged: the latest value of each metric, its params and tags, each by key."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunInputs(Entity):
    """Datasets and logged models that a run used."""

    dataset_inputs: list[DatasetInput] = field(default_factory=list)
    model_inputs: list[LoggedModelInput] = field(default_factory=list)

    def to_dictionary(self) -> dict[str, Any]:
        return {
            "model_inputs": [each.to_dictionary() for each in self.model_inputs],
            "dataset_inputs": [each.to_dictionary() for each in self.dataset_inputs],
        }


@dataclass(frozen=True, slots=True)
class RunOutputs(Entity):
    """Logged models that a run made."""

    model_outputs: list[LoggedModelOutput] = field(default_factory=list)

    def to_dictionary(self) -> dict[str, Any]:
        return {"model_outputs": [each.to_dictionary() for each in self.model_outputs]}


@dataclass(frozen=True, slots=True)
class Run(Entity):
    """One execution of some training code."""

    info: RunInfo
    data: RunData = field(default_factory=RunData)
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs = field(default_factory=RunOutputs)

    def to_dictionary(self) -> dict[str, Any]:
        return {name: part.to_dictionary() for name, part in self}


@dataclass(frozen=True, slots=True)
class FileInfo(Entity):
    """A file or a folder; `file_size` in bytes, None for a folder."""

    path: str
    is_dir: bool
    file_size: int | None
