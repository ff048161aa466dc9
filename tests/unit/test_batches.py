"""What may be logged, and the values of tracking: rules without a database."""

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.domain.batches import (
    check_batch,
    check_inputs,
    check_points,
    latest_points,
    refuse_changes,
    run_name,
    unique_params,
)
from modelshelf.domain.errors import Invalid
from modelshelf.domain.run_names import random_name
from modelshelf.domain.tracking import (
    Dataset,
    DatasetInput,
    Lifecycle,
    MetricPoint,
    RunStatus,
    View,
    experiment_number,
)


@pytest.mark.parametrize("key", ["k", "a b", "a/b", "a.b-c_d", "é", "日本", " ", "a:b", "k" * 250])
def test_a_usual_key_is_taken(key: str) -> None:
    points, params, tags = check_batch([MetricPoint(key, 1.0, 1)], {key: "v"}, {key: "v"})

    assert (points[0].key, list(params), list(tags)) == (key, [key], [key])


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a//b", "./a", "../a", "a/../b", ".", "..", "a\\b", "a=b", "a,b", "a#b", "k" * 251, "🙂", "a\nb"],
)
def test_a_key_that_could_be_a_path_trick_is_refused(key: str) -> None:
    batches: list[Any] = [([MetricPoint(key, 1.0, 1)], {}, {}), ([], {key: "v"}, {}), ([], {}, {key: "v"})]

    for batch in batches:
        with pytest.raises(Invalid, match="name"):
            check_batch(*batch)


@pytest.mark.parametrize(("metrics", "params", "tags"), [(1_001, 0, 0), (0, 101, 0), (0, 0, 101), (801, 100, 100)])
def test_a_batch_that_is_too_large_is_refused(metrics: int, params: int, tags: int) -> None:
    points = [MetricPoint("m", float(number), 1) for number in range(metrics)]

    with pytest.raises(Invalid, match="the limit is"):
        check_batch(
            points, {f"p{number}": "" for number in range(params)}, {f"t{number}": "" for number in range(tags)}
        )


@pytest.mark.parametrize(
    "point",
    [
        MetricPoint("m", "1", 1),  # type: ignore[arg-type]
        MetricPoint("m", None, 1),  # type: ignore[arg-type]
        MetricPoint("m", 1.0, -1),
        MetricPoint("m", 1.0, 2**63),
        MetricPoint("m", 1.0, 1.5),  # type: ignore[arg-type]
        MetricPoint("m", 1.0, 1, 2**63),
        MetricPoint("m", 1.0, 1, "x"),  # type: ignore[arg-type]
        MetricPoint("m", 1.0, 1, dataset_name="n" * 501),
    ],
)
def test_a_point_that_cannot_be_stored_is_refused(point: MetricPoint) -> None:
    with pytest.raises(Invalid):
        check_points([point])


def test_equal_points_are_one_and_nan_equals_nan() -> None:
    points = [MetricPoint("m", value, 1) for value in (math.nan, float("nan"), 0.0, -0.0, math.inf, 10**400, True, 1)]

    values = [point.value for point in check_points(points)]

    assert math.isnan(values[0])
    assert [str(value) for value in values[1:]] == ["0.0", "1.7976931348623157e+308", "1.0"]


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3), st.sampled_from([math.nan, -1.0, 0.0, 2.0]))))
def test_the_latest_point_does_not_depend_on_batches(places: list[tuple[int, int, float]]) -> None:
    points = [MetricPoint("m", value, time_ms, step) for step, time_ms, value in places]

    one_by_one: dict[str, MetricPoint] = {}
    for point in points:
        one_by_one = latest_points([*one_by_one.values(), point])

    assert repr(latest_points(points)) == repr(one_by_one)


def test_a_param_twice_in_one_batch_is_refused_even_with_the_same_value() -> None:
    with pytest.raises(Invalid, match="'x' is in the batch twice"):
        unique_params([("x", "1"), ("y", "1"), ("x", "1")])
    assert unique_params([("x", "1"), ("y", "1")]) == {"x": "1", "y": "1"}


def test_a_changed_param_is_named_with_both_values() -> None:
    with pytest.raises(Invalid, match="'lr' of run r1 is '1' and cannot become '2'") as refusal:
        refuse_changes({"lr": "1", "b": "1"}, {"lr": "2", "b": "1", "new": "1"}, run_id="r1")

    assert refusal.value.details == {"run_id": "r1", "keys": ["lr"]}


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(Invalid) as refusal:
        refuse_changes({"p": "x" * 6_000}, {"p": "y" * 6_000}, run_id="r")

    assert len(refusal.value.message) < 600


@pytest.mark.parametrize("value", [None, 1, b"x", "a\0b", "\ud800"])
def test_a_param_value_is_a_text_that_can_be_stored(value: Any) -> None:
    with pytest.raises(Invalid, match="value of param 'p'"):
        check_batch([], {"p": value}, {})


def test_the_first_of_equal_datasets_stays() -> None:
    first = DatasetInput(Dataset("a", "d", "local", "x"))

    assert check_inputs([first, DatasetInput(Dataset("a", "d", "http", "y"))]) == [first]


def test_a_run_has_one_name() -> None:
    assert run_name(None, {}) is None
    assert run_name("", {"mlflow.runName": ""}) is None
    assert run_name("a", {"mlflow.runName": "a"}) == "a"
    assert run_name(None, {"mlflow.runName": "b"}) == "b"
    with pytest.raises(Invalid, match="two names"):
        run_name("a", {"mlflow.runName": "b"})


@given(st.binary(min_size=8, max_size=16))
def test_a_random_name_has_two_words_and_a_number(entropy: bytes) -> None:
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", random_name(entropy))


def test_views_name_the_lifecycles_that_they_show() -> None:
    assert [view.lifecycles for view in View] == [(Lifecycle.ACTIVE,), (Lifecycle.DELETED,), tuple(Lifecycle)]
    assert [status for status in RunStatus if status.is_final] == [
        RunStatus.FINISHED,
        RunStatus.FAILED,
        RunStatus.KILLED,
    ]


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("12", 12), ("-1", None), (str(2**63 - 1), 2**63 - 1), (str(2**63), None)]
)
def test_an_experiments_id_is_a_number_of_64_bits(text: str, number: int | None) -> None:
    assert experiment_number(text) == number
