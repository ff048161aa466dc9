"""Whole journeys of the unmodified MLflow client through a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from servers import MLFLOW_PYTHON, Server, run_mlflow

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.usefixtures("_with_mlflow")]

START = """
import json, os, sys, warnings
import mlflow, numpy as np, pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri(sys.argv[1])
name = sys.argv[2]
client = MlflowClient()
seen = {}
"""
END = "\nprint(json.dumps(seen, default=str))\n"

SKLEARN = """
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)
mlflow.set_experiment(name + " experiment")
with mlflow.start_run(run_name="training") as run:
    mlflow.log_params({"depth": 4, "kind": "linear"})
    mlflow.log_metric("accuracy", 0.9, step=1)
    mlflow.log_input(mlflow.data.from_pandas(X, name="iris"), context="training")
    info = mlflow.sklearn.log_model(
        model, name="classifier", registered_model_name=name, input_example=X[:2], pip_requirements=["scikit-learn"]
    )
"""


@pytest.fixture(scope="session")
def _with_mlflow() -> None:
    import importlib.metadata
    import os

    if MLFLOW_PYTHON not in os.environ and not any(importlib.metadata.distributions(name="mlflow")):
        pytest.skip(f"MLflow is not installed here, and {MLFLOW_PYTHON} names no interpreter that has it")


def journey(script: str, server: Server, name: str, folder: Path) -> Any:
    return run_mlflow(START + script + END, server.url, name, folder=folder)


def test_a_model_is_logged_registered_promoted_and_loaded_by_alias(shelf_server: Server, tmp_path: Path) -> None:
    script = (
        SKLEARN
        + """
client.set_registered_model_alias(name, "champion", "1")
loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
seen["same"] = bool((loaded.predict(X) == model.predict(X)).all())
seen["by number"] = bool((mlflow.sklearn.load_model(f"models:/{name}/1").predict(X) == model.predict(X)).all())
seen["by id"] = bool((mlflow.sklearn.load_model(info.model_uri).predict(X) == model.predict(X)).all())
of_run = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/classifier")
seen["by run"] = bool((of_run.predict(X) == model.predict(X)).all())
client.transition_model_version_stage(name, "1", "Production")
seen["by stage"] = bool((mlflow.sklearn.load_model(f"models:/{name}/Production").predict(X) == model.predict(X)).all())
version = client.get_model_version_by_alias(name, "champion")
seen["version"] = [version.version, version.current_stage, version.status, list(version.aliases)]
seen["of its run"] = version.run_id == run.info.run_id
seen["uri"] = client.get_model_version_download_uri(name, "1")
seen["logged"] = client.get_logged_model(info.model_id).status.value
"""
    )

    seen = journey(script, shelf_server, "journey sklearn", tmp_path)

    assert seen.pop("uri").startswith("mlflow-artifacts:/sealed/")
    assert seen == {
        "same": True,
        "by number": True,
        "by id": True,
        "by run": True,
        "by stage": True,
        "version": ["1", "Production", "READY", ["champion"]],
        "of its run": True,
        "logged": "READY",
    }


def test_what_a_version_serves_does_not_change_with_the_files_of_its_run(shelf_server: Server, tmp_path: Path) -> None:
    script = """
