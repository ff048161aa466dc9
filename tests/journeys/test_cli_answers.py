"""What commands answer: the keys of `--json`, tables that hostile texts cannot break, completion, differences."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import ShellComplete

from commandline import Commandline, commandline, logged_run, model_folder
from modelshelf.cli.commands import SECTIONS, Command, Group
from modelshelf.cli.main import shell as root
from modelshelf.connect import connect
from shelves import stored

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_MODEL = {"name", "description", "created", "created_by", "updated", "aliases", "tags", "latest_version"}
_VERSION = {
    *("name", "version", "uri", "aliases", "stage", "description", "tags", "created", "created_by", "updated"),
    *("approval_status", "source", "run_id", "run_link", "logged_model", "sealed", "manifest", "size"),
}
_MOVE = {"time", "actor", "model", "slot", "alias", "version", "before", "after", "reason", "cause"}
_RUN = {
    *("id", "name", "experiment_id", "experiment", "status", "lifecycle", "user", "started", "ended"),
    *("params", "metrics", "tags"),
}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Commandline]:
    with commandline(f"sqlite:///{tmp_path}/shelf.db") as found:
        yield found


@pytest.fixture
def churn(shelf: Commandline, tmp_path: Path) -> Commandline:
    """A shelf with two versions of one model, the second of them in production."""
    for number, needed in ((1, ("numpy==2.0.0",)), (2, ("numpy==2.1.0", "scipy"))):
        run = logged_run(shelf.uri, f"try {number}", f"w{number}", auc=number / 4, depth=str(number))
        folder = model_folder(tmp_path / f"model{number}", f"w{number}", *needed)
        shelf.json("register", f"runs:/{run}/model", "fraud", "--alias", "best")
        shelf.json("register", str(folder), "churn", "--tag", f"number={number}", "--description", f"try {number}")
    shelf.json("promote", "churn", "1", "--to", "production", "--reason", "first")
    shelf.json("promote", "churn", "2", "--to", "production", "--reason", "second")
    return shelf


def _commands(group: click.Group = root, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*prefix, name))
        else:
            yield (*prefix, name)


def _command(path: tuple[str, ...]) -> click.Command:
    found: click.Command = root
    for name in path:
        assert isinstance(found, click.Group)
        below = found.get_command(click.Context(found), name)
        assert below is not None
        found = below
    return found


_ANSWERS: dict[tuple[str, ...], tuple[list[str], set[str]]] = {
    ("doctor",): ([], {"ok", "checks"}),
    ("completion",): (["bash"], {"shell", "script"}),
    ("models",): ([], {"models", "more"}),
    ("versions", "list"): (["churn"], {"versions", "more"}),
    ("versions", "seal"): (["churn", "1"], _VERSION),
    ("show",): (
        ["churn@production"],
        {"kind", *_VERSION, "held", "flavors", "signature", "requirements", "files", "fault", "run"},
    ),
    ("diff",): (
        ["churn/1", "churn/2"],
        {"before", "after", "metrics", "params", "signature", "requirements", "files"},
    ),
    ("history",): (["churn"], {"moves", "more"}),
    ("search", "models"): (["name = 'churn'"], {"models", "more"}),
    ("search", "versions"): (["alias = 'production'"], {"versions", "more"}),
    ("search", "runs"): (["--order-by", "metrics.auc DESC"], {"runs", "more"}),
    ("experiments",): ([], {"experiments", "more"}),
    ("runs", "list"): (["--experiment", "Default"], {"runs", "more"}),
    ("runs", "show"): (["{run}"], _RUN),
    ("register",): (["models:/churn/1", "other"], _VERSION),
    ("alias", "set"): (["churn", "best", "1"], {"move"}),
    ("alias", "clear"): (["churn", "production"], {"move"}),
    ("alias", "list"): (["churn"], {"aliases"}),
    ("stage",): (["churn", "1", "staging"], {"move"}),
    ("promote",): (["churn", "1", "--stage", "Production"], {"move"}),
    ("rollback",): (["churn", "production"], {"move"}),
    ("approval",): (["churn", "1", "Approved"], {"version"}),
    ("tag", "set"): (["churn/1", "team", "risk"], {"tag"}),
    ("tag", "delete"): (["churn", "team"], {"tag", "deleted"}),
    ("delete", "version"): (["churn", "1", "--yes"], {"deleted"}),
    ("delete", "model"): (["churn", "--yes", "--force"], {"deleted"}),
    ("download",): (["churn/1", "{folder}"], {"uri", "path", "files", "size"}),
    ("verify",): ([], {"ok", "bytes", "findings"}),
}
_ELSEWHERE = {"quickstart", "predict", "request", *SECTIONS["Serve"]}
"""Commands that need scikit-learn or a server have tests of their own."""


def test_every_command_has_an_answer_to_check() -> None:
    assert {path for path in _commands() if path[0] not in _ELSEWHERE} == set(_ANSWERS)


@pytest.mark.parametrize("path", _ANSWERS, ids=" ".join)
def test_the_keys_of_json_are_those_that_are_documented(
    churn: Commandline, path: tuple[str, ...], tmp_path: Path
) -> None:
    args, keys = _ANSWERS[path]
    run = churn.json("runs", "list")["runs"][0]["id"]

    answer = churn.json(*path, *(arg.format(run=run, folder=tmp_path / "got") for arg in args))

    assert set(answer) == keys
    assert [key for key in keys if f"`{key}`" not in _section(path)] == []


@pytest.mark.parametrize("path", _ANSWERS, ids=" ".join)
def test_in_a_pipe_the_answer_is_plain_text(churn: Commandline, path: tuple[str, ...], tmp_path: Path) -> None:
    run = churn.json("runs", "list")["runs"][0]["id"]

    answer = churn(*path, *(arg.format(run=run, folder=tmp_path / "got") for arg in _ANSWERS[path][0]))

    assert answer.code == 0
    assert answer.out
    assert "\x1b" not in answer.out
    assert answer.err == ""


def _section(path: tuple[str, ...]) -> str:
    page = REFERENCE.read_text(encoding="utf-8")
    _, heading, rest = page.partition(f"\n### `modelshelf {' '.join(path)}`\n")
    assert heading, f"docs/reference/cli.md says nothing of modelshelf {' '.join(path)}"
    return re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("path", list(_commands()), ids=" ".join)
def test_every_argument_and_option_is_documented(path: tuple[str, ...]) -> None:
    command, section = _command(path), _section(path)
    shared = {"shelf_uri", "as_json", "plain"}
    own = [
        parameter
        for parameter in command.params
        if parameter.name not in shared and not getattr(parameter, "hidden", False)
    ]

    names = [name for parameter in own for name in parameter.opts if isinstance(parameter, click.Option)]
    arguments = [
        parameter.metavar or str(parameter.name).upper() for parameter in own if isinstance(parameter, click.Argument)
    ]
    assert [name for name in names if name not in section] == []
    assert [name for name in arguments if name.strip("[]") not in section] == []


def test_exit_codes_the_environment_and_shared_options_are_documented() -> None:
    page = REFERENCE.read_text(encoding="utf-8")

    for told in ("--uri", "--json", "--plain", "NO_COLOR", "MODELSHELF_DEBUG", "MODELSHELF_REGISTRY_URI", "COLUMNS"):
        assert f"`{told}" in page
    assert re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE) == ["0", "1", "2", "3", "4", "5", "6", "130", "141"]


@pytest.mark.parametrize("path", list(_commands()), ids=" ".join)
def test_every_command_takes_the_shared_options_and_has_help(path: tuple[str, ...], shelf: Commandline) -> None:
    command = _command(path)

    answer = shelf(*path, "--help")

    assert isinstance(command, Command | Group)
    assert answer.code == 0
    assert all(option in answer.out for option in ("--uri", "--json", "--plain"))
    assert command.help


def test_the_overview_names_modules_that_are_there() -> None:
    names = [name for section in SECTIONS.values() for name in section]

    assert len(set(names)) == len(names)
    assert all(_command((name,)).name == name for name in names)


def test_records_have_stable_keys_and_times_in_utc(churn: Commandline) -> None:
    model = next(each for each in churn.json("models")["models"] if each["name"] == "churn")
    version = churn.json("versions", "churn")["versions"][0]
    move = churn.json("history", "churn", "--alias", "production")["moves"][0]
    run = churn.json("runs", "list")["runs"][0]

    assert (set(model), set(version), set(move), set(run)) == (_MODEL, _VERSION, _MOVE, _RUN)
    assert (model["aliases"], model["latest_version"]) == ({"production": 2}, 2)
    assert (version["version"], version["aliases"], version["tags"]) == (2, ["production"], {"number": "2"})
    assert (move["before"], move["after"], move["reason"], move["cause"]) == (1, 2, "second", "promotion")
    times = [model["created"], version["updated"], move["time"], run["started"], run["metrics"]["auc"]["time"]]
    assert [time for time in times if not _TIME.fullmatch(time)] == []


def test_a_version_is_shown_with_all_that_is_known_of_it(churn: Commandline) -> None:
    version = churn.json("show", "models:/fraud@best")
    inside = churn.json("show", "churn/2")

    assert (version["run"]["params"]["depth"], version["run"]["metrics"]["auc"]["value"]) == ("2", 0.5)
    assert inside["requirements"] == ["numpy==2.1.0", "scipy"]
    assert [column["name"] for column in inside["signature"]["inputs"]] == ["age", "town"]
    assert [entry["path"] for entry in inside["files"]] == ["MLmodel", "requirements.txt", "weights.txt"]
    assert inside["held"][0] == {
        "alias": "production",
        "version": 2,
        "since": inside["held"][0]["since"],
        "by": inside["created_by"],
        "reason": "second",
    }
    assert "string?" in churn("show", "churn/2").out


def test_a_broken_mlmodel_file_is_told_and_the_rest_is_shown(shelf: Commandline) -> None:
    with connect(shelf.uri) as registry:
        registry.catalog.create_model("churn")
        registry.catalog.create_version("churn", manifest=stored(registry, MLmodel=b"flavors: ["))

    answer = shelf.json("show", "churn/1")

    assert answer["fault"].startswith("MLmodel: it is not YAML")
    assert (answer["signature"], len(answer["files"])) == (None, 1)


def test_a_difference_names_only_what_differs(churn: Commandline) -> None:
    models, runs = churn.json("diff", "churn/1", "churn@production"), churn.json("diff", "fraud/1", "fraud/2")
    text = churn("diff", "fraud/1", "fraud/2").out

    assert models["requirements"]["different"] == {
        "numpy": {"before": "==2.0.0", "after": "==2.1.0"},
        "scipy": {"before": None, "after": "any"},
    }
    assert models["signature"]["different"] == {}
    assert [change["after"]["path"] for change in models["files"]["changed"]] == ["requirements.txt", "weights.txt"]
    assert runs["metrics"]["different"] == {"auc": {"before": 0.25, "after": 0.5, "delta": 0.25}}
    assert re.search(r"^auc +0\.25 +0\.5 +\+0\.25$", text, flags=re.MULTILINE)
    assert "seed" not in text


_HOSTILE = "[red]x[/red] \x1b[31m\x1b]0;title\x07 \r\n\x9b2J \u202eabc :smile: 雪 é"


def test_hostile_texts_are_inert_everywhere(shelf: Commandline, tmp_path: Path) -> None:
    name = _HOSTILE.replace("/", "").replace(":", "")
    shelf.json("register", str(model_folder(tmp_path / "m", "w")), name, "--description", _HOSTILE)
    shelf.json("tag", "set", name, "key", _HOSTILE)
    shelf.json("alias", "set", name, "best", "1", "--reason", _HOSTILE)

    calls = (
        ("models",), ("versions", name), ("show", name), ("show", f"models:/{name}/1"), ("alias", "list", name),
        ("history", name), ("history", name, "--events"), ("diff", f"{name}/1", f"{name}@best"), ("search", "versions"),
        ("models", "--json"), ("show", name, "--json"), ("show", f"{name}/2"), ("show", f"{name}x"),
    )  # fmt: skip
    for call in calls:
        answer = shelf(*call)
        text = answer.out + answer.err
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), call
        assert "[red]x[" in text, call


def test_columns_line_up_whatever_the_width_of_their_signs(shelf: Commandline, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", "w")
    for name in ("雪雪", "plain", "e\u0301te\u0301"):
        shelf.json("register", str(folder), name, "--alias", "a")

    lines = shelf("models").out.splitlines()

    assert [line.split()[1] for line in lines] == ["newest", "1", "1", "1"]
    assert {line.index("a=1") for line in lines[1:] if line.isascii()} == {lines[0].index("aliases")}
    assert next(line for line in lines if line.startswith("雪")).index("a=1") == lines[0].index("aliases") - 2


def test_a_limit_says_that_there_is_more(shelf: Commandline, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", "w")
    for _ in range(3):
        shelf.json("register", str(folder), "churn")

    some, all_ = shelf.json("versions", "churn", "--limit", "2"), shelf.json("versions", "churn", "--limit", "3")

    assert ([version["version"] for version in some["versions"]], some["more"]) == ([3, 2], True)
    assert ([version["version"] for version in all_["versions"]], all_["more"]) == ([3, 2, 1], False)
    assert "there are more" in shelf("versions", "churn", "--limit", "2").out


@pytest.mark.parametrize("name", ["it's", 'say "x"', 'it\'s "x"', "back\\slash", "100%", "a_b", "a@b"])
def test_any_name_can_be_found(shelf: Commandline, tmp_path: Path, name: str) -> None:
    shelf.json("register", str(model_folder(tmp_path / "m", "w")), name)

    assert [version["name"] for version in shelf.json("versions", name)["versions"]] == [name]
    assert [model["name"] for model in shelf.json("models", name)["models"]] == [name]
    assert shelf.json("show", name)["name"] == name
    assert shelf.json("show", f"{name}/1")["uri"] == f"models:/{name}/1"


def _offered(shelf: Commandline, *args: str, incomplete: str = "") -> list[str]:
    completion = ShellComplete(root, {}, "modelshelf", "_MODELSHELF_COMPLETE")
    return [item.value for item in completion.get_completions(["--uri", shelf.uri, *args], incomplete)]


def test_a_shell_is_offered_commands_models_aliases_and_stages(churn: Commandline) -> None:
    assert _offered(churn, incomplete="pro") == ["promote"]
    assert _offered(churn, "alias") == ["clear", "list", "set"]
    assert _offered(churn, "versions", incomplete="ch") == ["churn"]
    assert _offered(churn, "rollback", "churn") == ["production"]
    assert _offered(churn, "stage", "churn", "1", incomplete="pr") == ["Production"]


def test_a_shell_is_offered_nothing_where_there_is_no_shelf(shelf: Commandline, tmp_path: Path) -> None:
    assert _offered(shelf, "versions") == []
    assert not (tmp_path / "shelf.db").exists()


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_a_completion_script_names_the_program(shelf: Commandline, kind: str) -> None:
    script = shelf("completion", kind).out

    assert "_MODELSHELF_COMPLETE" in script
    assert "modelshelf" in script


def test_doctor_finds_a_ledger_that_was_changed_by_hand(churn: Commandline, tmp_path: Path) -> None:
    import sqlite3

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
    answer: dict[str, Any] = shelf.json("doctor")

    assert [check["status"] for check in answer["checks"] if check["name"] == "shelf"] == ["warn"]
    assert list(tmp_path.iterdir()) == []


def test_not_a_number_is_a_text_in_json(shelf: Commandline) -> None:
    run = logged_run(shelf.uri, "r", "w", auc=float("nan"), depth="1")

    answer = shelf("runs", "show", run, "--json")

    assert json.loads(answer.out, parse_constant=pytest.fail)["metrics"]["auc"]["value"] == "NaN"
