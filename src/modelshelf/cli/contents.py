"""What a version's files say about it: signature, requirements, flavors, and the run that it came from."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelshelf.domain.artifacts import FileEntry, Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import InvalidModel, NotFound
from modelshelf.domain.tracking import Run
from modelshelf.services.registry import Registry

_MLMODEL, _REQUIREMENTS = "MLmodel", "requirements.txt"
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Contents:
    """A version's sealed files, and what some say; `fault` says why the MLmodel file can't be read."""

    files: tuple[FileEntry, ...] = ()
    flavors: tuple[str, ...] = ()
    signature: dict[str, Any] | None = None
    """`inputs`, `outputs` and `params`, each a list of dicts or None, as MLmodel files have them."""
    requirements: tuple[str, ...] = ()
    fault: str = ""


def read(registry: Registry, version: ModelVersion) -> Contents:
    """Look into a version; an unsealed one has no contents."""
    manifest = registry.catalog.manifest(version.name, version.number)
    if manifest is None:
        return Contents()
    wanted = [entry for name in (_MLMODEL, _REQUIREMENTS) if (entry := manifest.find(name))]
    small = [entry for entry in wanted if entry.size <= _MOST_BYTES]
    with tempfile.TemporaryDirectory(prefix="modelshelf-") as scratch:
        folder = Path(scratch) / "files"
        registry.artifacts.fetch(Manifest(tuple(small)), folder)
        return _described(manifest, folder)


def _described(manifest: Manifest, folder: Path) -> Contents:
    requirements = _requirements(folder / _REQUIREMENTS)
    if not (folder / _MLMODEL).is_file():
        return Contents(manifest.files, requirements=requirements)
    from modelshelf.flavors.mlmodel import Model

    try:
        model = Model.load(folder)
    except InvalidModel as error:
        return Contents(manifest.files, requirements=requirements, fault=error.message.replace(f"{folder}/", ""))
    sides = model.signature.to_dict() if model.signature else None
    signature = {side: json.loads(text) if text else None for side, text in sides.items()} if sides else None
    return Contents(manifest.files, tuple(map(str, model.flavors)), signature, requirements)


def _requirements(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    lines = (line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def run_of(registry: Registry, version: ModelVersion) -> Run | None:
    """The run that a version came from, where it is known and still there."""
    if not version.run_id:
        return None
    try:
        return registry.tracking.run(version.run_id)
    except NotFound:
        return None


def column_texts(specs: Sequence[Any] | None) -> list[tuple[str, str]]:
    """One side of a signature as names and types; tensors show their element type and shape, optional ones a `?`."""
    return [_column(spec) for spec in specs or () if isinstance(spec, dict)]


def _column(spec: dict[str, Any]) -> tuple[str, str]:
    name = "" if spec.get("name") is None else str(spec["name"])
    kind = str(spec.get("type", ""))
    tensor = spec.get("tensor-spec")
    if isinstance(tensor, dict):
        kind = f"{tensor.get('dtype')}{list(tensor.get('shape', ()))}"
    if "default" in spec:
        kind += f" = {spec['default']!r}"
    return name, kind + ("?" if spec.get("required") is False or spec.get("optional") is True else "")
