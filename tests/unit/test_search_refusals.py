"""Filters and orders that are refused: what the refusal says, and where it points."""

import time
from contextlib import suppress

import pytest

from modelshelf.domain.errors import InvalidFilter
from modelshelf.domain.search import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_LIST,
    MAX_ORDER,
    Fields,
    FieldType,
    Kind,
    parse_filter,
    parse_order,
)

TEXT, TEXTS, NUMBER = FieldType.TEXT, FieldType.TEXTS, FieldType.NUMBER
RUNS = Fields(
    attributes={"run_id": TEXT, "run_name": TEXT, "status": TEXT, "start_time": NUMBER, "end_time": NUMBER},
    aliases={"Created": "start_time", "run name": "run_name"},
    kinds=frozenset(Kind),
)
VERSIONS = Fields(
    attributes={"name": TEXT, "version_number": NUMBER, "alias": TEXTS, "stage": TEXT, "run_id": TEXT},
    aliases={"aliases": "alias"},
)


def refused(text: str, fields: Fields = RUNS) -> InvalidFilter:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter(text, fields)
    return refusal.value


@pytest.mark.parametrize(
    "text", ["metrics.m > nan", "metrics.m IN (nan)", "start_time = nan", "start_time IN (1, nan)"]
)
def test_nan_is_refused_where_it_cannot_match(text: str) -> None:
    assert "nan goes with = and !=" in refused(text).message


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("tags.a", 6, "expected an operator such as =, LIKE, IN or IS NULL, found the end"),
        ("tags.a =", 8, "expected a text in quotes, found the end"),
        ("tags.a = x", 9, "expected a text in quotes, found x; write 'x'"),
        ("tags.a = 5", 9, "expected a text in quotes, found 5; write '5'"),
        ("tags.a = `x`", 9, "expected a text in quotes"),
        ("tags.a == 'x'", 7, "(write =), found =="),
        ("tags.a <> 'x'", 7, "(write !=), found <>"),
        ("tags.a NOT = 'x'", 11, "expected LIKE, ILIKE or IN, found ="),
        ("tags.a IS 'x'", 10, "expected NULL or NOT NULL, found 'x'"),
        ("tags.a IS NOT", 13, "expected NULL, found the end"),
        ("tags.a < 'x'", 7, "tags.a is text, which < does not compare"),
        ("status > 'x'", 7, "status is text, which > does not compare"),
        ("metrics.m LIKE 'x'", 10, "metrics.m is a number, which LIKE does not compare"),
        ("metrics.m > '0.5'", 12, "expected a number, found '0.5'; write 0.5"),
        ("metrics.m > 'high'", 12, "expected a number, found 'high'"),
        ("start_time > '5.5'", 13, "expected a number"),
        ("metrics.m > 1_000", 12, "malformed number"),
        ("metrics.m > 0x10", 12, "malformed number"),
        ("run_id IN 'a'", 10, "expected ( and a list of values, found 'a'"),
        ("run_id IN ()", 11, "expected a text in quotes, found )"),
        ("run_id IN ('a', 5)", 16, "expected a text in quotes, found 5"),
        ("run_id IN ('a'", 14, "expected , or ), found the end"),
        ("run_id IN (('a'))", 11, "expected a text in quotes, found ("),
        (r"run_id IN ('a\x4')", 13, r"the escape \x names no character"),
        (r"run_id IN ('\N{NO SUCH}')", 12, "names no character"),
        (r"run_id IN ('\U00110000')", 12, "names no character"),
        ("tags.a = 'x", 9, "the quote ' is never closed"),
        ('tags.a = "x', 9, 'the quote " is never closed'),
        ("tags.`a = 'x'", 4, "unexpected character '.'"),
        ("(tags.a = 'x'", 13, "expected AND, OR or ), found the end"),
        ("tags.a = 'x')", 12, "expected AND, OR or the end of the filter, found )"),
        ("tags.a = 'x' OR", 15, "expected a field, NOT or (, found the end"),
        ("tags.a = 'x' AND OR tags.b = 'x'", 17, "expected a field, NOT or (, found OR"),
        ("tags.a = 'x' NOT tags.b = 'x'", 13, "expected AND, OR or the end of the filter, found NOT"),
        ("'x' = tags.a", 0, "expected a field, NOT or (, found 'x'"),
        ("tags.a = 'x'; DROP TABLE runs", 12, "unexpected character ';'"),
        ("tags.a = 'x' -- more", 13, "unexpected character '-'"),
        ("tags. = 'x'", 4, "unexpected character '.'"),
        ("tags.a = 'x\0'", 11, "U+0000 cannot be stored"),
        ("tags.a = '\ud800'", 10, "U+D800 cannot be stored"),
        (r"run_id IN ('\x00')", 11, "U+0000 cannot be stored"),
    ],
)
def test_a_fault_is_named_and_located(text: str, position: int, problem: str) -> None:
    refusal = refused(text)

    assert refusal.details["position"] == position
    assert problem in refusal.message.splitlines()[0]


