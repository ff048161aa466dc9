"""`modelshelf predict`: a model's predictions for a table or a JSON text."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from modelshelf.cli import references
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import model_names
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.errors import Invalid


@click.command("predict", cls=Command)
@click.argument("uri", shell_complete=model_names)
@click.option("--input", "input_", required=True, metavar="FILE", help="CSV or JSON; - is the standard input.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write there instead; .csv or .json.",
)
@click.option("--format", "format_", type=click.Choice(["csv", "json"]), help="The input's, if its name does not tell.")
@click.option("--param", "params", multiple=True, metavar="KEY=JSON", help="A parameter of the signature.")
@click.option("--trust", is_flag=True, help="Load pickles of what is no version of the shelf; they can run any code.")
@pass_invocation
def command(
    invocation: Invocation,
    uri: str,
    input_: str,
    output: Path | None,
    format_: str | None,
    params: tuple[str, ...],
    trust: bool,
) -> None:
    """Predict with the model URI (NAME/3, NAME@ALIAS, models:/..., runs:/..., a folder).

    A CSV file has a header. A JSON file holds a list of objects (rows), an object of lists (columns), or one of
    {"dataframe_split": ...}, {"dataframe_records": ...}, {"inputs": ...}, {"instances": ...}.
    Predictions are written as CSV, or as JSON with --json.
    """
    text, form = _content(input_), format_ or _format(input_)
    invocation.registry()
    invocation.tracking()
    from modelshelf.cli import tabular
    from modelshelf.sdk.loading import load_pyfunc

    model = load_pyfunc(references.files(uri), trust=trust)
    data = tabular.read(text, form, model.metadata.get_input_schema())
    predictions = model.predict(data, _params(params) or None)
    as_json = invocation.as_json or (output is not None and output.suffix == ".json")
    answer = tabular.as_json(predictions) if as_json else tabular.as_csv(predictions)
    if output is None:
        click.echo(answer, nl=False)
    else:
        _write(output, answer)


def _content(name: str) -> str:
    try:
        return (sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise Invalid(f"cannot read {name}: {error.strerror}", path=name) from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{name} is not a text in UTF-8: {error.reason} at byte {error.start}", path=name) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(f"cannot write {path}: {error.strerror}", path=str(path)) from error


def _format(name: str) -> str:
    suffix = Path(name).suffix.lower()
    if suffix in {".csv", ".json"}:
        return suffix[1:]
    raise Invalid(f"is {name!r} CSV or JSON? say --format csv or --format json", path=name)


def _params(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Values are JSON where they can be, texts otherwise."""
    return {key: _value(value) for key, value in (_pair(text) for text in pairs)}


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise Invalid(f"--param {text!r} has no '='; write --param KEY=VALUE")
    return key, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
