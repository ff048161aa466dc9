"""Curves as pictures and as tables."""

import math
import re

import pytest

from modelshelf.domain.overviews import Axis, Bucket, Curve
from modelshelf.ui.charts import HEIGHT, WIDTH, Band, chart


def _curve(*values: float | None) -> Curve:
    buckets = (Bucket(step, step, value, value, nans=int(value is None)) for step, value in enumerate(values))
    return Curve("loss", Axis.STEP, tuple(buckets))


def test_nothing_is_no_chart() -> None:
    assert chart("loss", [("a", Curve("loss", Axis.STEP))]) is None


def test_one_point_is_a_dot_in_the_middle() -> None:
    drawn = chart("loss", [("a", _curve(0.5))])

    assert drawn is not None
    (line,) = drawn.lines
    assert len(line.dots) == 1
    assert drawn.left < line.dots[0].x < drawn.right
    assert drawn.top < line.dots[0].y < drawn.bottom
    assert [row.values for row in drawn.rows] == [("0.5",)]


def test_a_nan_is_a_gap_with_a_mark_and_is_in_the_table() -> None:
    drawn = chart("loss", [("a", _curve(1.0, 2.0, None, 3.0, 4.0))])

    assert drawn is not None
    assert drawn.lines[0].path.count("M") == 2
    assert [dot.is_nan for dot in drawn.lines[0].dots] == [False, False, True, False, False]
    assert [row.values[0] for row in drawn.rows] == ["1", "2", "NaN", "3", "4"]
    assert drawn.summary == "loss: 5 points from 1 to 4, 1 of them NaN"


@pytest.mark.parametrize(
    "values",
    [
        (None,),
        (None, None),
        (0.0, 0.0),
        (1.7976931348623157e308, -1.7976931348623157e308),
        (5e-324, 1e-320),
        (-1e9, 1e-9),
    ],
)
def test_every_number_that_can_be_logged_can_be_drawn(values: tuple[float | None, ...]) -> None:
    drawn = chart("loss", [("a", _curve(*values))])

    assert drawn is not None
    places = [float(number) for number in re.findall(r"-?[\d.]+", drawn.lines[0].path)]
    assert all(math.isfinite(place) and 0 <= place <= max(WIDTH, HEIGHT) for place in places)
    assert all(math.isfinite(tick.place) for tick in (*drawn.x_ticks, *drawn.y_ticks))


def test_a_hundred_thousand_points_are_drawn_as_their_extremes() -> None:
    buckets = tuple(Bucket(at, at + 416, -1.0, 2.0, points=417) for at in range(0, 100_000, 417))

    drawn = chart("loss", [("a", Curve("loss", Axis.STEP, buckets))])

    assert drawn is not None
    assert len(drawn.lines[0].path) < 10_000
    assert drawn.lines[0].dots == ()
    assert drawn.rows[0].place == "step 0 to 416"
    assert drawn.rows[0].values == ("−1 to 2",)  # noqa: RUF001 - a minus sign


def test_bands_stay_inside_of_the_picture() -> None:
    curve = Curve(
        "auc", Axis.VERSION, tuple(Bucket(number, number, number / 10, number / 10) for number in range(1, 6))
    )

    drawn = chart("auc", [("auc", curve)], bands=[Band(1, 1, "was"), Band(5, 5, "is", is_now=True)])

    assert drawn is not None
    assert [shade.is_now for shade in drawn.shades] == [False, True]
    assert all(drawn.left <= shade.x and shade.x + shade.width <= drawn.right + 2 for shade in drawn.shades)
