"""Verdicts on a rollout: right when something is wrong, and rarely wrong when nothing is."""

import math
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.domain.verdicts import (
    CALIBRATION_LEAST,
    ERROR_RATE,
    LATENCY_BOUNDS,
    MARGIN,
    CountEvidence,
    Counts,
    Evidence,
    Finding,
    MeanEvidence,
    Outcomes,
    Sums,
)


def _sums(source: random.Random, count: int, *, mean: float) -> Sums:
    values = [source.gauss(mean, 1.0) for _ in range(count)]
    return Sums(count, sum(values), sum(value * value for value in values))


def _failures(source: random.Random, requests: int, rate: float) -> Counts:
    return Counts(requests, sum(source.random() < rate for _ in range(requests)))


def _timed(count: int, bucket: int, *, errors: int = 0) -> Outcomes:
    histogram = [0] * (len(LATENCY_BOUNDS) + 1)
    histogram[bucket] = count
    return Outcomes(count, errors, tuple(histogram))


def test_nothing_reported_is_inconclusive() -> None:
    verdict = Evidence().verdict()

    assert verdict.finding is Finding.INCONCLUSIVE
    assert [each.p_worse for each in verdict.metrics] == [1.0, 1.0]


@given(
    requests=st.integers(1, 40),
    new=st.integers(1, 39),
    failures=st.integers(0, 40),
)
def test_one_report_multiplies_the_e_process_by_one_on_average_while_both_fail_as_often(
    requests: int, new: int, failures: int
) -> None:
    requests = max(requests, new + 1)
    failures = min(failures, requests)
    lowest, highest = max(0, failures - (requests - new)), min(failures, new)
    ways = math.comb(requests, failures)

    mean = sum(
        math.comb(new, of_new)
        * math.comb(requests - new, failures - of_new)
        / ways
        * math.exp(
            CountEvidence().with_report(Counts(requests - new, failures - of_new), Counts(new, of_new)).against_equal()
        )
        for of_new in range(lowest, highest + 1)
    )

    assert mean <= 1 + 1e-9


def test_a_version_with_thrice_the_errors_is_found_worse() -> None:
    source, evidence = random.Random(1), CountEvidence()

    for _ in range(60):
        evidence = evidence.with_report(_failures(source, 75, 0.02), _failures(source, 25, 0.06))

    assert evidence.against_equal() > math.log(1 / ERROR_RATE)
    assert evidence.against_worse() < math.log(1 / ERROR_RATE)


def test_a_version_with_half_the_errors_is_found_no_worse() -> None:
    source, evidence = random.Random(2), CountEvidence()

    for _ in range(200):
        evidence = evidence.with_report(_failures(source, 50, 0.1), _failures(source, 50, 0.05))

    assert evidence.against_worse() > math.log(1 / ERROR_RATE)
    assert evidence.against_equal() < 0


def test_good_versions_are_seldom_called_worse_however_often_one_looks() -> None:
    alarms = 0
    for number in range(300):
        source, evidence = random.Random(f"a/a {number}"), Evidence()
        for _ in range(60):
            rate = source.choice((0.01, 0.05, 0.2))
            old, new = _failures(source, 80, rate), _failures(source, 20, rate)
            evidence = evidence.with_report(
                0, Outcomes(old.requests, old.failures), Outcomes(new.requests, new.failures)
            )
            if evidence.verdict().finding is Finding.WORSE:
                alarms += 1
                break

    assert alarms / 300 <= ERROR_RATE


def test_a_report_in_which_one_version_was_not_asked_says_nothing_of_the_difference() -> None:
    evidence = CountEvidence().with_report(Counts(100, 90), Counts())

    assert evidence.against_equal() == 0
    assert evidence.old == Counts(100, 90)


def test_slow_is_what_takes_longer_than_the_old_version_at_first() -> None:
    evidence = Evidence().with_report(0, _timed(CALIBRATION_LEAST - 1, 10), _timed(5, 10))
    waiting = evidence.slow_bound
    evidence = evidence.with_report(0, _timed(1, 10), _timed(5, 10))

    assert waiting is None
    assert evidence.slow_bound == LATENCY_BOUNDS[10]
    assert evidence.slow == CountEvidence()


