"""Logged models, registered models and versions, as MLflow's users know them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from modelshelf.sdk.entities import Entity, Metric


class LoggedModelStatus(StrEnum):
    """How far the upload of a logged model's files is."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"

    def to_int(self) -> int:
        return list(LoggedModelStatus).index(self)

    @classmethod
    def from_int(cls, number: int) -> "LoggedModelStatus":
        return list(cls)[number]

    @classmethod
    def is_finalized(cls, status: "LoggedModelStatus") -> bool:
        return status in {cls.READY, cls.FAILED}


@dataclass(frozen=True, slots=True)
class LoggedModelTag(Entity):
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class LoggedModelParameter(Entity):
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class LoggedModel(Entity):
    """A model as a run logged it; times in milliseconds since the epoch."""

    experiment_id: str
    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str | None = None
    source_run_id: str | None = None
    status: LoggedModelStatus = LoggedModelStatus.READY
    status_message: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[Metric] | None = None

    @property
    def model_uri(self) -> str:
        return f"models:/{self.model_id}"

    def to_dictionary(self) -> dict[str, Any]:
        return {**dict(self), "status": self.status.to_int()}


@dataclass(frozen=True, slots=True)
class ModelVersionTag(Entity):
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RegisteredModelTag(Entity):
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RegisteredModelAlias(Entity):
    alias: str
    version: int


@dataclass(frozen=True, slots=True)
class ModelVersion(Entity):
    """A version of a registered model; times in milliseconds since the epoch."""

    name: str
    version: int
    creation_timestamp: int
    last_updated_timestamp: int | None = None
    description: str | None = None
    user_id: str | None = None
    current_stage: str | None = None
    source: str | None = None
    run_id: str | None = None
    status: str = "READY"
    status_message: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    run_link: str | None = None
    aliases: list[str] = field(default_factory=list)
    model_id: str | None = None
    digest: str | None = None
    """Digest of the sealed files (`sha256:...`); None where they lie outside the store. MLflow has no such field."""


@dataclass(frozen=True, slots=True)
class RegisteredModel(Entity):
    """A name that gathers versions; `aliases` are the versions they point at, `latest_versions` one per stage."""

    name: str
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    description: str | None = None
    latest_versions: list[ModelVersion] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
