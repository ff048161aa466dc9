"""`modelshelf webhook`, as it is typed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commandline import Commandline, commandline
from modelshelf.connect import connect
from modelshelf.domain.signatures import secret_text
from receivers import Receiver, Reply, deliver, receiving

SECRET = secret_text(bytes(32))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commandline]:
    """The command line on a shelf that may send to this machine."""
    monkeypatch.setenv("MODELSHELF_WEBHOOK_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("MODELSHELF_KEY_FILE", str(tmp_path / "key.json"))
    uri = f"sqlite:///{tmp_path}/shelf.db"
    connect(uri).close()
    with commandline(uri) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_a_webhook_is_made_and_its_secret_alone_is_on_stdout(run: Commandline, receiver: Receiver) -> None:
    made = run("webhook", "create", "ci", receiver.url, "--event", "alias.moved", "--alias", "production")

    assert made.code == 0, made.err
    secret = made.out.strip()
    assert secret.startswith("whsec_")
    assert "not shown again" in made.err
    listed = run("webhook", "list").out + run("webhook", "show", "ci").out + str(run.json("webhook", "list"))
    assert secret not in listed
    assert receiver.url in listed


def test_a_given_secret_is_not_printed(run: Commandline, receiver: Receiver) -> None:
    made = run("webhook", "create", "ci", receiver.url, "--event", "*", "--secret-stdin", input=f"{SECRET}\n")

    assert (made.code, made.out) == (0, "")
    assert run.json("webhook", "show", "ci")["webhook"]["signed"] is True


def test_a_test_call_tells_what_was_answered(run: Commandline, receiver: Receiver) -> None:
    run("webhook", "create", "ci", receiver.url, "--event", "*", "--unsigned")

    good = run("webhook", "test", "ci")
    receiver.answer = lambda _: Reply(500, b"broken")
    bad = run("webhook", "test", "ci", "--json")

    assert (good.code, "delivered: 200" in good.out) == (0, True)
    assert (bad.code, bad.json["test"]["status"], bad.json["test"]["excerpt"]) == (1, 500, "broken")


def test_deliveries_are_listed_and_sent_again(run: Commandline, receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(500)
    run("webhook", "create", "ci", receiver.url, "--event", "model.created", "--unsigned", "--tries", "1")
    with connect(run.uri) as shelf:
        shelf.catalog.create_model("fraud")
        deliver(shelf)
        (dead,) = run.json("webhook", "deliveries", "ci", "--state", "dead")["deliveries"]

        again = run("webhook", "redeliver", str(dead["id"]))
        receiver.answer = lambda _: Reply()
        deliver(shelf)

    assert again.out == f"delivery {dead['id']} (model.created) is sent again\n"
    assert [each["state"] for each in run.json("webhook", "deliveries", "ci")["deliveries"]] == ["delivered"]
    assert "model.created" in run("webhook", "deliveries", "ci").out


def test_a_webhook_is_changed_paused_resumed_and_deleted(run: Commandline, receiver: Receiver) -> None:
    run("webhook", "create", "ci", receiver.url, "--event", "*", "--unsigned")

    changed = run.json("webhook", "update", "ci", "--name", "cd", "--event", "stage.*", "--tries", "3")["webhook"]
    paused = run.json("webhook", "pause", "cd", "--reason", "moving")["webhook"]
    resumed = run.json("webhook", "resume", "cd", "--skip")["webhook"]
    deleted = run("webhook", "delete", "cd")

    assert (changed["name"], changed["events"], changed["tries"]) == ("cd", ["stage.*"], 3)
    assert (paused["state"], paused["paused_because"], resumed["state"]) == ("paused", "moving", "active")
    assert deleted.out == "deleted the webhook cd\n"
    assert run("webhook", "list").out == "no webhooks yet; see modelshelf webhook create --help\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "ci", "http://169.254.169.254/", "--event", "*"), "link-local"),
        (("create", "ci", "https://example.com/"), "--event"),
        (("create", "ci", "https://example.com/", "--event", "alias.mved"), "did you mean 'alias.moved'"),
        (("show", "cii"), "no webhook 'cii'"),
        (("redeliver", "7"), "no delivery 7"),
    ],
)
def test_what_cannot_be_is_told(run: Commandline, arguments: tuple[str, ...], says: str) -> None:
    refused = run("webhook", *arguments)

    assert refused.code != 0
    assert says in refused.err
