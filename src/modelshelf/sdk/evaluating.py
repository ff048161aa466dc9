"""Two versions on the same rows: what each scores, and how sure their difference is."""

import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelshelf.domain.errors import Invalid, MissingPackage, NotFound
from modelshelf.domain.evaluations import Evaluation
from modelshelf.flavors.pyfunc_model import PyFuncModel
from modelshelf.sdk import session
from modelshelf.sdk.counting import counted
from modelshelf.sdk.loading import load_pyfunc

Metric = Callable[[Any, Any], float]
"""`metric(true, predicted)`: a number from two arrays of as many rows."""

RESAMPLES: Final = 1_000
FEWEST_RESAMPLES: Final = 100
_LABELS, _SCORES = "labels", "scores"


@dataclass(frozen=True, slots=True)
class _Known:
    """A metric by its name: the function of sklearn.metrics, what it is computed from, and which way is better."""

    function: str
    takes: str = _LABELS
    greater_is_better: bool = True


METRICS: Final = {
    "accuracy": _Known("accuracy_score"),
    "balanced_accuracy": _Known("balanced_accuracy_score"),
    "f1": _Known("f1_score"),
    "precision": _Known("precision_score"),
    "recall": _Known("recall_score"),
    "matthews_corrcoef": _Known("matthews_corrcoef"),
    "roc_auc": _Known("roc_auc_score", _SCORES),
    "average_precision": _Known("average_precision_score", _SCORES),
    "log_loss": _Known("log_loss", _SCORES, greater_is_better=False),
    "brier": _Known("brier_score_loss", _SCORES, greater_is_better=False),
    "r2": _Known("r2_score"),
    "rmse": _Known("root_mean_squared_error", greater_is_better=False),
    "mse": _Known("mean_squared_error", greater_is_better=False),
    "mae": _Known("mean_absolute_error", greater_is_better=False),
}
"""Metrics that have a name here; any function of true and predicted values will do as well."""


def evaluate(
    model: str,
    data: Any,
    *,
    targets: str,
    against: str,
    metric: str | Metric = "accuracy",
    greater_is_better: bool | None = None,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    dataset_name: str = "",
    trust: bool = False,
) -> Evaluation:
    """Score a version (`models:/fraud/7`) and another one (`against="models:/fraud@production"`) on the same rows.

    `data` is a DataFrame or a CSV file that also has the column `targets`. `metric` is a name (`roc_auc`, `accuracy`,
    `rmse`, ...; see METRICS) or a function of true and predicted values; of a function say with `greater_is_better`
    which way is better (the default: greater is). The interval of the difference is that of the paired bootstrap
    (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13: percentiles over `resamples` draws of
    rows, the same rows for both). The result is kept with the version as evidence for gates and `promote(if_better=)`.

    Raises NotFound, Invalid where the data or the metric does not fit, and what loading and predicting raise.
    """
    registry = session.registry()
    candidate = registry.catalog.resolve(model).version
    baseline = registry.catalog.resolve(against).version
    if candidate.model_id != baseline.model_id:
        raise Invalid(f"{model} and {against} are versions of two models; evaluate within one", uri=against)
    if candidate.number == baseline.number:
        raise Invalid(f"{against} is version {baseline.number} itself; there is nothing to compare with", uri=against)
    if not 0.5 <= confidence < 1:
        raise Invalid(f"the confidence must be from 0.5 to below 1, not {confidence}", field="confidence")
    if not FEWEST_RESAMPLES <= resamples <= 1_000_000:
        raise Invalid(f"the bootstrap takes {FEWEST_RESAMPLES} to 1,000,000 resamples, not {resamples}")
    chosen = _chosen(metric, greater_is_better)
    table = _Table.read(data, targets, dataset_name)
    predictions = [
        _predicted(load_pyfunc(f"models:/{each.name}/{each.number}", trust=trust), table, chosen)
        for each in (candidate, baseline)
    ]
    ours, theirs, low, high = _bootstrap(table.truth, predictions, chosen, confidence, resamples, seed)
    found = Evaluation(
        metric=chosen.name,
        against=baseline.number,
        candidate=ours,
        baseline=theirs,
        difference=ours - theirs,
        difference_low=min(low, ours - theirs),
        difference_high=max(high, ours - theirs),
        confidence=confidence,
        rows=len(table.truth),
        greater_is_better=chosen.greater_is_better,
        dataset_name=table.name,
        dataset_digest=table.digest,
    )
    return registry.governance.log_evaluation(candidate.name, candidate.number, found)


@dataclass(frozen=True, slots=True)
class _Chosen:
    name: str
    function: Metric
    takes_scores: bool
    greater_is_better: bool


