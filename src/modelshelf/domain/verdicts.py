"""Is the new version worse? Tests that may be looked at after every report, and stay right however often one looks.

Each metric carries an e-process against the hypothesis that the new version is no worse: a number that is 1 at first
and, while the hypothesis holds, reaches 1/a at any time with a probability of at most a (Ville's inequality). So a
rollout that is watched without a pause stops a version that is as good as the old one at most as often as stated.

Counts (errors, slow requests)
    In a report with `n` requests to the new version of `N` in all, `k` of which failed, each failure is the new
    version's with a probability of at most n/N while it fails no more often. The ratio of the likelihood of the
    failures under "fails r times as often" to that under "as often", mixed over a grid of r, is the e-process: the
    sequential test of counts of Lindon, Sanden and Shirikian, "Rapid Regression Detection in Software Deployments
    through Sequential Testing" (KDD 2022), with a discrete mixture. It is exact, not asymptotic, for any rates, also
    for such as change from request to request: a report multiplies the e-process by a^x c^y for x failures of the new
    and y of the old version, whose mean is a product of terms 1 + p(a-1) and 1 + p(c-1), so at most
    exp(n p_new (a-1) + (N-n) p_old (c-1)), and a and c are such that the exponent is 0 where p_new / p_old is what the
    hypothesis says at its edge, and negative within. (Under equal rates Hoeffding 1963, theorem 4, says the same given
    k.) Of copies, which fail together with their originals, the mean is smaller still.

Latency
    A request is slow that takes longer than a bound: the wanted quantile of the old version, fixed after its first
    requests, which are not counted again. The quantile of the new version is above the bound exactly where its share of
    slow requests is above that quantile's: the test of counts decides.

Means (a numeric outcome)
    The normal mixture of Robbins (1970), as used for experiments by Johari, Koomen, Pekelis and Walsh, "Always Valid
    Inference: Continuous Monitoring of A/B Tests" (Operations Research 70(3), 2022), one-sided, on the difference of
    the means within each step. It is as good as the central limit theorem, so it is silent below MEAN_LEAST
    observations, and takes the larger of two variances, from each version's own spread and from both taken together:
    rare values that one version happens not to have had yet would make its mean look certain.

Each metric has its part of the error rate, a third, whether or not the others are reported (Bonferroni).
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

ERROR_RATE: Final = 0.05
"""How often, at most, a version that is as good as the old one is found worse, over all metrics and all time."""

MARGIN: Final = 0.25
"""How much more often, relatively, something may fail and still count as equal."""

CALIBRATION_LEAST: Final = 200
"""How many requests of the old version fix the bound of slow requests."""

MEAN_LEAST: Final = 100
"""How many observations of each version the test of means needs."""

_WORSE: Final = tuple(math.exp(0.1 * 1.35**step) for step in range(13))
"""How many times as often the new version may fail, in the mixture: from 1.1 to some 39 times."""

_BETTER: Final = (1.1, 1.0, *(1 / ratio for ratio in _WORSE))
"""The same where it is to be shown that it does not fail more often than the margin allows."""

METRICS: Final = 3
"""Errors, latency and the outcome: each may raise its part of the false alarms."""

_DIGITS: Final = 1e-10
"""Sums of squares tell no variance that is a smaller part of them: the digits of a float are used up."""

QUANTILE: Final = 0.95
"""Of the old version's latencies: what takes longer is slow."""

LATENCY_BOUNDS: Final = tuple(0.0005 * 1.25**step for step in range(54))
"""Upper bounds of the buckets of latency histograms, in seconds: from half a millisecond to over a minute. One more
bucket, behind them, holds what took longer still."""


