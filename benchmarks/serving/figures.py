"""What a measurement found, and how it is kept."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

OURS, THEIRS, MACHINE = "modelshelf", "mlflow", "machine"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number; `details` says what else was seen, e.g. p50_ms, p99_ms, cpu_ms and errors."""

    measure: str
    value: float
    unit: str
    less_is_better: bool = False
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure, whose it is, and in which configuration it was found."""

    side: str
    configuration: str
    figure: Figure


def best(findings: Iterable[Finding]) -> Finding:
    """The one that suits its side best; one with errors only where all have some."""
    return min(findings, key=_rank)


def _rank(finding: Finding) -> tuple[bool, float]:
    figure = finding.figure
    return bool(figure.details.get("errors")), figure.value if figure.less_is_better else -figure.value


def ratio(ours: Figure, theirs: Figure) -> float:
    """How many times better ours is."""
    over, under = (theirs.value, ours.value) if ours.less_is_better else (ours.value, theirs.value)
    return over / under if under else float("inf")
