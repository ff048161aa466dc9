"""A version against another one on the same rows: scored, kept as evidence, and asked for by a promotion."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

import modelshelf
from commandline import Commandline, commandline
from modelshelf.domain.errors import GateFailed, Invalid, NotFound

DRAW = np.random.default_rng(7)
ROWS = pd.DataFrame(DRAW.normal(size=(400, 3)), columns=["a", "b", "c"])
LABELS = (ROWS["a"] + 0.5 * ROWS["b"] + DRAW.normal(scale=0.5, size=400) > 0).astype(int)
HOLDOUT = ROWS.assign(y=LABELS).iloc[200:]


@pytest.fixture
def fraud(chosen_shelf: str) -> str:
    """Version 1 guesses and is in production, version 2 has learned, version 3 is version 2 trained again."""
    features, labels = ROWS.iloc[:200], LABELS.iloc[:200]
    for model in (
        DummyClassifier(strategy="stratified", random_state=1).fit(features, labels),
        LogisticRegression().fit(features, labels),
        LogisticRegression(C=0.9).fit(features, labels),
    ):
        modelshelf.sklearn.log_model(model, name="model", input_example=features, registered_model_name="fraud")
    modelshelf.promote("fraud", 1, alias="production")
    return chosen_shelf


def evaluated(version: int = 2, **options: Any) -> Any:
    given = {"targets": "y", "against": "models:/fraud@production", "metric": "roc_auc", "resamples": 200, **options}
    return modelshelf.evaluate(f"models:/fraud/{version}", given.pop("data", HOLDOUT), **given)


@pytest.mark.usefixtures("fraud")
def test_a_better_version_is_shown_to_be_better_and_promoted_for_it() -> None:
    found = evaluated()

    move = modelshelf.promote("fraud", 2, alias="production", if_better="roc_auc", confidence=0.95)

    assert found.candidate > 0.8
    assert found.baseline < 0.65
    assert 0 < found.difference_low < found.difference < found.difference_high
    assert (found.version, found.against, found.rows) == (2, 1, 200)
    assert move.after == 2


@pytest.mark.usefixtures("fraud")
def test_a_version_that_is_about_as_good_is_not_promoted() -> None:
    modelshelf.promote("fraud", 2, alias="production")
    found = evaluated(3)

    assert found.difference_low < 0.01
    with pytest.raises(GateFailed, match="not above 0"):
        modelshelf.promote("fraud", 3, alias="production", if_better="roc_auc")


@pytest.mark.usefixtures("fraud")
def test_an_evaluation_against_what_is_no_longer_there_does_not_count() -> None:
    evaluated(3)
    modelshelf.promote("fraud", 2, alias="production")

    with pytest.raises(GateFailed, match="against version 2"):
        modelshelf.promote("fraud", 3, alias="production", if_better="roc_auc")


@pytest.mark.usefixtures("fraud")
def test_both_are_scored_on_the_same_rows_and_the_same_draws() -> None:
    assert replace(evaluated(seed=5), created_ms=0) == replace(evaluated(seed=5), created_ms=0)


@pytest.mark.usefixtures("fraud")
def test_the_caller_s_own_metric_is_used() -> None:
    def cost(truth: Any, predicted: Any) -> float:
        return float(np.mean(np.where(truth == predicted, 0, np.where(truth == 1, 10, 1))))

    found = evaluated(metric=cost, greater_is_better=False)

    assert (found.metric, found.greater_is_better) == ("cost", False)
    assert found.candidate < found.baseline
    assert found.gain_low > 0


@pytest.mark.parametrize("metric", ["accuracy", "f1", "average_precision", "log_loss", "brier", "matthews_corrcoef"])
@pytest.mark.usefixtures("fraud")
def test_metrics_of_classifiers_have_names(metric: str) -> None:
    assert evaluated(metric=metric).gain_low > 0


@pytest.mark.parametrize("metric", ["r2", "rmse", "mse", "mae"])
@pytest.mark.usefixtures("chosen_shelf")
def test_metrics_of_regressors_have_names(metric: str) -> None:
    for columns in (["c"], ["a", "b"]):
        model = LinearRegression().fit(ROWS[columns], ROWS["a"] * 3)
        modelshelf.sklearn.log_model(model, name="model", input_example=ROWS[columns], registered_model_name="fraud")
    data = ROWS.assign(y=ROWS["a"] * 3 + DRAW.normal(scale=0.1, size=400))

    assert evaluated(metric=metric, against="models:/fraud/1", data=data).gain_low > 0


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"metric": "auc"}, Invalid, "no metric 'auc'; there are accuracy"),
        ({"targets": "z"}, Invalid, "no column 'z'; it has 'a', 'b', 'c', 'y'"),
        ({"against": "models:/fraud/2"}, Invalid, "nothing to compare with"),
        ({"against": "models:/fraud@nowhere"}, NotFound, "nowhere"),
        ({"data": HOLDOUT.head(1)}, Invalid, "too few"),
        ({"data": HOLDOUT.assign(y=1)}, Invalid, "not defined|cannot be computed"),
        ({"data": HOLDOUT.assign(y=np.nan)}, Invalid, "without a value"),
        ({"data": "nowhere.csv"}, NotFound, "cannot read"),
        ({"confidence": 1.0}, Invalid, "confidence"),
        ({"resamples": 3}, Invalid, "resamples"),
    ],
)
@pytest.mark.filterwarnings("ignore:Only one class is present")
@pytest.mark.usefixtures("fraud")
def test_what_can_t_be_evaluated_is_refused(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        evaluated(**options)


@pytest.fixture
def shell(fraud: str) -> Iterator[Commandline]:
    with commandline(fraud) as opened:
        yield opened


def test_one_step_in_ci(shell: Commandline, tmp_path: Path) -> None:
    HOLDOUT.to_csv(tmp_path / "holdout.csv", index=False)
    step = ["--data", str(tmp_path / "holdout.csv"), "--target", "y", "--metric", "roc_auc", "--resamples", "200"]

    said = shell("evaluate", "models:/fraud/2", "--against", "fraud@production", *step)
    moved = shell("promote", "fraud", "2", "--to", "production", "--if-better", "roc_auc")
    again = shell("evaluate", "fraud/3", "--against", "fraud@production", *step, "--json")
    refused = shell("promote", "fraud", "3", "--to", "production", "--if-better", "roc_auc")

    assert "Version 2 is better." in said.out
    assert moved.code == 0, moved.err
    assert json.loads(again.out)["evaluation"]["dataset_name"] == "holdout.csv"
    assert json.loads(again.out)["evaluation"]["created"].endswith("Z")
    assert refused.code == 3


def test_the_first_version_has_nothing_to_beat(shell: Commandline, tmp_path: Path) -> None:
    HOLDOUT.to_csv(tmp_path / "holdout.csv", index=False)

    said = shell(
        *("evaluate", "fraud/2", "--against", "fraud@staging", "--data", str(tmp_path / "holdout.csv")),
        *("--target", "y", "--metric", "roc_auc"),
    )

    assert said.code == 0
    assert "Nothing to compare with yet" in said.out
