"""A model: what it is, where its aliases point and why, its versions, a metric over them, and all its moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import instant_ms
from modelshelf.domain.searchable import VERSIONS
from modelshelf.domain.tracking import Run
from modelshelf.ui import listing, timelines
from modelshelf.ui.charts import Band, Chart, chart
from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.holding import Held, held, newest, serving
from modelshelf.ui.listing import Column
from modelshelf.ui.rendering import page

_SIZE = 50
_FIRST_METRICS = 3
_MOST_KEYS = 200
COLUMNS = (
    Column("version", "Version", "version", is_number=True),
    Column("aliases", "Aliases"),
    Column("stage", "Stage", "stage"),
    Column("run", "Run", "run_id"),
    Column("created", "Created", "created"),
    Column("created_by", "By", "created_by"),
    Column("description", "Description", "description", shown=False),
    Column("tags", "Tags", shown=False),
    Column("size", "Size", "size", is_number=True, shown=False),
    Column("source", "Source", "source", shown=False),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A version, and the run that made it if that is known."""

    version: ModelVersion
    run: Run | None

    def value(self, column: str) -> object:
        """What stands in a column of metrics, params or tags."""
        kind, _, key = column.partition(".")
        if kind == "tags":
            return self.version.tags.get(key)
        if self.run is None:
            return None
        if kind == "params":
            return self.run.params.get(key)
        point = self.run.metrics.get(key)
        return None if point is None else point.value


def model(asked: Asked) -> Answer:
    """The model as it is, or `?at=` a moment as it was."""
    if asked.one("at"):
        return _past(asked, _moment(asked.one("at")))
    registry, name = asked.registry, asked.parts["name"]
    found = registry.catalog.model(name)
    holding = held(
        found.aliases,
        registry.overviews.alias_moves([found.id]),
        model=name,
        protections=registry.governance.protections(name),
    )
    query = listing.read(
        asked, VERSIONS, words="description", order=("version DESC",), always=(listing.among("name", name),)
    )
    rows: list[Row] = []
    token = None
    if not query.error:
        versions = registry.catalog.search_versions(
            query.filter, order_by=query.order_by, limit=_SIZE, page_token=asked.one("page") or None
        )
        rows, token = rows_of(asked, versions.items), versions.next_token
    known = [*COLUMNS, *keyed(rows)]
    served = serving(found, holding)
    return page(
        asked,
        "model.html",
        title=name,
        status=400 if query.error else 200,
        model=found,
        held=holding,
        serving=served,
        newest=newest(found),
        query=query,
        rows=rows,
        next_token=token,
        columns=_with_version(listing.columns(asked, known, first=_FIRST_METRICS)),
        known=known,
        metrics=_metrics(rows),
        metric=_metric(asked, rows),
        chart=_trend(asked, name, found.id, _metric(asked, rows), served),
        timeline=timelines.entries(asked, name, limit=8),
    )


def rows_of(asked: Asked, versions: Sequence[ModelVersion]) -> list[Row]:
    """Versions with their runs, which are read at once."""
    runs = asked.registry.overviews.runs([version.run_id for version in versions if version.run_id])
    return [Row(version, runs.get(version.run_id)) for version in versions]


def keyed(rows: Sequence[Row]) -> list[Column]:
    """Columns for whatever the runs of some versions logged."""
    runs = [row.run for row in rows if row.run]
    metrics = {key for run in runs for key in run.metrics}
    params = {key for run in runs for key in run.params}
    tags = {key for row in rows for key in row.version.tags}
    found: Mapping[str, set[str]] = {"metrics": metrics, "params": params, "tags": tags}
    return [column for kind, keys in found.items() for column in listing.keyed_columns(kind, sorted(keys)[:_MOST_KEYS])]


def _with_version(columns: list[Column]) -> list[Column]:
    return [COLUMNS[0], *(column for column in columns if column.key != "version")]


def _metrics(rows: Sequence[Row]) -> list[str]:
    return sorted({key for row in rows if row.run for key in row.run.metrics})[:_MOST_KEYS]


def _metric(asked: Asked, rows: Sequence[Row]) -> str:
    known = _metrics(rows)
    return asked.one("metric") or (known[0] if known else "")


def _trend(asked: Asked, name: str, model_id: int, metric: str, served: Held | None) -> Chart | None:
    if not metric:
        return None
    return chart(
        metric, [(metric, asked.registry.overviews.trend(name, metric))], bands=_bands(asked, model_id, served)
    )


def _bands(asked: Asked, model_id: int, served: Held | None) -> list[Band]:
    """The versions that were in production, each as long as its number is wide."""
    if served is None or not served.alias:
        return [] if served is None else [Band(served.version, served.version, "in Production", is_now=True)]
    moves = asked.registry.overviews.alias_history(model_id, served.alias)
    numbers = {move.after for move in moves if isinstance(move.after, int)}
    return [
        Band(number, number, f"@{served.alias}: version {number}", is_now=number == served.version)
        for number in sorted(numbers)
    ]


def _moment(text: str) -> int:
    """A moment, in UTC where it names no zone: that of a date is its end."""
    if len(text) == len("2026-03-01"):
        return instant_ms(f"{text}T23:59:59Z")
    try:
        return instant_ms(text.replace(" ", "+"))
    except Invalid:
        return instant_ms(f"{text}Z")


def _past(asked: Asked, at_ms: int) -> Answer:
    name = asked.parts["name"]
    past = asked.registry.overviews.model_at(name, at_ms)
    below = asked.one("page")
    versions = asked.registry.overviews.versions_at(
        past.id, at_ms, below=int(below) if below.isascii() and below.isdigit() else None, limit=_SIZE
    )
    rows = rows_of(asked, versions)
    aliases = {str(move.alias): int(move.after) for move in past.aliases if isinstance(move.after, int)}
    holding = held(aliases, past.aliases)
    pointing: dict[int, list[str]] = {}
    for each in holding:
        pointing.setdefault(each.version, []).append(each.alias)
    known = [column for column in (*COLUMNS, *keyed(rows)) if column.key != "description"]
    return page(
        asked,
        "model_past.html",
        title=f"{name} as of {asked.one('at')}",
        past=past,
        held=holding,
        pointing=pointing,
        rows=rows,
        columns=_with_version(listing.columns(asked, known, first=_FIRST_METRICS)),
        next_below=versions[-1].number if len(versions) == _SIZE else None,
        timeline=timelines.entries(asked, name, limit=8, until_ms=at_ms),
    )


def timeline(asked: Asked) -> Answer:
    """Every move of a model, the newest first, fifty at a time."""
    name, before = asked.parts["name"], asked.one("page")
    entries = timelines.entries(
        asked, name, limit=_SIZE, before=int(before) if before.isascii() and before.isdigit() else None
    )
    last = entries[-1].event.position if len(entries) == _SIZE else None
    return page(asked, "timeline.html", title=f"History of {name}", name=name, entries=entries, last=last)


ROUTES: Routes = {("GET", "/models/{name}"): model, ("GET", "/models/{name}/timeline"): timeline}
