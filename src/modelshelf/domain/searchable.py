"""What each of the five things that can be searched for can be searched by, and how large a page may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import Stage
from modelshelf.domain.requests import ApprovalStatus
from modelshelf.domain.search_conditions import Fields, FieldType, Kind
from modelshelf.domain.tracking import LoggedModelStatus, RunStatus

TEXT, TEXTS, NUMBER = FieldType.TEXT, FieldType.TEXTS, FieldType.NUMBER


def _spellings(names: type[Enum]) -> dict[str, str]:
    return {str(name.value).lower(): str(name.value) for name in names}


@dataclass(frozen=True, slots=True)
class Searchable:
    """One kind of thing: its name in messages, its fields, the largest page, and values that may be in any case."""

    things: str
    fields: Fields
    page_limit: int
    spellings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def limit(self, wanted: int) -> int:
        """The size of a page, checked."""
        if isinstance(wanted, bool) or not isinstance(wanted, int) or not 1 <= wanted <= self.page_limit:
            raise Invalid(
                f"a page holds 1 to {self.page_limit:,} {self.things}, not {wanted!r}; more come with the page token",
                limit=self.page_limit,
            )
        return wanted

    def spelled(self, attribute: str, value: str) -> str:
        """A value as it is stored: `production` is the stage `Production`."""
        return self.spellings.get(attribute, {}).get(value.lower(), value)


MODELS = Searchable(
    things="models",
    fields=Fields(
        attributes={
            "name": TEXT,
            "created": NUMBER,
            "updated": NUMBER,
            "description": TEXT,
            "created_by": TEXT,
            "alias": TEXTS,
            "stage": TEXTS,
        },
        aliases={
            "created_at": "created",
            "creation_time": "created",
            "creation_timestamp": "created",
            "timestamp": "updated",
            "last_updated": "updated",
            "last_updated_timestamp": "updated",
            "user_id": "created_by",
            "aliases": "alias",
        },
    ),
    page_limit=1_000,
    spellings={"stage": _spellings(Stage)},
)
"""Registered models; `stage` and `alias` are those of any of its versions. Times are milliseconds since the epoch."""

VERSIONS = Searchable(
    things="versions",
    fields=Fields(
        attributes={
            "name": TEXT,
            "version": NUMBER,
            "alias": TEXTS,
            "stage": TEXT,
            "approval_status": TEXT,
            "run_id": TEXT,
            "source": TEXT,
            "created": NUMBER,
            "updated": NUMBER,
            "created_by": TEXT,
            "description": TEXT,
            "size": NUMBER,
            "manifest": TEXT,
            "logged_model": TEXT,
        },
        aliases={
            "model": "name",
            "number": "version",
            "version_number": "version",
            "aliases": "alias",
            "current_stage": "stage",
            "model_approval_status": "approval_status",
            "source_path": "source",
            "creation_time": "created",
            "creation_timestamp": "created",
            "timestamp": "updated",
            "last_updated": "updated",
            "last_updated_timestamp": "updated",
            "user_id": "created_by",
            "model_id": "logged_model",
        },
        kinds=frozenset({Kind.TAG, Kind.PARAM, Kind.METRIC}),
    ),
    page_limit=200_000,
    spellings={"stage": _spellings(Stage), "approval_status": _spellings(ApprovalStatus)},
)
"""Versions; their params and metrics are those of the run that made them. An unsealed one has no `manifest`."""

EXPERIMENTS = Searchable(
    things="experiments",
    fields=Fields(
        attributes={"experiment_id": NUMBER, "name": TEXT, "created": NUMBER, "updated": NUMBER},
        aliases={
            "id": "experiment_id",
            "creation_time": "created",
            "last_update_time": "updated",
            "last_updated": "updated",
        },
    ),
    page_limit=50_000,
)

RUNS = Searchable(
    things="runs",
    fields=Fields(
        attributes={
            "run_id": TEXT,
            "run_name": TEXT,
            "status": TEXT,
            "start_time": NUMBER,
            "end_time": NUMBER,
            "duration": NUMBER,
            "user_id": TEXT,
            "experiment_id": NUMBER,
            "artifact_uri": TEXT,
        },
        aliases={
            "id": "run_id",
            "name": "run_name",
            "run name": "run_name",
            "Run name": "run_name",
            "Run Name": "run_name",
            "started": "start_time",
            "created": "start_time",
            "Created": "start_time",
            "ended": "end_time",
            "user": "user_id",
        },
        kinds=frozenset(Kind),
    ),
    page_limit=50_000,
    spellings={"status": _spellings(RunStatus)},
)
"""Runs; `duration` is in milliseconds, and like `end_time` a run that still runs has none."""

LOGGED_MODELS = Searchable(
    things="logged models",
    fields=Fields(
        attributes={
            "model_id": TEXT,
            "name": TEXT,
            "model_type": TEXT,
            "status": TEXT,
            "run_id": TEXT,
            "created": NUMBER,
            "updated": NUMBER,
            "experiment_id": NUMBER,
        },
        aliases={
            "id": "model_id",
            "source_run_id": "run_id",
            "creation_time": "created",
            "creation_timestamp": "created",
            "last_updated": "updated",
            "last_updated_time": "updated",
            "last_updated_timestamp": "updated",
        },
        kinds=frozenset({Kind.TAG, Kind.PARAM, Kind.METRIC}),
    ),
    page_limit=50_000,
    spellings={"status": _spellings(LoggedModelStatus)},
)
"""Logged models; one without a run has no `run_id`, one without a type no `model_type`."""
