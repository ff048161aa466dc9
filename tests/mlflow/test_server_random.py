"""Random sequences of operations end the same on MLflow's own store and on a server."""

import importlib.metadata
import os
from pathlib import Path

import pytest

from servers import MLFLOW_PYTHON, run_mlflow, serving

OPERATIONS = 250

pytestmark = [
    pytest.mark.skipif(
        MLFLOW_PYTHON not in os.environ and not any(importlib.metadata.distributions(name="mlflow")),
        reason=f"MLflow is not installed here, and {MLFLOW_PYTHON} names no interpreter that has it",
    ),
    pytest.mark.xdist_group("servers"),
]


@pytest.mark.parametrize("name", ["random_operations.py", "random_logged_models.py"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_operations_end_as_on_the_store_of_mlflow_itself(seed: int, name: str, tmp_path: Path) -> None:
    program = (Path(__file__).parent / name).read_text(encoding="utf-8")

    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path / "served") as server:
        real = f"sqlite:///{tmp_path}/real.db"
        difference = run_mlflow(program, real, server.url, seed, OPERATIONS, folder=tmp_path)

    assert difference is None, f"seed {seed}"
