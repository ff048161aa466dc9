"""Over MLflow's wire: versions registered before their files are there, and experiments with a folder of their own."""

import itertools
from typing import Any

import pytest

from servers import Server

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
_names = (f"sealing-{number}" for number in itertools.count())

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture
def model(shelf_server: Server) -> str:
    name = next(_names)
    shelf_server.call("POST", "registered-models/create", {"name": name})
    return name


def started(server: Server, experiment: str = "0") -> Any:
    return server.call("POST", "runs/create", {"experiment_id": experiment})["run"]["info"]


def put(server: Server, uri: str, content: bytes) -> None:
    path = uri.removeprefix("mlflow-artifacts:/")
    assert server.ask("PUT", f"{FILES}/{path}", content, Content_Type="application/octet-stream").status == 200


def served(server: Server, model: str, file: str) -> tuple[bool, bytes]:
    """Whether the version is sealed, and what a client that downloads it gets."""
    found = server.call("GET", f"model-versions/get-download-uri?name={model}&version=1")
    path = found["artifact_uri"].removeprefix("mlflow-artifacts:/")
    return path.startswith("sealed/"), server.ask("GET", f"{FILES}/{path}/{file}").content


def ahead(server: Server, model: str, source: str, **named: str) -> None:
    version = server.call("POST", "model-versions/create", {"name": model, "source": source, **named})["model_version"]
    assert version["status"] == "READY"


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "registered-models/alias", {"alias": "champion", "version": "1"}),
        ("POST", "model-versions/transition-stage", {"version": "1", "stage": "Staging"}),
    ],
)
def test_the_first_promotion_seals_what_the_source_holds_then(
    shelf_server: Server, model: str, verb: str, path: str, body: dict[str, str]
) -> None:
    run = started(shelf_server)
    ahead(shelf_server, model, f"{run['artifact_uri']}/model", run_id=run["run_id"])
    put(shelf_server, f"{run['artifact_uri']}/model/weights", b"first")
    followed = served(shelf_server, model, "weights")

    shelf_server.call(verb, path, {"name": model, **body})
    put(shelf_server, f"{run['artifact_uri']}/model/weights", b"second")

    assert followed == (False, b"first")
    assert served(shelf_server, model, "weights") == (True, b"first")


def test_a_promotion_before_there_are_files_is_allowed_and_the_next_one_seals(shelf_server: Server, model: str) -> None:
    run = started(shelf_server)
    ahead(shelf_server, model, f"{run['artifact_uri']}/model", run_id=run["run_id"])
    shelf_server.call("POST", "registered-models/alias", {"name": model, "alias": "a", "version": "1"})
    put(shelf_server, f"{run['artifact_uri']}/model/weights", b"late")
    followed = served(shelf_server, model, "weights")

    shelf_server.call("POST", "registered-models/alias", {"name": model, "alias": "b", "version": "1"})

    assert (followed, served(shelf_server, model, "weights")) == ((False, b"late"), (True, b"late"))


def test_finalizing_the_logged_model_seals_its_versions(shelf_server: Server, model: str) -> None:
    made = shelf_server.call("POST", "logged-models", {"experiment_id": "0", "name": "m"})["model"]["info"]
    ahead(shelf_server, model, f"models:/{made['model_id']}", model_id=made["model_id"])
    put(shelf_server, f"{made['artifact_uri']}/weights", b"first")

    body = {"model_id": made["model_id"], "status": "LOGGED_MODEL_READY"}
    shelf_server.call("PATCH", f"logged-models/{made['model_id']}", body)
    put(shelf_server, f"{made['artifact_uri']}/weights", b"second")

    assert served(shelf_server, model, "weights") == (True, b"first")


def test_the_native_api_seals_what_a_client_registered(shelf_server: Server, model: str) -> None:
    run = started(shelf_server)
    ahead(shelf_server, model, f"runs:/{run['run_id']}/model", run_id=run["run_id"])
    put(shelf_server, f"{run['artifact_uri']}/model/weights", b"w")

    answer = shelf_server.ask("POST", f"/api/v1/models/{model}/versions/1/seal", {})

    assert (answer.status, answer.json["size"]) == (200, 1)
    assert served(shelf_server, model, "weights") == (True, b"w")


