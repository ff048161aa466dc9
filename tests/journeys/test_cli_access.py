"""`modelshelf user` and `modelshelf token`, as they are typed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commandline import Commandline, commandline
from modelshelf.connect import connect
from modelshelf.domain.access import Role
from modelshelf.services.registry import Registry

PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Commandline]:
    """The command line, where there is no shelf yet."""
    with commandline(f"sqlite:///{tmp_path}/shelf.db") as found:
        yield found


@pytest.fixture
def registry(run: Commandline) -> Iterator[Registry]:
    """A shelf with the reader bob and the contributor ci, beside the command line."""
    with connect(run.uri) as opened:
        opened.access.create_user("bob", role="reader", password=None)
        opened.access.create_user("ci", role="contributor", password=None)
        yield opened


def test_the_first_user_makes_the_shelf_and_may_come_in(run: Commandline) -> None:
    made = run("user", "create", "alice", "--role", "admin", "--password-stdin", input=f"{PASSWORD}\n")

    assert (made.code, made.out) == (0, "made the admin alice\n")
    with connect(run.uri) as registry:
        assert registry.access.authenticate_password("alice", PASSWORD).actor.role is Role.ADMIN


def test_a_password_is_no_argument_and_not_asked_for_where_nobody_types(run: Commandline) -> None:
    unasked = run("user", "create", "alice", "--role", "admin")

    assert unasked.code == 2
    assert "--password-stdin" in unasked.err


def test_a_token_alone_is_on_stdout_and_nowhere_else(run: Commandline, registry: Registry) -> None:
    issued = run("token", "create", "--user", "ci", "--name", "nightly", "--role", "reader", "--expires", "12h")

    token = issued.out.removesuffix("\n")
    told = issued.err + run("token", "list").out + json.dumps([event.data for event in registry.events.after(0)])
    assert registry.access.authenticate_token(token).actor.name == "ci/nightly"
    assert token.rsplit("_", 1)[-1] not in told
    assert "not shown again" in told
    assert [listed["role"] for listed in run.json("token", "list")["tokens"]] == ["reader"]


def test_a_token_is_part_of_the_answer_in_json(run: Commandline, registry: Registry) -> None:
    issued = run.json("token", "create", "--user", "ci", "--expires", "never")["token"]

    assert registry.access.authenticate_token(issued["secret"]).remaining_ms is None
    assert (issued["user"], issued["expires"]) == ("ci", None)


@pytest.mark.parametrize("words", [("ci/nightly",), ("nightly", "--user", "ci")])
def test_a_token_is_revoked_by_its_name(run: Commandline, registry: Registry, words: tuple[str, ...]) -> None:
    registry.access.create_token("ci", name="nightly")

    revoked = run("token", "revoke", *words)

    assert (revoked.code, revoked.out) == (0, "revoked ci/nightly\n")
    assert run.json("token", "list") == {"tokens": []}


@pytest.mark.usefixtures("registry")
def test_roles_and_passwords_are_changed_and_users_deleted(run: Commandline) -> None:
    run("user", "set-role", "bob", "approver")
    run("user", "set-password", "bob", "--password-stdin", input=f"{PASSWORD}\n")
    run("user", "delete", "ci")

    users = run.json("user", "list")["users"]
    assert [(user["name"], user["role"], user["has_password"]) for user in users] == [("bob", "approver", True)]


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("token", "create"), 2, "--user NAME"),
        (("token", "create", "--user", "nobody"), 4, "no user 'nobody'"),
        (("token", "create", "--user", "bob", "--expires", "soon"), 2, "12h, 90d"),
        (("token", "create", "--user", "bob", "--role", "admin"), 2, "bob is a reader"),
        (("token", "revoke", "bob/x"), 4, "bob has no token 'x'"),
        (("user", "create", "bob", "--role", "reader", "--no-password"), 3, "exists already"),
        (("user", "create", "local:x", "--role", "reader", "--no-password"), 2, "invalid user name"),
        (("user", "create", "eve", "--role", "owner", "--no-password"), 2, "owner"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_out(
    run: Commandline, words: tuple[str, ...], code: int, said: str
) -> None:
    refused = run(*words)

    assert refused.code == code
    assert said in refused.err
