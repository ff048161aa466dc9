"""How commands fail: one line that says what is wrong and what to do, and an exit code that scripts can rely on."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from modelshelf.cli import inert
from modelshelf.domain.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    InvalidFilter,
    NotFound,
    ShelfError,
    Throttled,
    Unauthenticated,
    Unavailable,
    Untrusted,
)

OK, FAILED, USAGE, REFUSED, NOT_FOUND, FORBIDDEN, UNAVAILABLE, DIFFERENT = 0, 1, 2, 3, 4, 5, 6, 7
INTERRUPTED, CLOSED = 130, 141
"""Exit codes; 141 is what shells say of a program whose reader went away."""

_CODES: tuple[tuple[type[ShelfError], int], ...] = (
    (Invalid, USAGE),
    (NotFound, NOT_FOUND),
    (Conflict, REFUSED),
    (AlreadyExists, REFUSED),
    (Unauthenticated, FORBIDDEN),
    (Forbidden, FORBIDDEN),
    (Untrusted, FORBIDDEN),
    (Throttled, UNAVAILABLE),
    (Unavailable, UNAVAILABLE),
)


def exit_code(error: BaseException) -> int:
    """The exit code of a failure."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


class ReaderGone(Exception):
    """Whoever read the output has enough. (click would make it an exit code of 1, like any failure's.)"""


def guarded(command: Callable[[], Any], *, as_json: bool) -> int:
    """Run a command; its failure becomes a line on stderr, and in any case there is an exit code."""
    try:
        result = command()
    except ReaderGone:
        _close_quietly()
        return CLOSED
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        _say_usage(error, as_json=as_json)
        return error.exit_code
    except Exception as error:
        if os.environ.get("MODELSHELF_DEBUG", "") not in {"", "0"}:
            import traceback

            traceback.print_exc()
        else:
            _say(error, as_json=as_json)
        return exit_code(error)
    return result if isinstance(result, int) else OK


def _say(error: Exception, *, as_json: bool) -> None:
    message, code, details = str(error), "internal", {}
    if isinstance(error, ShelfError):
        message, code, details = error.message, error.code, error.details
    elif isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        hint = "set MODELSHELF_DEBUG=1 to see where it comes from"
        message = f"{type(error).__name__}: {message}; {hint}" if message else f"{type(error).__name__}; {hint}"
    if as_json:
        _say_json(message, code, details)
    else:
        # A filter's fault is pointed at, in the lines below.
        shown = "\n".join(inert.lines(message)) if isinstance(error, InvalidFilter) else inert.line(message)
        click.echo(f"error: {shown}", err=True)


def _say_usage(error: click.ClickException, *, as_json: bool) -> None:
    message = " ".join(error.format_message().split())  # click lists choices below each other
    context = error.ctx if isinstance(error, click.UsageError) else None
    if as_json:
        _say_json(message, "usage", {"usage": context.get_usage()} if context else {})
        return
    if context is not None:
        click.echo(context.get_usage(), err=True)
    click.echo(f"error: {inert.line(message)}", err=True)
    if context is not None and isinstance(error, click.UsageError):
        click.echo(f"hint: {context.command_path} --help", err=True)


def _say_json(message: str, code: str, details: dict[str, Any]) -> None:
    content = {"error": {"code": code, "message": message, "details": details}}
    click.echo(json.dumps(content, indent=2, default=str), err=True)


def _close_quietly() -> None:
    """Nothing more is written, not even by the interpreter's last flush."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
