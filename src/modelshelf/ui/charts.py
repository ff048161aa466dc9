"""Charts: curves as paths of an SVG picture, and the same numbers as a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelshelf.domain.overviews import Axis, Bucket, Curve
from modelshelf.ui import formatting

WIDTH, HEIGHT = 860, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 14, 34
_MOST_DOTS = 60
COLOURS = 8


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the axis that is shaded, and what it means."""

    first: int
    last: int
    label: str
    is_now: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A point that can be hovered over."""

    x: float
    y: float
    text: str
    is_nan: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A curve as it is drawn."""

    label: str
    colour: int
    path: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and what stands there."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Shade:
    """A band as it is drawn."""

    x: float
    width: float
    label: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table behind the chart: the place, and for each curve what is there."""

    place: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """All that the template draws."""

    title: str
    axis: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    shades: tuple[Shade, ...]
    rows: tuple[Row, ...]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


@dataclass(frozen=True, slots=True)
class _Scale:
    """From a number to a place in the picture."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        # Halves keep the span of two numbers at the ends of what a float holds finite.
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return round(self.start + share * (self.end - self.start), 1)


def chart(title: str, curves: Sequence[tuple[str, Curve]], *, bands: Sequence[Band] = ()) -> Chart | None:
    """A picture of some curves of the same axis; None where there is no point at all."""
    drawn = [(label, curve) for label, curve in curves if curve.buckets]
    if not drawn:
        return None
    axis = drawn[0][1].axis
    drawn = [(label, curve) for label, curve in drawn if curve.axis is axis] if axis is not Axis.TIME else drawn
    buckets = [bucket for _, curve in drawn for bucket in curve.buckets]
    x = _scale([bucket.first for bucket in buckets] + [bucket.last for bucket in buckets], _LEFT, WIDTH - _RIGHT)
    values = [value for bucket in buckets for value in (bucket.low, bucket.high) if value is not None]
    y = _scale(values or [0.0], HEIGHT - _BOTTOM, _TOP)
    return Chart(
        title=title,
        axis=axis.value,
        lines=tuple(_line(label, place % COLOURS, curve, x, y) for place, (label, curve) in enumerate(drawn)),
        x_ticks=tuple(_x_ticks(x, axis)),
        y_ticks=tuple(Tick(y(value), formatting.number(value)) for value in _nice(y.low, y.high, 5)),
        shades=tuple(_shades(bands, x)),
        rows=tuple(_rows(drawn, axis)),
        summary=_summary(title, drawn, values),
    )


def _scale(values: Sequence[float], start: float, end: float) -> _Scale:
    low, high = min(values), max(values)
    if low == high:
        room = abs(low) * 0.05 or 0.5
        low, high = low - room, high + room
    elif start > end:
        room = (high / 2 - low / 2) * 0.1
        low, high = low - room, high + room
    limit = 1.79e308
    return _Scale(max(low, -limit), min(high, limit), start, end)


def _line(label: str, colour: int, curve: Curve, x: _Scale, y: _Scale) -> Line:
    pieces: list[str] = []
    is_apart = True
    for bucket in curve.buckets:
        if bucket.low is None or bucket.high is None:
            is_apart = True
            continue
        place = x((bucket.first + bucket.last) / 2)
        ends = (y(bucket.low),) if bucket.low == bucket.high else (y(bucket.low), y(bucket.high))
        for height in ends:
            pieces.append(f"{'M' if is_apart else 'L'}{place:g} {height:g}")
            is_apart = False
    few = len(curve.buckets) <= _MOST_DOTS
    dots = [_dot(label, bucket, curve.axis, x, y) for bucket in curve.buckets if few or bucket.low is None]
    return Line(label, colour, "".join(pieces), tuple(dots[: 4 * _MOST_DOTS]))


def _dot(label: str, bucket: Bucket, axis: Axis, x: _Scale, y: _Scale) -> Dot:
    place = x((bucket.first + bucket.last) / 2)
    text = f"{label}: {shown(bucket)} at {_place(bucket, axis)}"
    if bucket.high is None:
        return Dot(place, HEIGHT - _BOTTOM - 4, text, is_nan=True)
    return Dot(place, y(bucket.high), text)


def shown(bucket: Bucket) -> str:
    """The values of a bucket in words."""
    if bucket.low is None or bucket.high is None:
        return "NaN"
    lowest, highest = formatting.number(bucket.low), formatting.number(bucket.high)
    nans = f", {bucket.nans} NaN" if bucket.nans else ""
    return (lowest if lowest == highest else f"{lowest} to {highest}") + nans


def _place(bucket: Bucket, axis: Axis) -> str:
    if axis is Axis.TIME:
        return formatting.absolute(bucket.first)
    name = "version " if axis is Axis.VERSION else "step "
    return f"{name}{bucket.first}" if bucket.first == bucket.last else f"{name}{bucket.first} to {bucket.last}"


def _x_ticks(x: _Scale, axis: Axis) -> list[Tick]:
    if axis is Axis.TIME:
        ends = (x.low, x.low / 2 + x.high / 2, x.high)
        return [Tick(x(value), formatting.absolute(int(value))[5:19]) for value in ends]
    whole = sorted({round(value) for value in _nice(x.low, x.high, 8)})
    return [Tick(x(value), f"{value:,}") for value in whole if x.low <= value <= x.high]


def _nice(low: float, high: float, count: int) -> list[float]:
    """Round numbers between two, about so many."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low, high]
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * factor for factor in (1, 2, 5, 10) if power * factor >= rough), power)
    first = math.ceil(low / step)
    found = [(first + place) * step for place in range(count + 2)]
    return [value for value in found if low <= value <= high] or [low, high]


def _shades(bands: Sequence[Band], x: _Scale) -> list[Shade]:
    found = []
    for band in bands:
        start, end = x(max(band.first - 0.5, x.low)), x(min(band.last + 0.5, x.high))
        if start <= end:
            found.append(Shade(start, max(2.0, round(end - start, 1)), band.label, band.is_now))
    return found


def _rows(drawn: Sequence[tuple[str, Curve]], axis: Axis) -> list[Row]:
    by_place: dict[str, dict[int, str]] = {}
    starts: dict[str, int] = {}
    for index, (_, curve) in enumerate(drawn):
        for bucket in curve.buckets:
            place = _place(bucket, axis)
            by_place.setdefault(place, {})[index] = shown(bucket)
            starts.setdefault(place, bucket.first)
    places = sorted(by_place, key=starts.__getitem__)
    return [Row(place, tuple(by_place[place].get(index, "") for index in range(len(drawn)))) for place in places]


def _summary(title: str, drawn: Sequence[tuple[str, Curve]], values: Sequence[float]) -> str:
    points = sum(curve.points for _, curve in drawn)
    nans = sum(bucket.nans for _, curve in drawn for bucket in curve.buckets)
    range_ = f" from {formatting.number(min(values))} to {formatting.number(max(values))}" if values else ""
    more = f", {nans:,} of them NaN" if nans else ""
    lines = f" in {len(drawn)} curves" if len(drawn) > 1 else ""
    return f"{title}: {points:,} {'point' if points == 1 else 'points'}{lines}{range_}{more}"