def test_a_location_in_the_store_is_where_the_files_lie(shelf_server: Server, model: str) -> None:
    body = {"name": next(_names), "artifact_location": f"mlflow-artifacts:/{model}/files"}
    experiment = shelf_server.call("POST", "experiments/create", body)["experiment_id"]
    run = started(shelf_server, experiment)
    logged = shelf_server.call("POST", "logged-models", {"experiment_id": experiment, "name": "m"})["model"]["info"]
    put(shelf_server, f"{run['artifact_uri']}/model/weights", b"1")

    ahead(shelf_server, model, f"{run['artifact_uri']}/model", run_id=run["run_id"])

    found = shelf_server.call("GET", f"experiments/get?experiment_id={experiment}")["experiment"]
    assert found["artifact_location"] == f"mlflow-artifacts:/{model}/files"
    assert run["artifact_uri"] == f"mlflow-artifacts:/{model}/files/{run['run_id']}/artifacts"
    assert logged["artifact_uri"] == f"mlflow-artifacts:/{model}/files/models/{logged['model_id']}/artifacts"
    assert served(shelf_server, model, "weights") == (True, b"1")
    listed = shelf_server.call("GET", f"artifacts/list?run_id={run['run_id']}&path=model")["files"]
    assert [file["path"] for file in listed] == ["model/weights"]


@pytest.mark.parametrize(
    "location",
    [
        *("s3://bucket/files", "file:///etc", "/etc", "own", "https://host/x", "mlflow-artifacts://elsewhere/x"),
        *("mlflow-artifacts:/", "mlflow-artifacts:own", "mlflow-artifacts:/a/../b", "mlflow-artifacts:/a%2e%2e/b"),
        *("mlflow-artifacts:/sealed", "mlflow-artifacts:/sealed/x", "mlflow-artifacts:/a#b", "mlflow-artifacts:/a?b"),
        *("mlflow-artifacts:/a\\b", "mlflow-artifacts:/C:/b", f"mlflow-artifacts:/{'x' * 300}", "MLFLOW-ARTIFACTS:/x"),
    ],
)
def test_a_location_that_cannot_be_honoured_is_refused(shelf_server: Server, location: str) -> None:
    name = next(_names)

    answer = shelf_server.ask("POST", f"{API}/experiments/create", {"name": name, "artifact_location": location})

    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    again = shelf_server.ask("GET", f"{API}/experiments/get-by-name?experiment_name={name}")
    assert again.status == 404


def test_a_location_in_the_folder_of_a_run_is_refused(shelf_server: Server) -> None:
    body = {"name": next(_names), "artifact_location": started(shelf_server)["artifact_uri"]}

    answer = shelf_server.ask("POST", f"{API}/experiments/create", body)

    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_summaries_of_data_sets_are_those_that_runs_used(shelf_server: Server) -> None:
    experiment = shelf_server.call("POST", "experiments/create", {"name": next(_names)})["experiment_id"]
    data = {"name": "iris", "digest": "1", "source_type": "local", "source": "here"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    used_twice = {"dataset": data, "tags": tags}
    for used in (used_twice, used_twice, {"dataset": {**data, "digest": "2"}}):
        run = started(shelf_server, experiment)["run_id"]
        shelf_server.call("POST", "runs/log-inputs", {"run_id": run, "datasets": [used]})

    answer = shelf_server.call("POST", "experiments/search-datasets", {"experiment_ids": [experiment]})
    none = shelf_server.ask("POST", f"{API}/experiments/search-datasets", {"experiment_ids": []})
    many = shelf_server.ask("POST", f"{API}/experiments/search-datasets", {"experiment_ids": ["0"] * 21})

    assert answer["dataset_summaries"] == [
        {"experiment_id": experiment, "name": "iris", "digest": "1", "context": "training"},
        {"experiment_id": experiment, "name": "iris", "digest": "2"},
    ]
    assert (none.status, many.status) == (400, 400)
