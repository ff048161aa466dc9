"""Domain values as MLflow's JSON: pure functions. What is empty is left out, where MLflow leaves it out."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from modelshelf.domain.access import ANONYMOUS
from modelshelf.domain.catalog import ModelVersion, RegisteredModel
from modelshelf.domain.sources import store_uri
from modelshelf.domain.tracking import (
    DatasetInput,
    DatasetUse,
    Experiment,
    LoggedModel,
    LoggedModelStatus,
    MetricPoint,
    Registration,
    Run,
)

Json = dict[str, Any]

LOGGED_MODEL_STATUSES = {
    LoggedModelStatus.UNSPECIFIED: "LOGGED_MODEL_STATUS_UNSPECIFIED",
    LoggedModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelStatus.READY: "LOGGED_MODEL_READY",
    LoggedModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
VERSIONS_TAG = "mlflow.modelVersions"


def pairs(entries: Mapping[str, str]) -> list[Json]:
    """Tags or params."""
    return [{"key": key, "value": value} for key, value in entries.items()]


def model_version(version: ModelVersion) -> Json:
    """A version; all are READY, as what is not sealed yet has a source all the same."""
    found: Json = {
        "name": version.name,
        "version": str(version.number),
        "creation_timestamp": version.created_ms,
        "last_updated_timestamp": version.updated_ms,
        "current_stage": version.stage.value,
        "description": version.description,
        "source": version.source,
        "run_id": version.run_id,
        "status": "READY",
        "run_link": version.run_link,
    }
    if version.created_by != ANONYMOUS:
        found["user_id"] = version.created_by
    if version.tags:
        found["tags"] = pairs(version.tags)
    if version.aliases:
        found["aliases"] = list(version.aliases)
    return found


def registered_model(model: RegisteredModel) -> Json:
    """A registered model with the newest version of each stage."""
    found: Json = {
        "name": model.name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
    }
    if model.created_by != ANONYMOUS:
        found["user_id"] = model.created_by
    if model.description:
        found["description"] = model.description
    if model.latest_versions:
        found["latest_versions"] = [model_version(version) for version in model.latest_versions]
    if model.tags:
        found["tags"] = pairs(model.tags)
    if model.aliases:
        found["aliases"] = [{"alias": alias, "version": str(number)} for alias, number in model.aliases.items()]
    return found


def experiment(found: Experiment) -> Json:
    """An experiment."""
    answer: Json = {
        "experiment_id": found.id,
        "name": found.name,
        "artifact_location": store_uri(found.artifact_root),
        "lifecycle_stage": found.lifecycle.value,
        "workspace": "default",
        "creation_time": found.created_ms,
        "last_update_time": found.updated_ms,
    }
    if found.tags:
        answer["tags"] = pairs(found.tags)
    return answer


def started_run(found: Run) -> Json:
    """A run that was just started; it has made nothing yet."""
    return {name: part for name, part in run(found).items() if name != "outputs"}


def run(found: Run) -> Json:
    """A run with what it logged."""
    data: Json = {}
    if found.metrics:
        data["metrics"] = [metric(point) for point in found.metrics.values()]
    if found.params:
        data["params"] = pairs(found.params)
    if found.tags:
        data["tags"] = pairs(found.tags)
    inputs: Json = {}
    if found.inputs:
        inputs["dataset_inputs"] = [dataset_input(used) for used in found.inputs]
    if found.model_inputs:
        inputs["model_inputs"] = [{"model_id": model_id} for model_id in found.model_inputs]
    outputs: Json = {}
    if found.outputs:
        outputs["model_outputs"] = [{"model_id": output.model_id, "step": output.step} for output in found.outputs]
    return {"info": run_info(found), "data": data, "inputs": inputs, "outputs": outputs}


def run_info(found: Run) -> Json:
    """A run without what it logged."""
    info: Json = {
        "run_id": found.id,
        "run_uuid": found.id,
        "run_name": found.name,
        "experiment_id": found.experiment_id,
        "user_id": found.user,
        "status": found.status.value,
        "start_time": found.started_ms,
        "artifact_uri": store_uri(found.artifact_root),
        "lifecycle_stage": found.lifecycle.value,
    }
    if found.ended_ms is not None:
        info["end_time"] = found.ended_ms
    return info


def number(value: float) -> float | str:
    """JSON has no NaN."""
    return "NaN" if math.isnan(value) else value


def metric(point: MetricPoint) -> Json:
    """One point of a metric."""
    found: Json = {"key": point.key, "value": number(point.value), "timestamp": point.time_ms, "step": point.step}
    for name, text in (
        ("model_id", point.logged_model),
        ("dataset_name", point.dataset_name),
        ("dataset_digest", point.dataset_digest),
        ("run_id", point.run_id),
    ):
        if text:
            found[name] = text
    return found


def dataset_use(found: DatasetUse) -> Json:
    """A dataset of an experiment, and the part it played."""
    summary = {"experiment_id": found.experiment_id, "name": found.name, "digest": found.digest}
    return {**summary, "context": found.context} if found.context else summary


def dataset_input(used: DatasetInput) -> Json:
    """A dataset that a run used."""
    dataset = used.dataset
    described: Json = {
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
    }
    if dataset.schema:
        described["schema"] = dataset.schema
    if dataset.profile:
        described["profile"] = dataset.profile
    found: Json = {"dataset": described}
    if used.tags:
        found["tags"] = pairs(used.tags)
    return found


def _versions_tag(registrations: Sequence[Registration]) -> dict[str, str]:
    """The tag in which MLflow's clients look for the versions that were made of a logged model."""
    if not registrations:
        return {}
    return {VERSIONS_TAG: json.dumps([{"name": made.name, "version": made.number} for made in registrations])}


def logged_model(found: LoggedModel) -> Json:
    """A logged model with its params and what was measured on it."""
    info: Json = {
        "model_id": found.id,
        "experiment_id": found.experiment_id,
        "name": found.name,
        "creation_timestamp_ms": found.created_ms,
        "last_updated_timestamp_ms": found.updated_ms,
        "artifact_uri": store_uri(found.artifact_root),
        "status": LOGGED_MODEL_STATUSES[found.status],
        "model_type": found.model_type,
        "source_run_id": found.run_id,
    }
    if found.status_message:
        info["status_message"] = found.status_message
    tags = {**found.tags, **_versions_tag(found.registrations)}
    if tags:
        info["tags"] = pairs(tags)
    data: Json = {}
    if found.params:
        data["params"] = pairs(found.params)
    if found.metrics:
        data["metrics"] = [metric(point) for point in found.metrics]
    return {"info": info, "data": data}
