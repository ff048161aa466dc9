"""`modelshelf doctor`: what is found on a shelf that is as it should be, one that is not, and none."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from commandline import Commandline, commandline, model_folder


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Commandline]:
    with commandline(f"sqlite:///{tmp_path}/shelf.db") as found:
        yield found


@pytest.fixture
def churn(shelf: Commandline, tmp_path: Path) -> Commandline:
    """A shelf with the models churn, whose version 2 is in production, and fraud."""
    folder = model_folder(tmp_path / "model", "w")
    for name in ("churn", "fraud", "churn"):
        shelf.json("register", str(folder), name)
    shelf.json("promote", "churn", "2", "--to", "production")
    return shelf


def test_doctor_finds_a_ledger_that_was_changed_by_hand(churn: Commandline, tmp_path: Path) -> None:
    before = churn("doctor")
    database = sqlite3.connect(tmp_path / "shelf.db")
    database.execute("UPDATE aliases SET number = 1")
    database.commit()
    database.close()
    after = churn("doctor", "--json")

    assert before.code == 0
    assert after.code == 1
    wrong = [check for check in after.json["checks"] if check["status"] == "fail"]
    assert [check["name"] for check in wrong] == ["ledger"]
    assert wrong[0]["way_out"]


def test_doctor_answers_without_a_shelf_and_makes_none(shelf: Commandline, tmp_path: Path) -> None:
    answer = shelf.json("doctor")

    assert [check["status"] for check in answer["checks"] if check["name"] == "shelf"] == ["warn"]
    assert list(tmp_path.iterdir()) == []
