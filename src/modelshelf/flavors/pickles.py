"""Pickles of Python models that load with MLflow alone, with Modelshelf alone, or with both.

A class of ours inside a pickle is written as the name of MLflow's class, and MLflow's names are read as ours. So a
directory needs neither package by name. Where both are installed, ours wins: importing MLflow takes seconds, and a
model then behaves the same in both environments.
"""

import bz2
import dis
import gzip
import importlib
import lzma
import pickle
import pkgutil
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from modelshelf.domain.errors import Invalid, InvalidModel
from modelshelf.flavors import hinted
from modelshelf.flavors.python_model import FunctionModel, PythonModel, PythonModelContext
from modelshelf.flavors.type_hints import FuncInfo, HintMismatch, TypeHints, fit_arguments

_NAMES: dict[str, Any] = {
    "mlflow.pyfunc.model:PythonModel": PythonModel,
    "mlflow.pyfunc.model:PythonModelContext": PythonModelContext,
    "mlflow.pyfunc.model:_FunctionPythonModel": FunctionModel,
    "mlflow.pyfunc.utils.data_validation:FuncInfo": FuncInfo,
    "mlflow.pyfunc.utils.data_validation:_validate_model_input": fit_arguments,
    "mlflow.models.signature:_TypeHints": TypeHints,
    "mlflow.types.type_hints:TypeFromExample": hinted.TypeFromExample,
    "mlflow.exceptions:MlflowException": HintMismatch,
}
_WRITTEN_AS = {value: name for name, value in _NAMES.items()}
_READ_AS = {
    **_NAMES,
    "mlflow.pyfunc:PythonModel": PythonModel,
    "mlflow.pyfunc:PythonModelContext": PythonModelContext,
}
_OPENERS: dict[str, Callable[[Path], Any]] = {
    "lzma": lzma.open,
    "bzip2": bz2.open,
    "gzip": gzip.open,
}


def _resolve(name: str) -> Any:
    return _READ_AS[name] if name in _READ_AS else pkgutil.resolve_name(name)


def _import(name: str) -> types.ModuleType:
    """A module that a pickle names for what it takes from there; the hint it has of MLflow's is ours."""
    return hinted if name == "mlflow.types.type_hints" else importlib.import_module(name)


def dump(obj: Any, path: Path) -> set[str]:
    """Writes the object and returns the names of the modules that it needs when it is loaded."""
    import cloudpickle

    # cloudpickle has no types.
    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, file: Any) -> None:
            super().__init__(file)
            self.modules: set[str] = set()

        def reducer_override(self, each: Any) -> Any:
            if isinstance(each, type | types.FunctionType | TypeVar) and each in _WRITTEN_AS:
                return pkgutil.resolve_name, (_WRITTEN_AS[each],)
            reduced = super().reducer_override(each)
            self.modules |= _modules_of(each, by_value=isinstance(reduced, tuple))
            return reduced

    return _write(obj, path, Pickler)


def dump_by_reference(obj: Any, path: Path) -> set[str]:
    """As `dump`, with the standard library's pickle: every class must be importable when it is loaded."""

    class Pickler(pickle.Pickler):
        def __init__(self, file: Any) -> None:
            super().__init__(file)
            self.modules: set[str] = set()

        def reducer_override(self, each: Any) -> Any:
            self.modules |= _modules_of(each, by_value=False)
            return NotImplemented

    return _write(obj, path, Pickler)


def _write(obj: Any, path: Path, kind: Any) -> set[str]:
    with path.open("wb") as file:
        pickler = kind(file)
        try:
            pickler.dump(obj)
        except (pickle.PicklingError, TypeError, AttributeError) as fault:
            raise Invalid(f"the model cannot be pickled: {fault}", type=type(obj).__qualname__) from fault
    modules: set[str] = pickler.modules
    return modules


def _modules_of(obj: Any, *, by_value: bool) -> set[str]:
    """The modules an object brings with it; a function pickled by value needs what its code imports."""
    if isinstance(obj, types.ModuleType):
        return {obj.__name__}
    if isinstance(obj, types.FunctionType) and by_value:
        return imports_of(obj.__code__)
    named = obj if isinstance(obj, type | types.FunctionType) else type(obj)
    if named in _WRITTEN_AS:
        return set()
    module = getattr(named, "__module__", None)
    return set() if (by_value and isinstance(obj, type)) or not isinstance(module, str) else {module}


def imports_of(code: types.CodeType) -> set[str]:
    """The modules that import statements in the code, and in functions inside it, name."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= imports_of(constant)
    return found


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "pkgutil" and name == "resolve_name":
            return _resolve
        if module.startswith("cloudpickle") and name == "subimport":
            return _import
        return _READ_AS.get(f"{module}:{name}") or super().find_class(module, name)


def load(path: Path, *, compression: str | None = None) -> Any:
    """Runs whatever the pickle says: only for files whose source the caller trusts."""
    if compression is not None and compression not in _OPENERS:
        raise InvalidModel(
            f"{path}: compression {compression!r} is not known; one of {sorted(_OPENERS)} is", path=str(path)
        )
    with _OPENERS[compression](path) if compression else path.open("rb") as file:
        return _Unpickler(file).load()
