"""What the files of a version say: signature, requirements, flavors. Nothing of them is executed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from modelshelf.domain.artifacts import FileEntry, Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import InvalidModel, ShelfError
from modelshelf.services.registry import Registry

MOST_DESCRIBED_BYTES: Final = 512 << 10
MOST_SHOWN_BYTES: Final = 256 << 10
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
_MOST_ALIASES = 100


@dataclass(frozen=True, slots=True)
class Field:
    """One column, tensor or param of a signature."""

    name: str
    kind: str
    is_optional: bool = False
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """A version's sealed files and what some say; `fault` tells why the MLmodel file can't be read."""

    files: tuple[FileEntry, ...] = ()
    flavors: tuple[str, ...] = ()
    inputs: tuple[Field, ...] = ()
    outputs: tuple[Field, ...] = ()
    params: tuple[Field, ...] = ()
    requirements: tuple[str, ...] = ()
    fault: str = ""


def read(registry: Registry, version: ModelVersion) -> Contents:
    """Look into a version; an unsealed one has no contents."""
    manifest = registry.catalog.manifest(version.name, version.number)
    if manifest is None:
        return Contents()
    lines = [line.strip() for line in _text(registry, manifest, "requirements.txt").splitlines()]
    requirements = tuple(line for line in lines if line and not line.startswith("#"))
    try:
        said = _mlmodel(_text(registry, manifest, "MLmodel"))
    except ShelfError as error:
        return Contents(manifest.files, requirements=requirements, fault=error.message)
    signature, flavors = said.get("signature"), said.get("flavors")
    sides = signature if isinstance(signature, dict) else {}
    return Contents(
        files=manifest.files,
        flavors=tuple(str(name) for name in flavors) if isinstance(flavors, dict) else (),
        inputs=_fields(sides.get("inputs")),
        outputs=_fields(sides.get("outputs")),
        params=_fields(sides.get("params")),
        requirements=requirements,
    )


def text_of(registry: Registry, file: FileEntry) -> str | None:
    """The beginning of a file, if it is text."""
    with registry.artifacts.open_file(file) as reader:
        content = reader.read(MOST_SHOWN_BYTES)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        if file.size <= MOST_SHOWN_BYTES or error.start < len(content) - 4:
            return None
        text = content[: error.start].decode()
    return None if "\0" in text else text


def is_picture(path: str) -> bool:
    """Whether browsers show a file of this name as a picture."""
    return path.lower().endswith(_PICTURES)


def _text(registry: Registry, manifest: Manifest, name: str) -> str:
    file = manifest.find(name)
    if file is None or file.size > MOST_DESCRIBED_BYTES:
        return ""
    with registry.artifacts.open_file(file) as reader:
        return reader.read().decode(errors="replace")


def _mlmodel(text: str) -> dict[str, Any]:
    if text.count("*") > _MOST_ALIASES and text.count("&") > 1:
        raise InvalidModel("the MLmodel file refers to parts of itself too often to be read here")
    try:
        said = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if text else {}  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError):
        raise InvalidModel("the MLmodel file is not YAML that can be read") from None
    return said if isinstance(said, dict) else {}


def _fields(text: object) -> tuple[Field, ...]:
    try:
        specs = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return ()
    return tuple(_field(spec) for spec in specs[:500] if isinstance(spec, dict)) if isinstance(specs, list) else ()


def _field(spec: dict[str, Any]) -> Field:
    kind, tensor = spec.get("type", ""), spec.get("tensor-spec")
    if isinstance(tensor, dict):
        shape = tensor.get("shape", ())
        sides = ", ".join("any" if side == -1 else str(side) for side in shape) if isinstance(shape, Sequence) else ""
        kind = f"{tensor.get('dtype')} tensor ({sides})"
    name = "" if spec.get("name") is None else str(spec["name"])
    is_optional = spec.get("required") is False or spec.get("optional") is True
    return Field(name[:200], str(kind)[:200], is_optional, repr(spec["default"])[:200] if "default" in spec else "")
