"""`modelshelf register`: a new version of a model, from a run, another version, or files of this machine."""

import click

from modelshelf.cli import arguments, records
from modelshelf.cli.blocks import Facts, Note, Size
from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.names import DESCRIPTION_LIMIT, REASON_LIMIT, alias_name, bounded


@click.command("register", cls=Command)
@click.argument("source")
@arguments.name
@arguments.tags
@click.option("--description", default="", metavar="TEXT", help="What the version is.")
@click.option(
    "--alias", "aliases", multiple=True, metavar="ALIAS", help="Point it at the version; may be given several times."
)
@arguments.reason
@pass_invocation
def command(
    invocation: Invocation,
    source: str,
    name: str,
    tags: tuple[str, ...],
    description: str,
    aliases: tuple[str, ...],
    reason: str,
) -> None:
    """Register SOURCE as the next version of the model NAME, which is made if it is not there.

    SOURCE is a folder or file of this machine, runs:/RUN_ID/PATH, models:/NAME/3 or models:/m-ID. Makes the shelf too,
    if there is none yet.
    """
    from modelshelf.sdk import session
    from modelshelf.sdk.registering import register_model

    checked = arguments.tag_mapping(tags)
    bounded(description, "description", DESCRIPTION_LIMIT)
    bounded(reason, "reason", REASON_LIMIT)
    wanted = [alias_name(alias) for alias in aliases]
    invocation.choose()
    if source.startswith("runs:/"):
        invocation.tracking()
    number = int(register_model(source, name, tags=checked).version)
    registry = session.registry()
    if description:
        registry.catalog.describe_version(name, number, description)
    for alias in wanted:
        registry.governance.set_alias(name, alias, number, reason=reason)
    version = registry.catalog.version(name, number)
    facts = Facts(
        [("sealed as", version.manifest), ("size", Size(version.size)), ("aliases", ", ".join(version.aliases))]
    )
    invocation.show(records.version(version), Note(f"registered {version.uri}"), facts)
