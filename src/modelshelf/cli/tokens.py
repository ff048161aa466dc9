"""`modelshelf token`: random passwords for programs."""

from typing import Any

import click

from modelshelf.cli.blocks import Cell, Instant, Note, Table
from modelshelf.cli.cells import iso
from modelshelf.cli.commands import Group
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.cli.lifetimes import lifetime_ms
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.credentials import Token
from modelshelf.domain.errors import Invalid

_of_user = click.option("--user", metavar="NAME", help="Whose; left out, your own.")


@click.group("token", cls=Group)
def command() -> None:
    """Issue, list and revoke tokens, which programs send instead of a password (MLFLOW_TRACKING_TOKEN)."""


@command.command("create")
@_of_user
@click.option(
    "--name", default="", metavar="NAME", help="What to call it, e.g. after the program; the history says so."
)
@click.option("--expires", default="90d", show_default=True, metavar="TIME", help="12h, 90d, 2w, 1y or never.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role], case_sensitive=False),
    help="What it may do at most; left out, all that its user may.",
)
@pass_invocation
def create(invocation: Invocation, user: str | None, name: str, expires: str, role: str | None) -> None:
    """Issue a token and print it: it is shown this once, and can't be had again."""
    lifetime = lifetime_ms(expires)
    registry = invocation.registry()
    owner = user or _own_name(registry.actor)
    issued = registry.access.create_token(owner, name=name, role=role, lifetime_ms=lifetime)
    if invocation.as_json:
        invocation.show({"token": {**_record(issued.token), "secret": issued.text}})
        return
    click.echo(issued.text)
    ends = f"expires {iso(issued.token.expires_ms)}" if issued.token.expires_ms else "never expires"
    click.echo(f"{issued.token.actor_name}, {issued.token.role.value}, {ends}; it is not shown again", err=True)


@command.command("list")
@click.option("--user", metavar="NAME", help="Whose; left out, your own, or everybody's for an admin.")
@pass_invocation
def list_tokens(invocation: Invocation, user: str | None) -> None:
    """List tokens: what they may do, until when, and when they were last used."""
    registry = invocation.registry()
    whose = user if user or registry.actor.role is Role.ADMIN else _own_name(registry.actor)
    tokens = registry.access.tokens(whose)
    rows: list[tuple[Cell, ...]] = [
        (
            token.user,
            token.name,
            token.id,
            token.role.value,
            Instant(token.created_ms),
            "never" if token.expires_ms is None else Instant(token.expires_ms),
            "never" if token.used_ms is None else Instant(token.used_ms),
        )
        for token in tokens
    ]
    titles = ("user", "name", "id", "role", "created", "expires", "used")
    table = Table(titles, rows, "no tokens yet; see modelshelf token create --help")
    invocation.show({"tokens": [_record(token) for token in tokens]}, table)


@command.command("revoke")
@click.argument("name")
@_of_user
@pass_invocation
def revoke(invocation: Invocation, name: str, user: str | None) -> None:
    """End the token NAME (or USER/NAME; an id does too). Running servers refuse it within a minute."""
    registry = invocation.registry()
    owner, slash, rest = name.partition("/")
    whose = owner if slash else user or _own_name(registry.actor)
    token = registry.access.revoke_token(whose, rest if slash else name)
    invocation.show({"revoked": _record(token)}, Note(f"revoked {token.actor_name}"))


def _own_name(actor: Actor) -> str:
    """The user behind a user's or a token's name. Raises Invalid for others."""
    if ":" in actor.name or actor.name == "anonymous":
        raise Invalid(f"say whose token it is: --user NAME ({actor.name} is no user of this shelf)")
    return actor.name.partition("/")[0]


def _record(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": token.user,
        "name": token.name,
        "role": token.role.value,
        "created": iso(token.created_ms),
        "created_by": token.created_by,
        "expires": iso(token.expires_ms),
        "used": iso(token.used_ms),
    }
