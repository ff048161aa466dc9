"""MLflow's protocol as it stands on the wire: fields, codes and statuses that no client library smooths over."""

import itertools
import json
from typing import Any

import pytest

from servers import Server

API = "/api/2.0/mlflow"
S3 = "s3://bucket/model"
_names = (f"wire {number}" for number in itertools.count())

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture
def model(shelf_server: Server) -> str:
    """A registered model with one version."""
    name = next(_names)
    shelf_server.call("POST", "registered-models/create", {"name": name})
    shelf_server.call("POST", "model-versions/create", {"name": name, "source": S3})
    return name


@pytest.fixture
def run_id(shelf_server: Server) -> str:
    return str(shelf_server.call("POST", "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"])


def refusal(server: Server, method: str, path: str, body: Any = None) -> tuple[int, str]:
    answer = server.ask(method, f"{API}/{path}", body)
    return answer.status, answer.json["error_code"]


def test_a_version_always_has_its_texts_and_leaves_empty_lists_out(shelf_server: Server, model: str) -> None:
    found = shelf_server.call("GET", f"model-versions/get?name={model.replace(' ', '+')}&version=1")["model_version"]

    times = {found.pop("creation_timestamp"), found.pop("last_updated_timestamp")}
    assert all(isinstance(time, int) for time in times)
    assert found == {
        "name": model,
        "version": "1",
        "current_stage": "None",
        "description": "",
        "source": S3,
        "run_id": "",
        "run_link": "",
        "status": "READY",
    }


def test_an_empty_search_is_an_empty_object(shelf_server: Server) -> None:
    assert shelf_server.call("GET", "registered-models/search?filter=name+%3D+'nobody'") == {}


def test_an_error_has_the_four_fields_of_mlflow(shelf_server: Server) -> None:
    answer = shelf_server.ask("GET", f"{API}/registered-models/get?name=nobody")

    assert sorted(answer.json) == ["error_class", "error_code", "message", "sqlstate"]
    assert (answer.status, answer.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_name_that_is_taken_is_a_bad_request_with_its_own_code(shelf_server: Server, model: str) -> None:
    taken = refusal(shelf_server, "POST", "registered-models/create", {"name": model})

    assert taken == (400, "RESOURCE_ALREADY_EXISTS")


def test_an_unknown_alias_is_an_invalid_value_and_an_unknown_model_is_missing(shelf_server: Server, model: str) -> None:
    named = model.replace(" ", "%20")

    assert refusal(shelf_server, "GET", f"registered-models/alias?name={named}&alias=x") == (
        400,
        "INVALID_PARAMETER_VALUE",
    )
    assert refusal(shelf_server, "GET", "registered-models/alias?name=nobody&alias=x") == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
    )


@pytest.mark.parametrize("version", ["x", "1.5", ""])
def test_a_version_that_is_no_whole_number_is_invalid(shelf_server: Server, model: str, version: str) -> None:
    body = {"name": model, "version": version, "key": "k", "value": "v"}

    assert refusal(shelf_server, "POST", "model-versions/set-tag", body) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("version", ["7", "0", "-1", "9" * 40])
def test_a_version_that_is_not_there_is_missing(shelf_server: Server, model: str, version: str) -> None:
    body = {"name": model, "version": version, "key": "k", "value": "v"}

    assert refusal(shelf_server, "POST", "model-versions/set-tag", body) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_numbers_where_texts_are_wanted_are_refused_and_never_turned_into_texts(shelf_server: Server) -> None:
    assert refusal(shelf_server, "POST", "registered-models/create", {"name": 7}) == (400, "INVALID_PARAMETER_VALUE")


def test_fields_may_be_spelled_in_camel_case_but_not_in_both_ways(shelf_server: Server, model: str) -> None:
    made = shelf_server.call("POST", "model-versions/create", {"name": model, "source": S3, "runLink": "there"})
    both = {"name": model, "source": S3, "runLink": "a", "run_link": "b"}

    assert made["model_version"]["run_link"] == "there"
    assert refusal(shelf_server, "POST", "model-versions/create", both) == (400, "INVALID_PARAMETER_VALUE")


def test_a_get_reads_the_query_before_the_body(shelf_server: Server, model: str) -> None:
    by_body = shelf_server.ask("GET", f"{API}/registered-models/get", {"name": model})
    by_both = shelf_server.ask("GET", f"{API}/registered-models/get?name=nobody", {"name": model})

    assert (by_body.status, by_both.status) == (200, 404)


