"""Registered models and their versions."""

from dataclasses import dataclass, field

from modelshelf.domain.names import Stage


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One numbered version of a registered model: its content is immutable, what is said about it may change."""

    model_id: int
    name: str
    number: int
    manifest: str | None
    """Digest of the sealed manifest; None while unsealed (its source lies outside the store)."""
    source: str
    created_ms: int
    updated_ms: int
    created_by: str
    origin: str = ""
    """Where the files are or were: the source, or that of the version which was copied."""
    description: str = ""
    run_id: str = ""
    run_link: str = ""
    logged_model: str = ""
    stage: Stage = Stage.NONE
    size: int = 0
    """Bytes of all files of the sealed manifest."""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    approval_status: str = ""
    """PendingManualApproval, Approved or Rejected, as in SageMaker's registry; empty where nobody set one."""

    @property
    def sealed(self) -> bool:
        return self.manifest is not None

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name that gathers versions; `id` is never reused, not even when the name is."""

    id: int
    name: str
    created_ms: int
    updated_ms: int
    created_by: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    latest_versions: tuple[ModelVersion, ...] = ()
    """The newest version of each stage that has one."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a URI names at an instant, and how its version was found."""

    uri: str
    version: ModelVersion
    alias: str | None = None
    at_ms: int | None = None
