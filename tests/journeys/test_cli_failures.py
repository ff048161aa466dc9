"""How commands fail: exit codes that tell kinds apart, one line, never a stack trace."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from commandline import Commandline, commandline, model_folder
from modelshelf.cli.failures import exit_code
from modelshelf.cli.main import shell as root
from modelshelf.domain import errors


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Commandline]:
    with commandline(f"sqlite:///{tmp_path}/shelf.db") as found:
        found.json("register", str(model_folder(tmp_path / "model", "weights")), "churn", "--alias", "production")
        yield found


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["alias", "set", "churn", "v1", "1"], 2, "the alias 'v1' is reserved"),
        (["alias", "set", "churn", "best", "one"], 2, "'one' is not a valid integer"),
        (["promote", "churn", "1"], 2, "name either --to ALIAS or --stage STAGE"),
        (["stage", "churn", "1", "Live"], 2, "the stages are None, Staging, Production, Archived"),
        (["show", "churn/1/2"], 2, "not a model URI"),
        (["modles"], 2, "did you mean models"),
        (["alias", "sett"], 2, "did you mean set"),
        (["register", "nowhere", "churn"], 4, "nowhere"),
        (["tag", "set", "churn/1", "a//b", "x"], 2, "invalid tag name"),
        (["predict", "churn/1", "--input", "nowhere.csv"], 2, "cannot read nowhere.csv"),
        (["predict", "churn/1", "--input", "-"], 2, "say --format csv or --format json"),
        (["delete", "version", "churn", "1", "--yes"], 3, "is what @production points at"),
        (["alias", "set", "churn", "production", "1", "--if-current", "none"], 3, "points at version 1"),
        (["rollback", "churn", "production"], 3, "nothing to roll back to"),
        (["show", "chrun"], 4, "did you mean 'churn'?"),
        (["show", "churn/7"], 4, "the newest is 1"),
        (["show", "churn@champion"], 4, "it has production"),
        (["history", "fraud"], 4, "no registered model 'fraud'"),
        (["runs", "show", "0" * 32], 4, "no run"),
    ],
)
def test_a_failure_is_one_line_and_a_code(shelf: Commandline, args: list[str], code: int, said: str) -> None:
    answer = shelf(*args)

    assert answer.code == code
    assert said in answer.err
    assert len([line for line in answer.err.splitlines() if line.startswith("error: ")]) == 1
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_the_fault_of_a_filter_is_pointed_at(shelf: Commandline) -> None:
    answer = shelf("search", "runs", "metrics.auc >> 1")

    assert answer.code == 2
    assert answer.err.splitlines()[1:] == ["  metrics.auc >> 1", "               ^"]


@pytest.mark.parametrize("args", [[], ["alias"], ["runs"]])
def test_a_noun_alone_tells_what_there_is(args: list[str]) -> None:
    result = CliRunner().invoke(root, args)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: modelshelf")


def test_in_json_an_error_has_a_code_and_details_on_stderr(shelf: Commandline) -> None:
    answer = shelf("show", "chrun", "--json")

    assert (answer.code, answer.out) == (4, "")
    assert json.loads(answer.err) == {
        "error": {
            "code": "not_found",
            "message": "no registered model 'chrun' (did you mean 'churn'?)",
            "details": {"model": "chrun"},
        }
    }


def test_in_json_a_wrong_call_is_an_error_too(shelf: Commandline) -> None:
    answer = shelf("show", "--json")

    assert answer.code == 2
    assert json.loads(answer.err)["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ShelfError, 1),
        (errors.Corrupt, 1),
        (errors.MissingPackage, 1),
        (errors.Invalid, 2),
        (errors.InvalidFilter, 2),
        (errors.SignatureMismatch, 2),
        (errors.Conflict, 3),
        (errors.AliasMoved, 3),
        (errors.VersionInUse, 3),
        (errors.AlreadyExists, 3),
        (errors.NotFound, 4),
        (errors.Forbidden, 5),
        (errors.Untrusted, 5),
        (errors.Unavailable, 6),
        (errors.StorageFull, 6),
        (errors.ForeignDatabase, 6),
    ],
)
def test_each_kind_of_error_has_its_exit_code(kind: type[errors.ShelfError], code: int) -> None:
    assert exit_code(kind("no")) == code


def test_a_database_that_is_not_ours_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"this is not a database, and never was one" * 100)

    with commandline(f"sqlite:///{tmp_path}/other.db") as shelf:
        answer = shelf("models")

    assert answer.code == 6
    assert answer.err.startswith("error: ")


def test_asked_for_it_a_stack_trace_is_shown(shelf: Commandline) -> None:
    answer = shelf("show", "nothing", env={"MODELSHELF_DEBUG": "1"})

    assert answer.code == 4
    assert "Traceback" in answer.err


def test_nothing_is_deleted_without_an_answer(shelf: Commandline) -> None:
    answers = [shelf("delete", "model", "churn", "--force", input=text) for text in ("n\n", "")]

    assert [answer.code for answer in answers] == [1, 1]
    assert "pass --yes" in answers[1].err
    assert shelf.json("show", "churn")["name"] == "churn"


def test_a_yes_deletes(shelf: Commandline) -> None:
    answer = shelf("delete", "model", "churn", "--force", input="y\n")

    assert answer.code == 0
    assert shelf("show", "churn").code == 4
    assert shelf.json("history", "churn")["moves"][0]["cause"] == "model deleted"


def test_verify_finds_a_flipped_bit_and_fails(shelf: Commandline, tmp_path: Path) -> None:
    blob = next(
        path for path in tmp_path.glob("shelf.db.files/**/*") if path.is_file() and path.read_bytes() == b"weights"
    )
    blob.chmod(0o600)
    blob.write_bytes(b"wEights")

    answer = shelf("verify", "--json")

    assert answer.code == 1
    assert answer.json["ok"] is False
    assert [finding["fault"].split(":")[0] for finding in answer.json["findings"]] == ["corrupt"]
