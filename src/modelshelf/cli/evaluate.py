"""`modelshelf evaluate`: a version against another one on the same rows, kept as evidence."""

from pathlib import Path

import click

from modelshelf.cli import records, references
from modelshelf.cli.blocks import Facts, Note
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import model_names
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.errors import NotFound
from modelshelf.domain.evaluations import Evaluation


@click.command("evaluate", cls=Command)
@click.argument("uri", shell_complete=model_names)
@click.option("--against", required=True, metavar="URI", help="The version to beat: NAME@ALIAS, NAME/3.")
@click.option(
    "--data",
    required=True,
    metavar="CSV",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Rows that neither version has seen, with a header.",
)
@click.option("--target", required=True, metavar="COLUMN", help="The column that both predict.")
@click.option("--metric", required=True, metavar="METRIC", help="roc_auc, accuracy, f1, rmse, ...")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of the interval of the difference.")
@click.option("--resamples", type=int, default=1_000, show_default=True, help="Draws of the bootstrap.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap's draws.")
@click.option("--trust", is_flag=True, help="Load pickles also where MODELSHELF_TRUST=none forbids them.")
@pass_invocation
def command(
    invocation: Invocation,
    uri: str,
    against: str,
    data: Path,
    target: str,
    metric: str,
    confidence: float,
    resamples: int,
    seed: int,
    trust: bool,
) -> None:
    """Score the version URI and the one to beat on the same rows, with an interval of the difference.

    The result is kept with the version: gates speak of it (candidate.evaluations), and promote --if-better asks for it.
    Where --against names an alias that points nowhere yet, there is nothing to compare with, which is no failure.
    """
    invocation.registry()
    from modelshelf.sdk.evaluating import evaluate

    try:
        found = evaluate(
            references.uri(uri),
            str(data),
            targets=target,
            against=references.uri(against),
            metric=metric,
            confidence=confidence,
            resamples=resamples,
            seed=seed,
            trust=trust,
        )
    except NotFound as error:
        if "alias" not in error.details:
            raise
        invocation.show({"evaluation": None}, Note(f"Nothing to compare with yet: {error.message}."))
        return
    invocation.show({"evaluation": records.evaluation(found)}, Facts(_facts(found)), Note(_verdict(found)))


def _facts(found: Evaluation) -> list[tuple[str, str | float]]:
    interval = f"{found.difference:+.6g}, {found.confidence:.0%} interval {found.difference_low:+.6g} to "
    return [
        ("Metric", found.metric + ("" if found.greater_is_better else " (lower is better)")),
        (f"Version {found.version}", f"{found.candidate:.6g}"),
        (f"Version {found.against}", f"{found.baseline:.6g}"),
        ("Difference", interval + f"{found.difference_high:+.6g}"),
        ("Rows", f"{found.rows} of {found.dataset_name or 'the data'}"),
    ]


def _verdict(found: Evaluation) -> str:
    if found.gain_low > 0:
        return f"Version {found.version} is better."
    worst = found.difference_high if found.greater_is_better else -found.difference_low
    return f"Version {found.version} is {'worse' if worst < 0 else 'not shown to be better'}."
