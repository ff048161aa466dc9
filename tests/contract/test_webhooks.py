"""Webhooks: who is told of what, in which order, how often, and what is left when nobody listens."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Verifier

from modelshelf.domain.access import Role
from modelshelf.domain.errors import Conflict, Forbidden, Invalid, NotFound
from modelshelf.domain.signatures import secret_text
from modelshelf.domain.webhooks import Delivery, DeliveryState, WebhookState
from modelshelf.services.registry import Registry
from receivers import Receiver, Reply, deliver, receiving
from shelves import AsActor, Clock, add_version

SECRET = secret_text(bytes(range(32)))
HOUR_MS = 60 * 60 * 1000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def _promoted(registry: Registry, model: str = "fraud", versions: int = 1) -> None:
    registry.catalog.create_model(model)
    for _ in range(versions):
        registry.governance.set_alias(model, "production", add_version(registry, model))


def _deliveries(registry: Registry, webhook: str, state: str = "") -> list[Delivery]:
    return list(registry.events.deliveries(webhook, state=state).items)


def test_a_webhook_is_told_of_what_happens_after_it_was_made(
    registry: Registry, embedded: Registry, receiver: Receiver
) -> None:
    registry.catalog.create_model("before")
    made = registry.events.create_webhook("ci", receiver.url, events=["model.created"], secret=SECRET)
    registry.catalog.create_model("fraud", description="finds fraud", tags={"team": "risk"})

    assert deliver(embedded) == 1

    (got,) = receiver.got
    assert got.path == "/hook"
    assert got.json == {
        "type": "model.created",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "data": {
            "model": "fraud",
            "tags": {"team": "risk"},
            "description": "finds fraud",
            "subject": "models/fraud",
            "actor": "alice",
            "position": 3,
        },
    }
    (delivery,) = _deliveries(registry, made.id)
    assert (delivery.state, delivery.tries, delivery.status) == (DeliveryState.DELIVERED, 1, 200)
    assert (delivery.excerpt, delivery.message, delivery.position) == ("thanks", got.id, 3)
    assert deliver(embedded) == 0


def test_the_reference_library_makes_the_same_signature(
    registry: Registry, embedded: Registry, receiver: Receiver
) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"], secret=SECRET)
    registry.catalog.create_model("fraud")

    deliver(embedded)

    (got,) = receiver.got
    moment = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), tz=UTC)
    assert got.headers["webhook-signature"] == Verifier(SECRET).sign(got.id, moment, got.body.decode())


def test_a_secret_is_kept_encrypted_and_never_told(registry: Registry, embedded: Registry, receiver: Receiver) -> None:
    made = registry.events.create_webhook("ci", receiver.url, events=["*"], secret=SECRET)
    registry.events.update_webhook("ci", secret=secret_text(bytes(32)))
    deliver(embedded)

    with embedded._database.read() as tx:
        stored = json.dumps([tx.all("SELECT * FROM webhooks"), tx.all("SELECT * FROM events")], default=str)
    told = repr([made, registry.events.webhook("ci"), registry.events.latest(), _deliveries(registry, "ci")])
    for secret in (SECRET, secret_text(bytes(32))):
        assert secret.removeprefix("whsec_") not in stored + told + str([got.body for got in receiver.got])
    assert receiver.url not in repr(registry.events.latest())
    assert made.signed


def test_filters_choose_events_models_and_aliases(registry: Registry, embedded: Registry, receiver: Receiver) -> None:
    registry.events.create_webhook(
        "ci", receiver.url, events=["alias.moved"], model="fraud*", alias="production", description="starts a pipeline"
    )
    _promoted(registry, "fraud-cards")
    _promoted(registry, "churn")
    registry.governance.set_alias("fraud-cards", "staging", 1)

    deliver(embedded)

    (got,) = receiver.got
    data = got.json["data"]
    assert (data["model"], data["version"], data["alias"], data["before"], data["after"]) == (
        "fraud-cards",
        1,
        "production",
        None,
        1,
    )


def test_events_of_a_model_arrive_in_order_and_a_failing_one_holds_back_its_own_model_alone(
    registry: Registry, embedded: Registry, receiver: Receiver, clock: Clock
) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["version.created"], tries=2)
    receiver.answer = lambda got: Reply(500 if got.json["data"]["subject"] == "models/fraud/2" else 200)
    _promoted(registry, "fraud", versions=3)
    _promoted(registry, "churn", versions=2)

    deliver(embedded)
    first = [got.json["data"]["subject"] for got in receiver.got]
    clock.tick(HOUR_MS)
    deliver(embedded)
    later = [got.json["data"]["subject"] for got in receiver.got][len(first) :]

    assert [subject for subject in first if "fraud" in subject] == ["models/fraud/1", "models/fraud/2"]
    assert [subject for subject in first if "churn" in subject] == ["models/churn/1", "models/churn/2"]
    assert later == ["models/fraud/2", "models/fraud/3"]
    (dead,) = _deliveries(registry, "ci", "dead")
    assert (dead.subject, dead.tries, dead.status, dead.error) == ("models/fraud/2", 2, 500, "answered 500")


def test_tries_are_put_off_for_longer_each_time_under_one_id(
    registry: Registry, embedded: Registry, receiver: Receiver, clock: Clock
) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"], tries=4)
    receiver.answer = lambda _: Reply(503)
    registry.catalog.create_model("fraud")
    waits = []

    deliver(embedded)
    for tried in (2, 3, 4):
        waited = 0
        while len(receiver.got) < tried:
            waited += 500
            clock.tick(500)
            deliver(embedded)
        waits.append(waited)

    assert [
        low <= wait <= high for wait, low, high in zip(waits, (2500, 5000, 10000), (5500, 10500, 20500), strict=True)
    ]
    assert len({got.id for got in receiver.got}) == 1
    assert [each.state for each in _deliveries(registry, "ci")] == [DeliveryState.DEAD]


def test_a_receiver_says_when_to_try_again(
    registry: Registry, embedded: Registry, receiver: Receiver, clock: Clock
) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"])
    receiver.answer = lambda _: Reply(429, headers={"Retry-After": "600"})
    registry.catalog.create_model("fraud")
    deliver(embedded)

    clock.tick(599_000)
    early = deliver(embedded)
    clock.tick(1_000)

    assert (early, deliver(embedded)) == (0, 1)


def test_a_redirect_is_not_followed(registry: Registry, embedded: Registry, receiver: Receiver) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"])
    receiver.answer = lambda _: Reply(302, headers={"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"})
    registry.catalog.create_model("fraud")

    deliver(embedded)

    (delivery,) = _deliveries(registry, "ci")
    assert [got.path for got in receiver.got] == ["/hook"]
    assert (delivery.state, delivery.status) == (DeliveryState.WAITING, 302)
    assert "redirects are not followed" in delivery.error


def test_a_dead_delivery_is_sent_again_by_hand_under_its_id(
    registry: Registry, embedded: Registry, receiver: Receiver
) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"], tries=1)
    receiver.answer = lambda _: Reply(500)
    registry.catalog.create_model("fraud")
    deliver(embedded)
    (dead,) = _deliveries(registry, "ci", "dead")
    receiver.answer = lambda _: Reply()

    again = registry.events.redeliver(dead.id)
    deliver(embedded)

    assert (again.state, again.tries) == (DeliveryState.WAITING, 0)
    assert [got.id for got in receiver.got] == [dead.message, dead.message]
    assert [each.state for each in _deliveries(registry, "ci")] == [DeliveryState.DELIVERED]
    assert registry.events.latest()[0].name == "webhook.redelivered"


def test_a_webhook_that_keeps_failing_is_paused_and_goes_on_where_it_was(
    registry: Registry, embedded: Registry, receiver: Receiver, clock: Clock
) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"], tries=30)
    receiver.answer = lambda _: Reply(500)
    registry.catalog.create_model("fraud")
    while registry.events.webhook("ci").state is WebhookState.ACTIVE:
        deliver(embedded)
        clock.tick(HOUR_MS // 6)
    paused = registry.events.webhook("ci")
    registry.catalog.create_model("churn")
    tries = len(receiver.got)
    deliver(embedded)
    receiver.answer = lambda _: Reply()

    registry.events.resume_webhook("ci")
    deliver(embedded)

    assert "for over an hour" in paused.paused_because
    assert registry.events.latest(limit=2)[1].name in {"webhook.paused", "model.created"}
    assert [got.json["data"]["model"] for got in receiver.got[tries:]] == ["fraud", "churn"]
    assert registry.events.webhook("ci").failures == 0


def test_a_receiver_that_is_gone_is_left_alone(registry: Registry, embedded: Registry, receiver: Receiver) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"])
    receiver.answer = lambda _: Reply(410)
    registry.catalog.create_model("fraud")

    deliver(embedded)

    assert registry.events.webhook("ci").paused_because == "the receiver answered 410 Gone"


def test_a_paused_webhook_may_skip_what_it_missed(registry: Registry, embedded: Registry, receiver: Receiver) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"], paused=True)
    registry.catalog.create_model("missed")
    deliver(embedded)

    registry.events.resume_webhook("ci", skip=True)
    registry.catalog.create_model("told")
    deliver(embedded)

    assert [got.json["data"]["model"] for got in receiver.got] == ["told"]


def test_cloudevents_and_chats_are_formats_of_their_own(
    registry: Registry, embedded: Registry, receiver: Receiver
) -> None:
    registry.events.create_webhook("events", f"{receiver.url}/ce", events=["alias.moved"], format="cloudevents")
    registry.events.create_webhook("chat", f"{receiver.url}/chat", events=["alias.moved"], format="chat")
    registry.catalog.create_model("fraud")
    add_version(registry, "fraud")
    registry.governance.set_alias("fraud", "production", 1, reason="better <!channel> & <http://evil|click>")

    deliver(embedded)

    got = {each.path: each for each in receiver.got}
    event, chat = got["/hook/ce"], got["/hook/chat"]
    assert event.headers["content-type"] == "application/cloudevents+json"
    assert {**event.json, "data": None} == {
        "specversion": "1.0",
        "id": event.id,
        "source": f"urn:modelshelf:{'0' * 32}",
        "type": "modelshelf.alias.moved",
        "subject": "models/fraud",
        "time": "2027-01-15T08:00:00.000Z",
        "datacontenttype": "application/json",
        "data": None,
    }
    assert chat.json == {
        "text": "alice moved fraud@production to version 1 (better &lt;!channel&gt; &amp; &lt;http://evil|click&gt;)"
    }


def test_a_test_call_tells_at_once_how_it_went(registry: Registry, receiver: Receiver) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["alias.moved"], secret=SECRET)
    receiver.answer = lambda _: Reply(418, b"short and stout" + b"!" * 5000)

    tested = registry.events.test_webhook("ci")

    assert (tested.delivered, tested.status, tested.error) == (False, 418, "answered 418")
    assert tested.excerpt.startswith("short and stout!")
    assert len(tested.excerpt) == 1024
    assert receiver.got[0].json["type"] == "webhook.test"
    assert _deliveries(registry, "ci") == []


def test_a_huge_event_is_cut_to_a_bounded_body(registry: Registry, embedded: Registry, receiver: Receiver) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"])
    registry.catalog.create_model("fraud", tags={f"key{n}": "x" * 100_000 for n in range(5)})

    deliver(embedded)

    (got,) = receiver.got
    assert len(got.body) < 256 * 1024
    assert got.json["data"]["tags"]["key0"] == "x" * 1000 + "…"


def test_lists_are_read_in_pages(registry: Registry, embedded: Registry, receiver: Receiver, clock: Clock) -> None:
    for number in range(5):
        registry.events.create_webhook(f"hook{number}", receiver.url, events=["model.created"])
        clock.tick()
    for number in range(5):
        registry.catalog.create_model(f"m{number}")
    deliver(embedded)

    pages = registry.events.webhooks(limit=3)
    rest = registry.events.webhooks(limit=3, page_token=pages.next_token)
    first = registry.events.deliveries("hook0", limit=4)
    last = registry.events.deliveries("hook0", limit=4, page_token=first.next_token)

    assert [each.name for each in (*pages.items, *rest.items)] == ["hook4", "hook3", "hook2", "hook1", "hook0"]
    assert [each.subject for each in (*first.items, *last.items)] == [f"models/m{n}" for n in (4, 3, 2, 1, 0)]
    assert (rest.next_token, last.next_token) == (None, None)


def test_a_deleted_webhook_is_told_nothing_more(registry: Registry, embedded: Registry, receiver: Receiver) -> None:
    made = registry.events.create_webhook("ci", receiver.url, events=["*"])
    registry.catalog.create_model("fraud")

    registry.events.delete_webhook("ci")

    assert deliver(embedded) == 0
    assert receiver.got == []
    with pytest.raises(NotFound, match="no webhook"):
        registry.events.webhook(made.id)


def test_changes_are_kept_and_told_without_values(registry: Registry, receiver: Receiver) -> None:
    made = registry.events.create_webhook("ci", receiver.url, events=["*"])

    changed = registry.events.update_webhook(
        made.id, name="pipeline", url=f"{receiver.url}/secret-path", events=["alias.*"], model="fraud", tries=3
    )

    assert (changed.name, changed.events, changed.model, changed.tries) == ("pipeline", ("alias.*",), "fraud", 3)
    assert changed == registry.events.webhook("pipeline")
    (event,) = registry.events.latest(limit=1)
    assert event.data["changed"] == ["name", "url", "events", "model", "tries"]
    assert "secret-path" not in repr(event)


def test_a_name_that_several_have_is_refused(registry: Registry, receiver: Receiver) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["*"])
    registry.events.create_webhook("ci", receiver.url, events=["*"])

    with pytest.raises(Conflict, match="several webhooks are called 'ci'"):
        registry.events.pause_webhook("ci")


@pytest.mark.parametrize("role", [Role.READER, Role.CONTRIBUTOR, Role.APPROVER])
def test_webhooks_are_for_administrators(registry: Registry, as_actor: AsActor, receiver: Receiver, role: Role) -> None:
    made = registry.events.create_webhook("ci", receiver.url, events=["*"])
    other = as_actor("bob", role).events

    for call in (
        lambda: other.create_webhook("x", receiver.url, events=["*"]),
        other.webhooks,
        lambda: other.webhook(made.id),
        lambda: other.update_webhook(made.id, name="y"),
        lambda: other.delete_webhook(made.id),
        lambda: other.test_webhook(made.id),
        lambda: other.pause_webhook(made.id),
        lambda: other.resume_webhook(made.id),
        lambda: other.deliveries(made.id),
        lambda: other.redeliver(1),
    ):
        with pytest.raises(Forbidden):
            call()
    assert receiver.got == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": "http://169.254.169.254/latest/meta-data"}, "link-local"),
        ({"url": "http://10.0.0.1/"}, "not a public address"),
        ({"url": "https://user:password@example.com/"}, "must not hold a user"),
        ({"url": "ftp://example.com/"}, "begins with https"),
        ({"events": []}, "1 to 100"),
        ({"events": ["alias.mvoed"]}, "did you mean 'alias.moved'"),
        ({"name": "-"}, "invalid webhook name"),
        ({"model": ""}, "pattern"),
        ({"alias": "v1"}, "reserved"),
        ({"format": "standart"}, "did you mean 'standard'"),
        ({"secret": "swordfish"}, "whsec_"),
        ({"secret": "whsec_c2hvcnQ="}, "24 to 64"),
        ({"tries": 0}, "1 to 30"),
        ({"tries": 31}, "1 to 30"),
        ({"description": "x" * 10_001}, "limit"),
    ],
)
def test_what_cannot_be_is_refused(registry: Registry, change: dict[str, object], says: str) -> None:
    given = {"name": "ci", "url": "https://ci.example.com/", "events": ["*"], **change}

    with pytest.raises(Invalid, match=says) as refused:
        registry.events.create_webhook(**given)  # type: ignore[arg-type]

    assert "swordfish" not in str(refused.value)
    assert registry.events.webhooks().items == ()


def test_what_was_done_long_ago_is_forgotten_in_small_steps(
    registry: Registry, embedded: Registry, receiver: Receiver, clock: Clock
) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"])
    registry.catalog.create_model("old")
    deliver(embedded)
    clock.tick(31 * 24 * HOUR_MS)
    registry.catalog.create_model("new")
    deliver(embedded)

    has_more = embedded.dispatch.prune()

    assert not has_more
    assert [each.subject for each in _deliveries(registry, "ci")] == ["models/new"]


def test_what_a_killed_server_held_is_taken_over_when_its_lease_ends(
    registry: Registry, embedded: Registry, receiver: Receiver, clock: Clock
) -> None:
    registry.events.create_webhook("ci", receiver.url, events=["model.created"])
    registry.catalog.create_model("fraud")
    embedded.events.settle()
    embedded.dispatch.spread()
    (held,) = embedded.dispatch.take()

    meanwhile = deliver(embedded)
    clock.tick(embedded.dispatch._lease_ms())
    afterwards = deliver(embedded)
    late = embedded.dispatch.deliver(held)

    assert (meanwhile, afterwards, late) == (0, 1, [])
    assert len(receiver.got) == 1


def test_mlflow_webhooks_are_told_in_its_words(registry: Registry, embedded: Registry, receiver: Receiver) -> None:
    registry.events.create_webhook(
        "theirs", receiver.url, events=["model_version_tag.set", "prompt.created"], format="mlflow", secret="s3cret"
    )
    registry.catalog.create_model("fraud")
    add_version(registry, "fraud")
    registry.catalog.tag_version("fraud", 1, "k", "v")
    registry.catalog.create_model("greet", tags={"mlflow.prompt.is_prompt": "true", "a": "b"}, description="hello")

    deliver(embedded)

    told = {got.json["entity"]: got for got in receiver.got}
    assert told["model_version_tag"].json["data"] == {"name": "fraud", "version": "1", "key": "k", "value": "v"}
    assert told["prompt"].json["data"] == {"name": "greet", "tags": {"a": "b"}, "description": "hello"}
    assert told["prompt"].headers["x-mlflow-signature"] == told["prompt"].headers["webhook-signature"]
    assert told["prompt"].headers["x-mlflow-delivery-id"] == told["prompt"].id
