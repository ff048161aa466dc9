"""Arguments and options that several commands have."""

from collections.abc import Mapping

import click

from modelshelf.cli.completing import alias_names, model_names
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import version_number
from modelshelf.services.governance import ANYTHING

name = click.argument("name", shell_complete=model_names)
alias = click.argument("alias", shell_complete=alias_names)
version = click.argument("version", type=click.IntRange(0))
reason = click.option("--reason", default="", metavar="TEXT", help="Why; the history keeps it.")
if_current = click.option(
    "--if-current",
    metavar="N",
    help="Refuse unless it is at version N now ('none': nowhere).",
)
tags = click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; may be given several times.")


def expected(text: str | None) -> int | None:
    """What `--if-current` asks for. Raises Invalid."""
    if text is None:
        return ANYTHING
    return None if text.lower() == "none" else version_number(text)


def tag_mapping(pairs: tuple[str, ...]) -> Mapping[str, str]:
    """The tags of `--tag KEY=VALUE`. Raises Invalid."""
    for pair in pairs:
        if "=" not in pair:
            raise Invalid(f"--tag {pair!r} has no '='; write --tag KEY=VALUE", tag=pair)
    return dict(pair.split("=", 1) for pair in pairs)
