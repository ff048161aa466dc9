"""Models that pass between Modelshelf's registry and the real MLflow, whichever of the two logged them.

The interpreter with MLflow is named by MODELSHELF_TEST_MLFLOW_PYTHON; without it, this one must have MLflow.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import modelshelf
import modelshelf.pyfunc
import modelshelf.sklearn
from modelshelf.sdk import session

VARIABLE = "MODELSHELF_TEST_MLFLOW_PYTHON"
X, Y = load_iris(return_X_y=True, as_frame=True)
ROWS = X.iloc[[0, 60, 120]]

pytestmark = [
    pytest.mark.skipif(
        VARIABLE not in os.environ and not any(importlib.metadata.distributions(name="mlflow")),
        reason=f"MLflow is not installed here, and {VARIABLE} names no interpreter that has it",
    ),
    pytest.mark.xdist_group("mlflow"),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a shelf in it, which the SDK talks to."""
    monkeypatch.chdir(tmp_path)
    session.set_tracking_uri(f"sqlite:///{tmp_path}/shelf.db")
    yield tmp_path
    session.set_tracking_uri("")


def with_mlflow(folder: Path, script: str) -> Any:
    """Runs a script where MLflow is and modelshelf is not; the JSON of its last line."""
    finished = subprocess.run(
        [os.environ.get(VARIABLE, sys.executable), "-W", "ignore", "-c", script],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def test_mlflow_loads_what_was_logged_here_and_downloaded(place: Path) -> None:
    class Scaled(modelshelf.pyfunc.PythonModel):
        def load_context(self, context: Any) -> None:
            with open(context.artifacts["scale"], encoding="utf-8") as file:  # noqa: PTH123 — MLflow's process knows no Path here
                self.scale = int(file.read())

        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> list[float]:
            return (model_input.sum(axis=1) * self.scale).round(3).tolist()

    (place / "scale.txt").write_text("3", encoding="utf-8")
    model = LogisticRegression(max_iter=500).fit(X, Y)
    modelshelf.sklearn.log_model(model, name="model", registered_model_name="iris", input_example=ROWS)
    modelshelf.pyfunc.log_model(
        name="model", python_model=Scaled(), artifacts={"scale": "scale.txt"}, registered_model_name="scaled"
    )
    for name in ("iris", "scaled"):
        modelshelf.artifacts.download_artifacts(f"models:/{name}/1", dst_path=name)
    ROWS.to_json(place / "rows.json", orient="split")

    answers = with_mlflow(
        place,
        "import json, mlflow, pandas as pd\n"
        "rows = pd.read_json('rows.json', orient='split')\n"
        "print(json.dumps({\n"
        "    'native': mlflow.sklearn.load_model('iris').predict(rows).tolist(),\n"
        "    'iris': mlflow.pyfunc.load_model('iris').predict(rows).tolist(),\n"
        "    'scaled': mlflow.pyfunc.load_model('scaled').predict(rows),\n"
        "}))",
    )

    assert answers["native"] == answers["iris"] == model.predict(ROWS).tolist()
    assert answers["scaled"] == modelshelf.pyfunc.load_model("models:/scaled/1").predict(ROWS)


def test_what_mlflow_saved_is_registered_here_and_loaded_by_alias(place: Path) -> None:
    expected = with_mlflow(
        place,
        "import json, mlflow\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "X, y = load_iris(return_X_y=True, as_frame=True)\n"
        "model = LogisticRegression(max_iter=500).fit(X, y)\n"
        "class Total(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input.sum(axis=1).round(3).tolist()\n"
        "stated = {'pip_requirements': ['cloudpickle']}\n"
        "mlflow.sklearn.save_model(model, 'iris', **stated)\n"
        "mlflow.pyfunc.save_model('total', python_model=Total(), **stated)\n"
        "rows = X.iloc[[0, 60, 120]]\n"
        "print(json.dumps([model.predict(rows).tolist(), rows.sum(axis=1).round(3).tolist()]))",
    )

    for name in ("iris", "total"):
        modelshelf.register_model(name, name)
        modelshelf.MlflowClient().set_registered_model_alias(name, "live", "1")

    assert modelshelf.sklearn.load_model("models:/iris@live").predict(ROWS).tolist() == expected[0]
    assert modelshelf.pyfunc.load_model("models:/iris@live").predict(ROWS).tolist() == expected[0]
    assert modelshelf.pyfunc.load_model("models:/total@live").predict(ROWS) == expected[1]