def test_a_post_without_a_content_type_is_refused(shelf_server: Server) -> None:
    answer = shelf_server.ask(
        "POST", f"{API}/registered-models/create", b'{"name": "typeless"}', Content_Type="text/plain"
    )

    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_wrong_verb_is_told_which_ones_there_are(shelf_server: Server) -> None:
    answer = shelf_server.ask("GET", f"{API}/registered-models/create")

    assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("path", ["/api/2.1/mlflow/runs/get", "/2.0/mlflow/runs/get", f"{API}/runs/get/", "/api/2.0/x"])
def test_paths_of_no_endpoint_are_not_found(shelf_server: Server, path: str) -> None:
    assert shelf_server.ask("GET", path).status == 404


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "../up",
        "http://host/model",
        "s3://bucket/../other",
        "s3://bucket/%2e%2e/other",
        "mlflow-artifacts:/0/someone/artifacts",
        "mlflow-artifacts://host/x",
        "models:/m-00000000000000000000000000000000",
        "runs:/0123/model",
        "C:\\model",
        "ftp://host/x",
    ],
)
def test_sources_that_lead_elsewhere_are_refused(shelf_server: Server, model: str, source: str) -> None:
    body = {"name": model, "source": source}

    assert refusal(shelf_server, "POST", "model-versions/create", body) == (400, "INVALID_PARAMETER_VALUE")


def test_a_version_may_come_before_its_files_and_serves_them_once_it_is_sealed(shelf_server: Server) -> None:
    name = next(_names)
    shelf_server.call("POST", "registered-models/create", {"name": name})
    made = shelf_server.call("POST", "logged-models", {"experiment_id": "0", "name": "later"})["model"]["info"]
    body = {"name": name, "source": f"models:/{made['model_id']}", "model_id": made["model_id"]}
    shelf_server.call("POST", "model-versions/create", body)
    asked = f"model-versions/get-download-uri?name={name.replace(' ', '+')}&version=1"

    before = shelf_server.call("GET", asked)["artifact_uri"]
    folder = made["artifact_uri"].removeprefix("mlflow-artifacts:/")
    shelf_server.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{folder}/MLmodel", b"flavors: {}")
    ready = {"model_id": made["model_id"], "status": "LOGGED_MODEL_READY"}
    shelf_server.call("PATCH", f"logged-models/{made['model_id']}", ready)
    after = shelf_server.call("GET", asked)["artifact_uri"]

    assert before == made["artifact_uri"]
    assert after.startswith("mlflow-artifacts:/sealed/")
    path = f"/api/2.0/mlflow-artifacts/artifacts/{after.removeprefix('mlflow-artifacts:/')}/MLmodel"
    assert shelf_server.ask("GET", path).content == b"flavors: {}"


def test_a_version_with_an_alias_is_deleted_with_it(shelf_server: Server, model: str) -> None:
    shelf_server.call("POST", "registered-models/alias", {"name": model, "alias": "champion", "version": "1"})

    shelf_server.call("DELETE", "model-versions/delete", {"name": model, "version": "1"})

    found = shelf_server.call("GET", f"registered-models/get?name={model.replace(' ', '+')}")["registered_model"]
    assert "aliases" not in found
    assert "latest_versions" not in found


def test_search_results_carry_aliases(shelf_server: Server, model: str) -> None:
    shelf_server.call("POST", "registered-models/alias", {"name": model, "alias": "champion", "version": "1"})
    asked = f"filter=name='{model.replace(' ', '+')}'"

    models = shelf_server.call("GET", f"registered-models/search?{asked}")["registered_models"]
    versions = shelf_server.call("GET", f"model-versions/search?{asked}")["model_versions"]

    assert models[0]["aliases"] == [{"alias": "champion", "version": "1"}]
    assert models[0]["latest_versions"][0]["aliases"] == ["champion"]
    assert versions[0]["aliases"] == ["champion"]


@pytest.mark.parametrize(
    "text",
    ["name = 'a' OR name = 'b'", "NOT name = 'a'", "(name = 'a')", "name > 'a'", "stage = 'x'", "name = 1", " ", "nam"],
)
def test_filters_beyond_those_of_mlflow_are_refused(shelf_server: Server, text: str) -> None:
    body = {"filter": text}

    assert refusal(shelf_server, "GET", "registered-models/search", body) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("path", ["registered-models/search", "model-versions/search"])