class Constant(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [7] * len(model_input)

info = mlflow.pyfunc.log_model(name="constant", python_model=Constant(), pip_requirements=["cloudpickle"])
version = mlflow.register_model(info.model_uri, name)
root = client.get_logged_model(info.model_id).artifact_location
before = mlflow.artifacts.load_text(f"models:/{name}/{version.version}/MLmodel")
import requests
target = root.replace("mlflow-artifacts:/", sys.argv[1] + "/api/2.0/mlflow-artifacts/artifacts/") + "/MLmodel"
requests.put(target, data=b"overwritten").raise_for_status()
seen["source"] = mlflow.artifacts.load_text(root + "/MLmodel")
seen["same"] = mlflow.artifacts.load_text(f"models:/{name}/{version.version}/MLmodel") == before
loaded = mlflow.pyfunc.load_model(f"models:/{name}/{version.version}")
seen["predicts"] = list(loaded.predict(pd.DataFrame({"a": [1, 2]})))
"""

    seen = journey(script, shelf_server, "journey sealed", tmp_path)

    assert seen == {"source": "overwritten", "same": True, "predicts": [7, 7]}


def test_registering_again_copying_and_deleting(shelf_server: Server, tmp_path: Path) -> None:
    script = (
        SKLEARN
        + """
again = mlflow.register_model(f"runs:/{run.info.run_id}/classifier", name, tags={"again": "yes"})
copy = client.copy_model_version(f"models:/{name}/1", name + " copy")
client.set_registered_model_alias(name, "old", "1")
client.delete_model_version(name, "1")
seen["numbers"] = [again.version, copy.version, copy.source]
seen["tags"] = client.get_model_version(name, "2").tags
seen["left"] = [v.version for v in client.search_model_versions(f"name = '{name}'")]
seen["copy works"] = bool((mlflow.sklearn.load_model(f"models:/{name} copy/1").predict(X) == model.predict(X)).all())
seen["alias gone"] = client.get_registered_model(name).aliases
third = mlflow.register_model(info.model_uri, name)
seen["never reused"] = third.version
client.delete_registered_model(name)
try:
    client.get_registered_model(name)
except MlflowException as error:
    seen["deleted"] = error.error_code
"""
    )

    seen = journey(script, shelf_server, "journey copies", tmp_path)

    assert seen == {
        "numbers": ["2", "1", "models:/journey copies/1"],
        "tags": {"again": "yes"},
        "left": ["2"],
        "copy works": True,
        "alias gone": {},
        "never reused": "3",
        "deleted": "RESOURCE_DOES_NOT_EXIST",
    }


def test_searches_filter_order_and_page(shelf_server: Server, tmp_path: Path) -> None:
    script = """
experiment = client.create_experiment(name + " experiment", tags={"team": "risk"})
for number in range(5):
    run = client.create_run(experiment, run_name=f"run{number}", tags={"even": str(number % 2 == 0)})
    client.log_metric(run.info.run_id, "loss", number / 10)
    client.log_param(run.info.run_id, "number", number)
    client.create_registered_model(f"{name} {number}", tags={"even": str(number % 2 == 0)})
    client.create_model_version(f"{name} {number}", "s3://bucket/model", run_id=run.info.run_id)
client.set_registered_model_alias(f"{name} 3", "champion", 1)
found = client.search_runs([experiment], "metrics.loss > 0.05 AND tags.even = 'True'", order_by=["metrics.loss DESC"])
seen["runs"] = [run.info.run_name for run in found]
seen["frame"] = mlflow.search_runs([experiment], order_by=["params.number"])["params.number"].tolist()
page = client.search_registered_models(f"name LIKE '{name} %'", max_results=2)
names = [model.name for model in page]
while page.token:
    page = client.search_registered_models(f"name LIKE '{name} %'", max_results=2, page_token=page.token)
    names += [model.name for model in page]
seen["models"] = [found[-1] for found in names]
seen["tagged"] = [m.name[-1] for m in client.search_registered_models(f"name LIKE '{name} %' AND tags.even = 'True'")]
versions = client.search_model_versions(f"name = '{name} 3'")
seen["aliases"] = list(versions[0].aliases)
seen["experiments"] = [e.name for e in client.search_experiments(filter_string=f"name = '{name} experiment'")]
try:
    client.search_runs([experiment], "metrics.loss >")
except MlflowException as error:
    seen["refused"] = error.error_code
"""

    seen = journey(script, shelf_server, "journey search", tmp_path)

    assert seen == {
        "runs": ["run4", "run2"],
        "frame": ["0", "1", "2", "3", "4"],
        "models": ["0", "1", "2", "3", "4"],
        "tagged": ["0", "2", "4"],
        "aliases": ["champion"],
        "experiments": ["journey search experiment"],
        "refused": "INVALID_PARAMETER_VALUE",
    }


def test_autologging_of_scikit_learn_records_params_metrics_and_a_model(shelf_server: Server, tmp_path: Path) -> None:
    script = """
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier
mlflow.set_experiment(name)
mlflow.sklearn.autolog(log_input_examples=False, silent=True)
X, y = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run() as run:
    DecisionTreeClassifier(max_depth=3).fit(X, y)
logged = client.get_run(run.info.run_id)
seen["params"] = logged.data.params["max_depth"]
seen["metric"] = "training_accuracy_score" in logged.data.metrics
seen["datasets"] = len(logged.inputs.dataset_inputs)
seen["outputs"] = len(logged.outputs.model_outputs)
seen["predicts"] = len(mlflow.pyfunc.load_model(f"models:/{logged.outputs.model_outputs[0].model_id}").predict(X))
seen["files"] = sorted(f.path for f in client.list_artifacts(run.info.run_id))
"""

    seen = journey(script, shelf_server, "journey autolog", tmp_path)

    assert seen["params"] == "3"
    assert (seen["metric"], seen["datasets"], seen["outputs"], seen["predicts"]) == (True, 1, 1, 150)
    assert "estimator.html" in seen["files"]


def test_artifacts_are_logged_listed_and_downloaded(shelf_server: Server, tmp_path: Path) -> None:
    script = """
import pathlib
with mlflow.start_run() as run:
    mlflow.log_text("one", "notes/one.txt")
    mlflow.log_dict({"a": 1}, "notes/two.json")
    pathlib.Path("folder/deep").mkdir(parents=True)
    pathlib.Path("folder/deep/file.bin").write_bytes(bytes(range(256)))
    mlflow.log_artifacts("folder", "copied")
seen["top"] = sorted(f.path for f in client.list_artifacts(run.info.run_id))
seen["below"] = sorted([f.path, f.is_dir, f.file_size] for f in client.list_artifacts(run.info.run_id, "notes"))
place = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="copied", dst_path="down")
seen["bytes"] = list(pathlib.Path(place, "deep/file.bin").read_bytes()) == list(range(256))
seen["text"] = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/one.txt")
"""

    seen = journey(script, shelf_server, "journey files", tmp_path)

    assert seen == {
        "top": ["copied", "notes"],
        "below": [["notes/one.txt", False, 3], ["notes/two.json", False, 12]],
        "bytes": True,
        "text": "one",
    }


def test_prompts_are_registered_loaded_searched_and_kept_out_of_the_models(
    shelf_server: Server, tmp_path: Path
) -> None:
    script = """
