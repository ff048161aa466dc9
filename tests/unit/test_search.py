"""The filter grammar: what parses, and what it means."""

import math

import pytest

from modelshelf.domain.search import (
    And,
    Comparison,
    Condition,
    Field,
    Fields,
    FieldType,
    Kind,
    Not,
    Op,
    Or,
    Order,
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


def compared(name: str, op: str, value: object = None) -> Comparison:
    kind, key = name.split("/", 1) if "/" in name else ("attribute", name)
    return Comparison(Field(Kind(kind), key), Op(op), value)


A, B, C = (compared(f"tag/{key}", "=", "x") for key in "abc")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", And(())),
        (" \n", And(())),
        ("tags.a = 'x'", A),
        ("tags.a = 'x' AND tags.b = 'x'", And((A, B))),
        ("tags.a='x'AND tags.b='x'", And((A, B))),
        ("tags.a = 'x' and tags.b = 'x' And tags.c = 'x'", And((A, B, C))),
        ("tags.a = 'x' OR tags.b = 'x'", Or((A, B))),
        ("tags.a = 'x' OR tags.b = 'x' AND tags.c = 'x'", Or((A, And((B, C))))),
        ("(tags.a = 'x' or tags.b = 'x') and tags.c = 'x'", And((Or((A, B)), C))),
        ("tags.a = 'x' AND (tags.b = 'x' AND tags.c = 'x')", And((A, B, C))),
        ("(tags.a = 'x' OR (tags.b = 'x' OR tags.c = 'x'))", Or((A, B, C))),
        ("NOT tags.a = 'x' AND tags.b = 'x'", And((Not(A), B))),
        ("NOT (tags.a = 'x' AND tags.b = 'x')", Not(And((A, B)))),
        ("not not tags.a = 'x'", Not(Not(A))),
        ("((tags.a = 'x'))", A),
    ],
)
def test_conditions_join_with_not_before_and_before_or(text: str, expected: Condition) -> None:
    assert parse_filter(text, RUNS) == expected


@pytest.mark.parametrize(
    "text",
    [
        "tags.a = 'x' tags.b = 'x'",
        "tags.a = 'x'\ntags.b = 'x'",
        "tags.a = 'x' AND AND tags.b = 'x'",
        "AND tags.a = 'x' AND tags.b = 'x' AND",
    ],
)
def test_an_and_may_be_missing_doubled_or_left_over(text: str) -> None:
    assert parse_filter(text, RUNS) == And((A, B))


@pytest.mark.parametrize("prefix", ["", "attribute.", "attributes.", "attr.", "run.", "`run`."])
def test_an_attribute_goes_by_many_prefixes_or_none(prefix: str) -> None:
    assert parse_filter(f"{prefix}status = 'FAILED'", RUNS) == compared("status", "=", "FAILED")


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [
        ("tag", "tag"),
        ("tags", "tag"),
        ("`tags`", "tag"),
        ("param", "param"),
        ("params", "param"),
        ("parameter", "param"),
        ("parameters", "param"),
        ("dataset", "dataset"),
        ("datasets", "dataset"),
    ],
)
def test_each_kind_goes_by_its_singular_and_plural(prefix: str, kind: str) -> None:
    assert parse_filter(f"{prefix}.name = 'x'", RUNS) == compared(f"{kind}/name", "=", "x")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a", "a"),
        ("mlflow.source.git.commit", "mlflow.source.git.commit"),
        ("`my key`", "my key"),
        ('"my key"', "my key"),
        ("'my key'", "my key"),
        ("`a = 'b'`", "a = 'b'"),
        ("`a.b`", "a.b"),
        ("`a``b`", "a``b"),
        ('"a`b"', "a`b"),
        ('"it\'s"', "it's"),
        ("``", ""),
        ("`a`.b", "`a`.b"),
        ("a.", "a."),
        (".a", ".a"),
        (".", "."),
        ("5a", "5a"),
        ("a[0]", "a[0]"),
        ("val-loss/epoch", "val-loss/epoch"),
        ("ключ", "ключ"),
        ("日本", "日本"),
        ("and", "and"),
        ("IN", "IN"),
        ("order", "order"),
        ("null", "null"),
    ],
)
def test_a_key_may_be_bare_dotted_quoted_or_a_keyword(written: str, key: str) -> None:
    assert parse_filter(f"tags.{written} = 'x'", RUNS) == compared(f"tag/{key}", "=", "x")


