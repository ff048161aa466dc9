"""Requests with an Idempotency-Key: done once, however often they come."""

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import Ask
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import Conflict, Invalid, NotFound, VersionInUse
from modelshelf.native import wire
from modelshelf.services.once import KEPT_MS
from modelshelf.services.registry import Registry
from shelves import Clock


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_a_retried_creation_makes_one_version_and_answers_the_same(ask: Ask, embedded: Registry) -> None:
    body, key = {"source": "s3://bucket/3", "tags": {"a": "b"}}, _key()

    first = ask("POST", "/models/churn/versions", body, **key)
    second = ask("POST", "/models/churn/versions", body, **key)

    assert (first.status, first.body) == (second.status, second.body)
    assert first.json["number"] == 3
    with pytest.raises(NotFound):
        embedded.catalog.version("churn", 4)


def test_creations_with_one_key_at_the_same_time_make_one_version(ask: Ask) -> None:
    body, key = {"source": "s3://bucket/3"}, _key()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ask("POST", "/models/churn/versions", body, **key).json["number"], range(8)))

    assert made == [3] * 8


def test_a_key_is_not_for_another_request(ask: Ask) -> None:
    key = _key()
    ask("POST", "/models", {"name": "one"}, **key)

    refused = ask("POST", "/models", {"name": "two"}, **key)

    assert (refused.status, refused.json["code"]) == (400, "invalid")
    assert ask("GET", "/models/two").status == 404


def test_a_key_is_the_senders_own(embedded: Registry) -> None:
    def make(registry: Registry) -> str:
        return registry.catalog.create_model(f"of {registry.actor.name}").name

    for name in ("ada", "bob"):
        embedded.acting_as(Actor(name, Role.CONTRIBUTOR)).once("key", make, request=name)

    assert embedded.catalog.model("of ada").created_by == "ada"
    assert embedded.catalog.model("of bob").created_by == "bob"


def test_a_refused_request_may_come_again_with_its_key(ask: Ask) -> None:
    key, body = _key(), {"source": "s3://bucket/1"}
    refused = ask("POST", "/models/fraud/versions", body, **key)
    ask("POST", "/models", {"name": "fraud"})

    again = ask("POST", "/models/fraud/versions", body, **key)

    assert (refused.status, again.status, again.json["number"]) == (404, 201, 1)


def test_a_refusal_that_belongs_in_the_ledger_is_there(ask: Ask, embedded: Registry) -> None:
    refused = ask("DELETE", "/models/churn/versions/1", **_key())

    assert (refused.status, refused.json["code"]) == (409, VersionInUse.code)
    assert embedded.events.latest()[0].name == "version.delete_refused"


def test_an_answer_is_forgotten_after_a_day(ask: Ask, clock: Clock) -> None:
    body, key = {"source": "s3://bucket/3"}, _key()
    ask("POST", "/models/churn/versions", body, **key)
    clock.tick(KEPT_MS + 1)

    assert ask("POST", "/models/churn/versions", body, **key).json["number"] == 4


def test_a_move_that_is_retried_is_one_move(ask: Ask, embedded: Registry) -> None:
    key = _key()

    first = ask("PUT", "/models/churn/aliases/champion", {"version": 2, "if_current": 1}, **key)
    second = ask("PUT", "/models/churn/aliases/champion", {"version": 2, "if_current": 1}, **key)

    assert (first.status, first.body, first.headers["etag"]) == (second.status, second.body, second.headers["etag"])
    assert len(embedded.governance.history("churn", alias="champion")) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_a_bad_key_is_refused(ask: Ask, key: str) -> None:
    assert ask("POST", "/models", {"name": "x"}, **{"Idempotency-Key": key}).status == 400


def test_an_experiment_is_made_once(ask: Ask) -> None:
    key = _key()

    made = [ask("POST", "/experiments", {"name": "prices"}, **key).json["id"] for _ in range(2)]

    assert made[0] == made[1]


def test_a_failure_in_the_middle_leaves_neither_change_nor_key(embedded: Registry) -> None:
    def fail(inside: Registry) -> str:
        inside.catalog.create_model("half")
        raise RuntimeError("the machine")

    with pytest.raises(RuntimeError):
        embedded.once("key", fail, request="r")

    with pytest.raises(NotFound):
        embedded.catalog.model("half")
    assert embedded.once("key", lambda inside: inside.catalog.create_model("half").name, request="r") == "half"


def test_the_errors_of_the_client_are_those_of_the_registry(remote: Registry) -> None:
    with pytest.raises(VersionInUse, match="@champion") as refusal:
        remote.catalog.delete_version("churn", 1)
    with pytest.raises(Conflict, match="cannot roll back churn@champion"):
        remote.governance.rollback("churn", "champion")
    with pytest.raises(Invalid):
        remote.catalog.create_model("a/b")

    assert refusal.value.details == {"model": "churn", "version": 1, "aliases": ["champion"]}


def test_a_second_change_that_fails_is_undone_whole_and_the_first_one_stays(registry: Registry) -> None:
    def half(inside: Registry, statement: str) -> None:
        with inside._database.write() as tx:
            tx.execute("INSERT INTO settings (key, value) VALUES ('half', 'done')")
            tx.execute(statement)

    def make(inside: Registry) -> str:
        inside.catalog.create_model("first")
        with pytest.raises(Exception, match="no_such"):
            half(inside, "INSERT INTO no_such (key) VALUES (1)")
        return inside.catalog.create_model("second").name

    registry.once("key", make, request="r")

    with registry._database.read() as tx:
        assert tx.one("SELECT value FROM settings WHERE key = 'half'") is None
    assert [registry.catalog.model(name).name for name in ("first", "second")] == ["first", "second"]


def test_nothing_is_kept_of_a_password_by_which_it_could_be_found(ask: Ask, embedded: Registry) -> None:
    user = {"name": "bob", "role": "reader", "password": "correct horse battery"}
    same, other = _key(), _key()

    first, again = ask("POST", "/users", user, **same), ask("POST", "/users", {**user, "password": "x"}, **same)
    webhook = {"name": "w", "url": "https://example.com", "events": ["*"], "secret": "whsec_" + "QUFB" * 10}
    told = ask("POST", "/webhooks", webhook, **other)

    with embedded._database.read() as tx:
        kept = {row["request"] for row in tx.all("SELECT request FROM idempotency_keys")}
    asked = ["POST", "/users", {"name": "bob", "role": "reader"}]
    assert (first.status, again.status, told.status) == (201, 201, 201)
    assert first.body == again.body
    assert hashlib.sha256(wire.encode(asked)).hexdigest() in kept
    assert "whsec_" not in told.body.decode()
