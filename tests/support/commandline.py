"""The command line in this process, and small shelves to run it against."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from modelshelf.cli.main import shell
from modelshelf.connect import connect
from modelshelf.domain.artifacts import FileEntry
from modelshelf.domain.tracking import MetricPoint, RunStatus
from modelshelf.sdk import session

MLMODEL = """\
flavors:
  python_function: {loader_module: mlflow.pyfunc.model}
model_uuid: 0d5e2c1a
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "string", "name": "town", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
"""


@dataclass(frozen=True)
class Answer:
    """What a call of the command line said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Commandline:
    """`modelshelf --uri <uri>`, run without a new process."""

    uri: str

    def __call__(self, *args: str, input: str | None = None, env: dict[str, str] | None = None) -> Answer:
        result = CliRunner().invoke(
            shell, ["--uri", self.uri, *args], input=input, env={"NO_COLOR": None, **(env or {})}
        )
        return Answer(result.exit_code, result.stdout, result.stderr)

    def json(self, *args: str) -> Any:
        """What a command that succeeds answers with `--json`."""
        answer = self(*args, "--json")
        assert answer.code == 0, answer.err
        return answer.json


@contextmanager
def commandline(uri: str) -> Iterator[Commandline]:
    """The command line on one shelf, which is closed again afterwards."""
    yield Commandline(uri)
    session.set_tracking_uri("")
    session.set_registry_uri("")
    for key in [key for key in session._open if key[0] == uri]:
        session._open.pop(key).close()


def model_folder(folder: Path, weights: str, *requirements: str) -> Path:
    """A model directory with a signature and requirements; what its weights mean is nobody's business."""
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL)
    (folder / "weights.txt").write_text(weights)
    (folder / "requirements.txt").write_text("\n".join(requirements))
    return folder


def logged_run(uri: str, name: str, weights: str, *, auc: float, depth: str) -> str:
    """A finished run with a param, a metric and a model file; its id."""
    with connect(uri) as shelf:
        run = shelf.tracking.start_run("0", name=name)
        shelf.tracking.log_params(run.id, {"depth": depth, "seed": "1"})
        shelf.tracking.log_metrics(run.id, [MetricPoint("auc", auc, time_ms=1_800_000_000_000)])
        file = shelf.artifacts.upload([weights.encode()])
        shelf.artifacts.put(run.artifact_root, [FileEntry("model/weights.txt", file.digest, file.size)])
        shelf.tracking.update_run(run.id, status=RunStatus.FINISHED)
        return run.id
