"""Rollouts as JSON, as lines, facts and tables."""

from collections.abc import Sequence
from typing import Any

from modelshelf.cli.blocks import Block, Facts, Heading, Instant, Prose, Table
from modelshelf.cli.cells import iso, number
from modelshelf.domain.rollouts import Rollout
from modelshelf.domain.verdicts import Judged


def record(rollout: Rollout) -> dict[str, Any]:
    """A rollout as `--json` answers it."""
    plan = rollout.plan
    return {
        "id": rollout.id,
        "model": rollout.model,
        "alias": rollout.alias,
        "stable": rollout.stable,
        "target": rollout.target,
        "state": rollout.state.value,
        "weight": rollout.weight,
        "step": rollout.step,
        "steps": list(plan.steps),
        "every_ms": plan.every_ms,
        "min_requests": plan.min_requests,
        "error_rate": plan.error_rate,
        "shadow": plan.shadow,
        "started": iso(rollout.started_ms),
        "started_by": rollout.started_by,
        "step_began": iso(rollout.step_ms),
        "ended": iso(rollout.ended_ms),
        "reason": rollout.reason,
        "why": rollout.why,
        "verdict": rollout.verdict.finding.value if rollout.verdict else None,
        "metrics": [_metric(each) for each in rollout.verdict.metrics] if rollout.verdict else [],
    }


def line(rollout: Rollout) -> str:
    """Where it stands: `production: 6 → 7, running at 25 %, inconclusive`."""
    where = (
        f" at {number(rollout.weight)} %{' of copies' if rollout.plan.shadow else ''}" if rollout.state.is_live else ""
    )
    parts = [
        f"{rollout.alias}: {rollout.stable} → {rollout.target}",
        f"{rollout.state.value}{where}",
        rollout.verdict.finding.value if rollout.verdict and rollout.state.is_live else "",
        rollout.why,
    ]
    return ", ".join(part for part in parts if part)


def table(rollouts: Sequence[Rollout]) -> Table:
    """Rollouts below each other."""
    rows = [
        (
            each.id,
            each.alias,
            f"{each.stable} → {each.target}",
            each.state.value,
            f"{number(each.weight)} %" if each.state.is_live else "",
            each.verdict.finding.value if each.verdict else "",
            Instant(each.started_ms),
            each.started_by,
            each.why,
        )
        for each in rollouts
    ]
    columns = ("id", "alias", "versions", "state", "weight", "verdict", "started", "by", "why")
    return Table(columns, rows, "there has been no rollout")


def blocks(rollout: Rollout) -> list[Block]:
    """All that is known of one."""
    plan = rollout.plan
    is_live = rollout.state.is_live
    facts = Facts(
        (
            ("versions", f"{rollout.stable} → {rollout.target}"),
            ("state", rollout.state.value),
            ("why", Prose(rollout.why)),
            ("weight", f"{number(rollout.weight)} %{' of copies' if plan.shadow else ''}" if is_live else None),
            ("step", f"{rollout.step + 1} of {len(plan.steps)}: {', '.join(map(number, plan.steps))} %"),
            ("since", Instant(rollout.step_ms) if is_live else None),
            ("each takes", _length(plan.every_ms)),
            ("and requests", plan.min_requests or None),
            ("started", Instant(rollout.started_ms)),
            ("by", rollout.started_by),
            ("reason", Prose(rollout.reason)),
            ("ended", Instant(rollout.ended_ms)),
            ("verdict", rollout.verdict.finding.value if rollout.verdict else "nothing was reported yet"),
        )
    )
    metrics = rollout.verdict.metrics if rollout.verdict else ()
    rows = [(each.metric, each.old, each.new, each.finding.value, each.p_worse) for each in metrics]
    columns = ("metric", f"v{rollout.stable}", f"v{rollout.target}", "the new one is", "p")
    heading = Heading(f"rollout {rollout.id} of {rollout.model}@{rollout.alias}")
    return [heading, facts, *([Table(columns, rows)] if rows else [])]


def _metric(judged: Judged) -> dict[str, Any]:
    return {
        "metric": judged.metric,
        "finding": judged.finding.value,
        "old": judged.old,
        "new": judged.new,
        "p_worse": judged.p_worse,
    }


def _length(milliseconds: int) -> str:
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if milliseconds % length == 0:
            return f"{milliseconds // length}{unit}"
    return f"{milliseconds / 1000:g}s"
