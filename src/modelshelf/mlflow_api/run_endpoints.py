"""Runs: create, get, update, log, search, delete and restore."""

import json
from typing import Any

import msgspec

from modelshelf.domain.batches import RUN_TAG_LIMIT, unique_params
from modelshelf.domain.errors import AlreadyExists
from modelshelf.domain.tracking import Dataset, DatasetInput, MetricPoint, ModelOutput, RunStatus
from modelshelf.mlflow_api import filters, wire
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.experiment_endpoints import VIEW, VIEWS
from modelshelf.mlflow_api.fields import INT64, NEEDED, NUMBER, TEXT, TEXTS, Field, Fields, Kind, fields, objects
from modelshelf.mlflow_api.model_endpoints import TAG, tags_of
from modelshelf.mlflow_api.paging import Paging, page_of
from modelshelf.mlflow_api.routing import Body, Endpoint
from modelshelf.services.registry import Registry

_STATUS_NUMBERS = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
_MODEL_FACTS = frozenset({"artifact_path", "flavors", "utc_time_created", "run_id"})
MODELS_TAG = "mlflow.log-model.history"
_PAGE = Paging(default=1_000, holds=50_000)


def run_id_of(body: Body) -> str:
    """The run a body is about, under either of its names."""
    return str(body.get("run_id") or body.get("run_uuid") or "")


def create(registry: Registry, body: Body) -> Body:
    """Start a run."""
    if not body.get("experiment_id"):
        raise Refusal("BAD_REQUEST", "the experiment_id is missing; it is the text of a whole number")
    made = registry.tracking.start_run(
        body["experiment_id"],
        name=body.get("run_name"),
        user=body.get("user_id"),
        started_ms=body.get("start_time"),
        tags=tags_of(body),
    )
    return {"run": wire.started_run(made)}


def get(registry: Registry, body: Body) -> Body:
    """One run with what it logged."""
    return {"run": wire.run(registry.tracking.run(run_id_of(body)))}


def update(registry: Registry, body: Body) -> Body:
    """Change its status, end or name."""
    status = body.get("status")
    updated = registry.tracking.update_run(
        run_id_of(body),
        status=RunStatus(status) if status else None,
        ended_ms=body.get("end_time"),
        name=body.get("run_name"),
    )
    return {"run_info": wire.run_info(updated)}


def delete(registry: Registry, body: Body) -> Body:
    """Mark it deleted."""
    registry.tracking.delete_run(body["run_id"])
    return {}


def restore(registry: Registry, body: Body) -> Body:
    """Undo that."""
    registry.tracking.restore_run(body["run_id"])
    return {}


def log_metric(registry: Registry, body: Body) -> Body:
    """Log one point of a metric."""
    registry.tracking.log_metrics(run_id_of(body), [_point(body)])
    return {}


def _point(body: Body) -> MetricPoint:
    return MetricPoint(
        body.get("key", ""),
        body.get("value", 0.0),
        body.get("timestamp", 0),
        body.get("step", 0),
        logged_model=body.get("model_id", ""),
        dataset_name=body.get("dataset_name", ""),
        dataset_digest=body.get("dataset_digest", ""),
    )


def log_param(registry: Registry, body: Body) -> Body:
    """Log one param."""
    registry.tracking.log_params(run_id_of(body), {body["key"]: body.get("value", "")})
    return {}


def set_tag(registry: Registry, body: Body) -> Body:
    """Set one tag."""
    registry.tracking.tag_run(run_id_of(body), {body["key"]: body.get("value", "")})
    return {}


def delete_tag(registry: Registry, body: Body) -> Body:
    """Remove one tag."""
    registry.tracking.untag_run(body["run_id"], body["key"])
    return {}


def log_batch(registry: Registry, body: Body) -> Body:
    """Log metrics, params and tags together."""
    for index, point in enumerate(body.get("metrics", ())):
        for needed in ("key", "value", "timestamp"):
            if point.get(needed) in (None, ""):
                raise Refusal.missing(f"metrics[{index}].{needed}")
    for kind in ("params", "tags"):
        for index, entry in enumerate(body.get(kind, ())):
            if not entry.get("key"):
                raise Refusal.missing(f"{kind}[{index}].key")
    registry.tracking.log_batch(
        body["run_id"],
        metrics=[_point(point) for point in body.get("metrics", ())],
        params=unique_params((param["key"], param.get("value", "")) for param in body.get("params", ())),
        tags=tags_of(body),
    )
    return {}


def log_inputs(registry: Registry, body: Body) -> Body:
    """Link datasets and models that the run used."""
    registry.tracking.log_inputs(
        body["run_id"],
        datasets=[_dataset(used) for used in body.get("datasets", ())],
        models=[model.get("model_id", "") for model in body.get("models", ())],
    )
    return {}


def _dataset(used: Body) -> DatasetInput:
    found = used.get("dataset", {})
    named = {name: found.get(name, "") for name in ("name", "digest", "source_type", "source", "schema", "profile")}
    return DatasetInput(Dataset(**named), tags_of(used))


