"""What commands answer: the keys of `--json`, tables that hostile texts cannot break, differences."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

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


_USER = ["user", "create", "alice", "--role", "admin", "--no-password"]
_GATE = ["gate", "define", "sure", "--model", "churn", "--alias", "production", "--clause", "move.reason != ''"]
_PROTECTION = ["protect", "add", "churn", "--alias", "production", "--role", "approver"]
_REQUEST = ["request", "open", "churn", "1", "--to", "production", "--reason", "it was better"]
_TOKEN = ["token", "create", "--user", "alice", "--name", "ci"]
_WEBHOOK = ["webhook", "create", "ci", "https://example.com/hook", "--event", "alias.moved"]
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
    ("fleet",): (["churn"], {"model", "aliases"}),
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
    ("gate", "define"): (_GATE[2:], {"gates"}),
    ("gate", "list"): ([], {"gates"}),
    ("gate", "show"): (["sure"], {"gate"}),
    ("gate", "delete"): (["sure"], {"deleted"}),
    ("gate", "check"): (["fraud", "2", "--to", "best"], {"judgement"}),
    ("gate", "test"): (["{gate}", "--since", "1d"], {"replays"}),
    ("protect", "add"): (_PROTECTION[2:], {"protection"}),
    ("protect", "list"): ([], {"protections"}),
    ("protect", "remove"): (["churn", "--alias", "production"], {"removed"}),
    ("request", "open"): (_REQUEST[2:], {"request"}),
    ("request", "list"): ([], {"requests", "more"}),
    ("request", "show"): (["1"], {"request", "current", "needs", "comments"}),
    ("request", "comment"): (["1", "why?"], {"comment"}),
    ("request", "withdraw"): (["1", "--reason", "no need"], {"request"}),
    ("approval",): (["churn", "1", "Approved"], {"version"}),
    ("plan",): (["{shelf}"], {"file", "prune", "differs", "changes", "unmanaged", "unknown"}),
    ("apply",): (["{shelf}", "--yes"], {"file", "prune", "changes"}),
    ("audit", "head"): ([], {"head"}),
    ("audit", "verify"): (
        [],
        {"ok", "events", "unsealed", "moves", "heads", "compared", "key", "key_from", "faults", "more"},
    ),
    ("audit", "receipt"): (["3"], {"receipt"}),
    ("audit", "who"): (
        ["fraud@best"],
        {
            *("model", "version", "registered_by", "registered", "position", "source", "run_id", "run", "manifest"),
            *("signature", "then", "now", "moves", "decisions", "more"),
        },
    ),
    ("rollout", "list"): (["churn"], {"rollouts"}),
    ("tag", "set"): (["churn/1", "team", "risk"], {"tag"}),
    ("tag", "delete"): (["churn", "team"], {"tag", "deleted"}),
    ("delete", "version"): (["churn", "1", "--yes"], {"deleted"}),
    ("delete", "model"): (["churn", "--yes", "--force"], {"deleted"}),
    ("download",): (["churn/1", "{folder}"], {"uri", "path", "files", "size"}),
    ("verify",): ([], {"ok", "bytes", "findings"}),
    ("user", "create"): (_USER[2:], {"user"}),
    ("user", "list"): ([], {"users"}),
    ("user", "set-password"): (["alice", "--no-password"], {"user"}),
    ("user", "set-role"): (["alice", "approver"], {"user"}),
    ("user", "delete"): (["alice"], {"deleted"}),
    ("token", "create"): (_TOKEN[2:], {"token"}),
    ("token", "list"): (["--user", "alice"], {"tokens"}),
    ("token", "revoke"): (["alice/ci"], {"revoked"}),
    ("webhook", "create"): (_WEBHOOK[2:], {"webhook"}),
    ("webhook", "list"): ([], {"webhooks", "more"}),
    ("webhook", "show"): (["ci"], {"webhook", "deliveries"}),
    ("webhook", "update"): (["ci", "--tries", "3"], {"webhook"}),
    ("webhook", "delete"): (["ci"], {"deleted"}),
    ("webhook", "deliveries"): (["ci"], {"deliveries", "more"}),
    ("webhook", "pause"): (["ci", "--reason", "too loud"], {"webhook"}),
    ("webhook", "resume"): (["ci", "--skip"], {"webhook"}),
}
_BEFORE: dict[str, tuple[list[str], ...]] = {
    "gate": (_GATE,),
    "protect": (_USER, _PROTECTION),
    "request": (_USER, _REQUEST),
    "user": (_USER,),
    "token": (_USER, _TOKEN),
    "webhook": (_WEBHOOK,),
}
"""What is called before a command of a noun, except where that is the command itself."""
_ELSEWHERE = {
    *(("quickstart",), ("predict",), ("evaluate",), ("server",), ("ui",), ("serve",)),
    *(("request", verb) for verb in ("approve", "carry-out", "reject")),
    *(("rollout", verb) for verb in ("start", "show", "pause", "resume", "abort", "finish")),
    *(("webhook", verb) for verb in ("test", "redeliver")),
    ("audit", "export"),
}
"""Commands that need scikit-learn, a server or a receiver, or write many lines, have tests of their own."""
_SPEAKING = {("token", "create"), ("webhook", "create")}
"""What they print on stdout is a secret alone; the rest is on stderr."""


@pytest.fixture
def answered(request: pytest.FixtureRequest, churn: Commandline, tmp_path: Path) -> tuple[tuple[str, ...], list[str]]:
    """A command, and its arguments on a shelf where it has something to say."""
    path: tuple[str, ...] = request.param
    for before in _BEFORE.get(path[0], ()):
        if tuple(before[:2]) != path:
            churn.json(*before)
    run = churn.json("runs", "list")["runs"][0]["id"]
    gate, shelf_file = tmp_path / "gate.yaml", tmp_path / "shelf.yaml"
    gate.write_text("{name: sure, model: churn, alias: production, clauses: ['move.reason != \"\"']}")
    shelf_file.write_text("gates: []")
    places = {"run": run, "folder": tmp_path / "got", "gate": gate, "shelf": shelf_file}
    return path, [arg.format(**places) for arg in _ANSWERS[path][0]]


def test_every_command_has_an_answer_to_check() -> None:
    assert set(_commands()) - _ELSEWHERE == set(_ANSWERS)


@pytest.mark.parametrize("answered", _ANSWERS, ids=" ".join, indirect=True)
def test_the_keys_of_json_are_those_that_are_documented(
    churn: Commandline, answered: tuple[tuple[str, ...], list[str]]
) -> None:
    path, args = answered
    keys = _ANSWERS[path][1]

    answer = churn.json(*path, *args)

    assert set(answer) == keys
    assert [key for key in keys if f"`{key}`" not in _section(path)] == []


@pytest.mark.parametrize("answered", _ANSWERS, ids=" ".join, indirect=True)
def test_in_a_pipe_the_answer_is_plain_text(churn: Commandline, answered: tuple[tuple[str, ...], list[str]]) -> None:
    path, args = answered

    answer = churn(*path, *args)

    assert answer.code == 0, answer.err
    assert answer.out
    assert "\x1b" not in answer.out
    assert bool(answer.err) == (path in _SPEAKING)


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
    assert re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE) == [*map(str, range(8)), "130", "141"]


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


def test_not_a_number_is_a_text_in_json(shelf: Commandline) -> None:
    run = logged_run(shelf.uri, "r", "w", auc=float("nan"), depth="1")

    answer = shelf("runs", "show", run, "--json")

    assert json.loads(answer.out, parse_constant=pytest.fail)["metrics"]["auc"]["value"] == "NaN"
