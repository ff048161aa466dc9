"""`modelshelf serve`: answer predictions over HTTP with the version that an alias names."""

import os
from pathlib import Path

import click

from modelshelf.cli import references
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import model_names
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.errors import Invalid, MissingPackage

_TOKEN = "MODELSHELF_SERVE_TOKEN"  # noqa: S105 - the name of it


@click.command("serve", cls=Command, short_help="Answer predictions over HTTP.")
@click.option("-m", "--model-uri", required=True, metavar="URI", shell_complete=model_names, help="NAME@ALIAS.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes any.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="How many processes answer.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Ask for the bearer token in the file, or in {_TOKEN}.",
)
@click.option("--insecure", is_flag=True, help="Listen on an open address without asking who comes in.")
@click.option("--allowed-hosts", default="", metavar="HOST,...", help="Names by which clients may call this scorer.")
@click.option(
    "--max-rows", "most_rows", default=100_000, show_default=True, type=click.IntRange(1), help="Rows of one request."
)
@click.option(
    "--max-bytes", "most_bytes", default=32 << 20, show_default=True, type=click.IntRange(1), help="Bytes of one."
)
@click.option(
    "--key-header",
    default="X-Modelshelf-Key",
    show_default=True,
    metavar="NAME",
    help="The header whose value is answered by one and the same version during a rollout.",
)
@click.option("--trust", is_flag=True, help="Load pickles where MODELSHELF_TRUST is none; they can run any code.")
@click.option("--any-signature", is_flag=True, help="Swap even to a version that would break callers.")
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="info tells every request, warning only what goes wrong.",
)
@pass_invocation
def command(invocation: Invocation, /, model_uri: str, token_file: Path | None, **given: object) -> None:
    """Answer predictions over HTTP with the version that the alias names, and swap when it moves.

    Speaks MLflow's scoring protocol (POST /invocations) and the Open Inference Protocol (POST /v2/models/NAME/infer).
    """
    invocation.choose()
    try:
        from modelshelf.scoring.configuration import Configuration
        from modelshelf.scoring.process import serve
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"the scorer needs {error.name}: pip install 'modelshelf[server]'", package=error.name
        ) from None
    token = _token(token_file)
    serve(Configuration(model_uri=references.uri(model_uri), token=token, **given))  # type: ignore[arg-type]


def _token(file: Path | None) -> str:
    if file is None:
        return os.environ.pop(_TOKEN, "")
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"cannot read the token in {file}: {error}", path=str(file)) from error
    if not token:
        raise Invalid(f"{file} is empty; make a token: openssl rand -hex 32 > {file}", path=str(file))
    return token