def _chosen(metric: str | Metric, greater_is_better: bool | None) -> _Chosen:
    if callable(metric):
        name = getattr(metric, "__name__", "metric").strip("<>") or "metric"
        return _Chosen(name, metric, takes_scores=False, greater_is_better=greater_is_better is not False)
    known = METRICS.get(metric)
    if known is None:
        raise Invalid(f"no metric {metric!r}; there are {', '.join(METRICS)}, or pass a function", field="metric")
    try:
        from sklearn import metrics
    except ModuleNotFoundError:
        raise MissingPackage(
            "metrics by name need scikit-learn: pip install 'modelshelf[sklearn]'", package="scikit-learn"
        ) from None
    function = getattr(metrics, known.function)
    way = known.greater_is_better if greater_is_better is None else greater_is_better
    return _Chosen(metric, function, takes_scores=known.takes == _SCORES, greater_is_better=way)


@dataclass(frozen=True, slots=True)
class _Table:
    features: Any
    truth: Any
    name: str
    digest: str

    @classmethod
    def read(cls, data: Any, targets: str, name: str) -> "_Table":
        """A DataFrame or a CSV file, with the column to be predicted taken out."""
        import pandas as pd

        digest = ""
        if isinstance(data, str | Path):
            path = Path(data)
            try:
                content = path.read_bytes()
                frame = pd.read_csv(path)
            except OSError as error:
                raise NotFound(f"cannot read {path}: {error.strerror}", path=str(path)) from error
            except ValueError as error:
                raise Invalid(f"{path} is not CSV with a header: {error}", path=str(path)) from error
            name, digest = name or path.name, f"sha256:{hashlib.sha256(content).hexdigest()}"
        elif isinstance(data, pd.DataFrame):
            frame = data
            rows = pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()
            digest = f"sha256:{hashlib.sha256(rows + repr(list(frame.columns)).encode()).hexdigest()}"
        else:
            raise Invalid(f"data must be a DataFrame or a CSV file, not {type(data).__name__}", field="data")
        if targets not in frame.columns:
            raise Invalid(f"the data has no column {targets!r}; it has {_some(list(frame.columns))}", field="targets")
        if frame[targets].isna().any():
            raise Invalid(f"the column {targets!r} has rows without a value", field="targets")
        if len(frame) < 2:
            raise Invalid(f"{len(frame)} rows are too few to compare anything", field="data")
        return cls(frame.drop(columns=[targets]), frame[targets].to_numpy(), name, digest)


def _some(names: Sequence[Any]) -> str:
    shown = ", ".join(map(repr, names[:10]))
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _predicted(model: PyFuncModel, table: _Table, metric: _Chosen) -> Any:
    """What a model says of each row: labels and numbers, or for scores the probability of the second class."""
    import numpy as np

    features = table.features
    schema = model.metadata.get_input_schema()
    if schema is not None and schema.has_input_names():
        wanted = [name for name in schema.input_names() if name in features.columns]
        features = features[wanted] if wanted else features
    found = _probabilities(model, features) if metric.takes_scores else None
    values = np.asarray(model.predict(features) if found is None else found)
    if values.ndim == 2 and values.shape[1] == 2 and metric.takes_scores:
        values = values[:, 1]
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if len(values) != len(table.truth):
        raise Invalid(f"the model gave {len(values)} predictions for {len(table.truth)} rows", field="data")
    return values


def _probabilities(model: PyFuncModel, features: Any) -> Any:
    """Scores of a classifier that has them; None of other models, whose predictions are taken for scores."""
    try:
        raw = model.get_raw_model()
    except Invalid:
        return None
    for method in ("predict_proba", "decision_function"):
        if inspect.ismethod(getattr(raw, method, None)):
            model.predict(features.head(1))  # refuses what the signature refuses
            return getattr(raw, method)(features)
    return None


def _bootstrap(
    truth: Any, predictions: Sequence[Any], metric: _Chosen, confidence: float, resamples: int, seed: int
) -> tuple[float, float, float, float]:
    """The metric of both, and the interval of the difference."""
    import numpy as np

    def score(rows: Any) -> list[float]:
        return [float(metric.function(truth[rows], values[rows])) for values in predictions]

    try:
        ours, theirs = score(np.arange(len(truth)))
    except (ValueError, TypeError, IndexError) as error:
        raise Invalid(f"{metric.name} cannot be computed from these predictions: {error}", field="metric") from error
    if not (np.isfinite(ours) and np.isfinite(theirs)):
        raise Invalid(f"{metric.name} is not defined on these rows: {ours} and {theirs}", field="metric")
    draw, differences = np.random.default_rng(seed), []
    for _ in counted(resamples, "resampling"):
        try:
            one, other = score(draw.integers(0, len(truth), len(truth)))
        except ValueError:  # a draw without one of the classes
            continue
        if np.isfinite(one) and np.isfinite(other):
            differences.append(one - other)
    if len(differences) < FEWEST_RESAMPLES // 2:
        raise Invalid(
            f"{metric.name} is hardly ever defined on draws of {len(truth)} rows: use more data", field="data"
        )
    low, high = np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2])
    return ours, theirs, float(low), float(high)