def log_outputs(registry: Registry, body: Body) -> Body:
    """Link models that the run made."""
    outputs = [ModelOutput(model.get("model_id", ""), model.get("step", 0)) for model in body.get("models", ())]
    try:
        registry.tracking.log_outputs(body["run_id"], outputs)
    except AlreadyExists as error:
        raise Refusal("BAD_REQUEST", error.message) from None
    return {}


def log_model(registry: Registry, body: Body) -> Body:
    """Note in a tag of the run that it logged a model, as clients before logged models did."""
    try:
        model = msgspec.json.decode(body["model_json"], type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise Refusal.invalid("the parameter 'model_json' is not a JSON object") from None
    missing = sorted(_MODEL_FACTS - model.keys())
    if missing:
        raise Refusal.invalid(f"the model lacks {', '.join(missing)}")
    facts = {key: model[key] for key in (*sorted(_MODEL_FACTS), "model_uuid") if key in model}
    noted = [*_noted_models(registry.tracking.run(body["run_id"]).tags.get(MODELS_TAG, "[]")), facts]
    while len(text := json.dumps(noted)) > RUN_TAG_LIMIT and len(noted) > 1:
        noted = noted[1:]
    if len(text) > RUN_TAG_LIMIT:
        raise Refusal.invalid(f"the model's description is too long; the limit is {RUN_TAG_LIMIT} characters")
    registry.tracking.tag_run(body["run_id"], {MODELS_TAG: text})
    return {}


def _noted_models(text: str) -> list[Any]:
    try:
        return msgspec.json.decode(text, type=list[Any])
    except (msgspec.DecodeError, RecursionError):
        return []


def search(registry: Registry, body: Body) -> Body:
    """A page of runs."""
    text = body.get("filter", "")
    filters.checked(text, filters.SEARCHED_RUNS)
    page = page_of(
        body,
        _PAGE,
        lambda limit, token: registry.tracking.search_runs(
            body.get("experiment_ids", ()),
            text,
            order_by=body.get("order_by", ()),
            limit=limit,
            page_token=token,
            view=VIEWS[body["run_view_type"]],
        ),
    )
    return page.answer("runs", wire.run)


_METRIC = fields(
    key=TEXT, value=NUMBER, timestamp=INT64, step=INT64, model_id=TEXT, dataset_name=TEXT, dataset_digest=TEXT
)
_DATASET = fields(name=TEXT, digest=TEXT, source_type=TEXT, source=TEXT, schema=TEXT, profile=TEXT)
_INPUT = fields(tags=objects(TAG), dataset=Field(Kind.MESSAGE, shape=_DATASET))
_SIZE = Field(Kind.INT32, at_most=_PAGE.holds)
_RUN = fields(run_id=NEEDED, run_uuid=TEXT)
_STATUS = Field(Kind.CHOICE, choices=_STATUS_NUMBERS)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/mlflow/runs/create",
        create,
        fields(experiment_id=TEXT, user_id=TEXT, run_name=TEXT, start_time=INT64, tags=objects(TAG)),
        quick=True,
    ),
    Endpoint("GET", "/mlflow/runs/get", get, _RUN),
    Endpoint(
        "POST",
        "/mlflow/runs/update",
        update,
        fields(**_RUN, status=_STATUS, end_time=INT64, run_name=TEXT),
        quick=True,
    ),
    Endpoint("POST", "/mlflow/runs/delete", delete, fields(run_id=NEEDED)),
    Endpoint("POST", "/mlflow/runs/restore", restore, fields(run_id=NEEDED)),
    Endpoint(
        "POST",
        "/mlflow/runs/log-metric",
        log_metric,
        Fields(
            {
                **_RUN,
                **_METRIC,
                "key": NEEDED,
                "value": Field(Kind.NUMBER, required=True),
                "timestamp": Field(Kind.INT64, required=True),
            }
        ),
        quick=True,
    ),
    Endpoint("POST", "/mlflow/runs/log-parameter", log_param, fields(**_RUN, key=NEEDED, value=TEXT), quick=True),
    Endpoint("POST", "/mlflow/runs/set-tag", set_tag, fields(**_RUN, key=NEEDED, value=TEXT), quick=True),
    Endpoint("POST", "/mlflow/runs/delete-tag", delete_tag, fields(run_id=NEEDED, key=NEEDED)),
    Endpoint(
        "POST",
        "/mlflow/runs/log-batch",
        log_batch,
        fields(run_id=NEEDED, metrics=objects(_METRIC), params=objects(TAG), tags=objects(TAG)),
        quick=True,
    ),
    Endpoint("POST", "/mlflow/runs/log-model", log_model, fields(run_id=NEEDED, model_json=NEEDED)),
    Endpoint(
        "POST",
        "/mlflow/runs/log-inputs",
        log_inputs,
        fields(run_id=NEEDED, datasets=objects(_INPUT), models=objects(fields(model_id=TEXT))),
    ),
    Endpoint(
        "POST",
        "/mlflow/runs/outputs",
        log_outputs,
        fields(run_id=NEEDED, models=objects(fields(model_id=TEXT, step=INT64), required=True)),
    ),
    Endpoint(
        "POST",
        "/mlflow/runs/search",
        search,
        fields(
            experiment_ids=TEXTS, filter=TEXT, run_view_type=VIEW, max_results=_SIZE, order_by=TEXTS, page_token=TEXT
        ),
    ),
)
