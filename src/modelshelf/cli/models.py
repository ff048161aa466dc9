"""`modelshelf models`: what is registered."""

import click

from modelshelf.cli import inert, records
from modelshelf.cli.blocks import Instant, Table
from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.paging import Found, found, limit_option, order_option
from modelshelf.cli.quoting import containing
from modelshelf.domain.catalog import RegisteredModel


@click.command("models", cls=Command)
@click.argument("text", required=False, default="")
@click.option(
    "--filter", "filter_", default="", metavar="FILTER", help="Only those that fit, e.g. \"tags.team = 'risk'\"."
)
@order_option
@limit_option
@pass_invocation
def command(invocation: Invocation, text: str, filter_: str, order_by: tuple[str, ...], limit: int) -> None:
    """List registered models; with TEXT, those that have it in their names."""
    parts = [f"({filter_})"] if filter_.strip() else []
    if text:
        parts.append(containing("name", text))
    show(invocation, " AND ".join(parts), order_by=order_by, limit=limit)


def show(invocation: Invocation, filter: str, *, order_by: tuple[str, ...], limit: int) -> None:
    """Search models and show them."""
    catalog = invocation.registry().catalog
    models = found(
        lambda size, token: catalog.search_models(filter, order_by=order_by, limit=size, page_token=token), limit
    )
    empty = "no registered model fits" if filter else "no registered models yet; see modelshelf register --help"
    content = {"models": [records.model(model) for model in models.items], "more": models.more}
    invocation.show(content, table(models, empty), *models.notes)


def table(models: Found[RegisteredModel], empty: str) -> Table:
    return Table(
        ("name", "newest", "aliases", "updated", "description"),
        [
            (
                model.name,
                records.latest_number(model),
                ", ".join(f"{alias}={number}" for alias, number in model.aliases.items()),
                Instant(model.updated_ms),
                inert.first_line(model.description),
            )
            for model in models.items
        ],
        empty,
    )
