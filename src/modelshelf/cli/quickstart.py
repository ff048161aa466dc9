"""`modelshelf quickstart`: the whole story on one screen, with real data."""

import sys
from typing import Literal

import click

from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.settings import DEFAULT_URI


@click.command("quickstart", cls=Command)
@pass_invocation
def command(invocation: Invocation) -> None:
    """Train, register, promote, load and roll back a first model, on real data, in a few seconds.

    It is on the shelf of --uri, else in the file modelshelf.db of the current folder, whatever the environment says: a
    shelf that others use is no place to play. Needs scikit-learn: pip install 'modelshelf[demo]'.
    """
    from rich.console import Console

    from modelshelf.sdk import quickstart

    stream = sys.stderr if invocation.as_json else sys.stdout
    uri = invocation.uri or DEFAULT_URI
    colours: Literal["auto"] | None = None if invocation.plain else "auto"
    quickstart.run(uri, console=Console(file=stream, highlight=False, color_system=colours))
    if invocation.as_json:
        invocation.show({"uri": uri, "model": quickstart.MODEL, "alias": quickstart.ALIAS})
