"""One call of the command line: where the shelf is, and how to answer."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelshelf.domain.errors import NotFound

if TYPE_CHECKING:
    from modelshelf.cli.blocks import Block
    from modelshelf.services.registry import Registry


@dataclass(slots=True)
class Invocation:
    """What the options that every command has say; an empty `uri` leaves the choice to the environment."""

    uri: str = ""
    as_json: bool = False
    plain: bool = False

    def registry(self) -> "Registry":
        """The shelf that models are registered in. Raises NotFound where there is none yet, and makes none."""
        from modelshelf.sdk import session

        self.choose()
        return _existing(session.get_registry_uri())

    def tracking(self) -> "Registry":
        """The shelf that runs are logged to. Raises NotFound where there is none yet, and makes none."""
        from modelshelf.sdk import session

        self.choose()
        return _existing(session.get_tracking_uri())

    def choose(self) -> None:
        """Make `--uri`, if it was given, the shelf for runs and for models."""
        from modelshelf.sdk import session

        if self.uri:
            session.set_tracking_uri(self.uri)
            session.set_registry_uri(self.uri)

    def show(self, content: Any, *blocks: "Block") -> None:
        """Answer on stdout: the content as JSON if that was asked for, else the blocks."""
        if self.as_json:
            click.echo(json.dumps(_finite(content), indent=2))
        elif self.plain or not sys.stdout.isatty():
            from modelshelf.cli import plain

            click.echo(plain.text(blocks), nl=False)
        else:
            from modelshelf.cli import coloured

            coloured.show(blocks, sys.stdout)


def missing_file(uri: str) -> Path | None:
    """The SQLite file that a URI names, if it is not there."""
    if not uri.startswith("sqlite:///"):
        return None
    path = Path(uri.removeprefix("sqlite:///").partition("?")[0]).expanduser()
    return None if path.exists() else path


def _existing(uri: str) -> "Registry":
    from modelshelf.sdk import session

    path = missing_file(uri)
    if path is not None:
        shown = path if path.is_absolute() else f"./{path}"
        raise NotFound(
            f"no shelf at {shown}; make one with modelshelf quickstart, or name yours with --uri", path=str(path)
        )
    return session.opened(uri)


def _finite(content: Any) -> Any:
    """JSON has no word for NaN and the infinities: they become texts."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return "NaN" if math.isnan(content) else "Infinity" if content > 0 else "-Infinity"
    return content


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def shared_options() -> Sequence[click.Option]:
    """The options that stand before and after every command's name."""
    return (
        click.Option(
            ["--uri", "shelf_uri"],
            metavar="URI",
            expose_value=False,
            callback=_noting("uri"),
            help="The shelf: a file, sqlite:///shelf.db, postgresql://user@host/name or https://server.",
        ),
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            expose_value=False,
            callback=_noting("as_json"),
            help="Answer in JSON.",
        ),
        click.Option(
            ["--plain"],
            is_flag=True,
            expose_value=False,
            callback=_noting("plain"),
            help="Answer in plain text, without colours and never cut.",
        ),
    )


def _noting(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def note(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        invocation = context.ensure_object(Invocation)
        if value:
            setattr(invocation, field, value)

    return note
