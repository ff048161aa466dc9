"""What an argument names: a registered model, one version of it, or files wherever they are."""

from pathlib import Path
from typing import TypeAlias

from modelshelf.domain.catalog import ModelVersion, RegisteredModel
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.services.registry import Registry

Found: TypeAlias = RegisteredModel | ModelVersion

_SCHEME = "models:/"


def resolve(registry: Registry, text: str) -> Found:
    """Find `churn`, `churn/3`, `churn@production`, or a `models:/` URI. Raises NotFound, Invalid."""
    name = text.removeprefix(_SCHEME).strip("/") if text.startswith(_SCHEME) else text
    if "/" not in name and ":" not in name:
        try:
            return registry.catalog.model(name)
        except NotFound:
            if "@" not in name:
                raise
    return version(registry, text)


def version(registry: Registry, text: str) -> ModelVersion:
    """Find one version: `churn/3`, `churn@production`, or a `models:/` URI. Raises NotFound, Invalid."""
    return registry.catalog.resolve(uri(text)).version


def uri(text: str) -> str:
    """The URI of a version that may have been written without its scheme."""
    if ":/" in text.partition("?")[0]:
        return text
    if "/" not in text and "@" not in text:
        raise Invalid(f"{text!r} names no version; write {text}/3, {text}@ALIAS or {text}/latest", uri=text)
    return _SCHEME + text


def files(text: str) -> str:
    """Like `uri`, for what may also be a path of this machine: what is there comes first."""
    return text if ":/" in text.partition("?")[0] or Path(text).expanduser().exists() else uri(text)
