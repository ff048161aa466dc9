"""`modelshelf completion`: what makes a shell complete commands, options and names."""

import click
from click.shell_completion import get_completion_class

from modelshelf.cli.commands import Command
from modelshelf.cli.invocation import Invocation, pass_invocation

_PROGRAM, _VARIABLE = "modelshelf", "_MODELSHELF_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")


@click.command("completion", cls=Command)
@click.argument("shell", metavar="SHELL", type=click.Choice(_SHELLS))
@click.pass_context
@pass_invocation
def command(invocation: Invocation, context: click.Context, shell: str) -> None:
    r"""Print the completion script of SHELL: bash, zsh or fish.

    \b
    bash:  eval "$(modelshelf completion bash)"  in ~/.bashrc
    zsh:   eval "$(modelshelf completion zsh)"   in ~/.zshrc
    fish:  modelshelf completion fish > ~/.config/fish/completions/modelshelf.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(context.find_root().command, {}, _PROGRAM, _VARIABLE).source()
    if invocation.as_json:
        invocation.show({"shell": shell, "script": script})
    else:
        click.echo(script)
