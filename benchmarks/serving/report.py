"""The findings as a table, and as JSON."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from serving.figures import MACHINE, OURS, THEIRS, Figure, Finding, best, ratio

_TRIVIAL = "trivial responder on Granian, "
_HEAD = (
    f"{'':62}{'modelshelf':>24}{'mlflow':>26}{'ratio':>8}"
    f"{'p50/p99 ms':>18}{'mlflow':>18}{'CPU ms':>9}{'mlflow':>9}{'ratio':>8}"
)


def table(findings: Sequence[Finding]) -> str:
    """Each measure with the best of each side's configurations, and the limits of the machine."""
    lines = [_HEAD]
    for measure, sides in _by_measure(findings).items():
        if MACHINE not in sides:
            lines.append(_line(measure, sides.get(OURS), sides.get(THEIRS)))
    return "\n".join([*lines, "", *_summary(findings), "", *_limits(findings)])


def as_json(findings: Sequence[Finding], **about: Any) -> dict[str, Any]:
    """Everything that was measured, in each configuration, and the ratios of the table."""
    ratios = {
        measure: ratio(sides[OURS].figure, sides[THEIRS].figure)
        for measure, sides in _by_measure(findings).items()
        if OURS in sides and THEIRS in sides
    }
    machine = {"system": platform.platform(), "python": platform.python_version()}
    return {**about, "machine": machine, "ratios": ratios, "findings": [asdict(finding) for finding in findings]}


def from_json(told: dict[str, Any]) -> list[Finding]:
    """The findings of a run before."""
    return [Finding(each["side"], each["configuration"], Figure(**each["figure"])) for each in told.get("findings", [])]


def _by_measure(findings: Sequence[Finding]) -> dict[str, dict[str, Finding]]:
    grouped: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        grouped.setdefault(finding.figure.measure, {}).setdefault(finding.side, []).append(finding)
    return {measure: {side: best(found) for side, found in sides.items()} for measure, sides in grouped.items()}


def _line(measure: str, ours: Finding | None, theirs: Finding | None) -> str:
    line = f"{measure:62}{_value(ours):>24}{_value(theirs):>26}"
    if ours is None or theirs is None:
        return line.rstrip()
    line += f"{ratio(ours.figure, theirs.figure):>7.1f}x{_latencies(ours.figure):>18}{_latencies(theirs.figure):>18}"
    mine, other = ours.figure.details.get("cpu_ms"), theirs.figure.details.get("cpu_ms")
    if mine and other:
        line += f"{mine:>9.2f}{other:>9.2f}{other / mine:>7.1f}x"
    return line + _faults("modelshelf", ours.figure) + _faults("mlflow", theirs.figure)


def _value(finding: Finding | None) -> str:
    if finding is None:
        return "-"
    figure = finding.figure
    digits = 0 if figure.value >= 100 else 2
    where = f" ({finding.configuration})" if finding.configuration else ""
    return f"{figure.value:,.{digits}f} {figure.unit}{where}"


def _latencies(figure: Figure) -> str:
    if "p50_ms" not in figure.details:
        return ""
    return f"{figure.details['p50_ms']:.1f}/{figure.details['p99_ms']:.1f}"


def _faults(side: str, figure: Figure) -> str:
    found = [f"{figure.details[name]} {name}" for name in ("errors", "numbering_faults") if figure.details.get(name)]
    return f"  {side}: {', '.join(found)}" if found else ""


def _summary(findings: Sequence[Finding]) -> list[str]:
    both = [
        (ratio(sides[OURS].figure, sides[THEIRS].figure), measure)
        for measure, sides in _by_measure(findings).items()
        if OURS in sides and THEIRS in sides
    ]
    if not both:
        return []
    (worst, at_worst), (most, at_most) = min(both), max(both)
    return [f"best ratio: {most:.1f}x, {at_most}", f"worst ratio: {worst:.1f}x, {at_worst}"]


def _limits(findings: Sequence[Finding]) -> list[str]:
    measures = _by_measure(findings)
    limits = {measure: sides[MACHINE] for measure, sides in measures.items() if MACHINE in sides}
    lines = [f"{measure:62}{_value(finding):>24}" for measure, finding in limits.items()]
    for measure, finding in limits.items():
        clients = measure.removeprefix(_TRIVIAL)
        for what in ("alias resolution", "version get"):
            sides = measures.get(f"{what}, {clients}", {})
            if measure.startswith(_TRIVIAL) and OURS in sides:
                factor = finding.figure.value / sides[OURS].figure.value
                lines.append(f"{f'{what}, {clients}: the trivial responder is faster by':62}{factor:>23.1f}x")
    return lines
