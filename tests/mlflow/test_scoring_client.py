"""The scorer beside MLflow's: its own client, and the same requests with the same model."""

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import modelshelf
from modelshelf.models import infer_signature
from modelshelf.sdk import session
from scorers import scoring
from servers import MLFLOW_PYTHON, Server, run_mlflow

pytestmark = pytest.mark.skipif(MLFLOW_PYTHON not in os.environ, reason=f"{MLFLOW_PYTHON} names no MLflow")

NAMES = ["a", "b", "c", "d", "n"]
ROWS: list[list[Any]] = [[0.1, 0.2, 0.3, 0.4, 5], [-1, -2, 0.5, 1, 7]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: [row[at] for row in ROWS] for at, name in enumerate(NAMES)}


@dataclass(frozen=True)
class Scored:
    """A scorer, and the files of the model that it serves."""

    server: Server
    folder: Path


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    folder = tmp_path_factory.mktemp("scored")
    uri = f"sqlite:///{folder}/shelf.db"
    modelshelf.set_tracking_uri(uri)
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(200, 4)), columns=NAMES[:4])
    table["n"] = draw.integers(0, 50, 200)
    model = LogisticRegression().fit(table, (table.a > 0).astype(int))
    modelshelf.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(table, model.predict(table)),
        registered_model_name="plain",
        pip_requirements=["scikit-learn"],
    )
    session.registry().governance.set_alias("plain", "live", 1)
    modelshelf.artifacts.download_artifacts("models:/plain/1", dst_path=str(folder / "model"))
    while modelshelf.active_run():
        modelshelf.end_run()
    session.registry().close()
    session._open.clear()
    modelshelf.set_tracking_uri("")
    with scoring("plain@live", uri, folder) as server:
        yield Scored(server, folder / "model")


def test_mlflows_own_client_waits_asks_and_reads(scored: Scored, tmp_path: Path) -> None:
    script = """
import json, sys
import numpy as np, pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
client = ScoringServerClient("127.0.0.1", int(sys.argv[1]))
client.wait_server_ready(timeout=10)
names = ["a", "b", "c", "d", "n"]
table = pd.DataFrame([[0.1, 0.2, 0.3, 0.4, 5], [-1, -2, 0.5, 1, 7]], columns=names)
answer = client.invoke(table)
more = client.invoke([dict(zip(names, [0.5, 0, 0, 0, 1]))])
print(json.dumps([answer.get_predictions()[0].tolist(), more.get_predictions()[0].tolist(), client.get_version()]))
"""

    first, second, version = run_mlflow(script, scored.server.port, folder=tmp_path)

    assert (first, second) == ([1, 0], [1])
    assert version


def _json(content: Any) -> tuple[bytes, str]:
    return json.dumps(content).encode(), "application/json"


def _split(*rows: list[Any], names: list[str] = NAMES, **more: Any) -> tuple[bytes, str]:
    return _json({"dataframe_split": {"columns": names, "data": list(rows)}, **more})


