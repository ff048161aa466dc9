"""Restoring stored objects: the model's own code made importable, and every failure named."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import InvalidModel, MissingPackage
from modelshelf.flavors.directory import CODE
from modelshelf.flavors.requirements import distribution_of, is_installed
from modelshelf.flavors.skops_reader import NotReviewed
from modelshelf.flavors.trust import inside

_REQUIREMENTS = "requirements.txt"
_CODE_PATHS: list[str] = []


def add_code(folder: Path, settings: Mapping[str, Any]) -> None:
    """Makes the model's own modules importable, for as long as the process lives: models import lazily too."""
    code = settings.get("code")
    if not code:
        return
    path = inside(folder, code if isinstance(code, str) else CODE, what="code").absolute()
    if str(path) in sys.path[:1]:
        return
    _forget_modules_of_others(path)
    gone = {each for each in _CODE_PATHS if not Path(each).exists()}
    sys.path[:] = [str(path), *(each for each in sys.path if each != str(path) and each not in gone)]
    _CODE_PATHS.append(str(path))
    importlib.invalidate_caches()


def _forget_modules_of_others(path: Path) -> None:
    """Two versions of a model carry modules of the same names: the one loaded now must not get the other's."""
    names = {each.stem for each in path.iterdir()}
    others = tuple(f"{each}{os.sep}" for each in _CODE_PATHS if each != str(path))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name.partition(".")[0] in names and file.startswith(others):
            del sys.modules[name]


def missing_package(module: str, folder: Path) -> MissingPackage:
    """Names the package and the line that installs it, with the version that the model was saved with."""
    package = distribution_of(module)
    pinned = _pinned(package, folder)
    return MissingPackage(
        f"{folder}: the model needs {package}, which is not installed: pip install '{pinned}'",
        package=package,
        requirement=pinned,
        path=str(folder),
    )


def _pinned(package: str, folder: Path) -> str:
    try:
        lines = (folder / _REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return package
    wanted = _normal(package)
    return next((line.strip() for line in lines if _normal(_name(line)) == wanted), package)


def _name(line: str) -> str:
    match = re.match(r"\s*([A-Za-z0-9._-]+)", line)
    return match[1] if match else ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def unpickling(folder: Path, file: Path, load: Callable[[], Any]) -> Any:
    """Runs a loader of stored objects and names what went wrong in it."""
    try:
        return load()
    except ModuleNotFoundError as fault:
        raise _missing_module(fault, folder, file) from fault
    except (MemoryError, NotReviewed):
        raise
    except Exception as fault:
        raise InvalidModel(
            f"{file}: the stored object cannot be restored: {type(fault).__name__}: {fault}", path=str(file)
        ) from fault


def _missing_module(fault: ModuleNotFoundError, folder: Path, file: Path) -> MissingPackage | InvalidModel:
    module = fault.name or str(fault)
    top = module.partition(".")[0]
    if is_installed(top):
        return InvalidModel(
            f"{file}: the module {module!r} is not in the installed {top}; install the versions in {_REQUIREMENTS}",
            path=str(file),
            module=module,
        )
    error = missing_package(top, folder)
    if error.details["requirement"] != error.details["package"]:
        return error
    return MissingPackage(
        f"{file}: the module {module!r} cannot be imported: install the package it is from (pip install '{top}'), "
        "or save the model with code_paths= if it is your own code",
        package=top,
        module=module,
        path=str(file),
    )
