"""Histories of metrics: of one run, and of several for charts."""

from modelshelf.domain.tracking import MetricPoint
from modelshelf.mlflow_api import wire
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import INT32, NEEDED, TEXT, Field, Kind, fields
from modelshelf.mlflow_api.routing import AJAX, Body, Endpoint
from modelshelf.services.registry import Registry

_PAGE_LIMIT = 25_000
_MOST_RUNS = 100
_MOST_SAMPLES = 2_500


def history(registry: Registry, body: Body) -> Body:
    """The points of one metric; all of them, unless a page is asked for."""
    run_id, key = str(body.get("run_id") or body.get("run_uuid")), body["metric_key"]
    size, token = body.get("max_results"), body.get("page_token") or None
    if size is None:
        points = _all(registry, run_id, key)
        return {"metrics": [wire.metric(point) for point in points]} if points else {}
    if size < 1:
        raise Refusal.invalid(f"Invalid value {size} for parameter 'max_results': it must be a positive integer")
    page = registry.tracking.metric_history(run_id, key, limit=size, page_token=token)
    answer: Body = {"metrics": [wire.metric(point) for point in page.items]} if page.items else {}
    if page.next_token:
        answer["next_page_token"] = page.next_token
    return answer


def _all(registry: Registry, run_id: str, key: str) -> list[MetricPoint]:
    points: list[MetricPoint] = []
    token: str | None = ""
    while token is not None:
        page = registry.tracking.metric_history(run_id, key, limit=_PAGE_LIMIT, page_token=token)
        points += page.items
        token = page.next_token
    return points


def bulk(registry: Registry, body: Body) -> Body:
    """The points of one metric of several runs, one run after the other."""
    if "metric_key" not in body:
        raise Refusal.missing("metric_key")
    most = min(body.get("max_results", _PAGE_LIMIT), _PAGE_LIMIT)
    found: list[Body] = []
    for run_id in sorted(_runs(body.get("run_id", []))):
        if len(found) < most:
            page = registry.tracking.metric_history(run_id, body["metric_key"], limit=max(most, 1))
            found += [_of_run(point, run_id) for point in page.items]
    return {"metrics": found[: max(most, 0)]}


def sampled(registry: Registry, body: Body) -> Body:
    """As many points of each run as a chart needs, spread evenly, the first and the last among them."""
    first, last = body.get("start_step"), body.get("end_step")
    if (first is None) != (last is None) or (first is not None and last is not None and first > last):
        raise Refusal.invalid("start_step and end_step go together, and the end is not before the start")
    most = body.get("max_results", _MOST_SAMPLES)
    if not 1 <= most <= _MOST_SAMPLES:
        raise Refusal.invalid(f"max_results must be between 1 and {_MOST_SAMPLES}.")
    found: list[Body] = []
    for run_id in _runs(body["run_ids"]):
        registry.tracking.run(run_id)  # raises what is missing
        points = _all(registry, run_id, body["metric_key"])
        if first is not None and last is not None:
            points = [point for point in points if first <= point.step <= last]
        found += [_of_run(point, run_id) for point in _spread(points, most)]
    return {"metrics": found} if found else {}


def _runs(run_ids: list[str]) -> list[str]:
    if not 1 <= len(run_ids) <= _MOST_RUNS:
        raise Refusal.invalid(f"the request names {len(run_ids)} runs; it must name 1 to {_MOST_RUNS}")
    return run_ids


def _spread(points: list[MetricPoint], most: int) -> list[MetricPoint]:
    if len(points) <= most:
        return points
    if most == 1:
        return points[-1:]
    return [points[round(index * (len(points) - 1) / (most - 1))] for index in range(most)]


def _of_run(point: MetricPoint, run_id: str) -> Body:
    return {
        "key": point.key,
        "value": wire.number(point.value),
        "timestamp": point.time_ms,
        "step": point.step,
        "run_id": run_id,
    }


_RUN_IDS = Field(Kind.TEXT, many=True, required=True)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/mlflow/metrics/get-history",
        history,
        fields(run_id=NEEDED, run_uuid=TEXT, metric_key=NEEDED, page_token=TEXT, max_results=INT32),
    ),
    Endpoint(
        "GET",
        "/mlflow/metrics/get-history-bulk",
        bulk,
        fields(run_id=Field(Kind.TEXT, many=True), metric_key=TEXT, max_results=INT32),
        AJAX,
    ),
    Endpoint(
        "GET",
        "/mlflow/metrics/get-history-bulk-interval",
        sampled,
        fields(run_ids=_RUN_IDS, metric_key=NEEDED, start_step=INT32, end_step=INT32, max_results=INT32),
    ),
)
