"""Model directories and the real MLflow: what one writes the other loads, in environments that have only one of them.

The interpreter with MLflow is named by MODELSHELF_TEST_MLFLOW_PYTHON; without it, this one must have MLflow.
"""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from modelshelf.domain.errors import SignatureMismatch, Untrusted
from modelshelf.flavors import pyfunc, sklearn
from modelshelf.flavors.enforcement import enforce
from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.schema import Schema
from modelshelf.flavors.signature import infer_signature

VARIABLE = "MODELSHELF_TEST_MLFLOW_PYTHON"
SAMPLES = Path(__file__).parent.parent / "unit" / "flavors" / "signature_samples.py"
X, Y = load_iris(return_X_y=True, as_frame=True)
ROWS = X.iloc[[0, 60, 120]]

pytestmark = [
    pytest.mark.skipif(
        VARIABLE not in os.environ and not any(importlib.metadata.distributions(name="mlflow")),
        reason=f"MLflow is not installed here, and {VARIABLE} names no interpreter that has it",
    ),
    pytest.mark.xdist_group("mlflow"),
]


def with_mlflow(folder: Path, script: str, *arguments: Any) -> Any:
    """Runs a script in the folder, where MLflow is and modelshelf is not, and returns the JSON of its last line."""
    command = [os.environ.get(VARIABLE, sys.executable), "-W", "ignore", "-c", script, *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


WRITE = """
import json, pathlib, sys
import mlflow, numpy as np, pandas as pd
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from mlflow.pyfunc import PythonModel, PythonModelContext

folder = pathlib.Path(sys.argv[1])
X, y = load_iris(return_X_y=True, as_frame=True)
rows = X.iloc[[0, 60, 120]]
signature = mlflow.models.infer_signature(X, y, params={"factor": 2})
# Stated, because MLflow takes seconds for each model to infer them.
stated = {"pip_requirements": ["cloudpickle"]}

class WithContext(PythonModel):
    def load_context(self, context: PythonModelContext):
        self.words = pathlib.Path(context.artifacts["words"]).read_text().split()
    def predict(self, context, model_input, params=None):
        return [len(self.words) * params["factor"] * context.model_config["scale"]] * len(model_input)

class Short(PythonModel):
    def predict(self, model_input):
        return model_input.sum(axis=1).tolist()

class Hinted(PythonModel):
    def predict(self, model_input: list[str]) -> list[str]:
        return [each.upper() for each in model_input]

(folder / "words.txt").write_text("red green blue")
linear = LogisticRegression(max_iter=500).fit(X, y)
boosted = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(X, y)
save = mlflow.sklearn.save_model
save(linear, folder / "skops", input_example=rows, **stated)
save(boosted, folder / "cloudpickle", serialization_format="cloudpickle", signature=signature, **stated)
save(boosted, folder / "trusted", skops_trusted_types=["sklearn.tree._tree.Tree"], pyfunc_predict_fn="predict_proba",
     **stated)
save = mlflow.pyfunc.save_model
save(folder / "context", python_model=WithContext(), artifacts={"words": str(folder / "words.txt")},
     signature=signature, model_config={"scale": 10}, **stated)
save(folder / "short", python_model=Short(), input_example=rows, **stated)
save(folder / "hinted", python_model=Hinted(), **stated)
save(folder / "function", python_model=lambda model_input: model_input * 2, input_example=np.array([1.0, 2.0]),
     **stated)
print(json.dumps({
    "skops": linear.predict(rows).tolist(), "cloudpickle": boosted.predict(rows).tolist(),
    "trusted": boosted.predict_proba(rows).tolist(), "context": [60, 60, 60], "short": rows.sum(axis=1).tolist(),
}))
"""

READ = """
import json, logging, pathlib, sys, warnings
logging.disable(logging.CRITICAL)
import mlflow, numpy as np, pandas as pd
from sklearn.datasets import load_iris

folder = pathlib.Path(sys.argv[1])
X, _ = load_iris(return_X_y=True, as_frame=True)
rows = X.iloc[[0, 60, 120]]
given = {"array": rows.to_numpy(), "function": np.array([1.0, 2.0])}
said, messages = {}, []
logging.disable(logging.NOTSET)
for name in ("mlflow", "mlflow.pyfunc", "mlflow.utils.requirements_utils"):
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage()) if record.levelno >= logging.WARNING else None
    logging.getLogger(name).addHandler(handler)
for each in sorted(path for path in folder.iterdir() if path.is_dir()):
    model = mlflow.pyfunc.load_model(str(each))
    said[each.name] = np.asarray(model.predict(given.get(each.name, rows))).tolist()
    if each.name.startswith("sk_"):
        mlflow.sklearn.load_model(str(each))
info = mlflow.models.Model.load(str(folder / "context"))
said["info"] = {"model_id": info.model_id, "signature": info.signature.to_dict(), "metadata": info.metadata}
example = mlflow.models.Model.load(str(folder / "short")).load_input_example(str(folder / "short"))
said["example"] = example.to_dict("list")
print(json.dumps({"said": said, "warnings": messages, "packages": [m for m in sys.modules if "modelshelf" in m]}))
"""

ENFORCE = """
import json, sys
import numpy as np, pandas as pd
from mlflow.models.utils import _enforce_schema
from mlflow.types.schema import Schema
sys.stderr.flush()
result = []
for dtype, values, kind in json.load(open(sys.argv[1])):
    frame = pd.DataFrame({"a": np.array(values, dtype=dtype) if dtype != "str" else values})
    schema = Schema.from_json(json.dumps([{"type": kind, "name": "a", "required": True}]))
    try:
        result.append(str(_enforce_schema(frame, schema)["a"].dtype))
    except Exception:
        result.append(None)
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def by_mlflow(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("mlflow")
    return folder, with_mlflow(folder, WRITE, folder)


@pytest.mark.parametrize("name", ["skops", "cloudpickle", "trusted", "context", "short"])
def test_what_mlflow_saves_predicts_the_same_here(by_mlflow: tuple[Path, dict[str, Any]], name: str) -> None:
    folder, expected = by_mlflow

    predictions = pyfunc.load_model(folder / name, trusted=True).predict(ROWS)

    np.testing.assert_allclose(np.asarray(predictions), expected[name])


def test_functions_and_type_hints_of_mlflow_work_here(by_mlflow: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = by_mlflow

    hinted = pyfunc.load_model(folder / "hinted", trusted=True)
    function = pyfunc.load_model(folder / "function", trusted=True)

    assert hinted.predict(["a", "b"]) == ["A", "B"]
    assert hinted.predict(pd.DataFrame({"text": ["a"]})) == ["A"]
    with pytest.raises(SignatureMismatch):
        hinted.predict([1])
    assert function.predict(np.array([1.0])).tolist() == [2.0]


def test_skops_of_mlflow_loads_without_trust_and_its_pickles_do_not(by_mlflow: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = by_mlflow

    for name in ("skops", "trusted"):
        sklearn.load_model(folder / name)
    for name in ("cloudpickle", "context", "short", "function"):
        with pytest.raises(Untrusted):
            pyfunc.load_model(folder / name)


def test_an_mlmodel_file_of_mlflow_is_written_back_as_it_was(by_mlflow: tuple[Path, dict[str, Any]]) -> None:
    for file in sorted(by_mlflow[0].glob("*/MLmodel")):
        assert Model.load(file).to_yaml() == file.read_text()


def as_in_a_notebook(name: str, source: str) -> Any:
    """A model whose class was typed into a session: it lives in no module that could be imported."""
    namespace: dict[str, Any] = {"PythonModel": pyfunc.PythonModel, "pathlib": pathlib, "__name__": "__main__"}
    exec(source, namespace)  # noqa: S102 — the point is a class without a module
    return namespace[name]()


CONTEXT = """
class Reader(PythonModel):
    def load_context(self, context):
        self.words = pathlib.Path(context.artifacts["words"]).read_text().split()
    def predict(self, context, model_input, params=None):
        return [len(self.words) * params["factor"] * context.model_config["scale"]] * len(model_input)
"""
SHORT = """
class Short(PythonModel):
    def __init__(self):
        super().__init__()
        self.more = 1
    def predict(self, model_input):
        return model_input.sum(axis=1) + self.more
"""


def test_what_is_saved_here_predicts_the_same_in_mlflow_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("red green blue")
    forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
    estimators = {
        "sk_forest": forest,
        "sk_boosted": GradientBoostingClassifier(n_estimators=3, random_state=0).fit(X, Y),
        "sk_histogram": HistGradientBoostingClassifier(max_iter=3).fit(X, Y),
        "sk_neighbours": KNeighborsClassifier().fit(X, Y),
        "sk_pipeline": make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
        "sk_pickled": make_pipeline(FunctionTransformer(lambda rows: rows * 2), LogisticRegression(max_iter=900)).fit(
            X, Y
        ),
        "array": LogisticRegression(max_iter=500).fit(X.to_numpy(), Y),
    }
    models = tmp_path / "models"
    for name, estimator in estimators.items():
        example = ROWS.to_numpy() if name == "array" else ROWS
        sklearn.save_model(estimator, models / name, input_example=example)
    sklearn.save_model(forest, models / "sk_proba", signature=infer_signature(X), pyfunc_predict_fn="predict_proba")
    pyfunc.save_model(
        models / "context",
        python_model=as_in_a_notebook("Reader", CONTEXT),
        artifacts={"words": str(tmp_path / "words.txt")},
        signature=infer_signature(X, Y, params={"factor": 2}),
        model_config={"scale": 10},
        metadata={"who": "me"},
        model_id="m-0123",
    )
    pyfunc.save_model(models / "short", python_model=as_in_a_notebook("Short", SHORT), input_example=ROWS)
    pyfunc.save_model(models / "function", python_model=lambda model_input: model_input * 2)

    read = with_mlflow(tmp_path, READ, models)
    said = read["said"]

    assert (read["packages"], read["warnings"]) == ([], [])
    for name, estimator in estimators.items():
        data = ROWS.to_numpy() if name == "array" else ROWS
        assert said[name] == estimator.predict(data).tolist(), name
    np.testing.assert_allclose(said["sk_proba"], forest.predict_proba(ROWS))
    assert (said["context"], said["function"]) == ([60, 60, 60], [2.0, 4.0])
    np.testing.assert_allclose(said["short"], ROWS.sum(axis=1) + 1)
    assert said["info"]["model_id"] == "m-0123"
    assert said["info"]["metadata"] == {"who": "me"}
    assert said["info"]["signature"] == infer_signature(X, Y, params={"factor": 2}).to_dict()
    assert said["example"] == ROWS.to_dict("list")


@pytest.mark.filterwarnings("ignore")  # samples with odd data make pandas warn
def test_signatures_are_the_ones_mlflow_infers(tmp_path: Path) -> None:
    sys.path.insert(0, str(SAMPLES.parent))
    try:
        import signature_samples
    finally:
        sys.path.remove(str(SAMPLES.parent))
    expected = with_mlflow(tmp_path, SAMPLES.read_text())

    found = signature_samples.signatures(infer_signature)

    assert {name: found[name] for name in expected} == expected


def test_columns_are_converted_and_refused_as_mlflow_does(tmp_path: Path) -> None:
    numbers = [
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float16",
        "float32",
        "float64",
    ]
    given = [(dtype, values) for dtype in numbers for values in ([0, 1], [2, 3])]
    given += [
        ("bool", [True, False]),
        ("str", ["a", "b"]),
        ("object", ["a", "b"]),
        ("object", [1, 2]),
        ("object", [1.5]),
    ]
    given += [("datetime64[ns]", [0, 1]), ("datetime64[s]", [0, 1])]
    kinds = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]
    cases = [(dtype, values, kind) for dtype, values in given for kind in kinds]
    (tmp_path / "cases.json").write_text(json.dumps(cases))

    found = [enforced(*case) for case in cases]

    expected = with_mlflow(tmp_path, ENFORCE, tmp_path / "cases.json")
    assert [case for case, one, other in zip(cases, found, expected, strict=True) if one != other] == []


def enforced(dtype: str, values: list[Any], kind: str) -> str | None:
    frame = pd.DataFrame({"a": values if dtype == "str" else np.array(values, dtype=dtype)})
    schema = Schema.from_json(json.dumps([{"type": kind, "name": "a", "required": True}]))
    try:
        return str(enforce(frame, schema)["a"].dtype)
    except SignatureMismatch:
        return None


HINTED = {
    "words": """
def words(model_input: list[str]) -> list[str]:
    return [each.upper() for each in model_input]
""",
    "dicts": """
class Dicts(PythonModel):
    def predict(self, context, model_input: list[dict[str, str]], params=None) -> list[str]:
        return [each["a"].upper() for each in model_input]
dicts = Dicts()
""",
    "anything": """
class Anything(PythonModel):
    def predict(self, model_input: list[dict[str, Any]], params=None):
        return [each["a"] for each in model_input]
anything = Anything()
""",
    "numbers": """
class Numbers(PythonModel):
    def predict(self, model_input: list[list[float]]) -> float:
        return sum(map(sum, model_input))
numbers = Numbers()
""",
}
EXAMPLES: dict[str, Any] = {"words": ["a"], "dicts": [{"a": "b"}], "anything": [{"a": 1}], "numbers": [[1.0, 2.0]]}
WITH_HINTS = """
import json, logging, pathlib, sys
logging.disable(logging.CRITICAL)
from typing import Any
import mlflow, pandas as pd, yaml
from mlflow.pyfunc import PythonModel
from mlflow.exceptions import MlflowException

theirs, ours = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
sources, examples = json.load(open(sys.argv[3]))
said = {}
for name, source in sources.items():
    exec(source)
    for example in (None, examples[name]):
        folder = theirs / (name if example is None else name + "_example")
        mlflow.pyfunc.save_model(folder, python_model=globals()[name], input_example=example,
                                 pip_requirements=["cloudpickle"])
        model = mlflow.pyfunc.load_model(str(ours / folder.name))
        try:
            refused = repr(model.predict([object()]))
        except MlflowException:
            refused = None
        said[folder.name] = [model.predict(examples[name]), refused]
print(json.dumps(said))
"""


def test_type_hints_mean_the_same_in_both_directions(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    (tmp_path / "sources.json").write_text(json.dumps([HINTED, EXAMPLES]))
    namespace: dict[str, Any] = {"PythonModel": pyfunc.PythonModel, "Any": Any, "__name__": "__main__"}
    for name, source in HINTED.items():
        exec(source, namespace)  # noqa: S102 — the same text is run where MLflow is
        for folder, example in ((name, None), (f"{name}_example", EXAMPLES[name])):
            pyfunc.save_model(
                ours / folder,
                python_model=namespace[name],
                input_example=example,
                pip_requirements=["cloudpickle"],
            )

    said = with_mlflow(tmp_path, WITH_HINTS, theirs, ours, tmp_path / "sources.json")

    for folder, (prediction, refused) in said.items():
        example = EXAMPLES[folder.removesuffix("_example")]
        written, expected = Model.load(ours / folder), Model.load(theirs / folder)
        assert refused is None
        assert written.signature == expected.signature, folder
        assert written.is_signature_from_type_hint
        assert expected.is_signature_from_type_hint
        for source in (theirs, ours):
            assert pyfunc.load_model(source / folder, trusted=True).predict(example) == prediction, folder
