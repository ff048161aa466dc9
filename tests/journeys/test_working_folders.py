"""A program that changes its working folder stays with its shelf; one that asks for another kind of shelf is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import modelshelf
from modelshelf.exceptions import Invalid

_PROGRAM = """
import os
import modelshelf
{choose}
with modelshelf.start_run() as run:
    os.makedirs("elsewhere")
    os.chdir("elsewhere")
    open("model.bin", "w").write("weights")
    modelshelf.log_artifact("model.bin", "model")
    modelshelf.register_model(f"runs:/{{run.info.run_id}}/model", "fraud")
assert not os.path.exists("shelf.db") and not os.path.exists("modelshelf.db")
assert modelshelf.get_run(run.info.run_id).info.status == "FINISHED"
print(modelshelf.resolve("models:/fraud/1").version.number)
"""


@pytest.mark.parametrize("choose", ['modelshelf.set_tracking_uri("sqlite:///shelf.db")', ""])
def test_a_change_of_the_working_folder_changes_no_shelf(tmp_path: Path, choose: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.endswith("TRACKING_URI")}
    finished = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(choose=choose)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert finished.stdout == "1\n", finished.stderr


def test_an_empty_uri_goes_back_to_the_environment(tmp_path: Path) -> None:
    program = (
        "import modelshelf\n"
        "modelshelf.set_tracking_uri('sqlite:///a.db')\n"
        "modelshelf.search_registered_models()\n"
        "modelshelf.set_tracking_uri('')\n"
        "print(modelshelf.get_tracking_uri())"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "MODELSHELF_TRACKING_URI": "sqlite:///b.db"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert finished.stdout == "sqlite:///b.db\n", finished.stderr


@pytest.mark.parametrize("uri", ["databricks", "databricks://profile", "file:./mlruns", "file:///tmp/mlruns"])
def test_what_only_mlflow_keeps_things_in_is_refused(uri: str) -> None:
    with pytest.raises(Invalid, match="name a database"):
        modelshelf.set_tracking_uri(uri)
