"""Versions or runs side by side: what differs first, and by how much."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import version_number
from modelshelf.domain.tracking import Run
from modelshelf.ui import contents, formatting, links
from modelshelf.ui.charts import Chart, chart
from modelshelf.ui.contents import Contents
from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.rendering import page

MOST = 8
_REQUIREMENT = re.compile(r"([A-Za-z0-9._\-]+(?:\[[^\]]*\])?)\s*(.*)")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the things that are compared."""

    of: str
    label: str
    place: str
    run: Run | None
    version: ModelVersion | None = None
    inside: Contents = field(default_factory=Contents)


@dataclass(frozen=True, slots=True)
class Line:
    """A value of each side, and how each differs from the first where they are numbers."""

    key: str
    values: tuple[str, ...]
    deltas: tuple[str, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one kind, those that differ first."""

    name: str
    lines: tuple[Line, ...]

    @property
    def differences(self) -> int:
        return sum(line.differs for line in self.lines)


def compare(asked: Asked) -> Answer:
    """Those named by `of`: `models/<name>/<number>` or `runs/<id>`."""
    wanted = [text for each in asked.all("of") for text in each.split(",") if text]
    if len(wanted) < 2:
        return page(asked, "compare_choose.html", title="Compare", wanted=wanted)
    if len(wanted) > MOST:
        raise Invalid(f"{len(wanted)} things to compare; at most {MOST} fit side by side", limit=MOST)
    sides = [_side(asked, text) for text in wanted]
    groups = _groups(sides)
    return page(
        asked,
        "compare.html",
        title=f"{sides[0].label} and {sides[1].label}",
        sides=sides,
        groups=groups,
        differences=sum(group.differences for group in groups),
        charts=_charts(asked, sides),
    )


def _side(asked: Asked, text: str) -> Side:
    kind, _, rest = text.strip("/").partition("/")
    if kind == "runs" and rest:
        run = asked.registry.tracking.run(rest)
        return Side(text, run.name, links.run(run.id), run)
    name, slash, number = rest.rpartition("/")
    if kind != "models" or not slash:
        raise Invalid(f"{text[:100]!r} is nothing to compare; write models/NAME/NUMBER or runs/ID", of=text[:100])
    version = asked.registry.catalog.version(name.removesuffix("/versions"), version_number(number))
    found = asked.registry.overviews.runs([version.run_id]) if version.run_id else {}
    inside = contents.read(asked.registry, version)
    label = f"{version.name} {version.number}"
    return Side(text, label, links.version(version.name, version.number), found.get(version.run_id), version, inside)


def _groups(sides: Sequence[Side]) -> list[Group]:
    groups = [
        _numbers("Metrics", [_metrics(side) for side in sides]),
        _texts("Params", [side.run.params if side.run else {} for side in sides]),
        _texts("Tags", [_tags(side) for side in sides]),
    ]
    if any(side.version for side in sides):
        groups += [
            _texts("Signature", [_signature(side.inside) for side in sides]),
            _texts("Requirements", [_requirements(side.inside) for side in sides]),
            _texts("Files", [_files(side.inside) for side in sides]),
        ]
    groups.insert(0, _texts("About", [_about(side) for side in sides]))
    return [group for group in groups if group.lines]


def _about(side: Side) -> dict[str, str]:
    found: dict[str, str] = {}
    if side.version:
        version = side.version
        found |= {
            "stage": version.stage.value,
            "aliases": " ".join(f"@{alias}" for alias in version.aliases),
            "created": formatting.absolute(version.created_ms),
            "by": version.created_by,
            "size": formatting.size(version.size) if version.sealed else "unsealed",
            "run": version.run_id,
            "description": version.description,
        }
    elif side.run:
        run = side.run
        lasted = "" if run.ended_ms is None else formatting.duration(run.ended_ms - run.started_ms)
        found |= {
            "status": run.status.value.lower(),
            "started": formatting.absolute(run.started_ms),
            "lasted": lasted,
            "user": run.user,
        }
    return {key: value for key, value in found.items() if value}


def _metrics(side: Side) -> dict[str, float]:
    return {key: point.value for key, point in side.run.metrics.items()} if side.run else {}


def _tags(side: Side) -> dict[str, str]:
    if side.version:
        return side.version.tags
    return {key: value for key, value in side.run.tags.items() if not key.startswith("mlflow.")} if side.run else {}


def _signature(inside: Contents) -> dict[str, str]:
    found = {}
    for kind, fields in (("input", inside.inputs), ("output", inside.outputs), ("param", inside.params)):
        for place, each in enumerate(fields):
            found[f"{kind} {each.name or place}"] = f"{each.kind}{' (optional)' if each.is_optional else ''}"
    return found


def _requirements(inside: Contents) -> dict[str, str]:
    split = (_REQUIREMENT.match(line) for line in inside.requirements)
    return {found[1]: found[2] or "any" for found in split if found}


def _files(inside: Contents) -> dict[str, str]:
    return {file.path: f"{formatting.size(file.size)} · {formatting.short(file.digest)}" for file in inside.files}


def _keys(values: Sequence[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(key for each in values for key in each))


def _texts(name: str, values: Sequence[Mapping[str, str]]) -> Group:
    lines = []
    for key in _keys(values):
        row = tuple(each.get(key, "") for each in values)
        lines.append(Line(key, row, ("",) * len(row), len(set(row)) > 1))
    return Group(name, _ordered(lines, is_about=name == "About"))


def _numbers(name: str, values: Sequence[Mapping[str, float]]) -> Group:
    lines = []
    for key in sorted(_keys(values)):
        row = [each.get(key) for each in values]
        texts = tuple("" if value is None else formatting.number(value) for value in row)
        first = row[0]
        deltas = tuple(
            "" if place == 0 or first is None or value is None else formatting.delta(first, value)
            for place, value in enumerate(row)
        )
        lines.append(Line(key, texts, deltas, len({repr(value) for value in row}) > 1))
    return Group(name, _ordered(lines))


def _ordered(lines: list[Line], *, is_about: bool = False) -> tuple[Line, ...]:
    return tuple(lines if is_about else sorted(lines, key=lambda line: not line.differs))


def _charts(asked: Asked, sides: Sequence[Side]) -> list[Chart]:
    runs = list({side.run.id: side for side in sides if side.run}.values())
    metrics = sorted(set.intersection(*({*side.run.metrics} for side in runs if side.run)) if len(runs) > 1 else ())
    found = []
    for key in metrics[:8]:
        curves = asked.registry.overviews.curves([side.run.id for side in runs if side.run], key)
        lines = [(side.label, curves[side.run.id]) for side in runs if side.run]
        made = chart(key, lines)
        if made is not None and any(len(curve.buckets) > 1 for _, curve in lines):
            found.append(made)
    return found


ROUTES: Routes = {("GET", "/compare"): compare}
