"""`modelshelf search`: models, versions and runs by filters."""

from collections.abc import Callable
from typing import Any

import click

from modelshelf.cli import models, runs, versions
from modelshelf.cli.commands import Group
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.paging import limit_option, order_option

_filter = click.argument("filter_", metavar="[FILTER]", required=False, default="")


@click.group("search", cls=Group)
def command() -> None:
    """Search with filters, e.g. modelshelf search runs "metrics.auc > 0.9 AND params.depth = '4'"."""


def _query(function: Callable[..., Any]) -> Callable[..., Any]:
    return _filter(order_option(limit_option(pass_invocation(function))))


@command.command("models")
@_query
def search_models(invocation: Invocation, filter_: str, order_by: tuple[str, ...], limit: int) -> None:
    """Registered models that fit FILTER."""
    models.show(invocation, filter_, order_by=order_by, limit=limit)


@command.command("versions")
@_query
def search_versions(invocation: Invocation, filter_: str, order_by: tuple[str, ...], limit: int) -> None:
    """Versions of all models that fit FILTER."""
    versions.show(invocation, filter_, order_by=order_by, limit=limit)


@command.command("runs")
@_query
@click.option(
    "--experiment", "experiments", multiple=True, metavar="NAME|ID", help="Only its runs; may be given several times."
)
def search_runs(
    invocation: Invocation, filter_: str, order_by: tuple[str, ...], limit: int, experiments: tuple[str, ...]
) -> None:
    """Runs of all experiments, or of some, that fit FILTER."""
    runs.show_runs(invocation, filter_, experiments=experiments, order_by=order_by, limit=limit)