SAME = {
    "split": _split(*ROWS),
    "index": _json({"dataframe_split": {"columns": NAMES, "data": ROWS, "index": [5, 6]}}),
    "another order": _split(*(row[::-1] for row in ROWS), names=NAMES[::-1]),
    "a column more": _split(*([*row, "text"] for row in ROWS), names=[*NAMES, "z"]),
    "a column less": _split(*(row[:4] for row in ROWS), names=NAMES[:4]),
    "no names": _json({"dataframe_split": {"data": ROWS}}),
    "ragged": _split(ROWS[0], [1, 2]),
    "a key more in split": _json({"dataframe_split": {"columns": NAMES, "data": ROWS, "x": 1}}),
    "null": _split([None, 0, 0, 0, 1]),
    "null in an integer": _split([0, 0, 0, 0, None]),
    "NaN": (b'{"dataframe_records": [{"a": NaN, "b": 0, "c": 0, "d": 0, "n": 1}]}', "application/json"),
    "a text": _split(["x", 0, 0, 0, 1]),
    "a whole number with a point": _split([1, 0, 0, 0, 3.0]),
    "records": _json({"dataframe_records": RECORDS}),
    "records with a hole": _json({"dataframe_records": [RECORDS[0], {"b": 1, "c": 1, "d": 1, "n": 1}]}),
    "records as an object": _json({"dataframe_records": RECORDS[0]}),
    "no records": _json({"dataframe_records": []}),
    "no rows": _split(),
    "instances": _json({"instances": RECORDS}),
    "instances as lists": _json({"instances": ROWS}),
    "inputs": _json({"inputs": COLUMNS}),
    "inputs as one row": _json({"inputs": RECORDS[0]}),
    "inputs as records": _json({"inputs": RECORDS}),
    "inputs as lists": _json({"inputs": ROWS}),
    "uneven inputs": _json({"inputs": {**COLUMNS, "a": [1]}}),
    "two forms": _json({"inputs": COLUMNS, "instances": RECORDS}),
    "no form": _json({"data": ROWS}),
    "a list": _json(ROWS),
    "a number": _json(3),
    "broken": (b'{"inputs":', "application/json"),
    "no UTF-8": (b"\xff\xfe{}", "application/json"),
    "params": _split(*ROWS, params={"x": 1}),
    "a key more": _split(*ROWS, other=1),
    "CSV": (b"a,b,c,d,n\n0.1,0.2,0.3,0.4,5\n-1,-2,0.5,1,7\n", "text/csv"),
    "CSV in another order": (b"n,b,c,d,a\n5,0.2,0.3,0.4,0.1\n", "text/csv; charset=utf-8"),
    "CSV with less": (b"a,b\n1,2\n", "text/csv"),
    "CSV with a text": (b"a,b,c,d,n\nx,0.2,0.3,0.4,5\n", "text/csv"),
    "CSV of whole numbers": (b"a,b,c,d,n\n1,2,3,4,5\n", "text/csv"),
    "CSV with an empty cell": (b"a,b,c,d,n\n1,,3,4,5\n", "text/csv"),
    "no CSV": (b"", "text/csv"),
    "JSON with its charset": (json.dumps({"dataframe_records": RECORDS}).encode(), "application/json; charset=utf-8"),
    "another charset": (b"{}", "application/json; charset=latin-1"),
    "another type": (b"{}", "text/plain"),
    "nothing": (b"", "application/json"),
}
"""Answered alike: with the same predictions, or the same status."""

STRICTER = {
    "a number in a text": _split(["1.5", 0, 0, 0, 1]),
    "a fraction for an integer": _split([1, 0, 0, 0, 1.5]),
    "true for a number": _split([True, 0, 0, 0, 3]),
    "params as a list": _split(*ROWS, params=[1]),
}
"""MLflow answers as if another number had been sent; here the column is named."""

_ORACLE = """
import base64, json, sys
import mlflow
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations
model = mlflow.pyfunc.load_model(sys.argv[1])
found = {}
for name, (body, kind) in json.load(open(sys.argv[2])).items():
    try:
        answer = invocations(base64.b64decode(body), kind, model, model.metadata.get_input_schema())
        found[name] = [answer.status, json.loads(answer.response) if answer.status == 200 else None]
    except MlflowException as error:
        found[name] = [error.get_http_status_code(), None]
print(json.dumps(found))
"""


def test_the_same_request_gets_the_same_answer(scored: Scored, tmp_path: Path) -> None:
    cases = {**SAME, **STRICTER}
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({name: [base64.b64encode(body).decode(), kind] for name, (body, kind) in cases.items()}))
    theirs = run_mlflow(_ORACLE, scored.folder, file, folder=tmp_path)

    ours: dict[str, list[Any]] = {}
    for name, (body, kind) in cases.items():
        answer = scored.server.ask("POST", "/invocations", body, content_type=kind)
        ours[name] = [answer.status, answer.json if answer.status == 200 else None]

    assert {name: ours[name] for name in SAME} == {name: theirs[name] for name in SAME}
    assert {name: (ours[name][0], theirs[name][0]) for name in STRICTER} == dict.fromkeys(STRICTER, (400, 200))
