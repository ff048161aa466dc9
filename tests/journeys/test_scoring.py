"""The scoring server as its callers see it: what it answers, what it refuses, and in which words."""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from open_inference.openapi.client import InferenceRequest, OpenInferenceClient
from sklearn.linear_model import LogisticRegression

import modelshelf
from modelshelf.connect import connect
from modelshelf.domain.access import Actor, Role
from modelshelf.models import infer_signature
from modelshelf.sdk import session
from scorers import TOKEN, _path, log_constant, scoring
from servers import Server

COLUMNS = ["a", "b", "n"]
ROWS = [[0.5, 2.0, 3], [-1.5, 0, 4]]
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
SPLIT = {"dataframe_split": {"columns": COLUMNS, "data": ROWS}}


def _fitted() -> tuple[LogisticRegression, pd.DataFrame]:
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(100, 2)), columns=["a", "b"])
    table["n"] = draw.integers(0, 9, 100)
    return LogisticRegression().fit(table, (table.a > 0).astype(int)), table


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A shelf with `plain@live`, of scikit-learn, and `fraud@production`, of constants, versions 1 to 3."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('shelf')}/shelf.db"
    modelshelf.set_tracking_uri(uri)
    model, table = _fitted()
    modelshelf.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(table, model.predict(table)),
        input_example=table.head(2),
        registered_model_name="plain",
        pip_requirements=["scikit-learn"],
    )
    for number in (1, 2, -3):
        log_constant(number)
    shelf = session.registry()
    shelf.governance.set_alias("plain", "live", 1)
    shelf.governance.set_alias("fraud", "production", 1)
    shelf.governance.set_alias("fraud", "broken", 3)
    while modelshelf.active_run():
        modelshelf.end_run()
    shelf.close()
    session._open.clear()
    modelshelf.set_tracking_uri("")
    return uri


@pytest.fixture(scope="module")
def plain(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    limits = ("--max-rows", "1000", "--max-bytes", "100000")
    with scoring("plain@live", uri, tmp_path_factory.mktemp("plain"), *limits) as server:
        yield server


@pytest.fixture(scope="module")
def fraud(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with scoring("fraud@production", uri, tmp_path_factory.mktemp("fraud"), "--workers", "2") as server:
        yield server


def until(holds: Callable[[], object]) -> None:
    ends = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < ends, "it did not come to hold"
        threading.Event().wait(0.02)


@pytest.mark.parametrize(
    "body",
    [
        SPLIT,
        {"dataframe_split": {"columns": COLUMNS[::-1], "data": [row[::-1] for row in ROWS], "index": [7, 8]}},
        {"dataframe_split": {"columns": [*COLUMNS, "z"], "data": [[*row, "text"] for row in ROWS]}},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"inputs": {name: [row[at] for row in ROWS] for at, name in enumerate(COLUMNS)}},
        {"dataframe_records": RECORDS, "params": {"unknown": 1}},
    ],
)
def test_each_form_of_the_protocol_gives_what_the_model_predicts(plain: Server, body: dict[str, Any]) -> None:
    model, _ = _fitted()

    answer = plain.ask("POST", "/invocations", body)

    assert answer.json == {"predictions": model.predict(pd.DataFrame(ROWS, columns=COLUMNS)).tolist()}
    assert answer.headers["x-modelshelf-version"] == "1"


def test_csv_is_read_too(plain: Server) -> None:
    answer = plain.ask("POST", "/invocations", b"n,a,b\n3,0.5,2\n4,-1.5,0\n", content_type="text/csv")

    assert len(answer.json["predictions"]) == 2


@pytest.mark.parametrize(
    ("body", "column", "says"),
    [
        ({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}}, "n", "missing"),
        ({"dataframe_split": {"columns": COLUMNS, "data": [[1, 2, 3], [1, "two", 3]]}}, "b", "row 1: 'two'"),
        ({"dataframe_records": [{"a": 1, "b": 2, "n": 2.5}]}, "n", "2.5 is not a whole number"),
        ({"dataframe_records": [{"a": True, "b": 2, "n": 2}]}, "a", "True is not a number"),
        ({"inputs": {"a": [1, 2], "b": [1], "n": [1, 2]}}, "b", "1 values, another one 2"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, "a", "twice"),
    ],
)
def test_what_does_not_fit_the_signature_is_named(plain: Server, body: dict[str, Any], column: str, says: str) -> None:
    answer = plain.ask("POST", "/invocations", body)

    assert (answer.status, answer.json["column"]) == (400, column)
    assert says in answer.json["message"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "JSON list"),
        (b"{}", "exactly one of"),
        (b'{"instances": [], "inputs": []}', "has instances and inputs"),
        (b'{"dataframe_split": {"columns": ["a", "b", "n"], "data": [[1, 2, 3], [1]]}}', "row 1: 1 values"),
        (b'{"dataframe_split": {"columns": ["a", "b", "n"], "data": [[null, 2, 3]]}}', "'a' has no number in row 0"),
        (b'{"dataframe_split": {"columns": ["a", "b", "n"], "data": [[NaN, 2, 3]]}}', "'a' has no value in row 0"),
        (b'{"dataframe_split": {"columns": ["a", "b", "n"], "data": []}}', "no rows"),
        (b'{"dataframe_split": {"columns": ["a", "b", "n"], "data": [[1e999, 2, 3]]}}', "not JSON"),
    ],
)
def test_what_is_wrong_with_a_body_is_said_and_nothing_else(plain: Server, body: bytes, says: str) -> None:
    answer = plain.ask("POST", "/invocations", body, content_type="application/json")

    assert answer.status == 400
    assert says in answer.json["message"]
    assert b"Traceback" not in answer.content


