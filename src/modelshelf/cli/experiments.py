"""`modelshelf experiments`: what gathers runs."""

import click

from modelshelf.cli import records
from modelshelf.cli.blocks import Instant, Table
from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.paging import found, limit_option, order_option
from modelshelf.domain.tracking import View


@click.command("experiments", cls=Command)
@click.argument("filter_", metavar="[FILTER]", required=False, default="")
@click.option("--all", "deleted_too", is_flag=True, help="Deleted ones too.")
@order_option
@limit_option
@pass_invocation
def command(invocation: Invocation, filter_: str, deleted_too: bool, order_by: tuple[str, ...], limit: int) -> None:
    """List experiments; with FILTER, those that fit, e.g. "name LIKE 'churn%'"."""
    tracking, wanted = invocation.tracking().tracking, View.ALL if deleted_too else View.ACTIVE
    experiments = found(
        lambda size, token: tracking.search_experiments(
            filter_, order_by=order_by, view=wanted, limit=size, page_token=token
        ),
        limit,
    )
    rows = [
        (
            experiment.id,
            experiment.name,
            experiment.lifecycle.value,
            Instant(experiment.created_ms),
            Instant(experiment.updated_ms),
        )
        for experiment in experiments.items
    ]
    content = {"experiments": [records.experiment(each) for each in experiments.items], "more": experiments.more}
    table = Table(("id", "name", "lifecycle", "created", "updated"), rows, "no experiment fits")
    invocation.show(content, table, *experiments.notes)
