"""`modelshelf server`, also called `modelshelf ui`: serve a shelf to a team over HTTP."""

from typing import Any

import click

from modelshelf.cli.commands import Command
from modelshelf.domain.errors import Invalid, MissingPackage
from modelshelf.domain.sources import STORE_SCHEME

_HELP = """Serve the shelf over HTTP, to MLflow's clients, the SDK and browsers.

Each option has an environment variable, e.g. MODELSHELF_PORT for --port.
"""


def _option(name: str, help_: str, **others: Any) -> Any:
    envvar = f"MODELSHELF_{name.upper().replace('-', '_')}"
    return click.option(f"--{name}", help=help_, envvar=envvar, **others)


_OPTIONS = (
    _option(
        "backend-store-uri",
        "The database: sqlite:///shelf.db or postgresql://user@host/name.",
        default="sqlite:///modelshelf.db",
        show_default=True,
        metavar="URI",
    ),
    _option(
        "artifacts-destination",
        "Where the files are kept, if not in the place that derives from the database.",
        default="",
        metavar="PLACE",
    ),
    click.option("--default-artifact-root", default="", hidden=True),
    click.option("--serve-artifacts", is_flag=True, hidden=True),
    _option("host", "The address to listen on.", default="127.0.0.1", show_default=True),
    _option("port", "The port to listen on.", default=5000, show_default=True, type=click.IntRange(0, 65535)),
    _option("workers", "How many processes answer.", default=1, show_default=True, type=click.IntRange(1, 256)),
    _option(
        "auth",
        "Whether everybody must say who they are.",
        default="off",
        show_default=True,
        type=click.Choice(["off", "required"]),
    ),
    _option("insecure", "Listen on an open address without asking who comes in.", is_flag=True),
    _option(
        "allowed-hosts",
        "Names by which clients may call this server, e.g. models.example.com behind a proxy.",
        default="",
        metavar="HOST,...",
    ),
    _option(
        "key-file",
        "The keys that sign and encrypt; all servers of a shelf share the file. Made when first needed.",
        default="",
        metavar="FILE",
    ),
    _option(
        "heads-file",
        "A file, best on another machine's disk, to which each signed head of the ledger is appended.",
        default="",
        metavar="FILE",
    ),
    _option(
        "webhook-allowed-hosts",
        "Internal hosts that webhooks may be sent to: names, addresses, networks.",
        default="",
        metavar="HOST,...",
    ),
    _option(
        "webhook-timeout",
        "How many seconds a webhook's receiver may take.",
        default=15,
        show_default=True,
        type=click.IntRange(1, 120),
    ),
    _option(
        "log-level",
        "debug tells every request, info those that write or fail.",
        default="info",
        show_default=True,
        type=click.Choice(["debug", "info", "warning", "error"]),
    ),
)


def _serve(*, default_artifact_root: str, serve_artifacts: bool, **given: Any) -> None:  # noqa: ARG001
    if default_artifact_root and not default_artifact_root.startswith(f"{STORE_SCHEME}:"):
        raise Invalid(
            f"--default-artifact-root is {default_artifact_root!r}, but all files go through this server; leave it "
            "out, and say with --artifacts-destination where they are kept"
        )
    try:
        from modelshelf.server.configuration import Configuration
        from modelshelf.server.process import serve
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"the server needs {error.name}: pip install 'modelshelf[server]'", package=error.name
        ) from None
    serve(Configuration(**given))


def _command(name: str) -> click.Command:
    options = [option for decorate in _OPTIONS for option in _params(decorate)]
    return Command(name, params=options, callback=_serve, help=_HELP, short_help="Serve the shelf over HTTP.")


def _params(decorate: Any) -> list[click.Parameter]:
    def holder() -> None: ...

    decorate(holder)
    return list(holder.__click_params__)  # type: ignore[attr-defined]


command, ui = _command("server"), _command("ui")
