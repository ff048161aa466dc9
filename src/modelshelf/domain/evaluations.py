"""Evaluations: how a version did against another one on the same rows, with an interval of the difference."""

import math
from dataclasses import dataclass
from typing import Final

from modelshelf.domain.errors import Invalid
from modelshelf.domain.gates import ClauseResult
from modelshelf.domain.names import bounded, metric_key, version_number

DATASET_LIMIT: Final = 500
_NUMBERS: Final = ("candidate", "baseline", "difference", "difference_low", "difference_high", "confidence")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Two versions of one model, scored by one metric on the same rows.

    `difference` is `candidate - baseline`, and lies with the given confidence (0.95: 95 %) between `difference_low` and
    `difference_high`.
    """

    metric: str
    against: int
    """The number of the version that is the baseline."""
    candidate: float
    baseline: float
    difference: float
    difference_low: float
    difference_high: float
    confidence: float
    rows: int
    """Of the data that both were scored on."""
    greater_is_better: bool = True
    """False for errors and losses."""
    dataset_name: str = ""
    dataset_digest: str = ""
    version: int = 0
    """The number of the version that was evaluated, the candidate."""
    created_ms: int = 0
    actor: str = ""

    @property
    def gain_low(self) -> float:
        """The least improvement that the interval allows: above zero, the candidate is better."""
        return self.difference_low if self.greater_is_better else -self.difference_high

    def numbers(self) -> dict[str, float]:
        """What clauses can speak of."""
        return {**{name: float(getattr(self, name)) for name in _NUMBERS}, "rows": float(self.rows)}


NUMBERS: Final = (*_NUMBERS, "rows")
"""The fields of an evaluation that clauses can speak of."""


def checked(evaluation: Evaluation) -> Evaluation:
    """The evaluation, if it can be one. Raises Invalid with the field."""
    metric_key(evaluation.metric)
    version_number(evaluation.against)
    for name in _NUMBERS:
        value = getattr(evaluation, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Invalid(f"the {name} of an evaluation must be a number, not {value!r}", field=name)
    if not 0.5 <= evaluation.confidence < 1:
        raise Invalid(f"the confidence must be from 0.5 to below 1, not {evaluation.confidence}", field="confidence")
    if not evaluation.difference_low <= evaluation.difference <= evaluation.difference_high:
        raise Invalid(
            "the difference must lie in its interval: difference_low, difference, difference_high", field="difference"
        )
    if not 1 <= evaluation.rows < 2**63:
        raise Invalid(f"an evaluation needs at least 1 row, not {evaluation.rows}", field="rows")
    bounded(evaluation.dataset_name, "name of the dataset", DATASET_LIMIT)
    bounded(evaluation.dataset_digest, "digest of the dataset", DATASET_LIMIT)
    return evaluation


def judge_better(
    metric: str, evaluation: Evaluation | None, *, current: int | None, confidence: float | None
) -> ClauseResult:
    """Whether a candidate is better than the current version by its newest evaluation against it.

    Where there is no current version it passes: there is nothing to compare with.
    """
    said = f"better by {metric}" + (f" with confidence {confidence:g}" if confidence is not None else "")
    if current is None:
        return ClauseResult(said, True, name="if-better", note="nothing to compare with: no version is there yet")
    if evaluation is None:
        note = f"no evaluation of {metric} against version {current}: evaluate it against that version first"
        return ClauseResult(said, False, name="if-better", note=note)
    seen: dict[str, object] = {**evaluation.numbers(), "against": evaluation.against}
    if confidence is not None and evaluation.confidence < confidence:
        note = f"the evaluation has a confidence of {evaluation.confidence:g}: evaluate again with {confidence:g}"
        return ClauseResult(said, False, name="if-better", note=note, seen=seen)
    interval = f"[{evaluation.difference_low:.6g}, {evaluation.difference_high:.6g}]"
    wanted = "above" if evaluation.greater_is_better else "below"
    passed = evaluation.gain_low > 0
    note = "" if passed else f"the interval of the difference {interval} is not {wanted} 0"
    return ClauseResult(said, passed, name="if-better", note=note, seen=seen)
