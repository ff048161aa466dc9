"""A journey of the client of MLflow 2.22, where `MODELSHELF_TEST_MLFLOW2_PYTHON` names an interpreter with it."""

import os
from pathlib import Path

import pytest

from servers import MLFLOW_2_PYTHON, Server, run_mlflow

JOURNEY = """
import json, pathlib, sys
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

mlflow.set_tracking_uri(sys.argv[1])
name, client, seen = sys.argv[2], MlflowClient(), {"mlflow": mlflow.__version__[:4]}
X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)

mlflow.set_experiment(name + " experiment")
with mlflow.start_run(run_name="training") as run:
    mlflow.log_params({"depth": 4})
    for step in range(3):
        mlflow.log_metric("accuracy", step / 10, step=step)
    mlflow.set_tag("team", "risk")
    mlflow.log_input(mlflow.data.from_pandas(X, name="iris"), context="training")
    mlflow.log_text("notes", "notes/one.txt")
    mlflow.sklearn.log_model(model, "classifier", registered_model_name=name, pip_requirements=["scikit-learn"])
run_id = run.info.run_id

def same(uri):
    return bool((mlflow.pyfunc.load_model(uri).predict(X) == model.predict(X)).all())

client.set_registered_model_alias(name, "champion", 1)
client.transition_model_version_stage(name, 1, "Production")
seen["loaded"] = [same(f"models:/{name}@champion"), same(f"models:/{name}/1"), same(f"models:/{name}/Production"),
                  same(f"models:/{name}/latest"), same(f"runs:/{run_id}/classifier")]
again = mlflow.register_model(f"runs:/{run_id}/classifier", name, tags={"again": "yes"})
copy = client.copy_model_version(f"models:/{name}/1", name + " copy")
seen["numbers"] = [again.version, copy.version, same(f"models:/{name} copy/1")]
seen["sealed"] = client.get_model_version_download_uri(name, "1").startswith("mlflow-artifacts:/sealed/")
found = client.get_model_version_by_alias(name, "champion")
seen["version"] = [found.version, found.current_stage, list(found.aliases), found.run_id == run_id]
ordered = client.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])
seen["versions"] = [v.version for v in ordered]
seen["models"] = [m.name for m in client.search_registered_models(f"name LIKE '{name}%'", order_by=["name DESC"])]
frame = mlflow.search_runs(experiment_names=[name + " experiment"], filter_string="metrics.accuracy > 0.1")
seen["runs"] = [list(frame["run_id"]) == [run_id], list(frame["tags.team"])]
logged = client.get_run(run_id)
seen["run"] = [logged.data.params, logged.data.metrics, len(logged.inputs.dataset_inputs), logged.info.status]
seen["history"] = [point.value for point in client.get_metric_history(run_id, "accuracy")]
seen["files"] = sorted(file.path for file in client.list_artifacts(run_id))
place = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="notes", dst_path="down")
seen["text"] = pathlib.Path(place, "one.txt").read_text()

mlflow.sklearn.autolog(silent=True)
with mlflow.start_run() as automatic:
    DecisionTreeClassifier(max_depth=3).fit(X, y)
mlflow.sklearn.autolog(disable=True)
kept = client.get_run(automatic.info.run_id)
seen["autolog"] = [kept.data.params["max_depth"], "training_accuracy_score" in kept.data.metrics,
                   len(mlflow.pyfunc.load_model(f"runs:/{automatic.info.run_id}/model").predict(X))]

client.delete_run(run_id)
client.restore_run(run_id)
client.delete_registered_model_alias(name, "champion")
client.delete_model_version(name, "1")
try:
    client.get_model_version(name, "1")
except MlflowException as error:
    seen["deleted"] = error.error_code
client.delete_registered_model(name)
print(json.dumps(seen))
"""

pytestmark = [
    pytest.mark.skipif(MLFLOW_2_PYTHON not in os.environ, reason=f"{MLFLOW_2_PYTHON} names no interpreter"),
    pytest.mark.xdist_group("servers"),
]


def test_the_client_of_mlflow_2_makes_its_whole_journey(shelf_server: Server, tmp_path: Path) -> None:
    name = "journey older"

    seen = run_mlflow(JOURNEY, shelf_server.url, name, folder=tmp_path, python=MLFLOW_2_PYTHON)

    assert seen == {
        "mlflow": "2.22",
        "loaded": [True] * 5,
        "numbers": ["2", "1", True],
        "sealed": True,
        "version": ["1", "Production", ["champion"], True],
        "versions": ["1", "2"],
        "models": [f"{name} copy", name],
        "runs": [True, ["risk"]],
        "run": [{"depth": "4"}, {"accuracy": 0.2}, 1, "FINISHED"],
        "history": [0.0, 0.1, 0.2],
        "files": ["classifier", "notes"],
        "text": "notes",
        "autolog": ["3", True, 150],
        "deleted": "RESOURCE_DOES_NOT_EXIST",
    }
