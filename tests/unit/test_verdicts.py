"""Verdicts on a rollout: right when something is wrong, and rarely wrong when nothing is."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.domain.verdicts import (
    CALIBRATION_LEAST,
    ERROR_RATE,
    LATENCY_BOUNDS,
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
