"""The memory of failed attempts, which has a fixed size."""

import pytest

from modelshelf.domain.errors import Throttled
from modelshelf.server.throttle import Throttle


def test_attempts_at_the_limit_are_refused_until_the_window_ends() -> None:
    now = [0.0]
    throttle = Throttle(window_s=10, monotonic=lambda: now[0])
    for _ in range(3):
        throttle.admit({"bob": 3})
    now[0] = 7.5

    with pytest.raises(Throttled) as refused:
        throttle.admit({"bob": 3})

    assert refused.value.details["retry_after"] == 3
    now[0] = 10
    throttle.admit({"bob": 3})


def test_a_refused_attempt_counts_for_none_of_its_keys() -> None:
    throttle = Throttle()
    throttle.admit({"full": 1})

    with pytest.raises(Throttled):
        throttle.admit({"other": 1, "full": 1})

    throttle.admit({"other": 1})


def test_forgiven_attempts_were_none() -> None:
    throttle = Throttle()

    for _ in range(5):
        throttle.admit({"bob": 1})
        throttle.forgive({"bob": 1})


def test_the_oldest_are_forgotten_where_there_are_too_many() -> None:
    throttle = Throttle(size=100)

    for number in range(1000):
        throttle.admit({number: 1})

    assert len(throttle._windows) == 100
    throttle.admit({0: 1})
    with pytest.raises(Throttled):
        throttle.admit({999: 1})
