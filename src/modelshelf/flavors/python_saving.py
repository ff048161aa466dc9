"""Writes Python models: the pickle, the files it was given, and the settings of its flavor."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from modelshelf.domain.errors import Invalid
from modelshelf.flavors import pickles
from modelshelf.flavors.directory import Extras, copy_code, copy_into, finish, new_directory
from modelshelf.flavors.environment import ENTRY
from modelshelf.flavors.hinted import Hints
from modelshelf.flavors.mlmodel import PYFUNC, Model
from modelshelf.flavors.model_config import read_config
from modelshelf.flavors.python_model import FunctionModel, PythonModel, PythonModelContext, PythonModelRunner
from modelshelf.flavors.requirements import version_of

_LOADER = "mlflow.pyfunc.model"
_PICKLE = "python_model.pkl"


def _as_python_model(given: Any) -> Any:
    if given is None:
        raise Invalid("python_model is needed: a PythonModel instance or a function", argument="python_model")
    if isinstance(given, str | Path):
        raise Invalid(
            "python_model: models from code files are not supported; pass an instance", argument="python_model"
        )
    if isinstance(given, type):
        raise Invalid(f"python_model is the class {given.__name__}; pass an instance of it", argument="python_model")
    if hasattr(given, "predict"):
        return given
    if callable(given):
        return FunctionModel(given)
    raise Invalid(
        f"python_model is a {type(given).__name__}; give a PythonModel instance or a function", argument="python_model"
    )


def save_python_model(
    python_model: Any,
    path: str | Path,
    extras: Extras,
    *,
    artifacts: Mapping[str, str],
    model_config: Any,
    streamable: bool | None,
) -> Model:
    """Writes a PythonModel or a function; the arguments are those of `pyfunc.save_model`."""
    model = _as_python_model(python_model)
    config = None if model_config is None else read_config(model_config)
    with new_directory(path) as folder:
        return _write(folder, model, extras, artifacts=artifacts, config=config, streamable=streamable)


def _write(
    folder: Path,
    model: Any,
    extras: Extras,
    *,
    artifacts: Mapping[str, str],
    config: dict[str, Any] | None,
    streamable: bool | None,
) -> Model:
    entries = {name: _copy_artifact(folder, str(name), source) for name, source in artifacts.items()}
    code = copy_code(folder, extras.code_paths)
    modules = pickles.dump(model, folder / _PICKLE)
    streams = type(model).predict_stream is not PythonModel.predict_stream if isinstance(model, PythonModel) else False
    settings = {
        "cloudpickle_version": version_of("cloudpickle"),
        "code": code,
        "env": dict(ENTRY),
        "loader_module": _LOADER,
        "python_model": _PICKLE,
        "python_version": platform.python_version(),
        "streamable": streams if streamable is None else streamable,
        **({"artifacts": entries} if entries else {}),
        **({"config": config} if config is not None else {}),
    }
    return finish(
        folder,
        extras,
        flavors={PYFUNC: settings},
        modules=modules,
        always=("cloudpickle",),
        predict=lambda data, params: _try_out(folder, entries, config, data, params),
        hints=Hints.of(model.func if isinstance(model, FunctionModel) else model.predict),
    )


def _try_out(folder: Path, entries: dict[str, Any], config: dict[str, Any] | None, data: Any, params: Any) -> Any:
    """A prediction by the copy just saved, so that the caller's own object stays as it is."""
    model = pickles.load(folder / _PICKLE)
    paths = {name: str((folder / entry["path"]).absolute()) for name, entry in entries.items()}
    context = PythonModelContext(paths, config)
    if hasattr(model, "load_context"):
        model.load_context(context)
    return PythonModelRunner(model, context).predict(data, params)


def _copy_artifact(folder: Path, name: str, source: str) -> dict[str, str]:
    """Copies one artifact under `artifacts/`; a name that is taken there gets a folder of its own."""
    local = _local_path(name, str(source))
    target = folder / "artifacts" / (local.resolve().name or name)
    number = 0
    while target.exists():
        number += 1
        target = folder / "artifacts" / str(number) / local.resolve().name
    copy_into(local, target, argument=f"artifacts[{name!r}]")
    return {"path": target.relative_to(folder).as_posix(), "uri": str(source)}


def _local_path(name: str, source: str) -> Path:
    parts = urlsplit(source)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    # One letter before the colon is a drive.
    if len(parts.scheme) > 1:
        raise Invalid(
            f"artifacts[{name!r}]: {source} is not a local path; download it first", argument="artifacts", name=name
        )
    return Path(source)