class Finding(StrEnum):
    """What the evidence says of the new version."""

    WORSE = "worse"
    NOT_WORSE = "better or equal"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests to one version, and those of them that failed (or were slow)."""

    requests: int = 0
    failures: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.requests + other.requests, self.failures + other.failures)


@dataclass(frozen=True, slots=True)
class CountEvidence:
    """What the reports so far say about a share of failures. The logs of the likelihood ratios are per grid point."""

    old: Counts = Counts()
    new: Counts = Counts()
    worse: tuple[float, ...] = (0.0,) * len(_WORSE)
    """Against "no more often", of each ratio in the grid."""
    not_worse: tuple[float, ...] = (0.0,) * len(_BETTER)
    """Against "more often than the margin allows", of each ratio in the grid."""

    def with_report(self, old: Counts, new: Counts) -> "CountEvidence":
        """The evidence after one more report, in which both versions were asked at about the same time.

        Where one of them was not asked, the report tells nothing about the difference.
        """
        worse, not_worse = self.worse, self.not_worse
        if old.requests and new.requests and old.failures + new.failures:
            share = new.requests / (old.requests + new.requests)
            worse = _updated(worse, _WORSE, 1.0, share, old.failures, new.failures)
            not_worse = _updated(not_worse, _BETTER, 1 + MARGIN, share, old.failures, new.failures)
        return CountEvidence(self.old + old, self.new + new, worse, not_worse)

    def against_equal(self) -> float:
        """Log of the e-process against "the new version fails no more often than the old one"."""
        return _log_mean_exp(self.worse)

    def against_worse(self) -> float:
        """Log of the e-process against "it fails more often than the margin allows"."""
        return _log_mean_exp(self.not_worse)


def _updated(
    logs: Sequence[float], ratios: Sequence[float], null: float, share: float, old: int, new: int
) -> tuple[float, ...]:
    """Add the log-likelihood ratios of one report: `new` and `old` failures, against the null's ratio of rates.

    A failure is the new version's, which gets a share of the requests and fails r times as often, with the probability
    share * r / (share * r + 1 - share).
    """
    together = old + new
    return tuple(
        log
        + new * math.log(ratio / null)
        + together * math.log((share * null + 1 - share) / (share * ratio + 1 - share))
        for log, ratio in zip(logs, ratios, strict=True)
    )


def _log_mean_exp(logs: Sequence[float]) -> float:
    highest = max(logs)
    return highest + math.log(sum(math.exp(log - highest) for log in logs) / len(logs))


@dataclass(frozen=True, slots=True)
class Sums:
    """Observations of a numeric outcome: how many, their sum and the sum of their squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """NaN where nothing was observed."""
        return self.total / self.count if self.count else math.nan

    @property
    def variance(self) -> float:
        """Of one observation."""
        if self.count < 2:
            return math.nan
        return max(0.0, (self.squares - self.total * self.total / self.count) / (self.count - 1))


@dataclass(frozen=True, slots=True)
class MeanEvidence:
    """What the reports so far say about a mean, of which more is better, by step: the traffic may change there."""

    steps: Mapping[int, tuple[Sums, Sums]] = field(default_factory=dict)
    """Sums of the old and of the new version, by step."""

    def with_report(self, step: int, old: Sums, new: Sums) -> "MeanEvidence":
        """The evidence after one more report."""
        before_old, before_new = self.steps.get(step, (Sums(), Sums()))
        return MeanEvidence({**self.steps, step: (before_old + old, before_new + new)})

    @property
    def difference(self) -> tuple[float, float] | None:
        """The new mean less the old one and its variance, over all steps with enough observations; None without one."""
        precision = weighted = 0.0
        for old, new in self.steps.values():
            variance = _variance_of_difference(old, new)
            if variance > 0:
                precision += 1 / variance
                weighted += (new.mean - old.mean) / variance
        return (weighted / precision, 1 / precision) if precision else None

    @property
    def scale(self) -> float:
        """The standard deviation of one observation, of both versions: the unit in which effects are expected."""
        total = sum((old + new for old, new in self.steps.values()), Sums())
        return math.sqrt(total.variance) if total.count >= 2 else math.nan

    def against_equal(self) -> float:
        """Log of the e-process against "the new mean is at least the old one"."""
        found = self.difference
        return 0.0 if found is None else _log_mixture(-found[0], found[1], self.scale)

    def against_worse(self) -> float:
        """Log of the e-process against "the new mean is lower by more than a tenth of a standard deviation"."""
        found = self.difference
        return 0.0 if found is None else _log_mixture(found[0] + self.scale / 10, found[1], self.scale)


def _variance_of_difference(old: Sums, new: Sums) -> float:
    """Of the difference of two means; 0 where nothing can be said of it."""
    both = old + new
    if min(old.count, new.count) < MEAN_LEAST or not both.variance > _DIGITS * both.squares / both.count:
        return 0.0
    together = both.variance * (1 / old.count + 1 / new.count)
    return max(together, old.variance / old.count + new.variance / new.count)


def _log_mixture(effect: float, variance: float, scale: float) -> float:
    """Log of the mixture of likelihood ratios over effects above 0, half-normal with a fifth of the scale."""
    prior = (scale / 5) ** 2
    if not prior > 0:
        return 0.0
    both = variance + prior
    exponent = effect * effect * prior / (2 * variance * both)
    tail = 0.5 * math.erfc(-effect * math.sqrt(prior / (variance * both)) / math.sqrt(2))
    if tail <= 0:
        return -math.inf
    return math.log(2) + 0.5 * math.log(variance / both) + exponent + math.log(tail)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known about one metric: the finding, and the values it comes from."""

    metric: str
    finding: Finding
    old: float | None
    """The share of failures or the mean of the old version; None before anything is known."""
    new: float | None
    p_worse: float
    """Always-valid p-value of "no worse": below the metric's share of the error rate it is found worse."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The finding over all metrics: worse where one is, better or equal where all are."""

    finding: Finding
    metrics: tuple[Judged, ...]
    error_rate: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the requests to one version, within one report."""

    requests: int = 0
    errors: int = 0
    latency: tuple[int, ...] = ()
    """How many requests fell into each bucket: len(LATENCY_BOUNDS) + 1 numbers, or none."""
    outcome: Sums = Sums()
    """Of the numeric outcome, of which more is better."""

    def slower_than(self, bound: float) -> Counts:
        """How many of the timed requests took longer than a bound of a bucket."""
        first = bisect_right(LATENCY_BOUNDS, bound)
        return Counts(sum(self.latency), sum(self.latency[first:]))


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a rollout's reports have said so far; a new value after each report."""

    errors: CountEvidence = CountEvidence()
    slow: CountEvidence = CountEvidence()
    slow_bound: float | None = None
    """Seconds above which a request is slow; None until the old version has been asked often enough."""
    outcome: MeanEvidence | None = None
    calibration: tuple[int, ...] = ()
    """The histogram of the old version's first requests, from which the bound comes."""

    def with_report(self, step: int, old: Outcomes, new: Outcomes) -> "Evidence":
        """The evidence after one more report, in which both versions were asked at about the same time."""
        evidence = replace(
            self,
            errors=self.errors.with_report(Counts(old.requests, old.errors), Counts(new.requests, new.errors)),
        )
        if old.outcome.count or new.outcome.count:
            outcome = self.outcome or MeanEvidence()
            evidence = replace(evidence, outcome=outcome.with_report(step, old.outcome, new.outcome))
        return _with_latencies(evidence, old, new)

    def verdict(self, *, error_rate: float = ERROR_RATE) -> Verdict:
        """What the evidence says now. Each metric has its part of the error rate, also before it is reported: parts
        that shrank with the first outcome would add up to more than was stated.
        """
        watched: list[tuple[str, CountEvidence | MeanEvidence]] = [("errors", self.errors), ("latency", self.slow)]
        if self.outcome is not None:
            watched.append(("outcome", self.outcome))
        bound = math.log(METRICS / error_rate)
        judged = tuple(_judge(name, evidence, bound) for name, evidence in watched)
        findings = {each.finding for each in judged}
        if Finding.WORSE in findings:
            finding = Finding.WORSE
        else:
            finding = Finding.NOT_WORSE if findings == {Finding.NOT_WORSE} else Finding.INCONCLUSIVE
        return Verdict(finding, judged, error_rate)


def _with_latencies(evidence: Evidence, old: Outcomes, new: Outcomes) -> Evidence:
    if evidence.slow_bound is not None:
        slow = evidence.slow.with_report(old.slower_than(evidence.slow_bound), new.slower_than(evidence.slow_bound))
        return replace(evidence, slow=slow)
    if not old.latency:
        return evidence
    seen = old.latency
    if evidence.calibration:
        seen = tuple(one + other for one, other in zip(evidence.calibration, old.latency, strict=True))
    if sum(seen) < CALIBRATION_LEAST:
        return replace(evidence, calibration=seen)
    return replace(evidence, calibration=seen, slow_bound=_quantile_bound(seen))


def _quantile_bound(histogram: Sequence[int]) -> float:
    """The lowest bound of a bucket below which the wanted quantile of the histogram lies."""
    wanted, below = QUANTILE * sum(histogram), 0
    for bound, count in zip(LATENCY_BOUNDS, histogram, strict=False):
        below += count
        if below >= wanted:
            return bound
    return LATENCY_BOUNDS[-1]


def _judge(metric: str, evidence: CountEvidence | MeanEvidence, bound: float) -> Judged:
    against_equal, against_worse = evidence.against_equal(), evidence.against_worse()
    finding = Finding.INCONCLUSIVE
    if against_equal >= bound:
        finding = Finding.WORSE
    elif against_worse >= bound:
        finding = Finding.NOT_WORSE
    old, new = _values(evidence)
    return Judged(metric, finding, old, new, min(1.0, math.exp(-max(0.0, against_equal))))


def _values(evidence: CountEvidence | MeanEvidence) -> tuple[float | None, float | None]:
    if isinstance(evidence, CountEvidence):
        return _share(evidence.old), _share(evidence.new)
    old = sum((old for old, _ in evidence.steps.values()), Sums())
    new = sum((new for _, new in evidence.steps.values()), Sums())
    return (old.mean if old.count else None), (new.mean if new.count else None)


def _share(counts: Counts) -> float | None:
    return counts.failures / counts.requests if counts.requests else None
