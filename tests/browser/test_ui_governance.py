"""Governing in a real browser: requests and gates, rollouts, webhooks, and the ledger that tells of all of it."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bookshelf import fill
from modelshelf.connect import connect
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.evaluations import Evaluation
from modelshelf.domain.fleet import Heartbeat
from modelshelf.domain.gates import Clause
from modelshelf.domain.rollouts import Report
from modelshelf.domain.verdicts import Outcomes
from modelshelf.services.registry import Registry
from receivers import Receiver, Reply, receiving
from servers import Server, serving

PASSWORD = "correct horse"
PAYLOAD = "<img src=x onerror=window.ran=1>'\"><script>window.ran=1</script>"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RULES = {"runOnly": _TAGS, "resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
_LOOKED_AT = 16
_COLOURS = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}


@dataclass(frozen=True)
class Shelf:
    """A server that asks who somebody is, with its database and what is on it."""

    server: Server
    database: Path
    webhook: str
    refused: int
    """A request that was rejected."""
    hostile: int
    """A request whose texts are markup."""
    rollout: int


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("governed")
    database = folder / "shelf.db"
    uri = f"sqlite:///{database}"
    with connect(uri, webhook_allowed_hosts="127.0.0.1") as registry:
        fill(registry)
        alice = _people(registry)
        refused, hostile = _requests(registry, alice)
        hook = alice.events.create_webhook("ci", "http://127.0.0.1:9/hook", events=["model.deleted"], paused=True)
    environment = {"MODELSHELF_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1"}
    with serving(uri, folder / "server", "--auth", "required", environment=environment) as server:
        with connect(uri) as registry:
            rollout = _rollout(registry)
        yield Shelf(server, database, hook.id, refused, hostile, rollout)


def _people(registry: Registry) -> Registry:
    for name, role in (("alice", "admin"), ("bob", "approver"), ("carol", "contributor")):
        registry.access.create_user(name, role=role, password=PASSWORD)
    return registry.acting_as(Actor("alice", Role.ADMIN))


def _requests(registry: Registry, alice: Registry) -> tuple[int, int]:
    carol = registry.acting_as(Actor("carol", Role.CONTRIBUTOR))
    better = Clause("candidate.metrics.auc >= 0.9", "auc", "train longer")
    alice.governance.define_gate("high-bar", model="churn", alias="champion", clauses=[better, "candidate.sealed"])
    alice.governance.protect("churn", alias="production", roles=["approver"])
    carol.governance.log_evaluation(
        "churn", 3, Evaluation("auc", 2, 0.83, 0.82, 0.01, 0.002, 0.018, 0.95, 500, dataset_name=PAYLOAD)
    )
    refused = carol.governance.open_request("churn", 1, alias="production", reason="as it was").id
    alice.governance.reject_request(refused, reason="not that one")
    hostile = carol.governance.open_request("churn", 3, alias="champion", reason=PAYLOAD).id
    carol.governance.comment_request(hostile, PAYLOAD)
    return refused, hostile


def _rollout(registry: Registry) -> int:
    alice = registry.acting_as(Actor("alice", Role.ADMIN))
    made = alice.rollouts.start("ltv", 3, alias="production", every_ms=3_600_000, reason=PAYLOAD)
    alice.rollouts.report([Report(made.id, 0, Outcomes(400, 4), Outcomes(20, 1))])
    alice.rollouts.beat([Heartbeat("one", PAYLOAD[:40], "ltv", "production", 1, last_error=PAYLOAD)])
    return made.id


@pytest.fixture(scope="module")
def sessions(browser: Browser, shelf: Shelf) -> dict[str, Any]:
    """The cookies of everybody's session."""
    found = {}
    for name in ("alice", "bob", "carol"):
        context = browser.new_context(base_url=shelf.server.url)
        page = context.new_page()
        page.goto("/signin")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()
        found[name] = context.storage_state()
        context.close()
    return found


As = Callable[[str], Page]


