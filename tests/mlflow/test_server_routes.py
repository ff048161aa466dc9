"""Every route of MLflow's own server is one of ours, or is named here with the reason why it is not."""

import importlib.metadata
import os
import re
from pathlib import Path

import pytest

from modelshelf.mlflow_api.table import ROUTES
from servers import MLFLOW_PYTHON, run_mlflow

LIST_ROUTES = """
import json
from mlflow.server import app
rules = app.url_map.iter_rules()
print(json.dumps([[method, rule.rule] for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}]))
"""

NOT_OURS = {
    r"/(ajax-)?api/[23]\.0/mlflow/(traces|unified-traces|get-online-trace-details|get-trace-artifact)(/|$)": "traces",
    r"/(ajax-)?api/3\.0/mlflow/(datasets|label-schemas|review-queues|issues|scorers?|genai)(/|$)": "evaluation",
    r"/(ajax-)?api/3\.0/mlflow/(gateway|prompt-optimization|workspaces|jobs)(/|$)": "other services of that server",
    r"/ajax-api/2\.0/mlflow/(gateway-proxy|runs/create-promptlab-run)$": "other services of that server",
    r"/ajax-api/3\.0/mlflow/(ui-telemetry|demo)(/|$)": "its own web page",
    r"/(build/|static-files/|graphql$)|/$": "its own web page",
    r"/(ajax-)?api/2\.0mlflow/": "a slip of the pen there: nobody asks for this path",
}
"""What is no part of a model registry. The patterns stand at the start of a path."""

pytestmark = [
    pytest.mark.skipif(
        MLFLOW_PYTHON not in os.environ and not any(importlib.metadata.distributions(name="mlflow")),
        reason=f"MLflow is not installed here, and {MLFLOW_PYTHON} names no interpreter that has it",
    ),
    pytest.mark.xdist_group("servers"),
]


def test_every_route_of_the_registry_is_answered(tmp_path: Path) -> None:
    theirs = {(method, _plain(path)) for method, path in run_mlflow(LIST_ROUTES, folder=tmp_path)}
    ours = {(route.method, _plain(prefix + route.path)) for route in ROUTES for prefix in route.prefixes}

    missing = {route for route in theirs - ours if not any(re.match(pattern, route[1]) for pattern in NOT_OURS)}

    assert len(theirs) > 100
    assert missing - {("GET", "/health"), ("GET", "/version")} == set()


def test_every_exception_is_one(tmp_path: Path) -> None:
    theirs = {path for _, path in run_mlflow(LIST_ROUTES, folder=tmp_path)}
    ours = {prefix + route.path for route in ROUTES for prefix in route.prefixes}

    assert {pattern for pattern in NOT_OURS if not any(re.match(pattern, path) for path in theirs)} == set()
    assert {path for path in ours if any(re.match(pattern, path) for pattern in NOT_OURS)} == set()


def _plain(path: str) -> str:
    """A path whose variable parts have no names."""
    return re.sub(r"<path:\w+>|\{\w+\.\.\.\}", "**", re.sub(r"<\w+>|\{\w+\}", "*", path))