def test_limits_are_named(plain: Server) -> None:
    many = plain.ask("POST", "/invocations", {"dataframe_split": {"columns": COLUMNS, "data": [[1, 2, 3]] * 1001}})
    large = plain.ask("POST", "/invocations", b" " * 100_001, content_type="application/json")
    connection = http.client.HTTPConnection("127.0.0.1", plain.port)
    connection.request(
        "POST", "/invocations", iter([b" " * 60_000] * 2), {"Content-Type": "application/json"}, encode_chunked=True
    )
    in_parts = connection.getresponse()

    assert (many.status, large.status, in_parts.status) == (413, 413, 413)
    assert "1000" in many.json["message"]
    assert "100000" in large.json["message"]
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/ping", {}, 200),
        ("GET", "/health", {}, 200),
        ("GET", "/version", {}, 200),
        ("GET", "/v2/health/live", {}, 200),
        ("GET", "/v2/health/ready", {}, 200),
        ("GET", "/v2", {}, 200),
        ("GET", "/v2/models/plain/versions/1/ready", {}, 200),
        ("GET", "/v2/models/plain/versions/9", {}, 404),
        ("GET", "/v2/models/other", {}, 404),
        ("GET", "/invocations", {}, 405),
        ("POST", "/v2/models/plain", {}, 405),
        ("GET", "/nowhere", {}, 404),
        ("GET", "/metrics", {"origin": "http://evil.example", "sec_fetch_site": "cross-site"}, 403),
        ("GET", "/metrics", {"host": "evil.example"}, 403),
    ],
)
def test_each_path_answers_with_its_status(
    plain: Server, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = plain.ask(method, path, **headers)

    assert answer.status == status
    assert answer.headers["x-request-id"]


def test_another_type_of_body_is_refused(plain: Server) -> None:
    assert plain.ask("POST", "/invocations", b"{}", content_type="text/plain").status == 415
    assert plain.ask("POST", "/invocations", b"{}", content_type="application/json; charset=latin-1").status == 415


def test_a_page_in_a_browser_can_not_ask(plain: Server) -> None:
    answer = plain.ask("POST", "/invocations", SPLIT, origin="http://evil.example")

    assert answer.status == 403


def test_the_open_inference_protocol_is_spoken_as_its_client_expects(plain: Server) -> None:
    inputs = [
        {"name": "a", "shape": [2], "datatype": "FP64", "data": [0.5, -1.5]},
        {"name": "b", "shape": [2, 1], "datatype": "FP32", "data": [2.0, 0.0]},
        {"name": "n", "shape": [2], "datatype": "INT64", "data": [3, 4]},
    ]
    model, _ = _fitted()

    with httpx.Client() as sending:
        client = OpenInferenceClient(base_url=plain.url, httpx_client=sending)
        client.check_server_liveness()
        client.check_server_readiness()
        client.check_model_readiness("plain")
        told = client.read_model_metadata("plain")
        answer = client.model_infer("plain", request=InferenceRequest(id="7", inputs=inputs))

    assert [each.name for each in told.inputs] == COLUMNS
    assert (answer.id, answer.model_version) == ("7", "1")
    (output,) = json.loads(answer.json())["outputs"]
    assert output["data"] == model.predict(pd.DataFrame(ROWS, columns=COLUMNS)).tolist()
    assert (output["shape"], output["datatype"]) == ([2], "INT64")


def test_a_matrix_for_all_columns_is_an_input_too(plain: Server) -> None:
    inputs = [{"name": "input-0", "shape": [2, 3], "datatype": "FP64", "data": ROWS}]

    answer = plain.ask("POST", "/v2/models/plain/versions/1/infer", {"inputs": inputs})

    assert answer.json["outputs"][0]["shape"] == [2]
    assert answer.json["outputs"][0]["datatype"] == "INT64"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"datatype": "FP65"}, "FP65"),
        ({"shape": [3]}, "don't fill the shape"),
        ({"shape": [-2]}, "can't be"),
        ({"data": [1, "two"]}, "'two'"),
        ({"data": [[1], 2]}, "uneven"),
        ({"name": "z"}, "'a', 'b', 'n'"),
        ({"datatype": "BOOL", "data": [True, False]}, "'a'"),
    ],
)
def test_a_wrong_tensor_is_named(plain: Server, change: dict[str, Any], says: str) -> None:
    tensor = {"name": "a", "shape": [2], "datatype": "FP64", "data": [1, 2], **change}

    answer = plain.ask("POST", "/v2/models/plain/infer", {"inputs": [tensor]})

    assert answer.status == 400
    assert says in answer.json["error"]


