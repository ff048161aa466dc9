"""scikit-learn models: skops where it holds them and their types are reviewed, cloudpickle otherwise."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import Invalid, InvalidModel
from modelshelf.flavors import pickles, skops_files
from modelshelf.flavors.directory import Extras, copy_code, copy_into, finish, new_directory
from modelshelf.flavors.environment import ENTRY, Environment
from modelshelf.flavors.mlmodel import FILE_NAME, PYFUNC, Model
from modelshelf.flavors.requirements import is_installed, version_of
from modelshelf.flavors.restoring import add_code, missing_package, unpickling
from modelshelf.flavors.trust import inside, require_trust
from modelshelf.flavors.unsupported import refuse

FLAVOR = "sklearn"
SERIALIZATION_FORMAT_SKOPS = "skops"
SERIALIZATION_FORMAT_CLOUDPICKLE = "cloudpickle"
SERIALIZATION_FORMAT_PICKLE = "pickle"
_FORMATS = (SERIALIZATION_FORMAT_SKOPS, SERIALIZATION_FORMAT_CLOUDPICKLE, SERIALIZATION_FORMAT_PICKLE)
_LOADER = "mlflow.sklearn"
_SKOPS = "model.skops"
_PICKLE = "model.pkl"
_ALWAYS = ("numpy", "scikit-learn", "scipy")


def save_model(
    sk_model: Any,
    path: str | Path,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    serialization_format: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    pyfunc_predict_fn: str = "predict",
    metadata: Mapping[str, Any] | None = None,
    skops_trusted_types: list[str] | None = None,
    extra_files: list[str] | None = None,
    *,
    model_id: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    **others: Any,
) -> Model:
    """Saves an estimator as a directory that MLflow loads too; returns what its MLmodel file says.

    Without `serialization_format` the model is written with skops if all its types are on the reviewed list, so it
    loads without trust, else with cloudpickle. With "skops" stated, types in `skops_trusted_types` are written too;
    such a model then needs trust. With `input_example` and no `signature`, the signature is inferred.
    Raises Invalid for arguments that do not fit, AlreadyExists if the directory is not empty.
    """
    refuse("sklearn.save_model", others)
    _check(sk_model, serialization_format, pyfunc_predict_fn)
    extras = Extras(
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
        environment=Environment(pip_requirements, extra_pip_requirements, conda_env),
        mlflow_model=mlflow_model,
        ids={"model_id": model_id, "run_id": run_id, "artifact_path": artifact_path},
    )
    with new_directory(path) as folder:
        for each in extra_files or ():
            copy_into(each, folder / "extra_files" / Path(each).name, argument="extra_files")
        stored = _store(sk_model, folder, serialization_format, skops_trusted_types or [])
        return _finish(folder, sk_model, extras, stored, predict_fn=pyfunc_predict_fn, extra_files=extra_files)


def _check(sk_model: Any, serialization_format: str | None, predict_fn: str) -> None:
    if not hasattr(sk_model, "get_params") or isinstance(sk_model, type):
        raise Invalid(f"sk_model is {sk_model!r}; give a scikit-learn estimator", argument="sk_model")
    if serialization_format is not None and serialization_format not in _FORMATS:
        raise Invalid(
            f"serialization_format {serialization_format!r} is not one of {list(_FORMATS)}",
            argument="serialization_format",
        )
    if not isinstance(predict_fn, str) or predict_fn.startswith("_"):
        raise Invalid(
            f"pyfunc_predict_fn {predict_fn!r} is not the name of a public method", argument="pyfunc_predict_fn"
        )


def _store(sk_model: Any, folder: Path, wanted: str | None, trusted_types: list[str]) -> skops_files.Stored:
    if wanted in {None, SERIALIZATION_FORMAT_SKOPS}:
        try:
            return skops_files.dump(sk_model, folder / _SKOPS, also=trusted_types)
        except Invalid:
            if wanted is not None:
                raise
    if wanted == SERIALIZATION_FORMAT_PICKLE:
        modules = pickles.dump_by_reference(sk_model, folder / _PICKLE)
        return skops_files.Stored(file=_PICKLE, format=SERIALIZATION_FORMAT_PICKLE, modules=frozenset(modules))
    modules = pickles.dump(sk_model, folder / _PICKLE)
    return skops_files.Stored(file=_PICKLE, format=SERIALIZATION_FORMAT_CLOUDPICKLE, modules=frozenset(modules))


def _finish(
    folder: Path,
    sk_model: Any,
    extras: Extras,
    stored: skops_files.Stored,
    *,
    predict_fn: str,
    extra_files: list[str] | None,
) -> Model:
    flavors = _flavors(sk_model, stored, code=copy_code(folder, extras.code_paths), predict_fn=predict_fn)
    if extra_files:
        flavors[FLAVOR]["extra_files"] = [{"path": f"extra_files/{Path(each).name}"} for each in extra_files]
    format_package = () if stored.format == SERIALIZATION_FORMAT_PICKLE else (stored.format,)
    return finish(
        folder,
        extras,
        flavors=flavors,
        modules=stored.modules,
        always=(*_ALWAYS, *format_package),
        predict=_predict_of(sk_model, predict_fn),
    )


def _flavors(sk_model: Any, stored: skops_files.Stored, *, code: str | None, predict_fn: str) -> dict[str, Any]:
    """The settings of both flavors; a model without the method has no `predict`, so only the estimator loads."""
    flavors: dict[str, Any] = {
        FLAVOR: {
            "code": code,
            "pickled_model": stored.file,
            "serialization_format": stored.format,
            "sklearn_version": version_of("scikit-learn"),
            # For MLflow, which takes this list on trust; the loader here never reads it.
            "skops_trusted_types": list(stored.untrusted_by_skops) or None,
        }
    }
    if hasattr(sk_model, predict_fn):
        flavors[PYFUNC] = {
            "env": dict(ENTRY),
            "loader_module": _LOADER,
            "model_path": stored.file,
            "predict_fn": predict_fn,
            "python_version": platform.python_version(),
            **({"code": code} if code else {}),
        }
    return flavors


def _predict_of(sk_model: Any, predict_fn: str) -> Any:
    method = getattr(sk_model, predict_fn, None)
    return None if method is None else lambda data, _params: method(data)


def load_model(path: str | Path, *, trusted: bool = False) -> Any:
    """The estimator in a model directory.

    skops files whose types are all on the reviewed list load for anybody; everything else needs `trusted`, the
    caller's word for the source. Raises InvalidModel, Untrusted or MissingPackage, naming the file or package.
    """
    folder = Path(path)
    model = Model.load(folder)
    return _load(folder, model, _pyfunc_settings(model), trusted=trusted)


def _pyfunc_settings(model: Model) -> Mapping[str, Any]:
    return model.flavor(PYFUNC) if PYFUNC in model.flavors else {}


def load_predictor(folder: Path, model: Model, settings: Mapping[str, Any], *, trusted: bool) -> "SklearnPredictor":
    """The estimator behind the `predict` of a PyFuncModel."""
    predict_fn = settings.get("predict_fn", "predict")
    if not isinstance(predict_fn, str) or predict_fn.startswith("_"):
        raise InvalidModel(f"{folder / FILE_NAME}: predict_fn {predict_fn!r} is not a method's name", path=str(folder))
    estimator = _load(folder, model, settings, trusted=trusted)
    if not hasattr(estimator, predict_fn):
        kind = type(estimator).__name__
        raise InvalidModel(f"{folder / FILE_NAME}: {kind} has no method {predict_fn!r}", path=str(folder))
    return SklearnPredictor(estimator, predict_fn)


class SklearnPredictor:
    """Calls one method of an estimator."""

    def __init__(self, estimator: Any, predict_fn: str) -> None:
        self.sklearn_model = estimator
        self._method = getattr(estimator, predict_fn)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self._method(data)

    def get_raw_model(self) -> Any:
        return self.sklearn_model


def _load(folder: Path, model: Model, pyfunc: Mapping[str, Any], *, trusted: bool) -> Any:
    settings = model.flavor(FLAVOR) if FLAVOR in model.flavors else {}
    if not settings and not pyfunc.get("model_path"):
        raise InvalidModel(f"{folder / FILE_NAME}: there is no {FLAVOR} flavor", path=str(folder), flavor=FLAVOR)
    file = inside(folder, settings.get("pickled_model") or pyfunc.get("model_path"), what="pickled_model")
    # Models from before the format was written down are plain pickles.
    form = settings.get("serialization_format", SERIALIZATION_FORMAT_PICKLE)
    if form not in _FORMATS:
        raise InvalidModel(f"{folder / FILE_NAME}: serialization_format {form!r} is not known", path=str(folder))
    if form != SERIALIZATION_FORMAT_SKOPS:
        require_trust(file, trusted=trusted, why="it is a pickle, which can run any code when it is loaded")
    if trusted:
        add_code(folder, settings)
    for module in ("sklearn", *(("skops",) if form == SERIALIZATION_FORMAT_SKOPS else ())):
        if not is_installed(module):
            raise missing_package(module, folder)
    if form == SERIALIZATION_FORMAT_SKOPS:
        return skops_files.load(folder, file, trusted=trusted)
    return unpickling(folder, file, lambda: pickles.load(file))
