"""`modelshelf versions`: list the versions of a model, and seal one."""

import click
from click.shell_completion import CompletionItem

from modelshelf.cli import arguments, inert, records
from modelshelf.cli.blocks import Instant, Note, Size, Styled, Table
from modelshelf.cli.commands import Command, Group
from modelshelf.cli.completing import model_names
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.paging import Found, found, limit_option
from modelshelf.cli.quoting import exactly
from modelshelf.domain.catalog import ModelVersion


class _Versions(Group):
    """A noun that lists, where no other verb follows."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, args if args[0] in self.commands else ["list", *args])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs, and models, since a name may stand in their place."""
        verbs = super().shell_complete(ctx, incomplete)
        return [*verbs, *model_names(ctx, list_versions.params[0], incomplete)]


@click.group("versions", cls=_Versions, context_settings={"ignore_unknown_options": True})
def command() -> None:
    """List the versions of a model (`versions NAME`), or seal one."""


@command.command("list")
@arguments.name
@limit_option
@pass_invocation
def list_versions(invocation: Invocation, name: str, limit: int) -> None:
    """List the versions of the model NAME, the newest first."""
    invocation.registry().catalog.model(name)  # raises NotFound, with the names that are near
    show(
        invocation,
        exactly("name", name),
        order_by=("version DESC",),
        limit=limit,
        empty=f"{name} has no versions yet",
    )


@command.command("seal")
@arguments.name
@arguments.version
@pass_invocation
def seal_version(invocation: Invocation, name: str, version: int) -> None:
    """Seal VERSION of the model NAME, registered before its files were there, with those at its source now."""
    sealed = invocation.registry().catalog.seal_version(name, version)
    said = f"{sealed.uri} is sealed: {sealed.size} bytes, manifest {sealed.manifest}"
    invocation.show(records.version(sealed), Note(said))


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
    approval = ("approval",) if any(version.approval_status for version in versions.items) else ()
    return Table(
        ("name", "version", "aliases", "stage", *approval, "created", "by", "size", "description"),
        [
            (
                version.name,
                version.number,
                Styled(", ".join(version.aliases), "green"),
                version.stage.value,
                *(version.approval_status for _ in approval),
                Instant(version.created_ms),
                version.created_by,
                Size(version.size) if version.sealed else "unsealed",
                inert.first_line(version.description),
            )
            for version in versions.items
        ],
        empty,
    )
