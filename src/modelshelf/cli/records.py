"""What `--json` answers: the registry's values under stable keys, times as ISO 8601 in UTC, sizes in bytes."""

from typing import Any

from modelshelf.cli.cells import iso
from modelshelf.domain.artifacts import FileEntry, Finding
from modelshelf.domain.catalog import ModelVersion, RegisteredModel
from modelshelf.domain.evaluations import Evaluation
from modelshelf.domain.events import Event
from modelshelf.domain.governance import Move
from modelshelf.domain.tracking import Experiment, Run

Record = dict[str, Any]


def model(of: RegisteredModel) -> Record:
    return {
        "name": of.name,
        "description": of.description,
        "created": iso(of.created_ms),
        "created_by": of.created_by,
        "updated": iso(of.updated_ms),
        "aliases": dict(of.aliases),
        "tags": dict(of.tags),
        "latest_version": latest_number(of),
    }


def latest_number(of: RegisteredModel) -> int | None:
    """The newest version there is."""
    return max((version.number for version in of.latest_versions), default=None)


def version(of: ModelVersion) -> Record:
    return {
        "name": of.name,
        "version": of.number,
        "uri": of.uri,
        "aliases": list(of.aliases),
        "stage": of.stage.value,
        "approval_status": of.approval_status or None,
        "description": of.description,
        "tags": dict(of.tags),
        "created": iso(of.created_ms),
        "created_by": of.created_by,
        "updated": iso(of.updated_ms),
        "source": of.source,
        "run_id": of.run_id or None,
        "run_link": of.run_link or None,
        "logged_model": of.logged_model or None,
        "sealed": of.sealed,
        "manifest": of.manifest,
        "size": of.size,
    }


def move(of: Move) -> Record:
    return {
        "time": iso(of.time_ms),
        "actor": of.actor,
        "model": of.model,
        "slot": of.slot.value,
        "alias": of.alias,
        "version": of.version,
        "before": of.before,
        "after": of.after,
        "reason": of.reason,
        "cause": of.cause.value,
    }


def event(of: Event) -> Record:
    return {
        "position": of.position,
        "time": iso(of.time_ms),
        "actor": of.actor,
        "name": of.name,
        "subject": of.subject,
        "data": dict(of.data),
    }


def evaluation(of: Evaluation) -> Record:
    return {
        "version": of.version,
        "against": of.against,
        "metric": of.metric,
        "greater_is_better": of.greater_is_better,
        "candidate": of.candidate,
        "baseline": of.baseline,
        "difference": of.difference,
        "difference_low": of.difference_low,
        "difference_high": of.difference_high,
        "confidence": of.confidence,
        "rows": of.rows,
        "dataset_name": of.dataset_name,
        "dataset_digest": of.dataset_digest,
        "created": iso(of.created_ms),
        "actor": of.actor,
    }


def experiment(of: Experiment) -> Record:
    return {
        "id": of.id,
        "name": of.name,
        "lifecycle": of.lifecycle.value,
        "created": iso(of.created_ms),
        "updated": iso(of.updated_ms),
        "tags": dict(of.tags),
    }


def run(of: Run) -> Record:
    return {
        "id": of.id,
        "name": of.name,
        "experiment_id": of.experiment_id,
        "status": of.status.value,
        "lifecycle": of.lifecycle.value,
        "user": of.user,
        "started": iso(of.started_ms),
        "ended": iso(of.ended_ms),
        "params": dict(of.params),
        "metrics": {
            key: {"value": point.value, "step": point.step, "time": iso(point.time_ms)}
            for key, point in of.metrics.items()
        },
        "tags": dict(of.tags),
    }


def file(of: FileEntry) -> Record:
    return {"path": of.path, "size": of.size, "digest": of.digest}


def finding(of: Finding) -> Record:
    return {"subject": of.subject, "fault": of.fault, "uses": list(of.uses)}