def test_the_models_own_failure_is_told_to_the_log_alone(fraud: Server) -> None:
    answer = fraud.ask("POST", "/invocations", {"dataframe_records": [{"x": -1.0}]})

    assert answer.status == 500
    assert b"secret" not in answer.content
    lines = fraud.lines_until(message="a request failed", request_id=answer.json["request_id"])
    assert any("the secret is 42" in line.get("trace", "") for line in lines)


def test_numbers_are_told_by_version_for_all_workers(fraud: Server) -> None:
    for _ in range(20):
        fraud.ask("POST", "/invocations", {"dataframe_records": [{"x": 1.0}]})
    fraud.ask("POST", "/invocations", {"dataframe_records": [{"x": "one"}]})

    until(lambda: 'role="stable"} 2' in fraud.ask("GET", "/metrics").content.decode())
    text = fraud.ask("GET", "/metrics").content.decode()
    counts = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}
    assert counts['modelshelf_scoring_requests_total{model="fraud",version="1",outcome="ok"}'] >= 20
    assert counts['modelshelf_scoring_requests_total{model="fraud",version="1",outcome="refused"}'] >= 1
    assert counts['modelshelf_scoring_stale_workers{model="fraud"}'] == 0


def test_a_rollout_answers_a_key_with_one_version_and_counts_outcomes(fraud: Server, uri: str) -> None:
    shelf = connect(uri)
    system = shelf.acting_as(Actor("system", Role.ADMIN))
    system.rollouts.step_rollouts("server")
    rollout = shelf.rollouts.start("fraud", 2, alias="production", steps=[50])

    def ask(key: str) -> Any:
        return fraud.ask("POST", "/invocations", {"dataframe_records": [{"x": 1.0}]}, x_modelshelf_key=key)

    until(lambda: {ask(str(n)).headers["x-modelshelf-version"] for n in range(40)} == {"1", "2"})
    until(lambda: fraud.ask("GET", "/metrics").content.decode().count('version="2",role="target"} 2'))
    answers = {str(n): ask(str(n)) for n in range(40)}

    assert all(answers[key].content == ask(key).content for key in answers)
    assert all(each.json["predictions"] == [int(each.headers["x-modelshelf-version"])] for each in answers.values())
    told = [{"request_id": each.headers["x-request-id"], "value": 1.5} for each in answers.values()]
    assert fraud.ask("POST", "/outcomes", told).json == {"counted": 40}
    assert fraud.ask("POST", "/outcomes", {"request_id": "made up", "value": 1}).json == {"counted": 0}
    assert fraud.ask("POST", "/outcomes", b'{"request_id": "x", "value": 1e300}').status == 400
    shelf.rollouts.abort(rollout.id)
    until(lambda: {ask(str(n)).headers["x-modelshelf-version"] for n in range(40)} == {"1"})
    shelf.close()


def test_a_token_is_asked_for_where_there_is_one(uri: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")

    with scoring("plain@live", uri, tmp_path, "--host", "0.0.0.0", "--token-file", str(tmp_path / "token")) as server:  # noqa: S104
        without = server.ask("POST", "/invocations", SPLIT)
        wrong = server.ask("POST", "/invocations", SPLIT, authorization="Bearer nonsense")
        right = server.ask("POST", "/invocations", SPLIT, authorization=f"Bearer {TOKEN}")

        assert (without.status, wrong.status, right.status) == (401, 401, 200)
        assert server.ask("GET", "/metrics").status == 401
        assert server.ask("GET", "/ping").status == 200
        assert TOKEN not in server.log.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("-m", "plain@live", "--host", "0.0.0.0"), 2, "a token, by --token-file"),  # noqa: S104
        (("-m", "plain/1"), 2, "does not move"),
        (("-m", "plain@nowhere"), 4, "nowhere"),
        (("-m", "fraud@broken"), 1, "no such GPU"),
    ],
)
def test_what_keeps_a_scorer_from_starting_is_said_with_a_code(
    uri: str, arguments: tuple[str, ...], code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", _path())
    command = [sys.executable, "-m", "modelshelf", "--uri", uri, "serve", "--port", "0", *arguments]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_asked_is_answered_before_the_end(uri: str, tmp_path: Path) -> None:
    with scoring("fraud@production", uri, tmp_path) as server:
        answers: list[Any] = []
        asking = threading.Thread(
            target=lambda: answers.append(server.ask("POST", "/invocations", {"dataframe_records": [{"x": 102.0}]}))
        )
        asking.start()
        threading.Event().wait(0.5)

        code = server.stop()

        asking.join()
        assert (code, json.loads(answers[0].content)) == (0, {"predictions": [1]})
