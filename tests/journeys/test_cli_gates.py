"""Gates on the command line: defined from files and options, asked without moving, tried on the past."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commandline import Commandline, commandline, logged_run
from modelshelf.connect import connect

BETTER = """
name: better
model: fraud*
alias: production
clauses:
  - candidate.metrics.auc >= 0.5
  - expression: candidate.metrics.auc >= current.metrics.auc
    message: train again
"""


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Commandline]:
    """A shelf with three versions of a model: 0.6, 0.5 and 0.9 are their metrics."""
    with commandline(f"sqlite:///{tmp_path}/shelf.db") as found:
        for number, auc in enumerate((0.6, 0.5, 0.9)):
            run = logged_run(found.uri, f"try {number}", f"w{number}", auc=auc, depth="1")
            found.json("register", f"runs:/{run}/model", "fraud")
        yield found


@pytest.fixture
def better(tmp_path: Path) -> str:
    path = tmp_path / "better.yaml"
    path.write_text(BETTER)
    return str(path)


def test_a_gate_goes_from_a_file_to_a_refusal_with_exit_code_3(shelf: Commandline, better: str) -> None:
    assert shelf("gate", "define", better).out == "gate better guards @production of fraud*\n"
    shelf.json("promote", "fraud", "1", "--to", "production")

    refused = shelf("promote", "fraud", "2", "--to", "production")

    assert refused.code == 3
    assert "candidate.metrics.auc >= current.metrics.auc" in refused.err
    assert "saw candidate.metrics.auc = 0.5, current.metrics.auc = 0.6" in refused.err
    assert "train again" in refused.err
    assert shelf.json("promote", "fraud", "3", "--to", "production")["move"]["after"] == 3


def test_a_refusal_in_json_lists_the_clauses(shelf: Commandline, better: str) -> None:
    shelf.json("gate", "define", better)
    shelf.json("promote", "fraud", "1", "--to", "production")

    refused = shelf("promote", "fraud", "2", "--to", "production", "--json")

    told = json.loads(refused.err)["error"]
    assert (refused.code, told["code"]) == (3, "gate_failed")
    assert [clause["passed"] for clause in told["details"]["gates"][0]["clauses"]] == [True, False]


def test_a_dry_run_and_a_check_move_nothing(shelf: Commandline, better: str) -> None:
    shelf.json("gate", "define", better)
    shelf.json("promote", "fraud", "1", "--to", "production")

    assert shelf("promote", "fraud", "2", "--to", "production", "--dry-run").code == 3
    assert shelf("gate", "check", "fraud", "2", "--to", "production").code == 3
    assert "nothing was moved" in shelf("gate", "check", "fraud", "3", "--to", "production").out
    judgement = shelf.json("promote", "fraud", "3", "--to", "production", "--dry-run")["judgement"]

    assert (judgement["passed"], judgement["before"], judgement["alias"]) == (True, 1, "production")
    assert shelf.json("alias", "list", "fraud")["aliases"][0]["version"] == 1


def test_a_gate_from_options_is_listed_shown_and_deleted(shelf: Commandline) -> None:
    clause = ("--clause", "candidate.sealed", "--clause", "candidate.metrics.auc > 0.1")
    shelf.json("gate", "define", "sealed", "--model", "*", "--stage", "production", *clause, "--auto")

    (listed,) = shelf.json("gate", "list", "fraud")["gates"]

    assert (listed["stage"], listed["auto"], listed["alias"]) == ("Production", True, None)
    assert "stage Production of *" in shelf("gate", "list").out
    assert "candidate.metrics.auc > 0.1" in shelf("gate", "show", "sealed").out
    assert shelf.json("gate", "show", "sealed")["gate"] == listed
    assert shelf.json("gate", "delete", "sealed")["deleted"] == listed
    assert shelf.json("gate", "list")["gates"] == []
    assert shelf("gate", "show", "sealed").code == 4


def test_a_gate_is_tried_on_the_past(shelf: Commandline, better: str, tmp_path: Path) -> None:
    shelf.json("gate", "define", better)
    shelf.json("promote", "fraud", "1", "--to", "production")
    shelf("promote", "fraud", "2", "--to", "production")
    tried = tmp_path / "tried.yaml"
    tried.write_text(
        "gates:\n- {name: new, model: fraud, alias: production, clauses: [candidate.metrics.auc < 0.55]}\n"
    )

    (replay,) = shelf.json("gate", "test", str(tried), "--since", "1d")["replays"]

    assert [each["version"] for each in replay["stopped"]] == [1]
    assert [(each["version"], each["refused_by"]) for each in replay["admitted"]] == [(2, ["better"])]
    assert (replay["moves"], replay["refusals"], replay["rebuilt"]) == (1, 1, 0)
    assert "it would have stopped 1 of the moves" in shelf("gate", "test", str(tried)).out
    assert [gate["name"] for gate in shelf.json("gate", "list")["gates"]] == ["better"]


def test_an_evaluation_decides_a_promotion_that_has_to_be_better(shelf: Commandline) -> None:
    from modelshelf.domain.evaluations import Evaluation

    shelf.json("promote", "fraud", "1", "--to", "production")
    better = ("promote", "fraud", "3", "--to", "production", "--if-better", "auc", "--confidence", "0.95")

    assert "no evaluation of auc against version 1" in shelf(*better).err
    with connect(shelf.uri) as registry:
        kept = Evaluation("auc", 1, 0.9, 0.6, 0.3, 0.2, 0.4, 0.95, rows=100)
        registry.governance.log_evaluation("fraud", 3, kept)

    assert shelf.json(*better)["move"]["after"] == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("gates: 1", "there must be a list"),
        ("- a\n- b", "a gate must have name"),
        ("name: [", "not YAML"),
        ("name: a\nmodel: b\nalias: c\nclause: [x]", "did you mean 'clauses'"),
        ("name: a\nmodel: b\nalias: c\nclauses: [candidate.metrcs.auc > 1.0]", "line 1, column 17"),
    ],
)
def test_a_file_that_is_no_gate_is_refused(shelf: Commandline, tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text(content)

    answer = shelf("gate", "define", str(path))

    assert (answer.code, said in answer.err) == (2, True)


def test_what_cannot_be_understood_says_the_way_out(shelf: Commandline, better: str) -> None:
    assert "say --model" in shelf("gate", "define", "nowhere.yaml").err
    assert "write 12h, 90d" in shelf("gate", "test", better, "--since", "soon").err
    assert "no gate 'bettr' (did you mean" in (shelf("gate", "define", better), shelf("gate", "show", "bettr"))[1].err
