"""The entry point of the command line: the group that holds every command."""

import sys

import click

from modelshelf.cli.commands import Shell

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group("modelshelf", cls=Shell, context_settings=_SETTINGS)
@click.version_option(package_name="modelshelf", message="modelshelf %(version)s")
def shell() -> None:
    """Modelshelf: named, numbered, immutable, promotable models, with a ledger of every move.

    The shelf is the one of --uri, else of MODELSHELF_TRACKING_URI or MLFLOW_TRACKING_URI (for models first
    MODELSHELF_REGISTRY_URI or MLFLOW_REGISTRY_URI), else the file modelshelf.db in the current folder.
    """


def main() -> None:
    """Run the command line and exit; what the terminal cannot encode is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    shell()
