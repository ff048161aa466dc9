"""`modelshelf plan` and `modelshelf apply`, as they are typed, on a shelf of one's own and over a server that asks."""

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commandline import Commandline, commandline
from modelshelf.cli import applying, shelf_files
from modelshelf.connect import connect
from modelshelf.domain.declared import declaration_of, document_of
from modelshelf.domain.signatures import secret_text
from servers import serving

SECRET = secret_text(bytes(range(32)))
FILE = """\
gates:
  - name: better
    model: fraud*
    alias: production
    clauses:
      - candidate.metrics.auc >= 0.8
protected:
  - model: fraud*
    alias: production
    roles: [approver]
webhooks:
  - name: ci
    url: https://ci.example/secret-path
    events: [alias.moved]
    secret_env: CI_SECRET
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Commandline]:
    """The command line on a shelf of its own, with the user alice, below whom the file lies."""
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with connect(uri) as shelf:
        shelf.access.create_user("alice", role="admin", password=None)
    with commandline(uri) as found:
        yield found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shelf.yaml"
    path.write_text(FILE)
    return path


def test_a_plan_tells_what_differs_and_nothing_once_it_is_applied(run: Commandline, file: Path) -> None:
    planned = run("plan", str(file))
    applied = run("apply", str(file), "--yes", env={"CI_SECRET": SECRET})
    again = run("apply", str(file), "--yes")
    same = run("plan", str(file))

    assert (planned.code, "create gate better" in planned.out) == (7, True)
    assert planned.out.endswith("\n3 to create\n")
    assert (applied.code, applied.out) == (0, "made 3 changes: the shelf is as the file says\n")
    assert "created webhook ci" in applied.err
    assert again.out == "nothing to change: the shelf is as the file says\n"
    assert (same.code, same.out.splitlines()[0]) == (0, "the shelf is as the file says")
    assert "the secret of webhook ci" in same.out


def test_secrets_and_paths_of_urls_are_in_no_answer(run: Commandline, file: Path) -> None:
    answers = [
        run("plan", str(file)),
        run("apply", str(file), "--yes", env={"CI_SECRET": SECRET}),
        run("plan", str(file), "--renew-secrets", "--json"),
        run("apply", str(file), "--renew-secrets", "--yes", "--json", env={"CI_SECRET": SECRET}),
    ]

    told = "".join(answer.out + answer.err for answer in answers)
    assert SECRET not in told
    assert "secret-path" not in told
    assert answers[2].json["changes"][0]["fields"] == [
        {"field": "secret", "before": "set", "after": "from CI_SECRET"},
    ]


def test_drift_is_reported_for_programs(run: Commandline, file: Path) -> None:
    run("apply", str(file), "--yes", env={"CI_SECRET": SECRET})
    run("gate", "define", "better", "--model", "fraud*", "--alias", "production", "--clause", "candidate.sealed")
    run("gate", "define", "other", "--model", "fraud*", "--alias", "production", "--clause", "candidate.sealed")

    drift = run("plan", str(file), "--json")

    assert drift.code == 7
    assert drift.json == {
        "file": str(file),
        "prune": False,
        "differs": True,
        "changes": [
            {
                "action": "change",
                "kind": "gate",
                "name": "better",
                "fields": [
                    {"field": "clauses", "before": "candidate.sealed", "after": "candidate.metrics.auc >= 0.8"},
                ],
                "obstacle": None,
            }
        ],
        "unmanaged": ["gate other"],
        "unknown": ["the secret of webhook ci: it has one, which is never told again"],
    }


@pytest.mark.parametrize(
    ("said", "option", "left"),
    [
        ("", (), ["better", "other"]),
        ("", ("--prune",), ["better"]),
        ("prune: true\n", (), ["better"]),
        ("prune: true\n", ("--no-prune",), ["better", "other"]),
    ],
)
def test_what_the_file_has_not_is_removed_only_where_that_is_said(
    run: Commandline, file: Path, said: str, option: tuple[str, ...], left: list[str]
) -> None:
    run("gate", "define", "other", "--model", "fraud*", "--alias", "production", "--clause", "candidate.sealed")
    file.write_text(said + FILE)

    run("apply", str(file), *option, "--yes", env={"CI_SECRET": SECRET})

    assert [gate["name"] for gate in run.json("gate", "list")["gates"]] == left


@pytest.mark.parametrize(
    ("answer", "code", "said"), [("n\n", 1, "nothing was changed"), (None, 1, "pass --yes"), ("y\n", 0, "created gate")]
)
def test_it_asks_first_and_shows_what_it_asks_about(
    run: Commandline, file: Path, answer: str | None, code: int, said: str
) -> None:
    asked = run("apply", str(file), input=answer, env={"CI_SECRET": SECRET})

    assert asked.code == code
    assert "Make these changes (3 to create)? [y/N]:" in asked.err
    assert "candidate.metrics.auc >= 0.8" in asked.err
    assert said in asked.err
    assert len(run.json("gate", "list")["gates"]) == (code == 0)


def test_an_export_is_a_file_that_differs_in_nothing(run: Commandline, file: Path, tmp_path: Path) -> None:
    run("apply", str(file), "--yes", env={"CI_SECRET": SECRET})

    exported = run("plan", "--export")

    again = tmp_path / "again.yaml"
    again.write_text(exported.out)
    assert exported.code == 0
    assert run("plan", str(again), "--prune").code == 0
    assert run.json("plan", "--export") == yaml.safe_load(exported.out)


def test_a_failure_in_the_middle_says_what_was_made(run: Commandline, file: Path) -> None:
    file.write_text(FILE.replace("[approver]", "[approver]\n    users: [carol]"))

    stopped = run("apply", str(file), "--yes", "--json", env={"CI_SECRET": SECRET})

    assert (stopped.code, stopped.out) == (4, "")
    error = json.loads(stopped.err[stopped.err.index("{") :])["error"]
    assert error["code"] == "not_found"
    assert error["details"]["made"] == ["create gate better"]
    assert error["details"]["not_tried"] == ["create webhook ci"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 2, "shelf.yaml:1: it declares nothing"),
        ("gates: [", 2, "no YAML that can be read"),
        ("gates:\n  - name: better\n    colour: red\n", 2, "shelf.yaml:3: gates[0].colour: a gate has no 'colour'"),
        ("gates: []\nprune: maybe\n", 2, "shelf.yaml:2: prune: prune must be true or false"),
        ("gates: []\ngates: []\n", 2, "shelf.yaml:2: gates is said twice"),
        ("gates:\n  - &a {model: x}\n  - *a\n", 2, "shelf.yaml:2: anchors"),
        ("gates: &a [*a]\n", 2, "anchors"),
        ("gates:\n  - model: *\n", 2, "shelf.yaml:2: it is no YAML that can be read"),
        (f"gates: {'[' * 30}{']' * 30}\n", 2, "nested more than 20 times"),
        (f"gates: {'[' * 100_000}", 2, "no YAML that can be read"),
        (f"gates: 1{':1' * 100_000}\n", 2, "a number of more than 50 characters"),
        ("gates: !!python/object/apply:os.system [true]\n", 2, "no YAML that can be read"),
        ("gates: \x00", 2, "no YAML that can be read"),
        (f"# {'x' * 1024 * 1024}", 2, "larger than 1,048,576 bytes"),
        (
            FILE.replace("secret_env: CI_SECRET", "secret: hush-hush"),
            2,
            "shelf.yaml:15: webhooks[0].secret: a secret has",
        ),
        (FILE.replace("CI_SECRET", "UNSET_SECRET"), 2, "UNSET_SECRET, which is not set here"),
        (FILE.replace("metrics.auc", "metrcs.auc"), 2, "gate better"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(
    run: Commandline, file: Path, text: str, code: int, said: str
) -> None:
    file.write_text(text)

    refused = run("apply", str(file), "--yes")

    assert refused.code == code
    assert said in refused.err
    assert "hush" not in refused.err
    assert refused.out == ""
    assert run.json("gate", "list")["gates"] == []


def test_a_file_that_is_not_there_is_told_with_the_way_out(run: Commandline, tmp_path: Path) -> None:
    missing = run("plan", str(tmp_path / "none.yaml"))

    assert missing.code == 4
    assert "modelshelf plan --export" in missing.err


def test_a_url_in_a_variable_is_compared_where_it_is_set_and_never_told(run: Commandline, file: Path) -> None:
    text = FILE.replace("url: https://ci.example/secret-path", "url_env: CI_URL")
    file.write_text(text)
    unset = run("apply", str(file), "--yes", env={"CI_SECRET": SECRET})
    wrong = run("apply", str(file), "--yes", env={"CI_SECRET": SECRET, "CI_URL": "https://me:hush@ci.example/"})

    run("apply", str(file), "--yes", env={"CI_SECRET": SECRET, "CI_URL": "https://ci.example/one"})
    unknown = run("plan", str(file))
    other = run("plan", str(file), env={"CI_URL": "https://ci.example/hush"})

    assert "CI_URL, which is not set here" in unset.err
    assert "webhooks[0].url_env: CI_URL holds no URL" in wrong.err
    assert (unknown.code, "CI_URL is not set here" in unknown.out) == (0, True)
    assert (other.code, "https://ci.example (another path)" in other.out) == (7, True)
    assert "hush" not in wrong.err + other.out


@pytest.mark.xdist_group("servers")
def test_over_a_server_administrators_apply_and_readers_see_what_they_may(tmp_path: Path, file: Path) -> None:
    uri, tokens = f"sqlite:///{tmp_path}/shelf.db", {}
    with connect(uri) as shelf:
        for name, role in [("alice", "admin"), ("bob", "reader")]:
            shelf.access.create_user(name, role=role, password=None)
            tokens[name] = {"MODELSHELF_TOKEN": shelf.access.create_token(name, name="cli").text, "CI_SECRET": SECRET}
    gates = tmp_path / "gates.yaml"
    gates.write_text(FILE[: FILE.index("webhooks:")])

    with serving(uri, tmp_path / "server", "--auth", "required") as server:
        with commandline(server.url) as run:
            applied = run("apply", str(file), "--yes", env=tokens["alice"])
            same = run("plan", str(file), env=tokens["alice"])
        with commandline(server.url) as run:
            seen = run("plan", str(gates), env=tokens["bob"])
            hidden = run("plan", str(file), env=tokens["bob"])
            gates.write_text(gates.read_text().replace("0.8", "0.9"))
            drift = run("plan", str(gates), env=tokens["bob"])
            denied = run("apply", str(gates), "--yes", env=tokens["bob"])

    assert (applied.code, same.code, seen.code, hidden.code, drift.code, denied.code) == (0, 0, 0, 5, 7, 5)
    with connect(uri) as shelf:
        made = [event.actor for event in shelf.events.after(0, limit=100) if event.name == "protection.set"]
    assert made == ["alice/cli"]


_names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=3)
_models = st.builds("".join, st.tuples(_names, st.sampled_from(["", "*", "*x"])))
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
_slots = st.one_of(
    st.builds(lambda name: {"alias": f"a{name}"}, _names),
    st.builds(lambda stage: {"stage": stage}, st.sampled_from(["staging", "Production", "Archived"])),
)
_clauses = st.one_of(
    st.sampled_from(["candidate.sealed", "candidate.metrics.auc > 0.5", "  candidate.version > 1\n"]),
    st.builds(
        lambda name, message: {"expression": "candidate.sealed", "name": name, "message": message}, _texts, _texts
    ),
)
_gates = st.builds(
    lambda name, model, slot, clauses, rest: {"name": name, "model": model, **slot, "clauses": clauses, **rest},
    _names,
    _models,
    _slots,
    st.lists(_clauses, min_size=1, max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            "description": _texts,
            "auto": st.booleans(),
            "approvals": st.sampled_from([1, {"count": 2, "role": "admin"}]),
        },
    ),
)
_protected = st.builds(
    lambda model, slot, rest: {"model": model, **slot, "roles": ["admin"], **rest},
    _models,
    _slots,
    st.fixed_dictionaries(
        {},
        optional={
            "users": st.lists(st.sampled_from(["alice", "bob"]), max_size=3),
            "tokens": st.lists(st.sampled_from(["alice/ci", "bob/*"]), max_size=3),
            "policies": st.lists(_names, max_size=3),
        },
    ),
)
_webhooks = st.builds(
    lambda name, path, events, rest: {"name": name, "url": f"https://x.example/{path}", "events": events, **rest},
    _names,
    _names,
    st.lists(st.sampled_from(["alias.moved", "gate.*", "*"]), min_size=1, max_size=4),
    st.one_of(
        st.just({"signed": False}),
        st.fixed_dictionaries(
            {"secret_env": st.just("CI_SECRET")},
            optional={"description": _texts, "tries": st.integers(1, 30), "model": _models, "alias": st.just("best")},
        ),
    ),
)


def _key(item: dict[str, Any]) -> str:
    return str(item.get("name") or (item["model"], item.get("alias"), str(item.get("stage")).lower()))


_documents = st.fixed_dictionaries(
    {
        "gates": st.lists(_gates, max_size=4, unique_by=_key),
        "protected": st.lists(_protected, max_size=4, unique_by=_key),
        "webhooks": st.lists(_webhooks, max_size=4, unique_by=_key),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=_documents)
def test_nothing_differs_after_applying_nor_from_an_export_whatever_is_declared(
    document: dict[str, Any], run: Commandline, tmp_path: Path
) -> None:
    variables, path = {"CI_SECRET": SECRET}, tmp_path / "random.yaml"
    path.write_text(shelf_files.text_of(document), encoding="utf-8")
    declaration = shelf_files.read(path, variables)
    with connect(run.uri) as shelf:
        if not {user.name for user in shelf.access.users()} >= {"bob"}:
            shelf.access.create_user("bob", role="reader", password=None)
        found = applying.planned(shelf, declaration, prune=True, renew=False)

        list(applying.carry_out(shelf, found, variables))

        assert applying.planned(shelf, declaration, prune=True, renew=False).changes == ()
        exported = document_of(applying.live(shelf))
        path.write_text(shelf_files.text_of(exported), encoding="utf-8")
        assert shelf_files.read(path, {}) == declaration_of(exported)
        assert applying.planned(shelf, shelf_files.read(path, {}), prune=True, renew=False).changes == ()
