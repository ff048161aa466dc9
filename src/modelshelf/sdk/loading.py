"""Models brought back to life: fetched, every byte verified, and handed to their flavor's loader."""

import atexit
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.errors import Invalid, NotFound, ShelfError
from modelshelf.flavors import pyfunc, sklearn
from modelshelf.flavors.directory import CODE
from modelshelf.flavors.pyfunc_model import PyFuncModel
from modelshelf.sdk import downloads, logged_here, session, transfers
from modelshelf.sdk.locations import Shelves, find, local_path

Loaded = TypeVar("Loaded")
_REQUIREMENTS = {"pip": "requirements.txt", "conda": "conda.yaml"}


@dataclass(frozen=True, slots=True)
class _Copy:
    """A model directory of this machine; `scratch` is the temporary folder around it, if it was made for the load."""

    uri: str
    folder: Path
    trusted: bool
    scratch: Path | None = None


def load_pyfunc(
    model_uri: str | Path,
    suppress_warnings: bool = False,  # noqa: ARG001 — MLflow's argument
    dst_path: str | None = None,
    model_config: Any = None,
    *,
    trust: bool = False,
) -> PyFuncModel:
    """Load a model of any flavor as a function of data: `models:/NAME@ALIAS`, `models:/NAME/3`, `models:/m-ID`,
    `runs:/ID/PATH`, a place in the store, or a local folder; `?at=` an instant shows what a name pointed at then.

    Files are fetched into a temporary folder that lives as long as the model, or into `dst_path`, which stays.
    A pickle can run any code when it is loaded. Whoever connects to a registry trusts its versions, which nobody can
    change: they load. What is not a version (a run's files, a logged model, a local folder) loads only with
    `trust=True`; so does everything where the setting `trust` is `none`. skops files of reviewed types need no trust.
    Raises NotFound, Untrusted, Corrupt (a file is not what was sealed), InvalidModel, MissingPackage.
    """
    copy = _fetched(str(model_uri), dst_path, trust=trust)
    model = _load(copy, lambda: pyfunc.load_model(copy.folder, trusted=copy.trusted, model_config=model_config))
    if copy.scratch is not None:
        _remove_with(_innermost(model), copy.scratch)
    return model


def load_sklearn(model_uri: str | Path, dst_path: str | None = None, *, trust: bool = False) -> Any:
    """Load a scikit-learn estimator; URIs, trust and errors are those of `pyfunc.load_model`."""
    copy = _fetched(str(model_uri), dst_path, trust=trust)
    estimator = _load(copy, lambda: sklearn.load_model(copy.folder, trusted=copy.trusted))
    if copy.scratch is not None and not (copy.folder / CODE).exists():
        _remove(copy.scratch)
    elif copy.scratch is not None:  # modules of the model may be imported later
        atexit.register(_remove, copy.scratch)
    return estimator


def get_model_dependencies(model_uri: str | Path, format: str = "pip") -> str:
    """The local path of a model's requirements: `pip` for requirements.txt, `conda` for conda.yaml."""
    if format not in _REQUIREMENTS:
        raise Invalid(f"format {format!r} is not one of {list(_REQUIREMENTS)}", argument="format")
    local, name = local_path(str(model_uri)), _REQUIREMENTS[format]
    if local is None:
        location = find(str(model_uri), Shelves.chosen())
        if (entry := location.manifest.find(name)) is not None:
            return str(downloads.download(replace(location, manifest=Manifest((entry,))), None) / name)
    elif (local / name).is_file():
        return str(local / name)
    raise NotFound(f"the model {model_uri} has no {name}", uri=str(model_uri), path=name)


def _fetched(uri: str, dst_path: str | None, *, trust: bool) -> _Copy:
    local = local_path(uri)
    if local is not None:
        if not local.exists():
            raise NotFound(f"there is no model at {local}", path=str(local))
        folder = downloads.download_artifacts(uri, dst_path=dst_path)
        return _Copy(uri, Path(folder), trusted=trust)
    location = find(uri, Shelves.chosen())
    vouched = location.sealed or logged_here.holds(location.manifest)
    trusted = trust or (vouched and session.settings().trust == "registry")
    if dst_path is not None:
        return _Copy(uri, downloads.download(location, Path(dst_path)), trusted=trusted)
    scratch = Path(tempfile.mkdtemp(prefix=transfers.TEMPORARY_PREFIX))
    try:
        transfers.fetch(location.registry, location.manifest, scratch / "model")
    except BaseException:
        _remove(scratch)
        raise
    return _Copy(uri, scratch / "model", trusted=trusted, scratch=scratch)


def _load(copy: _Copy, load: Callable[[], Loaded]) -> Loaded:
    try:
        return load()
    except BaseException as error:
        if copy.scratch is not None:
            _remove(copy.scratch)
            if isinstance(error, ShelfError):
                raise _named_after(copy, error) from error
        raise


def _named_after(copy: _Copy, error: ShelfError) -> ShelfError:
    """The same error about the URI that the caller gave, rather than a folder that is gone."""

    def renamed(value: Any) -> Any:
        return value.replace(str(copy.folder), copy.uri) if isinstance(value, str) else value

    return type(error)(renamed(error.message), **{key: renamed(value) for key, value in error.details.items()})


def _innermost(model: PyFuncModel) -> Any:
    """What holds on to the model's files: callers may keep only the Python model inside."""
    implementation = model._model_impl  # noqa: SLF001 — MLflow's name for it, which its users know too
    return getattr(implementation, "python_model", implementation)


def _remove_with(owner: Any, folder: Path) -> None:
    try:
        weakref.finalize(owner, _remove, folder)
    except TypeError:  # a class whose objects can't be watched: they keep their files until the process ends
        atexit.register(_remove, folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