def test_a_refusal_shows_the_filter_with_a_caret_under_the_fault() -> None:
    refusal = refused("metrics.auc > 0.9 AND params.lr = 0.1")

    assert refusal.message.splitlines() == [
        "expected a text in quotes, found 0.1; write '0.1'",
        "  metrics.auc > 0.9 AND params.lr = 0.1",
        "                                    ^",
    ]
    assert refusal.details == {"position": 34, "expected": "a text in quotes"}


def test_the_caret_allows_for_line_breaks_and_wide_characters() -> None:
    shown, caret = refused("tags.日本 = 'x'\nAND tags.b = 5").message.splitlines()[1:]

    assert shown == "  tags.日本 = 'x' AND tags.b = 5"
    assert caret.index("^") == shown.index("5") + 2


def test_a_long_filter_is_shown_around_the_fault_only() -> None:
    shown, caret = refused(
        "tags.a = 'x' AND " * 40 + "tags.b = 5 AND " + "tags.a = 'x' AND " * 40
    ).message.splitlines()[1:]

    assert len(shown) < 110
    assert shown.startswith("  …")
    assert shown.endswith("…")
    assert shown[caret.index("^")] == "5"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("statsu = 'x'", ["status"]),
        ("Status = 'x'", ["status"]),
        ("attribute.runid = 'x'", ["run_id"]),
        ("tagz.a = 'x'", ["tags", "tag"]),
        ("Metrics.a > 1", ["metrics", "metric"]),
        ("dataset.nmae = 'x'", ["name"]),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_known(text: str, nearest: list[str]) -> None:
    refusal = refused(text)

    assert set(nearest) <= set(refusal.details["nearest"])
    assert f"did you mean {refusal.details['nearest'][0]}" in refusal.message


def test_an_unknown_name_near_to_nothing_is_answered_with_all_that_are_known() -> None:
    message = refused("wibble = 'x'", VERSIONS).message

    assert "unknown attribute wibble; known are name, version_number, alias, stage, run_id, tags.<key>" in message


@pytest.mark.parametrize("text", ["params.a = 'x'", "metrics.a > 1", "dataset.name = 'x'"])
def test_a_kind_that_the_entity_lacks_is_refused(text: str) -> None:
    assert "to search by here" in refused(text, VERSIONS).message


def test_limits_are_named_and_reached_exactly() -> None:
    inside = [
        "tags.a = 'x'".ljust(MAX_LENGTH),
        "(" * MAX_DEPTH + "tags.a = 'x'" + ")" * MAX_DEPTH,
        "tags.a='x' " * MAX_CONDITIONS,
        f"run_id IN ({'1,' * MAX_LIST})".replace("1", "'a'"),
    ]
    beyond = [
        ("tags.a = 'x'".ljust(MAX_LENGTH + 1), MAX_LENGTH),
        ("(" * (MAX_DEPTH + 1) + "tags.a = 'x'" + ")" * (MAX_DEPTH + 1), MAX_DEPTH),
        ("NOT " * (MAX_DEPTH + 1) + "tags.a = 'x'", MAX_DEPTH),
        ("tags.a='x' " * (MAX_CONDITIONS + 1), MAX_CONDITIONS),
        (f"run_id IN ({'1,' * (MAX_LIST + 1)})".replace("1", "'a'"), MAX_LIST),
    ]

    for text in inside:
        parse_filter(text, RUNS)
    for text, limit in beyond:
        refusal = refused(text)
        assert refusal.details["limit"] == limit
        assert f"the limit is {limit}" in refusal.message


@pytest.mark.parametrize(
    "text",
    [
        "'" + r"\'" * 4_990,
        "tags.a='" + "''" * 4_990,
        "tags.a='" + r"\''" * 3_300,
        "tags" + "." * 9_990,
        "tags." + "`a`." * 2_490,
        "metrics.a > " + "1." * 4_990,
        "(" * 9_999,
        "x" * 10_000,
        "AND " * 2_500,
    ],
)
def test_hostile_filters_take_no_time(text: str) -> None:
    start = time.process_time()

    with suppress(InvalidFilter):
        parse_filter(text, RUNS)

    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([""], "expected a field, found the end"),
        (["status up"], "expected ASC, DESC or the end, found up"),
        (["status ASC DESC"], "expected ASC, DESC or the end, found DESC"),
        (["status, run_id"], "expected ASC, DESC or the end, found ,"),
        (["statsu"], "did you mean status?"),
        (["dataset.name"], "dataset.name can have several values"),
        (["status", "status DESC"], "status is ordered by twice"),
        (["start_time", "Created"], "start_time is ordered by twice"),
        (["metrics.a", "metrics.`a` DESC"], "metrics.a is ordered by twice"),
        ([f"metrics.m{number}" for number in range(MAX_ORDER + 1)], f"the limit is {MAX_ORDER}"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(items: list[str], problem: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_order(items, RUNS)

    assert problem in refusal.value.message
    assert "position" in refusal.value.details


def test_there_is_no_order_by_a_field_with_several_values() -> None:
    with pytest.raises(InvalidFilter, match="alias can have several values"):
        parse_order(["alias"], VERSIONS)