def test_a_slower_version_is_found_worse_by_its_latency() -> None:
    evidence = Evidence().with_report(0, _timed(CALIBRATION_LEAST, 10), Outcomes())
    for _ in range(20):
        evidence = evidence.with_report(0, _timed(90, 10), _timed(10, 13))

    verdict = evidence.verdict()

    assert verdict.finding is Finding.WORSE
    assert {each.metric: each.finding for each in verdict.metrics} == {
        "errors": Finding.INCONCLUSIVE,
        "latency": Finding.WORSE,
    }


def test_requests_that_took_longer_than_the_last_bound_are_slow() -> None:
    last = len(LATENCY_BOUNDS)

    assert _timed(7, last).slower_than(LATENCY_BOUNDS[-1]) == Counts(7, 7)
    assert _timed(7, last - 1).slower_than(LATENCY_BOUNDS[-1]) == Counts(7, 0)


@pytest.mark.parametrize(("shift", "finding"), [(-0.3, Finding.WORSE), (0.3, Finding.NOT_WORSE)])
def test_the_mean_of_an_outcome_is_judged_too(shift: float, finding: Finding) -> None:
    source, evidence = random.Random(3), Evidence()
    for _ in range(20):
        old = Outcomes(50, 0, outcome=_sums(source, 50, mean=5.0))
        evidence = evidence.with_report(1, old, Outcomes(50, 0, outcome=_sums(source, 50, mean=5.0 + shift)))

    judged = {each.metric: each for each in evidence.verdict().metrics}

    assert judged["outcome"].finding is finding
    assert judged["outcome"].new - judged["outcome"].old == pytest.approx(shift, abs=0.1)


def test_steps_with_other_traffic_are_compared_within_themselves() -> None:
    source, evidence = random.Random(4), MeanEvidence()
    for step, (old, new, mean) in enumerate([(1900, 100, 0.0), (200, 1800, 10.0)]):
        evidence = evidence.with_report(step, _sums(source, old, mean=mean), _sums(source, new, mean=mean))

    assert evidence.difference is not None
    assert abs(evidence.difference[0]) < 0.2
    assert evidence.against_equal() < math.log(1 / ERROR_RATE)


@pytest.mark.parametrize("sums", [Sums(500, 500.0, 500.0), Sums(500, 0.0, 0.0)])
def test_an_outcome_that_never_varies_says_nothing(sums: Sums) -> None:
    evidence = Evidence().with_report(0, Outcomes(500, 0, outcome=sums), Outcomes(500, 0, outcome=sums))

    assert evidence.verdict().finding is Finding.INCONCLUSIVE


def test_extreme_reports_stay_finite() -> None:
    evidence = CountEvidence()
    for _ in range(50):
        evidence = evidence.with_report(Counts(10**9, 10**9), Counts(10**9, 0))

    assert math.isfinite(evidence.against_equal())
    assert math.isfinite(evidence.against_worse())


def test_the_bounds_of_latencies_grow() -> None:
    assert all(one < other for one, other in pairwise(LATENCY_BOUNDS))
    assert LATENCY_BOUNDS[-1] > 60


def _mean_factor(new: int, old: int, rate_new: float, rate_old: float, log: Callable[[CountEvidence], float]) -> float:
    """What one report multiplies an e-process by, on average, over all that can come of its requests."""
    return sum(
        math.comb(new, of_new)
        * rate_new**of_new
        * (1 - rate_new) ** (new - of_new)
        * math.comb(old, of_old)
        * rate_old**of_old
        * (1 - rate_old) ** (old - of_old)
        * math.exp(log(CountEvidence().with_report(Counts(old, of_old), Counts(new, of_new))))
        for of_new in range(new + 1)
        for of_old in range(old + 1)
    )


