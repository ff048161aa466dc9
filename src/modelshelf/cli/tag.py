"""`modelshelf tag`: keys and values on models and versions."""

import click

from modelshelf.cli import references
from modelshelf.cli.blocks import Note
from modelshelf.cli.commands import Group
from modelshelf.cli.completing import model_names
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.catalog import RegisteredModel

_reference = click.argument("reference", metavar="REFERENCE", shell_complete=model_names)


@click.group("tag", cls=Group)
def command() -> None:
    """Set and delete tags of a model (NAME) or of a version (NAME/3, NAME@ALIAS, models:/...)."""


@command.command("set")
@_reference
@click.argument("key")
@click.argument("value")
@pass_invocation
def set_tag(invocation: Invocation, reference: str, key: str, value: str) -> None:
    """Set the tag KEY of the model or version REFERENCE to VALUE."""
    registry = invocation.registry()
    found = references.resolve(registry, reference)
    if isinstance(found, RegisteredModel):
        registry.catalog.tag_model(found.name, key, value)
    else:
        registry.catalog.tag_version(found.name, found.number, key, value)
    content = {"of": _shown(found), "key": key, "value": value}
    invocation.show({"tag": content}, Note(f"{_shown(found)} {key} = {value}"))


@command.command("delete")
@_reference
@click.argument("key")
@pass_invocation
def delete_tag(invocation: Invocation, reference: str, key: str) -> None:
    """Delete the tag KEY of the model or version REFERENCE."""
    registry = invocation.registry()
    found = references.resolve(registry, reference)
    if isinstance(found, RegisteredModel):
        removed = registry.catalog.untag_model(found.name, key)
    else:
        removed = registry.catalog.untag_version(found.name, found.number, key)
    said = f"{_shown(found)}: deleted the tag {key}" if removed else f"{_shown(found)} has no tag {key}"
    invocation.show({"tag": {"of": _shown(found), "key": key}, "deleted": removed}, Note(said))


def _shown(found: references.Found) -> str:
    return f"models:/{found.name}" if isinstance(found, RegisteredModel) else found.uri
