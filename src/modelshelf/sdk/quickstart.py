"""The quickstart: models of real data are registered, promoted, loaded by alias, rolled back; the ledger shows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from modelshelf.domain.errors import MissingPackage, NotFound
from modelshelf.flavors.model_info import ModelInfo
from modelshelf.sdk import active, loading, models, runs, session
from modelshelf.services.registry import Registry

URI = "sqlite:///quickstart.db"
MODEL = "tumours"
ALIAS = "production"
_EXPERIMENT = "quickstart"
_SHOWN_ROWS = 5
_SHOWN_MOVES = 8


@dataclass(frozen=True, slots=True)
class _Data:
    """Measurements of tumours, for training and for testing; a 1 says benign."""

    train_x: Any
    test_x: Any
    train_y: Any
    test_y: Any


def run(uri: str = URI, *, console: Console) -> None:
    """Tell the story on a console, in about ten seconds. Repeated runs add further versions to the same model.

    Raises MissingPackage where scikit-learn is not installed.
    """
    with _talking_to(uri):
        _Story(console, session.registry()).tell()


@contextmanager
def _talking_to(uri: str) -> Iterator[None]:
    tracking, registry = session.get_tracking_uri(), session.get_registry_uri()
    session.set_tracking_uri(uri)
    session.set_registry_uri(uri)
    try:
        yield
    finally:
        session.set_tracking_uri(tracking)
        session.set_registry_uri("" if registry == tracking else registry)


class _Story:
    """One step after the other, each said before it is done."""

    def __init__(self, console: Console, shelf: Registry) -> None:
        self._console, self._shelf, self._steps = console, shelf, 0

    def tell(self) -> None:
        self._step("Load 569 real tumours with 30 measurements each (a data set that scikit-learn ships)")
        data = _load_data()
        first = self._train("a decision tree of two levels", _tree(), data)
        second = self._train("a logistic regression on scaled measurements", _regression(), data)
        self._promote(first, "a first model to start from")
        self._promote(second, "more accurate on held-out tumours")
        self._predict(data)
        self._roll_back()
        self._history()
        self._what_next()

    def _step(self, text: str) -> None:
        self._steps += 1
        self._console.print(f"\n[bold cyan]{self._steps}.[/] [bold]{escape(text)}[/]", soft_wrap=True)

    def _say(self, markup: str) -> None:
        self._console.print(f"   {markup}", soft_wrap=True)

    def _train(self, what: str, model: Any, data: _Data) -> int:
        self._step(f"Train {what}; log it, and register it as a version of {MODEL!r}")
        with active.start_run(experiment_id=self._experiment(), run_name=what):
            model.fit(data.train_x, data.train_y)
            runs.log_params({"model": type(model).__name__, "rows": len(data.train_y)})
            info: ModelInfo = models.log_sklearn(model, name="model", registered_model_name=MODEL)
            accuracy = float(model.score(data.test_x, data.test_y))
            runs.log_metrics({"accuracy": accuracy})
        number = info.registered_model_version or 0
        self._say(f"[green]version {number}[/]: {accuracy:.1%} of {len(data.test_y)} held-out tumours judged right")
        return number

    def _experiment(self) -> str:
        try:
            return self._shelf.tracking.experiment_by_name(_EXPERIMENT).id
        except NotFound:
            return self._shelf.tracking.create_experiment(_EXPERIMENT).id

    def _promote(self, number: int, reason: str) -> None:
        self._step(f"Promote version {number}: point the alias @{ALIAS} at it")
        move = self._shelf.governance.promote(MODEL, number, alias=ALIAS, reason=reason)
        before = "nothing" if move.before is None else f"version {move.before}"
        self._say(f"[yellow]{MODEL}@{ALIAS}[/]: {before} -> [green]version {move.after}[/]")

    def _predict(self, data: _Data) -> None:
        self._step(f"Load models:/{MODEL}@{ALIAS} and predict, as a service would: it knows no version, only the alias")
        model = loading.load_pyfunc(f"models:/{MODEL}@{ALIAS}")
        predicted = model.predict(data.test_x[:_SHOWN_ROWS])
        for judged, actual in zip(predicted, data.test_y[:_SHOWN_ROWS], strict=True):
            sign = "[green]right[/]" if judged == actual else "[red]wrong[/]"
            self._say(f"predicted {_verdict(judged):<9} was {_verdict(actual):<9} {sign}")

    def _roll_back(self) -> None:
        self._step("Something is wrong in production? Roll back: one move, no deployment")
        move = self._shelf.governance.rollback(MODEL, ALIAS, reason="trying out a rollback")
        self._say(f"[yellow]{MODEL}@{ALIAS}[/]: version {move.before} -> [green]version {move.after}[/]")
        number = self._shelf.catalog.resolve(f"models:/{MODEL}@{ALIAS}").version.number
        self._say(f"whoever loads models:/{MODEL}@{ALIAS} from now on gets version {number}")

    def _history(self) -> None:
        self._step("Who moved what, when and why? The ledger forgets nothing")
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("time (UTC)", "alias", "from", "to", "by", "why"):
            table.add_column(heading)
        for move in self._shelf.governance.history(MODEL, alias=ALIAS, limit=_SHOWN_MOVES):
            when = datetime.fromtimestamp(move.time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
            cells = (when, f"@{move.alias}", str(move.before or "-"), str(move.after or "-"), move.actor, move.reason)
            table.add_row(*(escape(cell) for cell in cells))
        self._console.print(table)

    def _what_next(self) -> None:
        self._step("Your turn")
        self._say(f"Everything is in [yellow]{escape(self._shelf.uri)}[/]. From Python:")
        for line in (
            "import modelshelf as mlflow",
            f"mlflow.set_tracking_uri({self._shelf.uri!r})",
            f'model = mlflow.pyfunc.load_model("models:/{MODEL}@{ALIAS}")',
        ):
            self._console.print(f"     {line}", style="magenta", markup=False, highlight=False, soft_wrap=True)
        self._say("Programs written for MLflow run with that import. Run this again for two versions more;")
        self._say("[magenta]modelshelf --help[/] lists what else there is.")


def _verdict(label: int) -> str:
    return "benign" if label else "malignant"


def _load_data() -> _Data:
    try:
        from sklearn.datasets import load_breast_cancer
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise MissingPackage(
            "the quickstart trains with scikit-learn: pip install 'modelshelf[demo]'", package="scikit-learn"
        ) from None
    features, labels = load_breast_cancer(return_X_y=True)
    return _Data(*train_test_split(features, labels, test_size=0.3, random_state=7, stratify=labels))


def _tree() -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=2, random_state=0)


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
