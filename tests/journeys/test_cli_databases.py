"""The story of a model, told on the command line, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commandline import Commandline, commandline, logged_run, model_folder


@pytest.fixture
def shelf(database_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commandline]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with commandline(database_uri) as found:
        yield found


def test_from_runs_to_production_and_back(shelf: Commandline) -> None:
    runs = [logged_run(shelf.uri, f"try {depth}", f"w{depth}", auc=depth / 10, depth=str(depth)) for depth in (8, 9)]

    best = shelf.json("search", "runs", "metrics.auc > 0.85")["runs"]
    for run in runs:
        shelf.json("register", f"runs:/{run}/model", "churn", "--tag", "team=risk")
    shelf.json("promote", "churn", "1", "--to", "production", "--if-current", "none")
    moved = shelf.json("promote", "churn", "2", "--to", "production", "--reason", "auc 0.9")["move"]
    refused = shelf("promote", "churn", "1", "--to", "production", "--if-current", "1")
    difference = shelf.json("diff", "churn/1", "churn@production")
    back = shelf.json("rollback", "churn", "production")["move"]
    events = [event["name"] for event in shelf.json("history", "churn", "--events")["events"]]

    assert [run["id"] for run in best] == [runs[1]]
    assert (moved["before"], moved["after"], moved["reason"], moved["cause"]) == (1, 2, "auc 0.9", "promotion")
    assert refused.code == 3
    assert difference["metrics"]["different"]["auc"] == {"before": 0.8, "after": 0.9, "delta": pytest.approx(0.1)}
    assert difference["params"] == {"different": {"depth": {"before": "8", "after": "9"}}, "same": {"seed": "1"}}
    assert (back["before"], back["after"], back["cause"]) == (2, 1, "rollback")
    assert events[0] == "alias.moved"
    assert "move.refused" in events
    assert events[-1] == "model.created"


def test_lists_searches_and_verification(shelf: Commandline, tmp_path: Path) -> None:
    for name in ("churn", "fraud"):
        shelf.json("register", str(model_folder(tmp_path / name, name)), name)
    shelf.json("tag", "set", "fraud", "team", "risk")

    assert [model["name"] for model in shelf.json("models")["models"]] == ["churn", "fraud"]
    assert [model["name"] for model in shelf.json("models", "RAU")["models"]] == ["fraud"]
    assert [model["name"] for model in shelf.json("search", "models", "tags.team = 'risk'")["models"]] == ["fraud"]
    assert [version["uri"] for version in shelf.json("versions", "churn")["versions"]] == ["models:/churn/1"]
    assert [each["name"] for each in shelf.json("experiments")["experiments"]] == ["Default"]
    assert shelf.json("verify") == {"ok": True, "bytes": shelf.json("verify")["bytes"], "findings": []}
    assert shelf("doctor").code == 0
