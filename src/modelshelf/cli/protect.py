"""`modelshelf protect`: who may move an alias or a stage."""

from typing import Any

import click

from modelshelf.cli.blocks import Instant, Note, Table
from modelshelf.cli.cells import iso
from modelshelf.cli.commands import Group
from modelshelf.cli.completing import stage_names
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.access import Role
from modelshelf.domain.governance import Slot
from modelshelf.domain.protection import ProtectedName

_pattern = click.argument("pattern")
_alias = click.option("--alias", metavar="ALIAS", help="The alias.")
_stage = click.option("--stage", metavar="STAGE", shell_complete=stage_names, help="The stage.")


@click.group("protect", cls=Group)
def command() -> None:
    """Say who may move an alias or a stage of the models that PATTERN means: fraud, fraud-*, or * for all."""


@command.command("add")
@_pattern
@_alias
@_stage
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role], case_sensitive=False),
    help="Who has this role, or a higher one, and tokens that carry it.",
)
@click.option("--user", "users", multiple=True, metavar="NAME", help="This user in person; not their tokens.")
@click.option("--token", "tokens", multiple=True, metavar="USER/NAME", help="This token; USER/* is all of a user's.")
@click.option("--policy", "policies", multiple=True, metavar="GATE", help="The gate that promotes by itself.")
@pass_invocation
def add(
    invocation: Invocation,
    pattern: str,
    alias: str | None,
    stage: str | None,
    roles: tuple[str, ...],
    users: tuple[str, ...],
    tokens: tuple[str, ...],
    policies: tuple[str, ...],
) -> None:
    """Let only those named move an --alias or a --stage; each option may be given several times.

    What was said of the same PATTERN and alias or stage before is replaced.
    """
    found = invocation.registry().governance.protect(
        pattern, alias=alias, stage=stage, roles=roles, users=users, tokens=tokens, policies=policies
    )
    said = f"{_what(found)} of {found.pattern} is moved by {', '.join(found.movers.names())} only"
    invocation.show({"protection": _record(found)}, Note(said))


@command.command("list")
@click.argument("name", required=False)
@pass_invocation
def list_protections(invocation: Invocation, name: str | None) -> None:
    """List what is protected, on the whole shelf or for the model NAME, and who may move it."""
    found = invocation.registry().governance.protections(name)
    rows = [
        (each.pattern, _what(each), ", ".join(each.movers.names()), Instant(each.changed_ms), each.changed_by)
        for each in found
    ]
    table = Table(
        ("models", "name", "moved by", "changed", "by"),
        rows,
        "nothing is protected" if name is None else f"nothing of {name} is protected",
    )
    invocation.show({"protections": [_record(each) for each in found]}, table)


@command.command("remove")
@_pattern
@_alias
@_stage
@pass_invocation
def remove(invocation: Invocation, pattern: str, alias: str | None, stage: str | None) -> None:
    """Let everybody who may edit move an --alias or a --stage of PATTERN again."""
    found = invocation.registry().governance.unprotect(pattern, alias=alias, stage=stage)
    invocation.show({"removed": _record(found)}, Note(f"{_what(found)} of {found.pattern} is not protected any more"))


def _what(of: ProtectedName) -> str:
    return f"@{of.name}" if of.slot is Slot.ALIAS else f"stage {of.name}"


def _record(of: ProtectedName) -> dict[str, Any]:
    return {
        "pattern": of.pattern,
        "alias": of.name if of.slot is Slot.ALIAS else None,
        "stage": of.name if of.slot is Slot.STAGE else None,
        "roles": [role.value for role in of.movers.roles],
        "users": list(of.movers.users),
        "tokens": list(of.movers.tokens),
        "policies": list(of.movers.policies),
        "changed": iso(of.changed_ms),
        "changed_by": of.changed_by,
    }