name = name.replace(" ", "-")
mlflow.genai.register_prompt(name, "Hello {{who}}", commit_message="first", tags={"tone": "kind"})
second = mlflow.genai.register_prompt(name, "Good day {{who}}")
mlflow.genai.set_prompt_alias(name, "live", 2)
seen["first"] = mlflow.genai.load_prompt(f"prompts:/{name}/1").template
seen["live"] = mlflow.genai.load_prompt(f"prompts:/{name}@live").format(who="Ada")
seen["found"] = [p.name for p in mlflow.genai.search_prompts(filter_string=f"name = '{name}'")]
seen["models"] = [m.name for m in client.search_registered_models(f"name = '{name}'")]
seen["versions"] = len(client.search_model_versions(f"name = '{name}'"))
seen["asked for"] = [m.name for m in client.search_registered_models(
    f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'")]
seen["missing"] = mlflow.genai.load_prompt(f"prompts:/{name}/9", allow_missing=True)
"""

    seen = journey(script, shelf_server, "journey prompts", tmp_path)

    assert seen == {
        "first": "Hello {{who}}",
        "live": "Good day Ada",
        "found": ["journey-prompts"],
        "models": [],
        "versions": 0,
        "asked for": ["journey-prompts"],
        "missing": None,
    }


def test_histories_batches_and_restored_runs(shelf_server: Server, tmp_path: Path) -> None:
    script = """
from mlflow.entities import Metric, Param, RunTag
experiment = client.create_experiment(name)
run = client.create_run(experiment).info.run_id
client.log_batch(run, [Metric("m", value, 1, step) for step, value in enumerate([1.0, float("nan"), float("inf")])],
                 [Param("p", "1")], [RunTag("t", "2")])
seen["history"] = [str(point.value) for point in client.get_metric_history(run, "m")]
try:
    client.log_param(run, "p", "2")
except MlflowException as error:
    seen["changed"] = [error.error_code, "not allowed" in str(error).lower()]
client.delete_run(run)
try:
    client.log_metric(run, "m", 1.0)
except MlflowException as error:
    seen["deleted"] = error.error_code
client.restore_run(run)
client.set_terminated(run, "FINISHED")
seen["status"] = client.get_run(run).info.status
client.delete_experiment(experiment)
seen["experiment"] = client.get_experiment_by_name(name).lifecycle_stage
"""

    seen = journey(script, shelf_server, "journey runs", tmp_path)

    assert seen == {
        "history": ["1.0", "nan", "1.7976931348623157e+308"],
        "changed": ["INVALID_PARAMETER_VALUE", True],
        "deleted": "INVALID_PARAMETER_VALUE",
        "status": "FINISHED",
        "experiment": "deleted",
    }


def test_credentials_of_the_client_reach_the_ledger(tmp_path: Path) -> None:
    from modelshelf.connect import connect
    from servers import serving

    uri = f"sqlite:///{tmp_path}/shelf.db"
    with connect(uri) as shelf:
        shelf.access.create_user("ada", role="contributor", password="correct horse battery")
    with serving(uri, tmp_path / "served", "--auth", "required") as server:
        script = (
            START
            + """
client.create_registered_model(name)
seen["made by"] = client.search_registered_models()[0].name
"""
            + END
        )
        seen = run_mlflow(
            script,
            server.url,
            "journey users",
            folder=tmp_path,
            MLFLOW_TRACKING_USERNAME="ada",
            MLFLOW_TRACKING_PASSWORD="correct horse battery",
        )
        refused = server.ask("GET", "/api/2.0/mlflow/registered-models/search")

    with connect(uri) as shelf:
        events = [event for event in shelf.events.after(0) if event.name == "model.created"]

    assert json.dumps(seen) == '{"made by": "journey users"}'
    assert (refused.status, refused.json["error_code"]) == (401, "UNAUTHENTICATED")
    assert [event.actor for event in events] == ["ada"]
