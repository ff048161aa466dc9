"""Times and sizes as people and as programs read them."""

import time
from collections.abc import Iterator

import pytest

from modelshelf.cli.blocks import Instant, Size
from modelshelf.cli.cells import ago, exact, iso, size, spoken

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000


@pytest.fixture(autouse=True)
def kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A viewer whose zone is five and a half hours ahead."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (0, "just now"),
        (59_999, "just now"),
        (-30_000, "just now"),
        (_MINUTE, "1 minute ago"),
        (59 * _MINUTE, "59 minutes ago"),
        (_HOUR, "1 hour ago"),
        (_DAY - 1, "23 hours ago"),
        (3 * _DAY, "3 days ago"),
        (7 * _DAY, "2027-01-08 13:30"),
        (-_HOUR, "2027-01-15 14:30"),
    ],
)
def test_a_person_hears_how_long_ago_it_was(passed: int, said: str) -> None:
    assert ago(NOW - passed, NOW) == said


def test_plain_text_has_the_viewers_zone_and_json_has_utc() -> None:
    assert exact(Instant(NOW)) == "2027-01-15T13:30:00+05:30"
    assert iso(NOW + 7) == "2027-01-15T08:00:00.007Z"
    assert (exact(Instant(None)), spoken(Instant(None), NOW), iso(None)) == ("-", "", None)


@pytest.mark.parametrize("ms", [-(2**63), -1, 0, 2**63 - 1])
def test_no_moment_that_a_client_may_have_sent_is_too_far(ms: int) -> None:
    assert exact(Instant(ms))
    assert spoken(Instant(ms), NOW)
    assert iso(ms)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KB"), (1536, "1.5 KB"), (5 * 1024**3, "5.0 GB"), (2**63, "8192.0 PB")],
)
def test_sizes_are_told_in_the_nearest_unit(count: int, said: str) -> None:
    assert size(count) == said
    assert exact(Size(count)) == str(count)
