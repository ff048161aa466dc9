"""Coming in, by password or by token, and going out again, where a server asks who somebody is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from modelshelf.connect import connect
from modelshelf.domain.access import Actor, Role
from servers import Server, serving

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server that lets nobody in unasked, and a token of ann's, who may only read with it."""
    folder = tmp_path_factory.mktemp("closed")
    uri = f"sqlite:///{folder / 'shelf.db'}"
    with connect(uri) as registry:
        registry.access.create_user("ann", role="contributor", password=PASSWORD)
        ann = registry.acting_as(Actor("ann", Role.CONTRIBUTOR))
        token = ann.access.create_token("ann", name="reading", role="reader").text
        ann.catalog.create_model("churn")
        ann.catalog.create_version("churn", source="s3://bucket/churn")
    with serving(uri, folder / "server", "--auth", "required") as server:
        yield server, token


@pytest.fixture
def tab(browser: Browser, closed: tuple[Server, str]) -> Iterator[Page]:
    context = browser.new_context(base_url=closed[0].url)
    context.set_default_timeout(5_000)
    yield context.new_page()
    context.close()


def _sign_in(tab: Page) -> None:
    tab.get_by_label("Name").fill("ann")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()


def test_who_signs_in_lands_where_they_wanted_to_go_and_acts_by_their_name(tab: Page) -> None:
    tab.goto("/models/churn/promote?version=1&to=%40production")

    _sign_in(tab)
    tab.get_by_role("button", name="Move @production to version 1").click()

    expect(tab.locator("#aliases")).to_contain_text("by ann")
    cookie = next(each for each in tab.context.cookies() if each["name"] == "modelshelf_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_a_session_ends_when_its_holder_signs_out(tab: Page, closed: tuple[Server, str]) -> None:
    tab.goto("/signin")
    _sign_in(tab)
    expect(tab.get_by_role("heading", name="Models")).to_be_visible()
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in tab.context.cookies())
    assert closed[0].ask("GET", "/api/v1/me", Cookie=cookies).json["name"] == "ann"

    tab.get_by_role("button", name="Sign out").click()

    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    assert closed[0].ask("GET", "/api/v1/me", Cookie=cookies).status == 401


def test_a_wrong_password_is_refused_kindly(tab: Page) -> None:
    tab.goto("/signin?next=%2Fexperiments")
    tab.get_by_label("Name").fill("ann")
    tab.get_by_label("Password").fill("wrong")

    tab.get_by_role("button", name="Sign in").click()

    expect(tab.get_by_role("alert")).to_contain_text("wrong user name or password")
    _sign_in(tab)
    tab.wait_for_url("**/experiments")


def test_a_token_opens_a_session_that_may_do_what_the_token_may(tab: Page, closed: tuple[Server, str]) -> None:
    tab.goto("/signin")

    tab.get_by_text("With a token instead").click()
    tab.get_by_label("Token").fill(closed[1])
    tab.get_by_role("button", name="Sign in").click()
    tab.goto("/models/churn/promote?version=1&to=%40shadow")

    expect(tab.get_by_text("ann/reading is a reader and may not do this")).to_be_visible()
    expect(tab.get_by_role("button", name="Move @shadow")).to_have_count(0)


def test_forms_of_other_pages_change_nothing(closed: tuple[Server, str], tab: Page) -> None:
    tab.goto("/signin")
    _sign_in(tab)
    expect(tab.get_by_role("heading", name="Models")).to_be_visible()
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in tab.context.cookies())
    body = b"confirmed=yes&version=1&to=%40shadow"
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}

    unsealed = closed[0].ask("POST", "/models/churn/promote", body, **headers)
    foreign = closed[0].ask("POST", "/models/churn/promote", body, Origin="http://127.0.0.1:1", **headers)

    assert (unsealed.status, foreign.status) == (403, 403)
    assert b"nothing was changed" in unsealed.content
    assert closed[0].ask("GET", "/api/v1/models/churn", Cookie=cookies).json["aliases"].keys() <= {"production"}


def test_nothing_is_shown_to_nobody(closed: tuple[Server, str]) -> None:
    for place in ("/models", "/models/churn", "/models/churn/versions/1/files?path=x", "/experiments", "/nothing-here"):
        answer = closed[0].ask("GET", place, Cookie=f"modelshelf_session={'0' * 64}")

        assert answer.status in {200, 401, 404}
        assert b"churn" not in answer.content.replace(b"%2Fchurn", b"").replace(b"/models/churn", b"")
