"""From a model directory to a PyFuncModel: which loader module of MLflow's is which loader of ours."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import InvalidModel
from modelshelf.flavors import pickles, sklearn
from modelshelf.flavors.mlmodel import FILE_NAME, PYFUNC, Model
from modelshelf.flavors.model_config import read_config
from modelshelf.flavors.pyfunc_model import Predictor, PyFuncModel
from modelshelf.flavors.python_model import FunctionModel, PythonModelContext, PythonModelRunner
from modelshelf.flavors.requirements import is_installed
from modelshelf.flavors.restoring import add_code, missing_package, unpickling
from modelshelf.flavors.trust import inside, require_trust

Settings = Mapping[str, Any]


def load_pyfunc(path: str | Path, *, trusted: bool, model_config: Any = None) -> PyFuncModel:
    """The model in a directory whose content the caller has verified. `trusted`: the caller vouches for its source.

    Raises InvalidModel for a broken directory, Untrusted where loading would run stored code, MissingPackage where
    the model needs a package that is not installed.
    """
    folder = Path(path)
    model = Model.load(folder)
    settings = _settings(model, folder)
    config = _config(settings, model_config, folder)
    loader = _loader_of(settings, folder)
    predictor = loader(folder, model, settings, config, trusted)
    return PyFuncModel(model, predictor, folder=folder, model_config=config)


def _settings(model: Model, folder: Path) -> Settings:
    if PYFUNC not in model.flavors:
        raise InvalidModel(
            f"{folder / FILE_NAME}: there is no {PYFUNC} flavor, only {sorted(model.flavors)}",
            path=str(folder),
            flavors=sorted(model.flavors),
        )
    return model.flavor(PYFUNC)


def _config(settings: Settings, given: Any, folder: Path) -> dict[str, Any] | None:
    """The saved configuration, overridden key by key by the given one."""
    saved = settings.get("config")
    if saved is not None and not isinstance(saved, Mapping):
        raise InvalidModel(f"{folder / FILE_NAME}: config is a {type(saved).__name__}, not a mapping", path=str(folder))
    if given is None:
        return dict(saved) if saved else None
    return {**(saved or {}), **read_config(given)}


Loader = Callable[[Path, Model, Settings, dict[str, Any] | None, bool], Predictor]


def _loader_of(settings: Settings, folder: Path) -> Loader:
    name = settings.get("loader_module")
    ours = {"mlflow.pyfunc.model": _load_python_model, "mlflow.sklearn": _load_sklearn}
    if isinstance(name, str) and name in ours:
        return ours[name]
    if isinstance(name, str) and name.startswith("mlflow."):
        return _load_with_mlflow
    raise InvalidModel(
        f"{folder / FILE_NAME}: loader_module {name!r} is not known; it must be one of MLflow's",
        path=str(folder),
        loader_module=name,
    )


def _load_sklearn(
    folder: Path, model: Model, settings: Settings, _config: dict[str, Any] | None, trusted: bool
) -> Predictor:
    return sklearn.load_predictor(folder, model, settings, trusted=trusted)


def _load_python_model(
    folder: Path, model: Model, settings: Settings, config: dict[str, Any] | None, trusted: bool
) -> Predictor:
    if "model_code_path" in settings:
        return _load_with_mlflow(folder, model, settings, config, trusted)
    file = inside(folder, settings.get("python_model"), what="python_model")
    require_trust(file, trusted=trusted, why="it is a pickle, which can run any code when it is loaded")
    add_code(folder, settings)
    compression = settings.get("python_model_compression")
    python_model = unpickling(folder, file, lambda: pickles.load(file, compression=compression))
    if not hasattr(python_model, "predict"):
        python_model = FunctionModel(python_model)
    context = PythonModelContext(_artifacts(folder, settings), config)
    if hasattr(python_model, "load_context"):
        python_model.load_context(context)
    return PythonModelRunner(python_model, context)


def _artifacts(folder: Path, settings: Settings) -> dict[str, str]:
    entries = settings.get("artifacts") or {}
    if not isinstance(entries, Mapping) or not all(isinstance(each, Mapping) for each in entries.values()):
        raise InvalidModel(f"{folder / FILE_NAME}: artifacts is not a mapping of names to paths", path=str(folder))
    return {
        name: str(inside(folder, entry.get("path"), what=f"the artifact {name!r}").absolute())
        for name, entry in entries.items()
    }


def _load_with_mlflow(
    folder: Path, _model: Model, settings: Settings, config: dict[str, Any] | None, trusted: bool
) -> Predictor:
    """Formats that only MLflow reads: its own loader does it, if it is installed."""
    name = settings["loader_module"]
    require_trust(folder / FILE_NAME, trusted=trusted, why=f"{name} may run any code when it loads a model")
    if not is_installed("mlflow"):
        raise missing_package("mlflow", folder)
    add_code(folder, settings)
    data = inside(folder, settings["data"], what="data") if settings.get("data") else folder
    module = unpickling(folder, folder / FILE_NAME, lambda: importlib.import_module(name))
    load = getattr(module, "_load_pyfunc", None)
    if load is None:
        raise InvalidModel(f"{folder / FILE_NAME}: {name} cannot load models", path=str(folder), loader_module=name)
    options = {"model_config": config} if config else {}
    predictor: Predictor = unpickling(folder, folder / FILE_NAME, lambda: load(str(data), **options))
    return predictor
