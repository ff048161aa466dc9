"""What people come for, in a real browser: to search, to compare, to promote, to roll back, and to see it happen."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from servers import Server


def test_a_fault_in_a_filter_is_pointed_at(page: Page) -> None:
    page.goto("/models")

    page.get_by_role("searchbox").fill("name = 'churn' AND")
    page.get_by_role("searchbox").press("End")
    page.get_by_role("searchbox").type(" wat = 1")
    page.get_by_role("button", name="Search").click()

    told = page.get_by_role("alert")
    expect(told).to_contain_text("unknown attribute wat")
    lines = (told.text_content() or "").splitlines()
    assert lines[2].index("^") == lines[1].index("wat")
    expect(page.get_by_role("searchbox")).to_have_value("name = 'churn' AND wat = 1")


def test_words_find_models_by_name(page: Page) -> None:
    page.goto("/models")

    page.get_by_role("searchbox").fill("chur")
    page.get_by_role("searchbox").press("Enter")

    expect(page.get_by_role("rowheader")).to_have_text(["churn"])
    expect(page.get_by_role("row", name="churn")).to_contain_text("by alice")


def test_columns_are_chosen_and_stay_in_the_address(page: Page) -> None:
    page.goto("/models?q=name+%3D+%27churn%27")

    page.get_by_text("Columns").click()
    page.get_by_label("Tags").check()
    page.get_by_role("button", name="Show these").click()

    expect(page.get_by_role("columnheader", name="Tags")).to_be_visible()
    expect(page.get_by_role("row", name="churn")).to_contain_text("growth")
    assert "col=tags" in page.url
    assert "q=name" in page.url


def test_pages_follow_each_other_without_a_gap(page: Page) -> None:
    seen: list[str] = []

    page.goto("/models/giant")
    for _ in range(3):
        seen += page.locator("table.rows tbody th").all_text_contents()
        page.get_by_role("link", name="Next page").click()

    assert [int(number) for number in seen] == list(range(1000, 850, -1))


def test_a_version_is_promoted_after_a_page_that_tells_what_changes(page: Page) -> None:
    page.goto("/models/ltv/versions/3")

    page.get_by_role("link", name="Promote").click()
    page.get_by_role("radio", name="@production").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("row", name="@production")).to_contain_text("version 2")
    expect(page.get_by_role("row", name="@production")).to_contain_text("version 3")
    page.get_by_label("Why").fill("higher <b>recall</b>")
    page.get_by_role("button", name="Move @production to version 3").click()

    expect(page.get_by_role("status")).to_have_text("@production of ltv points at version 3 now.")
    expect(page.locator("#aliases")).to_contain_text("version 3")
    expect(page.locator("#aliases")).to_contain_text("higher <b>recall</b>")


def test_a_form_that_is_out_of_date_changes_nothing_and_tells_why(page: Page, server: Server) -> None:
    page.goto("/models/spam/promote?version=3&to=%40production")
    body = {"version": 1, "reason": "in the meantime"}
    assert server.ask("PUT", "/api/v1/models/spam/aliases/production", body).status == 200

    page.get_by_role("button", name="Move @production to version 3").click()

    expect(page.get_by_role("alert")).to_contain_text("Refused. Nothing was changed.")
    expect(page.get_by_role("alert")).to_contain_text("points at version 1, not at 2")
    expect(page.get_by_role("row", name="@production")).to_contain_text("version 1")
    page.get_by_role("button", name="Move @production to version 3").click()
    expect(page.get_by_role("status")).to_contain_text("points at version 3")


def test_a_gate_that_refuses_shows_its_clauses_in_place(page: Page) -> None:
    page.goto("/models/churn/promote?version=2&to=%40gated")

    page.get_by_label("Why").fill("it is Friday")
    page.get_by_role("button", name="Move @gated to version 2").click()

    expect(page.get_by_role("alert")).to_contain_text("Refused. Nothing was changed.")
    expect(page.get_by_role("row", name="good-enough")).to_contain_text("candidate.metrics.auc >= 0.9")
    expect(page.get_by_role("row", name="good-enough")).to_contain_text("0.82")
    expect(page.get_by_role("row", name="good-enough")).to_contain_text("failed")
    expect(page.get_by_label("Why")).to_have_value("it is Friday")


def test_rolling_back_needs_a_reason_and_goes_where_it_was_before(page: Page) -> None:
    page.goto("/models/intent")

    page.get_by_role("link", name="Roll back production").click()
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.get_by_label("Why")).to_be_focused()
    page.get_by_label("Why").fill("alarms since Tuesday")
    page.get_by_role("button", name="Roll back to version 1").click()

    expect(page.get_by_role("status")).to_have_text("@production of intent is back at version 1.")
    expect(page.locator("#moves li").first).to_contain_text("rollback")
    expect(page.locator("#moves li").first).to_contain_text("alarms since Tuesday")


def test_what_aliases_point_at_is_deleted_only_by_force(page: Page) -> None:
    page.goto("/models/spam/versions/2/tag")
    page.get_by_label("Key (needed)").fill("doomed")
    page.get_by_label("Value").fill("yes")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Set the tag").click()
    expect(page.locator("#about")).to_contain_text("doomed")
    page.goto("/models/spam/promote?version=2&to=%40old")
    page.get_by_role("button", name="Move @old to version 2").click()

    page.goto("/models/spam/versions/2/delete")
    page.get_by_label("Type spam 2 to go on").fill("spam 2")
    page.get_by_role("button", name="Delete version 2").click()
    expect(page.get_by_role("alert")).to_contain_text("delete it by force")
    page.get_by_role("checkbox", name="Delete it although").check()
    page.get_by_role("button", name="Delete version 2").click()

    expect(page.get_by_role("status")).to_have_text("Version 2 of spam has been deleted.")


def test_versions_are_compared_with_what_differs_first(page: Page) -> None:
    page.goto("/models/churn")

    page.get_by_label("Choose version 3 for comparing").check()
    page.get_by_label("Choose version 2 for comparing").check()
    page.get_by_role("button", name="Compare chosen").click()

    expect(page.get_by_role("row", name="auc")).to_contain_text("0.01 (")
    params = page.locator("tbody", has_text="Params").locator("tr")
    expect(params.nth(1)).to_contain_text("depth")
    expect(params.nth(2)).to_contain_text("lr")
    expect(page.get_by_role("row", name="scikit-learn")).to_contain_text("==1.5.3")
    expect(page.get_by_role("img", name="loss: 100 points in 2 curves")).to_be_visible()


def test_what_others_do_is_seen_where_it_happens(page: Page, context: BrowserContext) -> None:
    page.goto("/models/intent")
    page.locator("body[data-following=yes]").wait_for(state="attached")
    other = context.new_page()

    other.goto("/models/intent/promote?version=3&to=%40shadow")
    other.get_by_label("Why").fill("seen from afar")
    other.get_by_role("button", name="Move @shadow to version 3").click()

    expect(page.locator("#aliases")).to_contain_text("seen from afar")
    expect(page.locator("#v3")).to_contain_text("shadow")
    expect(page.locator("#v3")).to_have_class("changed")


def _listens(page: Page) -> None:
    """Wait until the scripts of a page are there."""
    page.locator("html.scripted").wait_for(state="attached")


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/experiments")
    _listens(page)
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/models")
    _listens(page)
    page.keyboard.press("/")
    page.keyboard.type("churn")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=churn")
    _listens(page)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/churn")
    _listens(page)
    for key in "jjxjxc":
        page.keyboard.press(key)
    page.wait_for_url("**/compare?**")
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    page.goto("/models/churn/versions/3")
    _listens(page)
    page.keyboard.press("p")
    page.wait_for_url("**/promote?version=3")
    for key in ("Tab",) * 24:
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.textContent") == "Continue":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Move @production of churn to version 3?")).to_be_visible()
    _listens(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next and previous row")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_links_of_mlflow_land_in_the_right_place(page: Page, server: Server) -> None:
    run = server.ask("GET", "/api/v1/models/churn/versions/3").json["run_id"]

    page.goto("/#/models/churn/versions/3")
    page.wait_for_url("**/models/churn/versions/3")
    page.goto("about:blank")
    page.goto(f"/#/experiments/1/runs/{run}")

    page.wait_for_url(f"**/runs/{run}")
    expect(page.get_by_role("heading", name="weekly-3")).to_be_visible()


def test_the_colours_that_were_chosen_stay(page: Page) -> None:
    page.goto("/models")

    page.locator("#theme").click()
    page.goto("/experiments")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_times_are_told_in_the_zone_of_the_viewer(page: Page) -> None:
    page.goto("/models/churn")

    expect(page.locator("time").first).to_have_attribute("title", re.compile(r"GMT\+9|JST|Japan"))


def test_pages_work_without_scripts(server: Server, page: Page) -> None:
    browser = page.context.browser
    assert browser is not None
    plain = browser.new_context(base_url=server.url, java_script_enabled=False)
    tab = plain.new_page()

    tab.goto("/models/churn/promote?version=3")
    tab.get_by_role("radio", name="Stage Staging").check()
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("button", name="Move version 3 to Staging").click()

    expect(tab.get_by_role("status")).to_have_text("Version 3 of churn is in Staging now.")
    tab.get_by_text("The numbers").click()
    expect(tab.get_by_role("group", name="The numbers of auc")).to_contain_text("NaN")
    plain.close()
