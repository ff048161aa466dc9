"""Experiments and runs: lists to search in, and a run with its curves and files."""

from collections.abc import Sequence

from modelshelf.domain.artifacts import Listing
from modelshelf.domain.searchable import EXPERIMENTS, RUNS
from modelshelf.domain.tracking import Experiment, Run
from modelshelf.ui import links, listing
from modelshelf.ui.charts import Chart, chart
from modelshelf.ui.exchange import Answer, Asked, Download, Routes
from modelshelf.ui.listing import Column
from modelshelf.ui.pages_version import shown
from modelshelf.ui.rendering import page

_SIZE = 50
_MOST_KEYS = 200
_MOST_CHARTS = 24
_FIRST_METRICS = 4
EXPERIMENT_COLUMNS = (
    Column("name", "Experiment", "name"),
    Column("id", "Id", "experiment_id", is_number=True),
    Column("created", "Created", "created"),
    Column("updated", "Updated", "updated"),
    Column("tags", "Tags", shown=False),
)
RUN_COLUMNS = (
    Column("name", "Run", "run_name"),
    Column("status", "Status", "status"),
    Column("started", "Started", "start_time"),
    Column("duration", "Duration", "duration", is_number=True),
    Column("user", "User", "user_id"),
    Column("id", "Id", "run_id", shown=False),
)


def experiments(asked: Asked) -> Answer:
    """Search them, fifty at a time."""
    query = listing.read(asked, EXPERIMENTS, words="name", order=("created DESC",))
    rows: Sequence[Experiment] = ()
    token = None
    if not query.error:
        found = asked.registry.tracking.search_experiments(
            query.filter, order_by=query.order_by, limit=_SIZE, page_token=asked.one("page") or None
        )
        rows, token = found.items, found.next_token
    return page(
        asked,
        "experiments.html",
        title="Experiments",
        status=400 if query.error else 200,
        query=query,
        rows=rows,
        next_token=token,
        columns=[
            EXPERIMENT_COLUMNS[0],
            *(each for each in listing.columns(asked, EXPERIMENT_COLUMNS) if each.key != "name"),
        ],
        known=EXPERIMENT_COLUMNS,
    )


def experiment(asked: Asked) -> Answer:
    """An experiment's runs."""
    found = asked.registry.tracking.experiment(asked.parts["experiment_id"])
    query = listing.read(asked, RUNS, words="run_name", order=("start_time DESC",))
    rows: Sequence[Run] = ()
    token = None
    if not query.error:
        runs = asked.registry.tracking.search_runs(
            [found.id],
            query.filter,
            order_by=query.order_by,
            limit=_SIZE,
            page_token=asked.one("page") or None,
        )
        rows, token = runs.items, runs.next_token
    known = [*RUN_COLUMNS, *keyed(rows)]
    chosen = listing.columns(asked, known, first=_FIRST_METRICS)
    return page(
        asked,
        "experiment.html",
        title=found.name,
        status=400 if query.error else 200,
        experiment=found,
        query=query,
        rows=rows,
        next_token=token,
        columns=[RUN_COLUMNS[0], *(each for each in chosen if each.key != "name")],
        known=known,
    )


def keyed(runs: Sequence[Run]) -> list[Column]:
    """Columns for whatever some runs logged."""
    found = {
        "metrics": {key for run in runs for key in run.metrics},
        "params": {key for run in runs for key in run.params},
        "tags": {key for run in runs for key in run.tags if not key.startswith("mlflow.")},
    }
    return [column for kind, keys in found.items() for column in listing.keyed_columns(kind, sorted(keys)[:_MOST_KEYS])]


def run(asked: Asked) -> Answer:
    """A run: what it logged, drawn over its steps, and the files that it left."""
    found = asked.registry.tracking.run(asked.parts["run_id"])
    metrics = sorted(found.metrics)
    charts = [made for key in metrics[:_MOST_CHARTS] if (made := _chart(asked, found, key)) is not None]
    folder = asked.one("folder").strip("/")
    versions = asked.registry.catalog.search_versions(listing.among("run_id", found.id), limit=20).items
    return page(
        asked,
        "run.html",
        title=found.name,
        run=found,
        charts=[each for each in charts if len(each.rows) > 1],
        versions=versions,
        folder=folder,
        files=_listing(asked, found, folder),
        root=found.artifact_root,
    )


def _chart(asked: Asked, run: Run, key: str) -> Chart | None:
    return chart(key, [(key, asked.registry.overviews.curves([run.id], key)[run.id])])


def _listing(asked: Asked, run: Run, folder: str) -> Listing:
    place = f"{run.artifact_root}/{folder}" if folder else run.artifact_root
    return asked.registry.artifacts.listing(place)


def download(asked: Asked) -> Download:
    """A file of a run, as an attachment."""
    return Download(lambda: asked.registry.artifacts.file(_place(asked)))


def show(asked: Asked) -> Answer:
    """A file of a run, on a page."""
    run_id, file = asked.parts["run_id"], asked.registry.artifacts.file(_place(asked))
    name = asked.registry.tracking.run(run_id).name
    trail = (("Experiments", "/experiments"), (name, links.run(run_id)))
    return shown(asked, file, trail=trail, raw=links.run_file(run_id, asked.one("path")))


def _place(asked: Asked) -> str:
    root = asked.registry.tracking.run(asked.parts["run_id"]).artifact_root
    return f"{root}/{asked.one('path')}"


ROUTES: Routes = {
    ("GET", "/experiments"): experiments,
    ("GET", "/experiments/{experiment_id}"): experiment,
    ("GET", "/runs/{run_id}"): run,
    ("GET", "/runs/{run_id}/files"): download,
    ("GET", "/runs/{run_id}/files/show"): show,
}
