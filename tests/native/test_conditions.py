"""Entity tags of aliases, and moves that depend on them."""

import pytest

from asking import Ask
from modelshelf.services.registry import Registry

ALIAS = "/models/churn/aliases/champion"


def test_an_alias_tells_where_it_is_and_its_tag(ask: Ask) -> None:
    told = ask("GET", ALIAS)

    assert (told.json["version"], told.json["moved_by"], told.headers["etag"]) == (1, "alice", '"1-1"')


def test_a_move_on_the_present_tag_is_made_and_answers_the_next_one(ask: Ask) -> None:
    moved = ask("PUT", ALIAS, {"version": 2}, **{"If-Match": '"1-1"'})

    assert (moved.status, moved.headers["etag"]) == (200, '"2-2"')
    assert ask("GET", ALIAS).headers["etag"] == '"2-2"'


def test_a_move_on_a_past_tag_is_refused_even_where_the_alias_is_back(ask: Ask, embedded: Registry) -> None:
    embedded.governance.set_alias("churn", "champion", 2)
    embedded.governance.set_alias("churn", "champion", 1)

    refused = ask("PUT", ALIAS, {"version": 2}, **{"If-Match": '"1-1"'})

    assert (refused.status, refused.json["code"]) == (412, "alias_moved")
    assert ask("GET", ALIAS).json["version"] == 1
    assert embedded.events.latest()[0].name == "move.refused"


def test_an_alias_is_cleared_on_its_present_tag_only(ask: Ask) -> None:
    refused = ask("DELETE", ALIAS, **{"If-Match": '"1-9"'})
    cleared = ask("DELETE", ALIAS, **{"If-Match": '"1-1"'})
    again = ask("DELETE", ALIAS, **{"If-Match": '"1-1"'})

    assert (refused.status, cleared.status, again.status) == (412, 200, 412)


def test_an_alias_may_be_set_only_where_there_is_none(ask: Ask) -> None:
    refused = ask("PUT", ALIAS, {"version": 2}, **{"If-None-Match": "*"})
    made = ask("PUT", "/models/churn/aliases/challenger", {"version": 2}, **{"If-None-Match": "*"})

    assert (refused.status, made.status) == (412, 200)


def test_a_conflict_in_the_body_is_a_conflict(ask: Ask) -> None:
    refused = ask("PUT", ALIAS, {"version": 2, "if_current": None})

    assert (refused.status, refused.json["code"], refused.json["details"]["current"]) == (409, "alias_moved", 1)


@pytest.mark.parametrize("tag", ["", "1-1", '"x"', 'W/"1-1"', '"1-1", "2-2"'])
def test_a_tag_of_another_form_is_refused(ask: Ask, tag: str) -> None:
    assert ask("PUT", ALIAS, {"version": 2}, **{"If-Match": tag}).status == 400
