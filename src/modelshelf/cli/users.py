"""`modelshelf user`: who may come in where a server asks."""

import sys
from typing import Any

import click

from modelshelf.cli.blocks import Instant, Note, Table
from modelshelf.cli.cells import iso
from modelshelf.cli.commands import Group
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.access import Role, User
from modelshelf.domain.errors import Invalid
from modelshelf.sdk import session

_HELP = """Make and manage users: who may come in at a server that runs with --auth required.

\b
reader       looks, loads and downloads
contributor  and logs, registers, moves aliases and stages, deletes
approver     and gives approvals, where a shelf asks for them
admin        and manages users and tokens

Whoever may write to the database itself is an admin of it: so the first one is made.
"""

_user = click.argument("name")
_role = click.option(
    "--role",
    type=click.Choice([role.value for role in Role], case_sensitive=False),
    required=True,
    help="What the user may do.",
)
_from_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from the first line of stdin.")
_none = click.option("--no-password", is_flag=True, help="No password: tokens only, as for programs.")


@click.group("user", cls=Group, help=_HELP)
def command() -> None:
    """Hold the commands of users."""


@command.command("create")
@_user
@_role
@_from_stdin
@_none
@pass_invocation
def create(invocation: Invocation, name: str, role: str, password_stdin: bool, no_password: bool) -> None:
    """Make the user NAME; makes the shelf too, if there is none yet."""
    password = _password(from_stdin=password_stdin, none=no_password)
    invocation.choose()
    user = session.registry().access.create_user(name, role=role, password=password)
    invocation.show({"user": _record(user)}, Note(f"made the {user.role.value} {user.name}"))


@command.command("list")
@pass_invocation
def list_users(invocation: Invocation) -> None:
    """List the users."""
    users = invocation.registry().access.users()
    rows = [
        (user.name, user.role.value, "yes" if user.has_password else "no", Instant(user.created_ms), user.created_by)
        for user in users
    ]
    table = Table(
        ("name", "role", "password", "created", "by"), rows, "no users yet; see modelshelf user create --help"
    )
    invocation.show({"users": [_record(user) for user in users]}, table)


@command.command("set-password")
@_user
@_from_stdin
@_none
@pass_invocation
def set_password(invocation: Invocation, name: str, password_stdin: bool, no_password: bool) -> None:
    """Give the user NAME another password; tokens stay as they are."""
    registry = invocation.registry()
    password = _password(from_stdin=password_stdin, none=no_password)
    user = registry.access.set_password(name, password)
    said = "has another password" if user.has_password else "has no password any more"
    invocation.show({"user": _record(user)}, Note(f"{user.name} {said}"))


@command.command("set-role")
@_user
@click.argument("role", type=click.Choice([role.value for role in Role], case_sensitive=False))
@pass_invocation
def set_role(invocation: Invocation, name: str, role: str) -> None:
    """Give the user NAME another ROLE; tokens never do more than their user may."""
    user = invocation.registry().access.set_role(name, role)
    invocation.show({"user": _record(user)}, Note(f"{user.name} is {user.role.value} now"))


@command.command("delete")
@_user
@pass_invocation
def delete(invocation: Invocation, name: str) -> None:
    """Delete the user NAME and all tokens of that user; the history stays."""
    invocation.registry().access.delete_user(name)
    invocation.show({"deleted": {"name": name}}, Note(f"deleted {name}"))


def _password(*, from_stdin: bool, none: bool) -> str | None:
    if from_stdin and none:
        raise click.UsageError("pass either --password-stdin or --no-password, not both")
    if none:
        return None
    if from_stdin:
        return _first_line()
    if not sys.stdin.isatty():
        raise click.UsageError("pass --password-stdin where nobody can type a password, or --no-password")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _first_line() -> str:
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Invalid("the password on stdin is not UTF-8") from None


def _record(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role.value,
        "has_password": user.has_password,
        "created": iso(user.created_ms),
        "created_by": user.created_by,
        "updated": iso(user.updated_ms),
    }