@pytest.mark.parametrize("written", ["Created", "attribute.Created", "`Created`", '"Created"', "run.`Created`"])
def test_an_alias_of_an_attribute_becomes_the_attribute(written: str) -> None:
    assert parse_filter(f"{written} > 5", RUNS) == compared("start_time", ">", 5)


def test_an_alias_with_a_space_is_quoted() -> None:
    assert parse_filter("`run name` = 'x'", RUNS) == compared("run_name", "=", "x")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'x'", "x"),
        ('"x"', "x"),
        ("''", ""),
        ('"it\'s"', "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        ("'it''s'", "it''s"),
        (r"'it\'s'", r"it\'s"),
        (r"'C:\temp'", r"C:\temp"),
        ("'C:\\'", "C:\\"),
        ("'''x'''", "''x''"),
        ("'a AND b'", "a AND b"),
        ("'-- x /* ; */'", "-- x /* ; */"),
        ("'a\nb'", "a\nb"),
        ("'значение 日本 🚀'", "значение 日本 🚀"),
        ("'50%'", "50%"),
    ],
)
def test_a_text_means_what_stands_between_its_quotes(written: str, value: str) -> None:
    assert parse_filter(f"params.p = {written}", RUNS) == compared("param/p", "=", value)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("('a')", ("a",)),
        ("('a', \"b\")", ("a", "b")),
        ("( 'a' ,'b', )", ("a", "b")),
        (r"""('it\'s "x"')""", ('it\'s "x"',)),
        (r"('C:\\', 'b')", ("C:\\", "b")),
        (r"('a\n\t\x41\u00e9\U0001F680\101\q')", ("a\n\tAé🚀A\\q",)),
        (r"('\N{BULLET}')", ("•",)),
        ("('a' 'b')", ("ab",)),
        ("('a''b')", ("ab",)),
        ("('(', ')', ',')", ("(", ")", ",")),
    ],
)
def test_a_list_of_texts_has_escapes(written: str, values: tuple[str, ...]) -> None:
    assert parse_filter(f"run_id IN {written}", RUNS) == compared("run_id", "IN", values)


def test_a_list_may_follow_another_condition_and_be_followed() -> None:
    condition = parse_filter(r"run_id in('a\\') AND run_id not  in ('b') AND tags.a = 'C:\x'", RUNS)

    parts = compared("run_id", "IN", ("a\\",)), compared("run_id", "NOT IN", ("b",)), compared("tag/a", "=", r"C:\x")
    assert condition == And(parts)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1.0),
        ("-1", -1.0),
        ("+1", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("00012", 12.0),
        ("1e5", 1e5),
        ("1E-5", 1e-5),
        ("-2.5e+3", -2500.0),
        ("1e400", math.inf),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("9" * 5_000, math.inf),
    ],
)
def test_a_metric_is_compared_with_any_number(written: str, value: float) -> None:
    assert parse_filter(f"metrics.m>={written}", RUNS) == compared("metric/m", ">=", value)


@pytest.mark.parametrize("op", ["=", "!=", "<", "<=", ">", ">="])
def test_numbers_are_compared_with_six_operators(op: str) -> None:
    assert parse_filter(f"metrics.m {op} 1 start_time{op}1", RUNS) == And(
        (compared("metric/m", op, 1.0), compared("start_time", op, 1))
    )


