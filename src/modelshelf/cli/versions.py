"""`modelshelf versions`: the versions of a model."""

import click

from modelshelf.cli import arguments, inert, records
from modelshelf.cli.blocks import Instant, Size, Styled, Table
from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.paging import Found, found, limit_option
from modelshelf.cli.quoting import exactly
from modelshelf.domain.catalog import ModelVersion


@click.command("versions", cls=Command)
@arguments.name
@limit_option
@pass_invocation
def command(invocation: Invocation, name: str, limit: int) -> None:
    """List the versions of the model NAME, the newest first."""
    invocation.registry().catalog.model(name)  # raises NotFound, with the names that are near
    show(
        invocation,
        exactly("name", name),
        order_by=("version DESC",),
        limit=limit,
        empty=f"{name} has no versions yet",
    )


def show(
    invocation: Invocation, filter: str, *, order_by: tuple[str, ...], limit: int, empty: str = "no version fits"
) -> None:
    """Search versions and show them."""
    catalog = invocation.registry().catalog
    versions = found(
        lambda size, token: catalog.search_versions(filter, order_by=order_by, limit=size, page_token=token), limit
    )
    content = {"versions": [records.version(version) for version in versions.items], "more": versions.more}
    invocation.show(content, table(versions, empty), *versions.notes)


def table(versions: Found[ModelVersion], empty: str) -> Table:
    return Table(
        ("name", "version", "aliases", "stage", "created", "by", "size", "description"),
        [
            (
                version.name,
                version.number,
                Styled(", ".join(version.aliases), "green"),
                version.stage.value,
                Instant(version.created_ms),
                version.created_by,
                Size(version.size) if version.sealed else "unsealed",
                inert.first_line(version.description),
            )
            for version in versions.items
        ],
        empty,
    )