@pytest.fixture
def as_user(browser: Browser, shelf: Shelf, sessions: dict[str, Any]) -> Iterator[As]:
    """A tab in which somebody has signed in; a script that fails fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[Any] = []

    def opened(name: str) -> Page:
        context = browser.new_context(base_url=shelf.server.url, storage_state=sessions[name])
        context.set_default_timeout(5_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(error))  # noqa: PLW0108 - it takes no builtin
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def _ask_for(page: Page, model: str, version: int, alias: str) -> str:
    """Open a request on the page of a version; where it is."""
    page.goto(f"/models/{model}/versions/{version}")
    page.get_by_role("link", name="Request…").click()
    page.get_by_label("Or to another alias").fill(alias)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Why").fill("better by a point")
    page.get_by_role("button", name="Open the request").click()
    expect(page.get_by_role("status")).to_contain_text("is open")
    return page.url


def test_a_request_is_seen_by_others_at_once_and_its_approval_moves_the_alias(as_user: As) -> None:
    carol, bob = as_user("carol"), as_user("bob")
    bob.goto("/promotions?show=open")
    bob.locator("body[data-following=yes]").wait_for(state="attached")

    place = _ask_for(carol, "intent", 3, "production")

    expect(bob.get_by_role("row", name="intent@production")).to_contain_text("better by a point")
    expect(carol.get_by_role("link", name="Approve")).to_have_count(0)
    expect(carol.get_by_text("somebody else approves it")).to_be_visible()
    bob.goto(place)
    expect(bob.get_by_role("link", name=re.compile("Promotions.*waiting for you"))).to_be_visible()
    bob.get_by_role("link", name="Approve").click()
    expect(bob.get_by_role("row", name="intent@production")).to_contain_text("version 2")
    expect(bob.get_by_role("row", name="intent@production")).to_contain_text("version 3")
    bob.get_by_role("button", name="Approve and promote").click()
    expect(bob.get_by_role("status")).to_have_text("Approved: intent@production is version 3 now.")
    expect(bob.locator("#head")).to_contain_text("promoted")
    bob.goto("/models/intent")
    expect(bob.locator("#aliases")).to_contain_text("version 3")


def test_an_approved_move_that_a_gate_refuses_shows_its_clauses_and_stays_open(as_user: As) -> None:
    carol, bob = as_user("carol"), as_user("bob")

    bob.goto(_ask_for(carol, "churn", 2, "champion"))
    bob.get_by_role("link", name="Approve").click()
    bob.get_by_role("button", name="Approve and promote").click()

    expect(bob.get_by_role("status")).to_contain_text("the move was refused. The request stays open.")
    failed = bob.locator("#judged tr.failed")
    expect(failed).to_contain_text("candidate.metrics.auc >= 0.9")
    expect(failed).to_contain_text("0.82")
    expect(bob.locator("#head")).to_contain_text("open")
    bob.get_by_role("link", name="Carry out").click()
    bob.get_by_role("button", name="Move churn@champion to version 2").click()
    expect(bob.get_by_role("alert")).to_contain_text("Refused. Nothing was changed.")
    expect(bob.get_by_role("alert").get_by_role("row", name="high-bar").first).to_contain_text("0.82")
    bob.get_by_role("link", name="Cancel").click()
    bob.get_by_role("link", name="Reject").click()
    bob.get_by_label("Why").fill("not good enough")
    bob.get_by_role("button", name="Reject the request").click()
    expect(bob.locator("#decision")).to_contain_text("not good enough")


def test_requests_are_discussed_and_taken_back(as_user: As) -> None:
    carol = as_user("carol")
    _ask_for(carol, "intent", 1, "beta")

    carol.get_by_label("Comment").fill("on second thoughts")
    carol.get_by_role("button", name="Add the comment").click()
    expect(carol.locator("#said")).to_contain_text("on second thoughts")
    carol.get_by_role("link", name="Withdraw").click()
    carol.get_by_role("button", name="Withdraw the request").click()

    expect(carol.locator("#head")).to_contain_text("withdrawn")
    carol.goto("/promotions?show=mine")
    expect(carol.get_by_role("row", name="intent@beta")).to_contain_text("withdrawn")


def test_a_protected_alias_has_a_lock_and_is_rolled_back_only_by_those_who_may(as_user: As) -> None:
    carol, bob = as_user("carol"), as_user("bob")

    carol.goto("/models/churn")
    expect(carol.locator("#aliases").get_by_role("img", name="protected")).to_be_visible()
    carol.get_by_role("link", name="Roll back production").click()
    carol.get_by_label("Why").fill("alarms")
    carol.get_by_role("button", name="Roll back to version 1").click()

    expect(carol.get_by_role("alert")).to_contain_text("is protected")
    expect(carol.get_by_role("alert")).to_contain_text("role:approver")
    bob.goto("/models/churn/aliases/production/rollback")
    bob.get_by_label("Why").fill("alarms")
    bob.get_by_role("button", name="Roll back to version 1").click()
    expect(bob.get_by_role("status")).to_contain_text("is back at version 1")


def test_a_version_tells_what_the_gates_say_and_a_gate_is_tried_without_moving_anything(as_user: As) -> None:
    alice = as_user("alice")

    alice.goto("/models/churn/versions/3")
    alice.locator("#gates").get_by_text("to @champion").click()
    expect(alice.get_by_role("group", name="What the gates of champion saw")).to_contain_text("0.83")
    alice.goto("/gates/high-bar")
    alice.get_by_label("Version").fill("3")
    alice.get_by_role("button", name="Run").click()
    expect(alice.get_by_role("status")).to_contain_text("the gate fails for version 3")
    alice.goto("/gate-trial")
    alice.get_by_label("The gate, as YAML").fill("name: strict\nmodel: churn\nalias: production\nclauses: ['false']")
    alice.get_by_role("button", name="Try it").click()
    expect(alice.get_by_role("status")).to_contain_text(re.compile("would have stopped [23] moves"))
    alice.get_by_role("button", name="Define it").click()
    expect(alice.get_by_role("row", name="guards")).to_contain_text("alias production of churn")
    alice.get_by_role("link", name="Cancel").click()
    alice.get_by_label("The gate, as YAML").fill("name: broken\nmodel: churn\nalias: x\nclauses: ['candidate.wat >']")
    alice.get_by_role("button", name="Try it").click()
    expect(alice.get_by_role("alert")).to_be_visible()
    alice.goto("/gates/strict")
    expect(alice.get_by_role("heading", name="Not here")).to_be_visible()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_a_webhook_is_made_tested_and_sent_again(as_user: As, receiver: Receiver) -> None:
    alice = as_user("alice")
    alice.goto("/webhooks")

    alice.get_by_role("link", name="New webhook").click()
    alice.get_by_label("Name").fill("deploys")
    alice.get_by_label("URL").fill(receiver.url)
    alice.get_by_label("Events (needed)").fill("model.tagged")
    alice.get_by_role("button", name="Continue").click()
    expect(alice.get_by_role("row", name="url")).to_contain_text(receiver.url)
    alice.get_by_role("button", name="Make it").click()
    alice.get_by_role("link", name="Test").click()
    alice.get_by_role("button", name="Send the test").click()
    expect(alice.get_by_role("status")).to_contain_text("The test arrived: 200")
    place = alice.url
    receiver.answer = lambda _: Reply(500, b"<b>boom</b>")
    _tag(alice, "intent")
    receiver.wait_for(lambda got: len(got) == 2)
    _load_until(alice, place, "<b>boom</b>")
    receiver.answer = lambda _: Reply()
    alice.get_by_role("link", name=re.compile("Send delivery .* again")).click()
    alice.get_by_role("button", name="Send it again").click()

    got = receiver.wait_for(lambda got: len(got) == 3)
    assert got[1].id == got[2].id
    _load_until(alice, f"{place}?state=delivered", "model.tagged")
    expect(alice.get_by_role("row", name="model.tagged")).to_contain_text("200")
    alice.get_by_role("link", name="Pause").click()
    alice.get_by_role("button", name="Pause it").click()
    expect(alice.locator("#head")).to_contain_text("paused")
    alice.get_by_role("link", name="Delete").click()
    alice.get_by_role("button", name="Delete deploys").click()
    expect(alice.get_by_role("status")).to_contain_text("has been deleted")


def _load_until(page: Page, place: str, text: str) -> None:
    """Load a page until it has a text among its deliveries: a try is noted a moment after the receiver answered."""
    for _ in range(100):
        page.goto(place)
        if text in page.locator("#deliveries").inner_text():
            return
    raise AssertionError(f"{text} is not among the deliveries")


def _tag(page: Page, model: str) -> None:
    page.goto(f"/models/{model}/tag?key=told")
    page.get_by_label("Value").fill("yes")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Set the tag").click()
    page.get_by_role("status").wait_for()


def test_webhooks_are_for_administrators(as_user: As, shelf: Shelf) -> None:
    bob = as_user("bob")

    for place in ("/webhooks", f"/webhooks/{shelf.webhook}", "/webhook-new", "/users"):
        bob.goto(place)
        expect(bob.get_by_role("heading", name="Not allowed")).to_be_visible()

    expect(bob.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks")).to_have_count(0)


def test_the_ledger_is_filtered_and_each_event_has_its_receipt(as_user: As) -> None:
    carol = as_user("carol")

    carol.goto("/ledger")
    carol.get_by_label("By").fill("carol")
    carol.get_by_role("combobox", name="Event").select_option("request.*")
    carol.get_by_role("button", name="Filter").click()

    assert set(carol.locator("#events tbody td:nth-child(3)").all_text_contents()) == {"carol"}
    names = carol.locator("#events tbody td:nth-child(4)").all_text_contents()
    assert {name.partition(".")[0] for name in names} == {"request"}
    carol.locator("#events tbody th a").first.click()
    expect(carol.get_by_text("the proof holds")).to_be_visible()


def test_a_verification_finds_what_was_edited_behind_the_shelf(as_user: As, shelf: Shelf) -> None:
    carol = as_user("carol")
    carol.goto("/ledger")

    carol.get_by_role("button", name="Verify the ledger").click()
    expect(carol.get_by_role("status")).to_contain_text("The ledger is whole")
    _rewrite(shelf.database, "alice", "mallory")
    carol.goto("/ledger")
    carol.get_by_role("button", name="Verify the ledger").click()

    expect(carol.get_by_role("alert")).to_contain_text("1 fault")
    expect(carol.get_by_role("row", name="edited")).to_contain_text("by mallory")
    _rewrite(shelf.database, "mallory", "alice")


def _rewrite(database: Path, before: str, after: str) -> None:
    with sqlite3.connect(database, timeout=10) as rows:
        first = rows.execute("SELECT MIN(position) FROM events WHERE actor = ?", (before,)).fetchone()
        rows.execute("UPDATE events SET actor = ? WHERE position = ?", (after, *first))


def test_a_rollout_is_started_and_aborted(as_user: As) -> None:
    alice = as_user("alice")
    alice.goto("/models/spam/versions/3")

    alice.get_by_role("link", name="Roll out").click()
    alice.get_by_label("Steps").fill("10, 50")
    alice.get_by_role("button", name="Continue").click()
    expect(alice.get_by_role("row", name="traffic of @production")).to_contain_text("10 % to version 3")
    alice.get_by_role("button", name="Start the rollout").click()
    expect(alice.get_by_role("img", name="10 percent to version 3")).to_be_visible()
    alice.get_by_role("link", name="Pause").click()
    alice.get_by_role("button", name="Pause it").click()
    expect(alice.locator("#head")).to_contain_text("paused")
    alice.get_by_role("link", name="Abort").click()
    expect(alice.get_by_role("row", name="@production")).to_contain_text("all to version 2")
    alice.get_by_label("Why").fill("wrong week")
    alice.get_by_role("button", name="Abort it").click()

    expect(alice.get_by_role("status")).to_contain_text("everyone gets version 2")
    expect(alice.locator("#head")).to_contain_text("aborted")
    expect(alice.get_by_role("img", name=re.compile("Percent of the traffic"))).to_be_visible()
    expect(alice.locator("#events")).to_contain_text("wrong week")


def test_the_keyboard_is_enough_to_approve(as_user: As) -> None:
    carol, bob = as_user("carol"), as_user("bob")
    place = _ask_for(carol, "spam", 1, "pilot")

    bob.goto("/models")
    bob.locator("html.scripted").wait_for(state="attached")
    for key in ("g", "p"):
        bob.keyboard.press(key)
    bob.wait_for_url("**/promotions")
    bob.locator("html.scripted").wait_for(state="attached")
    for key in ("j", "Enter"):
        bob.keyboard.press(key)
    bob.wait_for_url(place)
    bob.locator("html.scripted").wait_for(state="attached")
    bob.keyboard.press("p")
    bob.wait_for_url("**/approve")
    bob.get_by_label("Why").focus()
    bob.keyboard.press("Tab")
    bob.keyboard.press("Enter")

    expect(bob.get_by_role("status")).to_contain_text("Approved: spam@pilot is version 1 now.")


def _places(shelf: Shelf) -> list[str]:
    return [
        "/promotions?show=all",
        f"/promotions/{shelf.hostile}",
        f"/promotions/{shelf.hostile}/approve",
        "/gates",
        "/gates/high-bar?model=churn&version=3",
        "/gate-trial",
        "/models/churn/governance",
        "/models/churn/versions/3",
        "/ledger?event=gate.*",
        "/ledger/5",
        "/webhooks",
        f"/webhooks/{shelf.webhook}",
        f"/rollouts/{shelf.rollout}",
        "/models/ltv/rollouts",
        "/status",
        "/users",
        f"/promotions/{shelf.refused}",
        "/protections/set",
        "/models/churn/request?version=3",
        "/ledger",
        "/ledger?actor=nobody",
        "/ledger?event=no.such",
        "/webhook-new",
        "/rollouts",
        f"/rollouts/{shelf.rollout}/abort",
        "/models/churn/rollouts",
        "/models/churn/rollouts/start?version=3",
    ]


def test_axe_finds_nothing_in_light_and_dark(as_user: As, shelf: Shelf) -> None:
    page = as_user("alice")
    found = []

    for place in _places(shelf)[:_LOOKED_AT]:
        page.goto(place)
        page.locator("html.scripted").wait_for(state="attached")
        for scheme, rules in (("light", _RULES), ("dark", _COLOURS)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            for each in Axe().run(page, options=rules).response["violations"]:
                found += [(place, scheme, each["id"], node["html"][:200]) for node in each["nodes"][:3]]

    assert found == []


def test_texts_stay_texts_and_pages_fit_on_a_phone(as_user: As, shelf: Shelf) -> None:
    page = as_user("alice")
    page.set_viewport_size({"width": 320, "height": 640})
    shown = {}

    for place in _places(shelf):
        page.goto(place)
        shown[place] = page.inner_text("main")
        assert page.evaluate("window.ran") is None, place
        assert page.locator("main script, main iframe, [onerror], [onload]").count() == 0, place
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place

    for place in (f"/promotions/{shelf.hostile}", "/promotions?show=all", f"/rollouts/{shelf.rollout}", "/ledger"):
        assert PAYLOAD[:30] in shown[place], place


def test_nothing_changes_without_a_form_of_ours(as_user: As, shelf: Shelf) -> None:
    bob = as_user("bob")
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in bob.context.cookies())
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}

    places = (f"/promotions/{shelf.hostile}/approve", f"/rollouts/{shelf.rollout}/abort", "/ledger-verification")
    answers = [shelf.server.ask("POST", place, b"confirmed=yes", **headers) for place in places]

    assert [answer.status for answer in answers] == [403, 403, 403]
    bob.goto(f"/promotions/{shelf.hostile}")
    expect(bob.locator("#head")).to_contain_text("open")
