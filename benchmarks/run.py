"""Modelshelf beside MLflow, embedded on SQLite, in one run: one command, a table and JSON.

    python benchmarks/run.py --mlflow-python PATH/TO/bin/python [--json results.json] [--rounds 5]

Run it with the Python of an environment that has `modelshelf[sklearn]`; the other environment has `mlflow` and
`scikit-learn`. The same programs run in both, each measurement in a new process, the two libraries in turn; the median
of the rounds counts. Absolute times are those of this machine: look at the ratios.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_TIMER = "import time; start = time.perf_counter()\n"

_PREPARE = """
import {lib} as lib, {lib}.sklearn
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
lib.set_tracking_uri("sqlite:///{db}")
X, y = make_classification(n_samples=100, n_features=4, n_informative=2, n_redundant=0, random_state=42)
model = RandomForestClassifier(n_estimators=10, random_state=42).fit(X, y)
"""

_LOG = """
def log():
    with lib.start_run():
        lib.sklearn.log_model(model, name="model", registered_model_name="fraud"{more})
"""

PROGRAMS = {
    "import": _TIMER + "import {lib}\nprint(time.perf_counter() - start)",
    "import scikit-learn": _TIMER + "import sklearn, sklearn.ensemble\nprint(time.perf_counter() - start)",
    "cold load by alias and predict": _TIMER
    + """
import {lib} as lib, {lib}.pyfunc, warnings
lib.set_tracking_uri("sqlite:///{db}")
model = lib.pyfunc.load_model("models:/fraud@production")
model.predict([[0.1, 0.2, 0.3, 0.4]])
print(time.perf_counter() - start)
""",
    "the same, scikit-learn imported before": "import sklearn, sklearn.ensemble\n"
    + _TIMER
    + """
import {lib} as lib, {lib}.pyfunc, warnings
lib.set_tracking_uri("sqlite:///{db}")
model = lib.pyfunc.load_model("models:/fraud@production")
model.predict([[0.1, 0.2, 0.3, 0.4]])
print(time.perf_counter() - start)
""",
    "log_model and register, cold": _TIMER + _PREPARE + _LOG + "log()\nprint(time.perf_counter() - start)",
    "log_model and register, second": "import time\n"
    + _PREPARE
    + _LOG
    + "log()\nstart = time.perf_counter(); log(); print(time.perf_counter() - start)",
    "1,000 metrics, one by one": "import time\n"
    + _PREPARE
    + """
with lib.start_run():
    lib.log_metric("warm", 1.0)
    start = time.perf_counter()
    for step in range(1000):
        lib.log_metric("loss", 1.0 / (step + 1), step=step)
    print(time.perf_counter() - start)
""",
    "200 versions": "import time\n"
    + _PREPARE
    + """
client = lib.MlflowClient()
try:
    client.create_registered_model("many")
except Exception:
    pass
source = client.get_model_version_by_alias("fraud", "production")
origin = "models:/fraud/%s" % source.version
start = time.perf_counter()
for _ in range(200):
    client.create_model_version("many", origin)
print(time.perf_counter() - start)
""",
    "1,000 alias look-ups": "import time\n"
    + _PREPARE
    + """
client = lib.MlflowClient()
client.get_model_version_by_alias("fraud", "production")
start = time.perf_counter()
for _ in range(1000):
    client.get_model_version_by_alias("fraud", "production")
print(time.perf_counter() - start)
""",
}

_SETUP = (
    _PREPARE
    + _LOG
    + """
log()
client = lib.MlflowClient()
client.set_registered_model_alias("fraud", "production", client.get_latest_versions("fraud")[0].version)
print(0.0)
"""
)
# What scikit-learn's own random forest needs in MLflow to be saved at all, so that both sides save the same model.
_MORE = {"modelshelf": "", "mlflow": ", serialization_format='cloudpickle'"}


@dataclass(frozen=True)
class Side:
    """One library and the Python that has it."""

    library: str
    python: str
    folder: Path

    def seconds(self, program: str) -> float:
        text = program.format(lib=self.library, db=self.folder / "shelf.db", more=_MORE[self.library])
        finished = subprocess.run(
            [self.python, "-W", "ignore", "-c", text],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            sys.exit(f"{self.library} failed:\n{finished.stderr[-2000:]}")
        return float(finished.stdout.split()[-1])


def measure(sides: list[Side], rounds: int, only: str) -> dict[str, dict[str, float]]:
    for side in sides:
        side.folder.mkdir()
        side.seconds(_SETUP)
    results: dict[str, dict[str, float]] = {}
    for name, program in PROGRAMS.items():
        if only not in name:
            continue
        times: dict[str, list[float]] = {side.library: [] for side in sides}
        for _ in range(rounds):
            for side in sides:
                times[side.library].append(side.seconds(program))
        results[name] = {library: statistics.median(found) for library, found in times.items()}
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return results


def table(results: dict[str, dict[str, float]]) -> str:
    lines = [f"{'':42}{'modelshelf':>12}{'mlflow':>12}{'ratio':>9}"]
    for name, found in results.items():
        ours, theirs = found["modelshelf"], found["mlflow"]
        lines.append(f"{name:42}{ours:>10.3f} s{theirs:>10.3f} s{theirs / ours:>8.1f}x")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlflow-python", required=True, help="the Python of an environment with mlflow")
    parser.add_argument("--only", default="", help="part of the name of what to measure")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to write the results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sides = [
            Side("modelshelf", sys.executable, Path(folder) / "modelshelf"),
            Side("mlflow", arguments.mlflow_python, Path(folder) / "mlflow"),
        ]
        results = measure(sides, arguments.rounds, arguments.only)
    print(table(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
