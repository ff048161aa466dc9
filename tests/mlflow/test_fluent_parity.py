"""One program, run with the real MLflow and with Modelshelf: it sees the same.

The interpreter with MLflow is named by MODELSHELF_TEST_MLFLOW_PYTHON; without it, this one must have MLflow.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "MODELSHELF_TEST_MLFLOW_PYTHON"
PROGRAM = Path(__file__).with_name("fluent_program.py")

pytestmark = [
    pytest.mark.skipif(
        VARIABLE not in os.environ and not any(importlib.metadata.distributions(name="mlflow")),
        reason=f"MLflow is not installed here, and {VARIABLE} names no interpreter that has it",
    ),
    pytest.mark.xdist_group("mlflow"),
]


@pytest.fixture(scope="module")
def observations(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the program saw: with MLflow, and with Modelshelf."""
    ours = _run(sys.executable, "modelshelf", tmp_path_factory.mktemp("ours"))
    theirs = _run(os.environ.get(VARIABLE, sys.executable), "mlflow", tmp_path_factory.mktemp("theirs"))
    return theirs, ours


def _run(python: str, package: str, folder: Path) -> dict[str, Any]:
    shutil.copy(PROGRAM, folder)
    unwanted = ("MLFLOW_", "MODELSHELF_", *(() if package == "modelshelf" else ("PYTHONPATH",)))
    finished = subprocess.run(
        [python, PROGRAM.name, package, f"sqlite:///{folder}/shelf.db"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(unwanted)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    found: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return found


def test_the_program_sees_with_modelshelf_what_it_sees_with_mlflow(
    observations: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    theirs, ours = observations

    different = {
        label: {"mlflow": theirs[label], "ours": ours.get(label)}
        for label in theirs
        if theirs[label] != ours.get(label)
    }

    assert different == {}
    assert theirs.keys() == ours.keys()
