"""`modelshelf runs`: what was recorded while models were made."""

import click

from modelshelf.cli import records
from modelshelf.cli.blocks import Block, Facts, Heading, Instant, Styled, Table
from modelshelf.cli.commands import Group
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.paging import found, limit_option, order_option
from modelshelf.domain.errors import NotFound
from modelshelf.domain.tracking import Experiment, Run, View
from modelshelf.services.registry import Registry

_STYLES = {"FINISHED": "green", "FAILED": "red", "KILLED": "red", "RUNNING": "yellow"}
_METRICS_SHOWN = 4


@click.group("runs", cls=Group)
def command() -> None:
    """List runs, or show one."""


@command.command("list")
@click.option(
    "--experiment", "experiments", multiple=True, metavar="NAME|ID", help="Only its runs; may be given several times."
)
@click.option(
    "--filter", "filter_", default="", metavar="FILTER", help="Only those that fit, e.g. 'metrics.auc > 0.9'."
)
@order_option
@limit_option
@pass_invocation
def list_runs(
    invocation: Invocation, experiments: tuple[str, ...], filter_: str, order_by: tuple[str, ...], limit: int
) -> None:
    """List runs, the newest first."""
    show_runs(invocation, filter_, experiments=experiments, order_by=order_by, limit=limit)


@command.command("show")
@click.argument("run_id")
@pass_invocation
def show_run(invocation: Invocation, run_id: str) -> None:
    """Show the run RUN_ID: its params, metrics and tags."""
    registry = invocation.tracking()
    run = registry.tracking.run(run_id)
    experiment = registry.tracking.experiment(run.experiment_id)
    content = {**records.run(run), "experiment": experiment.name}
    invocation.show(content, *_blocks(run, experiment.name))


def show_runs(
    invocation: Invocation, filter: str, *, experiments: tuple[str, ...], order_by: tuple[str, ...], limit: int
) -> None:
    """Search runs and show them."""
    registry = invocation.tracking()
    names = _experiments(registry, experiments)
    runs = found(
        lambda size, token: registry.tracking.search_runs(
            list(names), filter, order_by=order_by, limit=size, page_token=token
        ),
        limit,
    )
    rows = [
        (
            run.id,
            run.name,
            names[run.experiment_id],
            Styled(run.status.value, _STYLES.get(run.status.value, "")),
            Instant(run.started_ms),
            run.user,
            ", ".join(f"{key}={point.value:.4g}" for key, point in list(run.metrics.items())[:_METRICS_SHOWN]),
        )
        for run in runs.items
    ]
    content = {"runs": [{**records.run(run), "experiment": names[run.experiment_id]} for run in runs.items]}
    table = Table(("id", "name", "experiment", "status", "started", "by", "metrics"), rows, "no run fits")
    invocation.show({**content, "more": runs.more}, table, *runs.notes)


def _experiments(registry: Registry, wanted: tuple[str, ...]) -> dict[str, str]:
    """Ids and names of the experiments that are named, or of all."""
    if wanted:
        return {found.id: found.name for found in (_experiment(registry, text) for text in wanted)}
    search = registry.tracking.search_experiments
    every = found(lambda size, token: search("", view=View.ACTIVE, limit=size, page_token=token), 100_000)
    return {experiment.id: experiment.name for experiment in every.items}


def _experiment(registry: Registry, text: str) -> Experiment:
    try:
        return registry.tracking.experiment_by_name(text)
    except NotFound:
        if not text.isdigit():
            raise
        return registry.tracking.experiment(text)


def _blocks(run: Run, experiment: str) -> list[Block]:
    params = [(key, value) for key, value in sorted(run.params.items())]
    metrics = [(key, point.value, point.step, Instant(point.time_ms)) for key, point in sorted(run.metrics.items())]
    return [
        Facts(
            [
                ("run", run.id),
                ("name", run.name),
                ("experiment", experiment),
                ("status", Styled(run.status.value, _STYLES.get(run.status.value, ""))),
                ("started", Instant(run.started_ms)),
                ("ended", Instant(run.ended_ms)),
                ("by", run.user),
                ("deleted", "yes" if run.lifecycle.value == "deleted" else None),
            ]
        ),
        Heading("Params"),
        Table(("param", "value"), params, "none"),
        Heading("Metrics"),
        Table(("metric", "value", "step", "time"), metrics, "none"),
        Heading("Tags"),
        Table(("tag", "value"), sorted(run.tags.items()), "none"),
    ]
