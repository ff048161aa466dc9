"""Rollouts: where live traffic goes, how it came to that, what was found; and what the fleet runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelshelf.domain.errors import Invalid
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.fleet import Placement
from modelshelf.domain.overviews import Axis, Bucket, Curve
from modelshelf.domain.rollouts import Rollout, RolloutState
from modelshelf.domain.verdicts import Judged
from modelshelf.ui import formatting
from modelshelf.ui.charts import Chart, chart
from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.rendering import page

_SIZE = 50
_MOST_LOADERS = 200
_WIDTH = 400
_LEAST_BAR = 1.5
_UNITS = {"errors": "share of requests that failed", "latency": "share of slow requests", "outcome": "mean outcome"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A metric of both versions, as bars of a picture and as numbers."""

    metric: str
    unit: str
    finding: str
    p: str
    old: str
    new: str
    old_width: float
    new_width: float


def all_live(asked: Asked) -> Answer:
    """The rollouts of all models that are under way."""
    return page(asked, "rollouts_live.html", title="Rollouts", rollouts=asked.registry.overviews.live_rollouts())


def of_model(asked: Asked) -> Answer:
    """The rollouts of a model, and its fleet."""
    registry, name = asked.registry, asked.parts["name"]
    model = registry.catalog.model(name)
    found = registry.rollouts.rollouts(name, before=_before(asked), limit=_SIZE + 1)
    fleet = registry.rollouts.fleet(name)
    return page(
        asked,
        "rollouts.html",
        title=f"Rollouts of {name}",
        model=model,
        rollouts=found[:_SIZE],
        next_token=found[_SIZE - 1].id if len(found) > _SIZE else None,
        fleet=fleet,
        most=_MOST_LOADERS,
        is_live=any(each.state.is_live for each in found),
    )


def _before(asked: Asked) -> int | None:
    text = asked.one("page")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(f"{text[:50]!r} is not a rollout's number", field="page")
    return int(text) if text else None


def rollout(asked: Asked) -> Answer:
    """One rollout."""
    registry = asked.registry
    found = registry.rollouts.rollout(asked.number("rollout"))
    registry.events.settle()
    events = registry.overviews.rollout_events(found)
    return page(
        asked,
        "rollout.html",
        title=f"Rollout {found.id}",
        rollout=found,
        split=split(found),
        due_ms=found.step_ms + found.plan.every_ms if found.state is RolloutState.RUNNING else None,
        chart=_weights(events, asked.now_ms if found.state.is_live else None),
        bars=[_bar(judged) for judged in found.verdict.metrics] if found.verdict else [],
        events=events[::-1],
        placement=_placement(asked, found),
    )


def split(found: Rollout) -> tuple[float, float]:
    """The widths of both versions' shares in a bar of 400."""
    new = 0.0 if found.plan.shadow else found.weight
    if found.state is RolloutState.FINISHED:
        new = 100.0
    return _WIDTH - new * _WIDTH / 100, new * _WIDTH / 100


def _weights(events: Sequence[Event], now_ms: int | None) -> Chart | None:
    """The share of the new version over time, as steps."""
    buckets: list[Bucket] = []
    for event in events:
        if event.name != EventName.ROLLOUT_WEIGHT_MOVED:
            continue
        ends = (float(event.data[end]) for end in ("before", "after"))
        buckets += [Bucket(event.time_ms, event.time_ms, value, value) for value in ends]
    if buckets and now_ms is not None:
        last = buckets[-1].high
        buckets.append(Bucket(now_ms, now_ms, last, last))
    title = "Percent of the traffic"
    return chart(title, [(title, Curve(title, Axis.TIME, tuple(buckets)))])


def _bar(judged: Judged) -> Bar:
    known = [value for value in (judged.old, judged.new) if value is not None]
    most = max((abs(value) for value in known), default=0.0)

    def width(value: float | None) -> float:
        return 0.0 if value is None or not most else max(_LEAST_BAR, round(abs(value) / most * _WIDTH, 1))

    return Bar(
        metric=judged.metric,
        unit=_UNITS.get(judged.metric, ""),
        finding=judged.finding.value,
        p=formatting.number(float(f"{judged.p_worse:.3g}")),
        old=_shown(judged, judged.old),
        new=_shown(judged, judged.new),
        old_width=width(judged.old),
        new_width=width(judged.new),
    )


def _shown(judged: Judged, value: float | None) -> str:
    if value is None:
        return "nothing yet"
    return formatting.number(value) if judged.metric == "outcome" else f"{value * 100:.3g} %"


def _placement(asked: Asked, found: Rollout) -> Placement | None:
    if not found.state.is_live:
        return None
    return next((each for each in asked.registry.rollouts.fleet(found.model) if each.route.alias == found.alias), None)


ROUTES: Routes = {
    ("GET", "/rollouts"): all_live,
    ("GET", "/rollouts/{rollout}"): rollout,
    ("GET", "/models/{name}/rollouts"): of_model,
}