def test_pages_join_to_the_whole_and_their_tokens_belong_to_their_query(shelf_server: Server, path: str) -> None:
    prefix = next(_names)
    for number in range(5):
        shelf_server.call("POST", "registered-models/create", {"name": f"{prefix}.{number}"})
        shelf_server.call("POST", "model-versions/create", {"name": f"{prefix}.{number}", "source": S3})
    asked = {"filter": f"name LIKE '{prefix}.%'", "max_results": 2, "order_by": ["name DESC"]}

    pages, token = [], ""
    while True:
        page = shelf_server.call("GET", path, {**asked, "page_token": token})
        pages.append([found["name"][-1] for found in next(value for value in page.values() if isinstance(value, list))])
        token = page.get("next_page_token", "")
        if not token:
            break
        last = token

    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    other = {**asked, "order_by": ["name ASC"], "page_token": last}
    assert refusal(shelf_server, "GET", path, other) == (400, "INVALID_PARAMETER_VALUE")


def test_nan_is_a_text_and_infinity_the_largest_number(shelf_server: Server, run_id: str) -> None:
    for step, value in enumerate(["NaN", "Infinity", "-Infinity", 1]):
        body = {"run_id": run_id, "key": "m", "value": value, "timestamp": 1, "step": step}
        shelf_server.call("POST", "runs/log-metric", body)

    points = shelf_server.call("GET", f"metrics/get-history?run_id={run_id}&metric_key=m")["metrics"]

    assert [point["value"] for point in points] == ["NaN", 1.7976931348623157e308, -1.7976931348623157e308, 1.0]


@pytest.mark.parametrize(
    "wrong",
    [{"step": 1.5}, {"step": 2**63}, {"timestamp": "x"}, {"value": "abc"}, {"value": []}, {"key": ""}, {"value": None}],
)
def test_a_metric_that_does_not_fit_is_refused_whole(shelf_server: Server, run_id: str, wrong: dict[str, Any]) -> None:
    body = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1, "step": 0, **wrong}

    assert refusal(shelf_server, "POST", "runs/log-metric", body) == (400, "INVALID_PARAMETER_VALUE")
    assert shelf_server.call("GET", f"metrics/get-history?run_id={run_id}&metric_key=m") == {}


def test_a_chart_gets_as_many_points_as_it_asks_for_from_the_first_to_the_last(
    shelf_server: Server, run_id: str
) -> None:
    points = [{"key": "m", "value": step, "timestamp": step, "step": step} for step in range(100)]
    shelf_server.call("POST", "runs/log-batch", {"run_id": run_id, "metrics": points})

    asked = f"metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=m&max_results=4"
    sampled = shelf_server.call("GET", asked)["metrics"]
    between = shelf_server.call("GET", f"{asked}&start_step=10&end_step=12")["metrics"]
    bulk = shelf_server.ask("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id={run_id}&metric_key=m").json

    assert [point["step"] for point in sampled] == [0, 33, 66, 99]
    assert [point["step"] for point in between] == [10, 11, 12]
    assert len(bulk["metrics"]) == 100


def test_models_logged_by_older_clients_are_noted_in_a_tag(shelf_server: Server, run_id: str) -> None:
    facts = {"artifact_path": "m", "flavors": {}, "utc_time_created": "now", "run_id": run_id, "signature": {}}

    for _ in range(2):
        shelf_server.call("POST", "runs/log-model", {"run_id": run_id, "model_json": json.dumps(facts)})

    tags = shelf_server.call("GET", f"runs/get?run_id={run_id}")["run"]["data"]["tags"]
    noted = next(tag["value"] for tag in tags if tag["key"] == "mlflow.log-model.history")
    assert noted.count('"artifact_path": "m"') == 2
    assert "signature" not in noted


def test_an_artifact_location_elsewhere_is_refused(shelf_server: Server) -> None:
    body = {"name": next(_names), "artifact_location": "s3://bucket/files"}

    assert refusal(shelf_server, "POST", "experiments/create", body) == (400, "INVALID_PARAMETER_VALUE")


def test_failures_show_no_sql_no_path_and_no_trace(shelf_server: Server) -> None:
    answer = shelf_server.ask("POST", f"{API}/runs/search", {"experiment_ids": ["0"], "filter": "metrics.m > 'x'"})

    assert answer.status == 400
    assert not any(word in answer.content for word in (b"SELECT", b"Traceback", b"/site-packages", b".db"))
