"""Prompts and the command line of MLflow's client; prompts also against the store of MLflow itself."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from servers import MLFLOW_PYTHON, Server, run_mlflow, serving

pytestmark = [
    pytest.mark.skipif(
        MLFLOW_PYTHON not in os.environ and not any(importlib.metadata.distributions(name="mlflow")),
        reason=f"MLflow is not installed here, and {MLFLOW_PYTHON} names no interpreter that has it",
    ),
    pytest.mark.xdist_group("servers"),
]

PROMPTS = """
import json, sys
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri(sys.argv[1])
name, client, genai, seen = sys.argv[2], MlflowClient(), mlflow.genai, {}

def outcome(act):
    try:
        return act()
    except MlflowException as error:
        return error.error_code

chat = [{"role": "system", "content": "Be {{mood}}"}, {"role": "user", "content": "{{question}}"}]
for number, template in enumerate(["Hello {{who}}", chat]):
    made = genai.register_prompt(name, template, commit_message=f"change {number}", tags={"n": str(number)})
    seen[f"made {number}"] = [made.version, made.template, made.commit_message, made.tags, sorted(made.variables)]
genai.set_prompt_alias(name, "live", 2)
genai.set_prompt_tag(name, "team", "risk")
genai.set_prompt_version_tag(name, 1, "reviewed", "yes")
first = genai.load_prompt(name, version=1)
live = genai.load_prompt(f"prompts:/{name}@live")
seen["tags"] = genai.get_prompt_tags(name)
seen["by number"] = [first.template, first.tags, first.commit_message]
seen["by uri"] = genai.load_prompt(f"prompts:/{name}/1").format(who="Ada")
seen["by alias"] = [live.version, list(live.aliases), live.format(mood="kind", question="Why?")]
seen["latest"] = genai.load_prompt(f"prompts:/{name}@latest").version
seen["found"] = [p.name for p in genai.search_prompts(f"name = '{name}'")]
seen["by tag"] = [p.name for p in genai.search_prompts(f"name LIKE '{name[:-1]}%' AND tags.team = 'risk'")]
seen["not by tag"] = [p.name for p in genai.search_prompts(f"name = '{name}' AND tags.team = 'x'")]
seen["versions"] = [v.version for v in client.search_prompt_versions(name)]
genai.delete_prompt_tag(name, "team")
genai.delete_prompt_version_tag(name, 1, "reviewed")
genai.delete_prompt_alias(name, "live")
seen["cleared"] = [genai.get_prompt_tags(name), genai.load_prompt(name, version=1).tags]
seen["no alias"] = outcome(lambda: genai.load_prompt(f"prompts:/{name}@live"))
seen["missing"] = [outcome(lambda: genai.load_prompt("nobody", version=1)),
                   genai.load_prompt("nobody", version=1, allow_missing=True),
                   outcome(lambda: genai.load_prompt(name, version=9))]
client.delete_prompt_version(name, "1")
seen["no version"] = outcome(lambda: genai.load_prompt(name, version=1))
client.delete_prompt(name)
seen["gone"] = client.get_prompt(name)
client.create_registered_model(name + "-model")
genai.register_prompt(name + "-prompt", "x")
seen["two kinds"] = [outcome(lambda: genai.register_prompt(name + "-model", "x")),
                     outcome(lambda: client.create_registered_model(name + "-prompt")),
                     outcome(lambda: client.get_registered_model(name + "-prompt").name)]
with mlflow.start_run() as run:
    genai.load_prompt(name + "-prompt", version=1)
seen["linked"] = client.get_run(run.info.run_id).data.tags.get("mlflow.linkedPrompts")
print(json.dumps(seen))
"""

LOGGED = """
import json, sys
import mlflow
from sklearn.linear_model import LinearRegression
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run() as run:
    fitted = LinearRegression().fit([[0], [1]], [0, 1])
    mlflow.sklearn.log_model(fitted, name="m", registered_model_name=sys.argv[2], pip_requirements=["scikit-learn"])
print(json.dumps(run.info.run_id))
"""


def test_prompts_are_as_on_the_store_of_mlflow_itself(shelf_server: Server, tmp_path: Path) -> None:
    expected = run_mlflow(PROMPTS, f"sqlite:///{tmp_path}/real.db", "every-prompt", folder=tmp_path)

    found = run_mlflow(PROMPTS, shelf_server.url, "every-prompt", folder=tmp_path)

    assert len(expected) == 18
    assert found == expected


def test_the_command_line_of_mlflow_works_on_files_runs_and_models(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path / "served") as server:
        _use_command_line(server, tmp_path)


def _use_command_line(server: Server, tmp_path: Path) -> None:
    run = run_mlflow(LOGGED, server.url, "command-line", folder=tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.txt").write_text("x")
    (tmp_path / "in.json").write_text('{"inputs": [[2.0]]}')

    def mlflow(*arguments: str) -> str:
        return _mlflow(arguments, server, tmp_path)

    mlflow("artifacts", "log-artifacts", "-l", "folder", "-r", run, "-a", "deep/er")
    mlflow("artifacts", "download", "-r", run, "-a", "deep", "-d", "got")
    mlflow("artifacts", "download", "-u", "models:/command-line/1", "-d", "model")
    mlflow("runs", "delete", "--run-id", run)

    assert '"path": "deep/er/x.txt"' in mlflow("artifacts", "list", "-r", run, "-a", "deep/er")
    assert (tmp_path / "got" / "deep" / "er" / "x.txt").read_text() == "x"
    assert (tmp_path / "model" / "MLmodel").is_file()
    assert run in mlflow("runs", "describe", "--run-id", run)
    assert "Created experiment" in mlflow("experiments", "create", "-n", "command line")
    predicted = mlflow("models", "predict", "-m", "models:/command-line/1", "-i", "in.json", "--env-manager", "local")
    assert '{"predictions": [' in predicted


def _mlflow(arguments: tuple[str, ...], server: Server, folder: Path) -> str:
    given: dict[str, Any] = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    python = os.environ.get(MLFLOW_PYTHON, sys.executable)
    done = subprocess.run(
        [python, "-W", "ignore", "-m", "mlflow", *arguments],
        cwd=folder,
        env={**given, "MLFLOW_TRACKING_URI": server.url, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr
