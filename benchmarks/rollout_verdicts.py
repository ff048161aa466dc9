"""How often a rollout's verdict is wrong when nothing is, and how soon it is right when something is.

    python benchmarks/rollout_verdicts.py [--rollouts 2000] [--plot docs/images/rollout-verdicts.svg] [--json out.json]

Simulated rollouts with steps of 5, 25 and 50 %, watched after every report of some 100 requests. The rate of errors
changes from report to report, for both versions alike. Three kinds: the new version as good as the old one (A/A), with
twice its error rate, and 30 % slower.
"""

import argparse
import json
import math
import random
from dataclasses import asdict, dataclass
from pathlib import Path

from modelshelf.domain.verdicts import ERROR_RATE, LATENCY_BOUNDS, Evidence, Finding, Outcomes, Sums

STEPS = (0.05, 0.25, 0.5)
REPORTS = 60
"""In each step."""
REQUESTS = 100
"""In each report, of both versions together."""
ERRORS = 0.02


@dataclass(frozen=True)
class Kind:
    name: str
    errors: float = 1.0
    latency: float = 1.0
    outcome: float = 0.0


KINDS = (
    Kind("as good"),
    Kind("twice the errors", errors=2.0),
    Kind("30 % slower", latency=1.3),
    Kind("outcome lower by 0.2 sd", outcome=-0.2),
)


def binomial(source: random.Random, count: int, probability: float) -> int:
    return sum(source.random() < probability for _ in range(count))


def outcomes(source: random.Random, requests: int, *, errors: float, latency: float, outcome: float) -> Outcomes:
    histogram = [0] * (len(LATENCY_BOUNDS) + 1)
    total = squares = 0.0
    for _ in range(requests):
        seconds = latency * source.lognormvariate(math.log(0.02), 0.5)
        histogram[max(0, math.ceil(math.log(seconds / 0.0005) / math.log(1.25)))] += 1
        value = source.gauss(outcome, 1.0)
        total, squares = total + value, squares + value * value
    return Outcomes(requests, binomial(source, requests, errors), tuple(histogram), Sums(requests, total, squares))


def rollout(source: random.Random, kind: Kind) -> tuple[Finding, int, int, str]:
    """The finding, how many requests there were until then (in all, to the new version), and the metric it is about."""
    evidence, asked, asked_new = Evidence(), 0, 0
    verdict = evidence.verdict()
    for step, weight in enumerate(STEPS):
        for _ in range(REPORTS):
            rate = ERRORS * source.choice((0.5, 1.0, 1.5))
            count = binomial(source, REQUESTS, weight)
            old = outcomes(source, REQUESTS - count, errors=rate, latency=1.0, outcome=0.0)
            new = outcomes(source, count, errors=rate * kind.errors, latency=kind.latency, outcome=kind.outcome)
            evidence = evidence.with_report(step, old, new)
            asked, asked_new = asked + REQUESTS, asked_new + count
            verdict = evidence.verdict()
            if verdict.finding is Finding.WORSE:
                worst = next(each.metric for each in verdict.metrics if each.finding is Finding.WORSE)
                return verdict.finding, asked, asked_new, worst
    return verdict.finding, asked, asked_new, ""


def run(kind: Kind, rollouts: int, seed: int) -> dict[str, object]:
    ends = [rollout(random.Random(f"{seed} {kind.name} {number}"), kind) for number in range(rollouts)]
    worse = [end for end in ends if end[0] is Finding.WORSE]
    totals, news = sorted(end[1] for end in worse), sorted(end[2] for end in worse)
    return {
        **asdict(kind),
        "rollouts": rollouts,
        "worse": len(worse) / rollouts,
        "better or equal": sum(end[0] is Finding.NOT_WORSE for end in ends) / rollouts,
        "found by": {metric: sum(end[3] == metric for end in worse) for metric in ("errors", "latency", "outcome")},
        "requests until found": {f"p{percent}": at(totals, percent) for percent in (50, 95)},
        "requests to the new version until found": {f"p{percent}": at(news, percent) for percent in (50, 95)},
        "curve": [(total, (place + 1) / rollouts) for place, total in enumerate(totals)],
    }


def at(values: list[int], percent: int) -> int | None:
    return values[min(len(values) - 1, len(values) * percent // 100)] if values else None


def plot(results: list[dict[str, object]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "modelshelf"
    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    last = REQUESTS * REPORTS * len(STEPS)
    for result in results:
        curve = [(0, 0.0), *result["curve"]]  # type: ignore[misc]
        curve.append((last, curve[-1][1]))
        axes.step([x for x, _ in curve], [y for _, y in curve], where="post", label=result["name"])
    axes.axhline(ERROR_RATE, color="grey", linestyle=":", label=f"stated rate of false alarms, {ERROR_RATE}")
    for place, weight in enumerate(STEPS):
        axes.axvline(REQUESTS * REPORTS * place, color="lightgrey", linewidth=0.8, zorder=0)
        axes.text(REQUESTS * REPORTS * (place + 0.02), 1.02, f"{weight:.0%} of the traffic", fontsize=8, color="grey")
    axes.set(xlabel="requests to both versions", ylabel="share of rollouts rolled back", ylim=(0, 1.08))
    axes.legend(loc="center right", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    for kind in KINDS:
        count = options.rollouts if kind.name == "as good" else max(1, options.rollouts // 10)
        result = run(kind, count, options.seed)
        results.append(result)
        until, new = result["requests until found"], result["requests to the new version until found"]
        print(
            f"{kind.name:24} rolled back {result['worse']:7.2%} of {count}, by {result['found by']}; requests until "
            f"then {until} (to the new version {new}); better or equal {result['better or equal']:.1%}"
        )
    if options.plot:
        plot(results, options.plot)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
