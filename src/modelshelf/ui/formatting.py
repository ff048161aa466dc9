"""Values as pages show them: sizes, times, numbers, short digests."""

import math
from datetime import UTC, datetime

from markupsafe import Markup

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_UNITS_OF_TIME = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))
_MONTH_DAYS = 30.44
_MINUS = "\N{MINUS SIGN}"


def size(count: int) -> str:
    """Bytes in a unit that a person reads at a glance."""
    amount = float(count)
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{count} B" if unit == "B" else f"{amount:.3g} {unit}" if amount < 1000 else f"{amount:.0f} {unit}"


def number(value: object) -> str:
    """A metric's value in six digits; NaN is said, and so are the infinities' stand-ins."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if abs(value) >= 1.797e308:
        return "∞" if value > 0 else f"{_MINUS}∞"
    text = f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    return text.replace("-", _MINUS, 1) if text.startswith("-") else text


def delta(before: float, after: float) -> str:
    """How a number changed: the difference, and where it makes sense by how much of it."""
    if any(math.isnan(value) or math.isinf(value) for value in (before, after)):
        return ""
    difference = after - before
    if math.isinf(difference) or difference == 0:
        return "±0" if difference == 0 else ""
    sign = "+" if difference > 0 else _MINUS
    share = f" ({sign}{abs(difference / before) * 100:.3g} %)" if before else ""
    return f"{sign}{abs(difference):.4g}{share}"


def short(digest: str) -> str:
    """The beginning of a digest, without the name of its algorithm."""
    return digest.removeprefix("sha256:")[:12]


def instant(time_ms: int) -> datetime | None:
    """A time; None where it is beyond what calendars have."""
    try:
        return datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def absolute(time_ms: int) -> str:
    """A time in UTC."""
    found = instant(time_ms)
    return f"{found:%Y-%m-%d %H:%M:%S} UTC" if found else f"{time_ms} ms"


def age(time_ms: int, now_ms: int) -> str:
    """How long ago something was, in one unit."""
    seconds = (now_ms - time_ms) / 1000
    text = duration(abs(seconds) * 1000)
    if abs(seconds) < 1:
        return "just now"
    return f"in {text}" if seconds < 0 else f"{text} ago"


def duration(milliseconds: float) -> str:
    """A span of time in one unit."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    days = milliseconds / 86_400_000
    if days >= 500:
        return f"{days / 365.25:.1f} yr"
    if days >= 60:
        return f"{days / _MONTH_DAYS:.0f} mo"
    unit, length = next((unit, length) for unit, length in _UNITS_OF_TIME if milliseconds >= length)
    return f"{math.floor(milliseconds / length)} {unit}"


def time_tag(time_ms: int | None, now_ms: int) -> Markup:
    """A time as it is shown: relative, with the absolute on hover, which scripts put into the viewer's zone."""
    if time_ms is None:
        return Markup("—")
    found = instant(time_ms)
    if found is None:
        return Markup("<span>{}</span>").format(absolute(time_ms))
    machine = f"{found:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(machine, absolute(time_ms), age(time_ms, now_ms))


def hue(text: str) -> int:
    """One of six colours, always the same for a text."""
    return sum(position * ord(character) for position, character in enumerate(text, 1)) % 6


def shape(alias: str) -> str:
    """What stands in front of an alias, so that colour is not all that tells them apart."""
    lowered = alias.lower()
    if lowered in {"production", "champion", "prod", "live"}:
        return "●"
    if lowered in {"staging", "challenger", "candidate", "canary", "shadow"}:
        return "▲"
    return "◆"
