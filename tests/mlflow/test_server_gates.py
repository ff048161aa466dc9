"""Gates on MLflow's wire: a move that a gate refuses is a conflict that tells the clauses, on each of its routes."""

from typing import Any

import pytest

from servers import Server

API = "/api/2.0/mlflow"
NATIVE = "/api/v1"

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture
def guarded(shelf_server: Server) -> str:
    """A model whose `guarded` alias and Production stage want a metric that its one version lacks."""
    name = "guarded model"
    shelf_server.ask("POST", f"{API}/registered-models/create", {"name": name})
    shelf_server.ask("POST", f"{API}/model-versions/create", {"name": name, "source": "s3://bucket/model"})
    for gate, place in (("wire-alias", {"alias": "guarded"}), ("wire-stage", {"stage": "Production"})):
        body = {"model": name, "clauses": ["candidate.metrics.auc > 0.9"], **place}
        assert shelf_server.ask("PUT", f"{NATIVE}/gates/{gate}", body).status == 200
    return name


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("registered-models/alias", {"alias": "guarded"}),
        ("model-versions/transition-stage", {"stage": "Production", "archive_existing_versions": False}),
    ],
)
def test_a_refused_move_is_a_conflict_with_the_clauses(
    shelf_server: Server, guarded: str, path: str, body: dict[str, Any]
) -> None:
    answer = shelf_server.ask("POST", f"{API}/{path}", {"name": guarded, "version": "1", **body})

    assert (answer.status, answer.json["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert "candidate.metrics.auc > 0.9 - candidate.metrics.auc was never logged" in answer.json["message"]


def test_a_refused_move_is_a_problem_with_the_clauses_as_data(shelf_server: Server, guarded: str) -> None:
    answer = shelf_server.ask("POST", f"{NATIVE}/models/{guarded.replace(' ', '%20')}/promotions", {
        "version": 1, "alias": "guarded",
    })  # fmt: skip

    assert (answer.status, answer.json["code"]) == (409, "gate_failed")
    assert answer.json["details"]["gates"][0]["clauses"][0]["passed"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"model": "x", "alias": "y", "clauses": ["("]},
        {"model": "x", "alias": "y", "clauses": [1]},
        {"model": "x", "alias": "y", "clauses": ["\ud800"]},
        {"model": "x", "alias": "y", "clauses": ["true"] * 1000},
        {"model": "x" * 3000, "alias": "y", "clauses": ["true"]},
        {"model": "x", "alias": "y", "clauses": ["[" * 900]},
        {"model": "x", "alias": "y", "approvals": {"count": 2, "role": "nobody"}},
        {"model": "x", "alias": "y", "clauses": ["candidate.requirements.all(a, a.matches('(a*)*b'))"]},
    ],
)
def test_a_hostile_gate_is_refused_clearly(shelf_server: Server, body: dict[str, Any]) -> None:
    answer = shelf_server.ask("PUT", f"{NATIVE}/gates/hostile", body)

    assert answer.status == 400
    assert answer.json["detail"]


def test_a_version_is_promoted_by_itself_when_its_metric_arrives(shelf_server: Server) -> None:
    name = "automatic model"
    run = shelf_server.call("POST", "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    shelf_server.call("POST", "registered-models/create", {"name": name})
    source = {"name": name, "source": "s3://bucket/model", "run_id": run}
    shelf_server.call("POST", "model-versions/create", source)
    gate = {"model": name, "alias": "live", "clauses": ["candidate.metrics.auc > 0.9"], "auto": True}
    assert shelf_server.ask("PUT", f"{NATIVE}/gates/automatic", gate).status == 200

    point = {"run_id": run, "key": "auc", "value": 0.95, "timestamp": 1, "step": 0}
    shelf_server.call("POST", "runs/log-metric", point)

    asked = f"{API}/registered-models/alias?name={name.replace(' ', '+')}&alias=live"
    answers = (shelf_server.ask("GET", asked) for _ in range(5_000))
    assert next(answer.json["model_version"]["version"] for answer in answers if answer.status == 200) == "1"
    moves = shelf_server.ask("GET", f"{NATIVE}/models/automatic%20model/moves").json
    assert [move["actor"] for move in moves] == ["policy:automatic"]
