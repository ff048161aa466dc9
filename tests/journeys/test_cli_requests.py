"""Protected names and requests for promotion, as people type them, over a server that asks who they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from commandline import Answer, Commandline, commandline
from modelshelf.connect import connect
from servers import Server, serving

pytestmark = pytest.mark.xdist_group("servers")

ALIAS = "registered-models/alias"


@dataclass(frozen=True)
class Office:
    """A server that asks, and the tokens of those who work there."""

    server: Server
    tokens: dict[str, str]

    def __call__(self, person: str, *args: str) -> Answer:
        """Run a command as a person."""
        with commandline(self.server.url) as run:
            return run(*args, env={"MODELSHELF_TOKEN": self.tokens[person]})

    def mlflow(self, person: str, method: str, path: str, body: object) -> tuple[int, str, str]:
        """One of MLflow's endpoints, asked by a person: the status, the code and the message."""
        bearer = f"Bearer {self.tokens[person]}"
        answer = self.server.ask(method, f"/api/2.0/mlflow/{path}", body, Authorization=bearer)
        said = answer.json if answer.content else {}
        return answer.status, said.get("error_code", ""), said.get("message", "")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The admin alice, the contributor carol and the approver paula, and a model for each test."""
    folder = tmp_path_factory.mktemp("office")
    uri = f"sqlite:///{folder}/shelf.db"
    tokens = {}
    with connect(uri) as shelf:
        for name, role in [("alice", "admin"), ("carol", "contributor"), ("paula", "approver")]:
            shelf.access.create_user(name, role=role, password=None)
            tokens[name] = shelf.access.create_token(name, name="cli").text
        for model in ("fraud", "churn", "price"):
            shelf.catalog.create_model(model)
            for _ in range(2):
                shelf.catalog.create_version(model, source="s3://bucket/model")
            shelf.governance.set_alias(model, "production", 1)
    with serving(uri, folder, "--auth", "required") as server:
        yield Office(server, tokens)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Commandline]:
    """The command line on a shelf of its own, with the user alice and a model."""
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with connect(uri) as shelf:
        shelf.access.create_user("alice", role="admin", password=None)
        shelf.catalog.create_model("fraud")
        shelf.catalog.create_version("fraud", source="s3://bucket/model")
    with commandline(uri) as found:
        yield found


def test_what_is_protected_is_promoted_by_request_and_approval(office: Office) -> None:
    protected = office("alice", "protect", "add", "fra*", "--alias", "production", "--role", "approver")
    refused = office("carol", "promote", "fraud", "2", "--to", "production")
    opened = office("carol", "request", "open", "fraud", "2", "--to", "production", "--reason", "better", "--json")
    number = str(opened.json["request"]["id"])
    office("alice", "request", "comment", number, "see the report")
    own = office("carol", "request", "approve", number)
    listed = office("alice", "request", "list", "fraud")
    approved = office("paula", "request", "approve", number, "--reason", "read it")

    assert protected.out == "@production of fra* is moved by role:approver only\n"
    assert (refused.code, refused.out) == (5, "")
    assert "fraud@production is protected (as of every model fra*): carol/cli may not move it" in refused.err
    assert (opened.json["request"]["author"], opened.json["request"]["before"]) == ("carol/cli", 1)
    assert own.code == 5
    assert "carol/cli" in listed.out
    assert (approved.code, approved.out) == (
        0,
        f"approved request {number}; promoted: fraud@production is version 2\n",
    )
    shown = office("carol", "request", "show", number, "--json").json
    assert (shown["request"]["state"], shown["request"]["closed_by"], shown["current"]) == ("promoted", "paula/cli", 2)
    assert [comment["text"] for comment in shown["comments"]] == ["see the report"]
    assert f"request {number} of carol/cli: better" in office("carol", "history", "fraud").out


def test_a_request_for_somebody_else_to_make_waits_and_says_so(office: Office) -> None:
    office("alice", "protect", "add", "churn", "--alias", "production", "--user", "alice", "--token", "alice/*")
    number = str(office("carol", "request", "open", "churn", "2", "--to", "production", "--json").json["request"]["id"])

    waiting = office("paula", "request", "approve", number)
    shown = office("carol", "request", "show", number)
    denied = office("carol", "request", "carry-out", number)
    done = office("alice", "request", "carry-out", number)

    assert waiting.code == 3
    assert "not promoted: churn@production is protected" in waiting.out
    assert "complete" in shown.out
    assert denied.code == 5
    assert (done.code, done.out) == (0, "promoted: churn@production is version 2\n")


def test_over_the_protocol_of_mlflow_a_protected_name_is_permission_denied(office: Office) -> None:
    office("alice", "protect", "add", "price", "--alias", "production", "--role", "approver")
    office("alice", "protect", "add", "price", "--stage", "Production", "--role", "approver")
    stage = {"name": "price", "version": "1", "stage": "Production", "archive_existing_versions": False}
    asked = [
        ("POST", ALIAS, {"name": "price", "alias": "production", "version": "2"}),
        ("DELETE", ALIAS, {"name": "price", "alias": "production"}),
        ("DELETE", "model-versions/delete", {"name": "price", "version": "1"}),
        ("DELETE", "registered-models/delete", {"name": "price"}),
        ("POST", "registered-models/rename", {"name": "price", "new_name": "prices"}),
        ("POST", "model-versions/transition-stage", stage),
    ]

    answers = [office.mlflow("carol", *each) for each in asked]

    assert [(status, code) for status, code, _ in answers] == [(403, "PERMISSION_DENIED")] * len(asked)
    assert all("is protected" in message for _, _, message in answers)
    assert office.mlflow("paula", "POST", ALIAS, {"name": "price", "alias": "production", "version": "2"})[0] == 200


def test_a_comment_of_ten_megabytes_is_refused_with_the_limit(office: Office) -> None:
    number = office("carol", "request", "open", "fraud", "1", "--to", "other", "--json").json["request"]["id"]
    bearer = f"Bearer {office.tokens['carol']}"

    path = f"/api/v1/requests/{number}/comments"
    answer = office.server.ask("POST", path, {"text": "x" * 10_000_000}, Authorization=bearer)

    assert (answer.status, answer.json["code"]) == (400, "invalid")
    assert "the limit is 10,000" in answer.json["detail"]


def test_requests_are_rejected_and_withdrawn(office: Office) -> None:
    ask = ("request", "open", "fraud", "1", "--expires", "7d", "--json")
    numbers = [str(office("carol", *ask, "--to", alias).json["request"]["id"]) for alias in ("first", "second")]

    rejected = office("paula", "request", "reject", numbers[0], "--reason", "not now")
    withdrawn = office("carol", "request", "withdraw", numbers[1])
    again = office("carol", "request", "withdraw", numbers[1])

    assert (rejected.out, withdrawn.out) == (f"rejected request {numbers[0]}\n", f"withdrew request {numbers[1]}\n")
    assert again.code == 3
    states = {
        each["id"]: each["state"]
        for each in office("carol", "request", "list", "--state", "any", "--json").json["requests"]
    }
    assert [states[int(number)] for number in numbers] == ["rejected", "withdrawn"]


def test_protected_names_are_listed_and_freed(run: Commandline) -> None:
    run("protect", "add", "fraud", "--stage", "production", "--user", "alice", "--policy", "better")

    listed = run.json("protect", "list", "fraud")["protections"]
    removed = run("protect", "remove", "fraud", "--stage", "Production")

    assert [(each["stage"], each["users"], each["policies"]) for each in listed] == [
        ("Production", ["alice"], ["better"])
    ]
    assert removed.out == "stage Production of fraud is not protected any more\n"
    assert run("protect", "list").out == "nothing is protected\n"


def test_a_version_is_given_an_approval_status(run: Commandline) -> None:
    approved = run("approval", "fraud", "1", "approved", "--reason", "audited")

    assert approved.out == "fraud version 1 is Approved\n"
    assert "Approved" in run("versions", "fraud").out
    assert "Approved" in run("show", "fraud/1").out
    assert len(run.json("search", "versions", "approval_status = 'Approved'")["versions"]) == 1
    assert run("approval", "fraud", "1", "none").out == "fraud version 1 is without an approval status\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("request", "open", "fraud", "1"), 2, "either --to ALIAS or --stage STAGE"),
        (("request", "open", "fraud", "1", "--to", "x", "--expires", "soon"), 2, "12h, 90d"),
        (("request", "open", "fraud", "7", "--to", "x"), 4, "no version 7"),
        (("request", "show", "7"), 4, "no request 7; modelshelf request list"),
        (("request", "approve", "seven"), 2, "seven"),
        (("protect", "add", "fraud", "--alias", "x"), 2, "at least one role"),
        (("protect", "add", "fraud", "--role", "admin"), 2, "either an alias or a stage"),
        (("protect", "add", "fraud", "--alias", "x", "--user", "alicia"), 4, "did you mean 'alice'"),
        (("protect", "remove", "fraud", "--alias", "x"), 4, "is not protected"),
        (("approval", "fraud", "1", "maybe"), 2, "maybe"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_out(
    run: Commandline, words: tuple[str, ...], code: int, said: str
) -> None:
    refused = run(*words)

    assert refused.code == code
    assert said in refused.err