@pytest.mark.parametrize(("new", "old"), [(1, 1), (2, 9), (5, 5), (9, 2)])
@pytest.mark.parametrize("rate_old", [0.01, 0.2, 0.5, 0.8])
def test_no_report_favours_an_alarm_while_the_new_version_fails_no_more_often(
    new: int, old: int, rate_old: float
) -> None:
    for part in (1.0, 0.9, 0.5, 0.0):
        assert _mean_factor(new, old, rate_old * part, rate_old, CountEvidence.against_equal) <= 1 + 1e-9


@pytest.mark.parametrize(("new", "old"), [(1, 1), (2, 9), (5, 5), (9, 2)])
@pytest.mark.parametrize("rate_old", [0.01, 0.2, 0.5, 0.8])
def test_no_report_favours_an_all_clear_while_it_fails_more_often_than_the_margin(
    new: int, old: int, rate_old: float
) -> None:
    for times in (1 + MARGIN, 2.0, 10.0):
        rate_new = min(1.0, rate_old * times)
        assert _mean_factor(new, old, rate_new, rate_old, CountEvidence.against_worse) <= 1 + 1e-9


def test_copies_that_fail_together_with_their_originals_raise_no_alarm() -> None:
    """As in a shadow: the same requests go to both versions."""
    alarms = 0
    for number in range(300):
        source, evidence = random.Random(f"shadow {number}"), CountEvidence()
        for _ in range(60):
            failed = _failures(source, 50, 0.1).failures
            evidence = evidence.with_report(Counts(50, failed), Counts(50, failed))
            if evidence.against_equal() >= math.log(1 / ERROR_RATE):
                alarms += 1
                break

    assert alarms / 300 <= ERROR_RATE


def test_the_error_rate_is_shared_alike_before_and_after_the_first_outcome_comes() -> None:
    source, evidence = random.Random(5), Evidence()
    bounds = set()
    for _ in range(40):
        old, new = _failures(source, 75, 0.02), _failures(source, 25, 0.06)
        evidence = evidence.with_report(0, Outcomes(75, old.failures), Outcomes(25, new.failures))
        errors = evidence.verdict().metrics[0]
        bounds.add(errors.finding is Finding.WORSE and errors.p_worse > ERROR_RATE / 3)

    assert bounds == {False}


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("rare sales", lambda source: float(source.random() < 0.01)),
        ("very rare sales", lambda source: float(source.random() < 0.002)),
        ("rare losses", lambda source: -float(source.random() < 0.01)),
        ("amounts with a long tail", lambda source: source.lognormvariate(0, 1.5)),
        ("costs with a long tail", lambda source: -source.lognormvariate(0, 1.5)),
    ],
)
def test_outcomes_that_are_far_from_normal_raise_no_alarm(name: str, draw: Callable[[random.Random], float]) -> None:
    alarms = 0
    for number in range(200):
        source, evidence = random.Random(f"{name} {number}"), MeanEvidence()
        for report in range(90):
            sides = [[draw(source) for _ in range(count)] for count in ((95, 5), (75, 25), (50, 50))[report // 30]]
            old, new = (Sums(len(side), sum(side), sum(value * value for value in side)) for side in sides)
            evidence = evidence.with_report(report // 30, old, new)
            if evidence.against_equal() >= math.log(1 / ERROR_RATE):
                alarms += 1
                break

    assert alarms / 200 <= ERROR_RATE


def test_an_outcome_that_was_always_had_and_never_is_any_more_is_worse() -> None:
    evidence = MeanEvidence().with_report(0, Sums(500, 500.0, 500.0), Sums(500, 0.0, 0.0))

    assert evidence.against_equal() > math.log(1 / ERROR_RATE)


def test_outcomes_far_from_zero_lose_their_digits_and_raise_no_alarm() -> None:
    source = random.Random(6)
    for centre in (1e8, 1e10, 1e12):
        evidence = MeanEvidence()
        for _ in range(20):
            evidence = evidence.with_report(0, _sums(source, 95, mean=centre), _sums(source, 50, mean=centre))
            assert evidence.against_equal() < math.log(1 / ERROR_RATE)
