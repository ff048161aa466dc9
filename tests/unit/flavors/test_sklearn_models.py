"""scikit-learn models: every estimator saves and loads with no extra argument, and predicts the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import Birch
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances
from sklearn.utils.estimator_checks import _enforce_estimator_tags_X, _enforce_estimator_tags_y

from modelshelf.domain.errors import Invalid, MissingPackage, Untrusted
from modelshelf.flavors import pyfunc, sklearn, skops_files
from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.signature import infer_signature

X, Y = load_iris(return_X_y=True, as_frame=True)
METHODS = ("predict", "transform", "decision_function")
# What these give is drawn at random each time, trained or restored.
RANDOM = {"DummyClassifier"}
# skops refuses Birch, so it is pickled.
PICKLED = {"Birch"}


def fitted(kind: Any) -> tuple[Any, Any]:
    """An instance with small data that suits it; some cannot be fitted on a matrix and stay unfitted."""
    rng = np.random.RandomState(0)
    if kind is FrozenEstimator:
        return kind(LogisticRegression(max_iter=500).fit(X, Y)), X
    model = next(iter(_construct_instances(kind)))
    rows = rng.normal(size=(40, 4))
    data = _enforce_estimator_tags_X(model, rows)
    target = _enforce_estimator_tags_y(model, (rows[:, 0] > 0).astype(int))
    try:
        model.fit(data, target)
        for method in METHODS:
            getattr(model, method, len)(data)
    except (TypeError, AttributeError, ValueError):
        return model, None
    return model, data


@pytest.mark.filterwarnings("ignore")  # tiny data: estimators warn that they did not converge
@pytest.mark.parametrize("kind", [pytest.param(kind, id=name) for name, kind in all_estimators()])
def test_every_estimator_survives_saving_and_loading_without_trust(tmp_path: Path, kind: Any) -> None:
    model, data = fitted(kind)

    stored = sklearn._store(model, tmp_path, None, [])
    restored = sklearn._load(
        tmp_path,
        Model(flavors={"sklearn": {"pickled_model": stored.file, "serialization_format": stored.format}}),
        {},
        trusted=kind.__name__ in PICKLED,
    )

    assert stored.format == ("cloudpickle" if kind.__name__ in PICKLED else "skops")
    assert restored.get_params().keys() == model.get_params().keys()
    for method in METHODS:
        if data is not None and hasattr(model, method) and kind.__name__ not in RANDOM:
            assert_same(getattr(model, method)(data), getattr(restored, method)(data))


def assert_same(one: Any, other: Any) -> None:
    one, other = (each.toarray() if hasattr(each, "toarray") else np.asarray(each) for each in (one, other))
    if one.dtype.kind in "fc":
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    else:
        np.testing.assert_array_equal(one, other)


MIXED = pd.DataFrame(
    {
        "age": [20.0, None, 40.0, 50.0] * 10,
        "city": ["a", "b", "a", "c"] * 10,
        "text": ["red car", "car", "sun", "red"] * 10,
    }
)
LABELS = [0, 1, 0, 1] * 10
COLUMNS = ColumnTransformer(
    [
        ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
        ("text", TfidfVectorizer(ngram_range=(1, 2)), "text"),
    ]
)


NUMBERS = ColumnTransformer([("n", StandardScaler(), make_column_selector(dtype_include=np.number))])


@pytest.mark.parametrize(
    ("model", "data", "labels"),
    [
        (make_pipeline(COLUMNS, RandomForestClassifier(5, random_state=0)), MIXED, LABELS),
        (GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=StratifiedKFold(2)), X, Y),
        (CalibratedClassifierCV(RandomForestClassifier(3, random_state=0), cv=2, method="isotonic"), X, Y),
        (make_pipeline(FunctionTransformer(np.log1p), HistGradientBoostingClassifier(max_iter=3)), X, Y),
        (make_pipeline(SplineTransformer(), LogisticRegression(max_iter=500)), X, Y),
        (KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"), X, Y),
        (MLPClassifier((4,), solver="sgd", max_iter=1000, random_state=0, tol=0.1), X, Y),
        (GaussianProcessRegressor(RBF() + Matern() * WhiteKernel(), optimizer=None), X, Y),
        (make_pipeline(NUMBERS, LogisticRegression(max_iter=500)), X, Y),
        (GridSearchCV(SVC(), {"C": [1, 2]}, scoring=make_scorer(f1_score, average="macro")), X, Y),
        (IsolationForest(n_estimators=5, max_features=0.5, random_state=0), X.to_numpy(), Y),
        (StackingClassifier([("a", DecisionTreeClassifier(random_state=0)), ("b", KNeighborsClassifier())]), X, Y),
        (TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1), X, Y),
        (ExtraTreesClassifier(3, random_state=0), X, np.array(["a", "b", "c"], dtype=object)[Y]),
        (RandomForestClassifier(5, class_weight={0: 1.0, 1: 2.0, 2: 3.0}, random_state=0), X, Y),
    ],
    ids=lambda each: type(each).__name__ if hasattr(each, "fit") else "",
)
def test_compositions_load_without_trust(tmp_path: Path, model: Any, data: Any, labels: Any) -> None:
    model.fit(data, labels)
    sklearn.save_model(model, tmp_path / "m")

    restored = sklearn.load_model(tmp_path / "m")

    assert Model.load(tmp_path / "m").flavors["sklearn"]["serialization_format"] == "skops"
    assert_same(model.predict(data), restored.predict(data))


class Shift(BaseEstimator, TransformerMixin):
    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        return np.asarray(X) + 1


@pytest.mark.parametrize("step", [Shift(), FunctionTransformer(lambda rows: rows)], ids=["class", "lambda"])
def test_code_of_the_users_own_is_pickled_and_needs_trust(tmp_path: Path, step: Any) -> None:
    model = make_pipeline(step, LogisticRegression(max_iter=500)).fit(X.to_numpy(), Y)
    sklearn.save_model(model, tmp_path / "m")

    with pytest.raises(Untrusted, match=r"model\.pkl.*trust=True"):
        sklearn.load_model(tmp_path / "m")
    restored = sklearn.load_model(tmp_path / "m", trusted=True)

    assert_same(model.predict(X.to_numpy()), restored.predict(X.to_numpy()))


def test_a_dict_that_skops_would_change_is_pickled(tmp_path: Path) -> None:
    model = LogisticRegression(class_weight={True: 1.0, False: 3.0}).fit(X, Y > 0)

    sklearn.save_model(model, tmp_path / "m")

    assert sklearn.load_model(tmp_path / "m", trusted=True).class_weight == {True: 1.0, False: 3.0}


def test_the_list_of_trusted_types_in_a_model_is_never_read(tmp_path: Path) -> None:
    sklearn.save_model(
        make_pipeline(Shift()).fit(X),
        tmp_path / "m",
        serialization_format="skops",
        skops_trusted_types=[f"{Shift.__module__}.Shift"],
    )

    with pytest.raises(Untrusted, match="Shift"):
        sklearn.load_model(tmp_path / "m")

    assert sklearn.load_model(tmp_path / "m", trusted=True).transform(X).shape == X.shape


def test_skops_is_refused_for_types_that_nobody_stated(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Shift"):
        sklearn.save_model(make_pipeline(Shift()), tmp_path / "m", serialization_format="skops")


def test_the_pyfunc_flavor_calls_the_method_it_was_saved_with(tmp_path: Path) -> None:
    model = LogisticRegression(max_iter=500).fit(X, Y)
    sklearn.save_model(model, tmp_path / "m", pyfunc_predict_fn="predict_proba", input_example=X.head(2))

    loaded = pyfunc.load_model(tmp_path / "m")

    assert_same(loaded.predict(X), model.predict_proba(X))
    assert loaded.metadata.signature == infer_signature(X, model.predict_proba(X))
    assert type(loaded.get_raw_model()) is LogisticRegression


def test_requirements_are_pinned_and_complete(tmp_path: Path) -> None:
    sklearn.save_model(RandomForestClassifier(2).fit(X, Y), tmp_path / "m", signature=infer_signature(X))

    lines = (tmp_path / "m" / "requirements.txt").read_text().splitlines()

    assert [line.partition("==")[0] for line in lines] == ["numpy", "pandas", "scikit-learn", "scipy", "skops"]
    assert all("==" in line for line in lines)


def test_plain_pickles_are_written_and_read_on_request(tmp_path: Path) -> None:
    model = Birch().fit(X)
    sklearn.save_model(model, tmp_path / "m", serialization_format="pickle")

    restored = sklearn.load_model(tmp_path / "m", trusted=True)

    assert_same(model.predict(X), restored.predict(X))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"sk_model": object()}, "sk_model"),
        ({"sk_model": LogisticRegression}, "sk_model"),
        ({"serialization_format": "joblib"}, "serialization_format"),
        ({"pyfunc_predict_fn": "__init__"}, "pyfunc_predict_fn"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_arguments_that_do_not_fit_are_named(tmp_path: Path, arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        sklearn.save_model(path=tmp_path / "m", **{"sk_model": LogisticRegression(), **arguments})


def test_a_model_of_a_flavor_that_only_mlflow_reads_says_so(tmp_path: Path) -> None:
    if sklearn.is_installed("mlflow"):
        pytest.skip("mlflow is installed here")
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: mlflow.xgboost, data: MLmodel}}")
    (tmp_path / "requirements.txt").write_text("mlflow==3.17.2\nxgboost==3.0")

    with pytest.raises(Untrusted, match=r"mlflow\.xgboost"):
        pyfunc.load_model(tmp_path)
    with pytest.raises(MissingPackage, match=r"pip install 'mlflow==3\.17\.2'"):
        pyfunc.load_model(tmp_path, trusted=True)


def test_saving_writes_what_skops_itself_reads(tmp_path: Path) -> None:
    import skops.io

    model = RandomForestClassifier(3, random_state=0).fit(X, Y)
    stored = skops_files.dump(model, tmp_path / "m.skops", also=[])

    restored = skops.io.load(tmp_path / "m.skops", trusted=list(stored.untrusted_by_skops))

    assert stored.untrusted_by_skops == ("sklearn.tree._tree.Tree",)
    assert_same(model.predict(X), restored.predict(X))


CATEGORIES = pd.DataFrame(
    {
        "size": np.random.RandomState(0).rand(90),
        "kind": pd.Categorical(["x", "y", "z"] * 30),
        "grade": pd.Categorical([3, 7] * 45),
    }
)
BY_KIND = CATEGORIES["kind"].isin(["x", "z"]).astype(int)


@pytest.mark.parametrize("columns", [["size", "kind", "grade"], ["kind", "size"], ["kind", "grade"]])
@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_categories_of_a_table_load_without_trust(tmp_path: Path, kind: Any, columns: list[str]) -> None:
    data = CATEGORIES[columns]
    model = kind(max_iter=3, categorical_features="from_dtype").fit(data, BY_KIND)
    assert model._predictors[0][0].nodes["is_categorical"].any()

    sklearn.save_model(model, tmp_path / "m")

    assert_same(model.predict(data), sklearn.load_model(tmp_path / "m").predict(data))


@pytest.mark.filterwarnings("ignore")  # few rows: it says that it did not converge
def test_an_iterative_imputer_loads_without_trust(tmp_path: Path) -> None:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 — it makes the name importable
    from sklearn.impute import IterativeImputer

    data = np.where(np.random.RandomState(0).rand(30, 3) < 0.1, np.nan, np.arange(90).reshape(30, 3))
    model = IterativeImputer(random_state=0).fit(data)

    skops_files.dump(model, tmp_path / "m.skops", also=[])

    restored = skops_files.load(tmp_path, tmp_path / "m.skops", trusted=False)
    assert_same(model.transform(data), restored.transform(data))
