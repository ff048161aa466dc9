"""Commands and groups that all take the shared options, and the list of what there is, loaded when it is needed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from modelshelf.cli.failures import ReaderGone, guarded
from modelshelf.cli.invocation import shared_options


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is: a module of this package and a name in it; and what the overview says of it."""

    summary: str
    module: str
    attribute: str = "command"


SECTIONS: dict[str, dict[str, Entry]] = {
    "Start": {
        "quickstart": Entry("Train, register and load a first model in a minute.", "quickstart"),
        "doctor": Entry("Check that everything is as it should be.", "doctor"),
        "completion": Entry("Print the completion script of a shell.", "completion"),
    },
    "Look": {
        "models": Entry("List registered models.", "models"),
        "versions": Entry("List the versions of a model.", "versions"),
        "show": Entry("Show a model or a version in detail.", "show"),
        "fleet": Entry("Show what the loaders of a model run.", "fleet"),
        "diff": Entry("Compare two versions.", "diff"),
        "history": Entry("Show what moved when, by whom and why.", "history"),
        "search": Entry("Search models, versions or runs with filters.", "search"),
        "experiments": Entry("List experiments.", "experiments"),
        "runs": Entry("List runs, or show one.", "runs"),
    },
    "Register and move": {
        "register": Entry("Register a new version of a model.", "register"),
        "alias": Entry("Set, clear and list aliases.", "alias"),
        "stage": Entry("Move a version to a stage.", "stage"),
        "evaluate": Entry("Score a version against another one on the same rows.", "evaluate"),
        "promote": Entry("Move an alias or a stage to a version.", "promotion", "promote"),
        "rollout": Entry("Move live traffic to a version step by step.", "rollouts"),
        "rollback": Entry("Move an alias back to where it was before.", "promotion", "rollback"),
        "tag": Entry("Set and delete tags.", "tag"),
        "delete": Entry("Delete a version or a model.", "delete"),
    },
    "Govern": {
        "gate": Entry("Say what a version has to show before it is promoted.", "gate"),
        "protect": Entry("Say who may move an alias or a stage.", "protect"),
        "request": Entry("Ask for a promotion, and approve or reject one.", "requests"),
        "approval": Entry("Set the approval status of a version.", "approval"),
        "plan": Entry("Tell how the shelf differs from shelf.yaml.", "plan"),
        "apply": Entry("Make the shelf what shelf.yaml says.", "apply"),
        "audit": Entry("Prove that nobody edited history; tell who did what.", "audit"),
    },
    "Use": {
        "download": Entry("Download files, every byte verified.", "download"),
        "predict": Entry("Predict with a model from CSV or JSON.", "predict"),
        "verify": Entry("Hash every stored byte again.", "verify"),
    },
    "Serve": {
        "server": Entry("Serve the shelf over HTTP.", "server"),
        "ui": Entry("The same as server.", "server", "ui"),
        "serve": Entry("Answer predictions over HTTP.", "serve"),
        "user": Entry("Make and manage users.", "users"),
        "token": Entry("Issue, list and revoke tokens.", "tokens"),
        "webhook": Entry("Tell URLs of events, and see how that went.", "webhooks"),
    },
}
"""Every command. The overview is told from here, so that it imports none of them."""


class Command(click.Command):
    """A command with the shared options."""

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **others: Any) -> None:
        super().__init__(name, params=[*(params or ()), *shared_options()], **others)


class Group(click.Group):
    """A noun with commands below it."""

    command_class = Command

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **others: Any) -> None:
        super().__init__(name, params=[*(params or ()), *shared_options()], **others)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Without anything behind it, a noun tells what there is."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            from modelshelf.domain.names import nearest

            near = nearest(args[0], self.list_commands(ctx))
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(self.list_commands(ctx))}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


class Shell(Group):
    """All commands; the module of each is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = next((section[cmd_name] for section in SECTIONS.values() if cmd_name in section), None)
        if entry is None:
            return None
        found = getattr(import_module(f"modelshelf.cli.{entry.module}"), entry.attribute)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, self.list_commands(ctx)))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), entry.summary) for name, entry in section.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderGone from error
        return result

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *others: Any, **extra: Any) -> Any:
        """Run a command line and exit with its code."""
        given = sys.argv[1:] if args is None else list(args)
        extra["standalone_mode"] = False
        run = super().main
        sys.exit(guarded(lambda: run(given, prog_name or "modelshelf", *others, **extra), as_json="--json" in given))
