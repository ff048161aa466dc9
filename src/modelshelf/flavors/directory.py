"""A model directory in the making: what every flavor writes beside the model itself."""

import datetime as dt
import logging
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from modelshelf.domain.errors import AlreadyExists, Invalid
from modelshelf.flavors.environment import Environment
from modelshelf.flavors.example import save_example
from modelshelf.flavors.hinted import Hints
from modelshelf.flavors.mlmodel import FILE_NAME, Model
from modelshelf.flavors.requirements import imported_by, of_no_package
from modelshelf.flavors.signature import ModelSignature
from modelshelf.flavors.signing import sign

CODE = "code"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a caller gave beside the model: signature, example, code, environment, ids."""

    signature: ModelSignature | Literal[False] | None = None
    input_example: Any = None
    code_paths: list[str] | None = None
    metadata: Mapping[str, Any] | None = None
    environment: Environment = field(default_factory=Environment)
    mlflow_model: Model | None = None
    ids: Mapping[str, str | None] = field(default_factory=dict)


@contextmanager
def new_directory(path: str | Path) -> Iterator[Path]:
    """An empty directory to write in, emptied again if that fails; raises AlreadyExists if there is anything in it."""
    folder = Path(path)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise AlreadyExists(f"{folder}: it exists and is not empty; choose another path", path=str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def copy_into(source: str | Path, target: Path, *, argument: str) -> Path:
    """Copies a file or a folder; links are followed, so the model holds the content itself."""
    given = Path(source)
    if not given.exists():
        raise Invalid(f"{argument}: there is no file or folder {given}", argument=argument, path=str(given))
    target.parent.mkdir(parents=True, exist_ok=True)
    if given.is_dir():
        shutil.copytree(given, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copyfile(given, target)
    return target


def copy_code(folder: Path, code_paths: Iterable[str] | None) -> str | None:
    """Copies the caller's modules under `code/`; returns that name, or None without any."""
    if not code_paths:
        return None
    if isinstance(code_paths, str):
        raise Invalid("code_paths must be a list of paths, not one text", argument="code_paths")
    for each in code_paths:
        copy_into(each, folder / CODE / Path(each).resolve().name, argument="code_paths")
    return CODE


def finish(
    folder: Path,
    extras: Extras,
    *,
    flavors: Mapping[str, Any],
    modules: Iterable[str],
    always: Iterable[str],
    predict: Callable[[Any, Any], Any] | None = None,
    hints: Hints | None = None,
) -> Model:
    """Writes example, environment and MLmodel.

    Where no signature is given, `predict` shows what the model gives, and `hints` are those of the model's own.
    """
    signed = sign(extras.signature, extras.input_example, predict=predict, hints=hints or Hints())
    signature = signed.signature
    example = None if extras.input_example is None else save_example(folder, extras.input_example)
    code = {Path(each) for each in extras.code_paths or ()}
    needed = set(modules) | imported_by(code) | _table_modules(signature)
    own = of_no_package(modules) - {each.stem for each in code}
    if own:
        _log.warning("the model needs your own modules %s where it is loaded: pass them as code_paths=", sorted(own))
    extras.environment.write(folder, modules=needed, always=always)
    stated: dict[str, Any] = {name: value for name, value in extras.ids.items() if value is not None}
    model = replace(
        extras.mlflow_model or Model(),
        **stated,
        flavors={**(extras.mlflow_model.flavors if extras.mlflow_model else {}), **flavors},
        signature=signature,
        is_signature_from_type_hint=signed.from_hints,
        type_hint_from_example=signed.hint_from_example,
        saved_input_example_info=example,
        model_size_bytes=sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()),
    )
    model = _with_defaults(model, extras.metadata)
    model.save(folder / FILE_NAME)
    return model


def _with_defaults(model: Model, metadata: Mapping[str, Any] | None) -> Model:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    return replace(
        model,
        metadata=metadata if metadata is not None else model.metadata,
        model_uuid=model.model_uuid or uuid.uuid4().hex,
        utc_time_created=model.utc_time_created or str(now),
    )


def _table_modules(signature: ModelSignature | None) -> set[str]:
    """A model with columns is given DataFrames."""
    schema = signature.inputs if signature else None
    return {"pandas"} if schema is not None and not schema.is_tensor_spec() else set()