def test_a_keyword_may_stand_right_after_an_exponent() -> None:
    assert parse_filter("metrics.m > 1e5AND tags.a = 'x'", RUNS) == And((compared("metric/m", ">", 1e5), A))


@pytest.mark.parametrize("op", ["=", "!="])
def test_a_metric_can_be_asked_for_being_nan(op: str) -> None:
    condition = parse_filter(f"metrics.loss {op} NaN", RUNS)

    assert isinstance(condition, Comparison)
    assert isinstance(condition.value, float)
    assert math.isnan(condition.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("5.0", 5),
        ("'5'", 5),
        ('" 7 "', 7),
        ("5.5", 5.5),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", float(2**63)),
        ("9" * 5_000, math.inf),
    ],
)
def test_a_whole_number_stays_one_as_long_as_it_fits_64_bits(written: str, value: float) -> None:
    condition = parse_filter(f"version_number < {written}", VERSIONS)

    assert condition == compared("version_number", "<", value)
    assert isinstance(condition, Comparison)
    assert type(condition.value) is type(value)


def test_a_list_of_numbers_may_mix_their_spellings() -> None:
    condition = parse_filter("version_number IN (1, '2', 3.0) AND version_number NOT IN (9)", VERSIONS)

    expected = compared("version_number", "IN", (1, 2, 3)), compared("version_number", "NOT IN", (9,))
    assert condition == And(expected)


@pytest.mark.parametrize(
    ("written", "op"),
    [("LIKE", "LIKE"), ("ilike", "ILIKE"), ("not like", "NOT LIKE"), ("NOT  Ilike", "NOT ILIKE")],
)
def test_patterns_ignore_the_case_of_their_keyword(written: str, op: str) -> None:
    assert parse_filter(f"tags.a {written} '%x_'", RUNS) == compared("tag/a", op, "%x_")


@pytest.mark.parametrize("name", ["tags.a", "params.a", "metrics.a", "dataset.name", "end_time", "run_name"])
def test_every_field_can_be_asked_for_having_a_value(name: str) -> None:
    absent, present = parse_filter(f"{name} is null", RUNS), parse_filter(f"{name} IS\nNOT  NULL", RUNS)

    assert isinstance(absent, Comparison)
    assert isinstance(present, Comparison)
    assert (absent.op, absent.value) == (Op.IS_NULL, None)
    assert (present.op, present.value) == (Op.IS_NOT_NULL, None)


def test_versions_are_found_by_alias_and_stage() -> None:
    condition = parse_filter("aliases = 'production' OR stage = 'Staging'", VERSIONS)

    assert condition == Or((compared("alias", "=", "production"), compared("stage", "=", "Staging")))


@pytest.mark.parametrize(
    ("item", "kind", "key", "descending"),
    [
        ("status", "attribute", "status", False),
        ("status ASC", "attribute", "status", False),
        (" status  desc ", "attribute", "status", True),
        ("attributes.start_time Desc", "attribute", "start_time", True),
        ("Created DESC", "attribute", "start_time", True),
        ("`run name`", "attribute", "run_name", False),
        ("metrics.auc DESC", "metric", "auc", True),
        ("params.`learning rate` ASC", "param", "learning rate", False),
        ("tags.`x y` DESC", "tag", "x y", True),
        ('metrics."a`b"', "metric", "a`b", False),
        ("tags.desc", "tag", "desc", False),
    ],
)
def test_an_order_names_a_field_and_a_direction(item: str, kind: str, key: str, *, descending: bool) -> None:
    assert parse_order([item], RUNS) == (Order(Field(Kind(kind), key), descending),)


def test_orders_keep_their_sequence() -> None:
    orders = parse_order(["metrics.auc DESC", "start_time"], RUNS)

    assert orders == (Order(Field(Kind.METRIC, "auc"), True), Order(Field(Kind.ATTRIBUTE, "start_time"), False))
    assert parse_order([], RUNS) == ()
