"""How long something is good for, as it is typed: 30m, 12h, 90d, 2w, 1y or never."""

import re

from modelshelf.domain.errors import Invalid

_HOUR_MS = 60 * 60 * 1000
_UNITS_MS = {"m": _HOUR_MS // 60, "h": _HOUR_MS, "d": 24 * _HOUR_MS, "w": 7 * 24 * _HOUR_MS, "y": 365 * 24 * _HOUR_MS}
_LIFETIME = re.compile(r"(\d{1,7})([mhdwy])", re.ASCII)


def lifetime_ms(text: str) -> int | None:
    """The milliseconds that `--expires` says; None for never. Raises Invalid."""
    if text.lower() == "never":
        return None
    found = _LIFETIME.fullmatch(text.lower())
    if found is None:
        raise Invalid(f"--expires {text!r} is not understood; write 30m, 12h, 90d, 2w, 1y or never", expires=text)
    return int(found[1]) * _UNITS_MS[found[2]]
