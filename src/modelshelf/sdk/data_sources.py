"""Where the data of a dataset came from: a place, or the code that made it."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from modelshelf.domain.errors import Invalid
from modelshelf.sdk.origin import source_tags

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")


class DatasetSource:
    """Recorded as JSON (`to_json`) under a type (`source_type`)."""

    __slots__ = ()

    @property
    def source_type(self) -> str:
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        return cls(**content)

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls.from_dict(json.loads(text))


@dataclass(frozen=True, slots=True)
class CodeDatasetSource(DatasetSource):
    """Data that a program made; the tags tell which program, at which commit."""

    tags: dict[str, str] = field(default_factory=source_tags)

    @property
    def source_type(self) -> str:
        return "code"

    def to_dict(self) -> dict[str, Any]:
        return {"tags": self.tags}


@dataclass(frozen=True, slots=True)
class HTTPDatasetSource(DatasetSource):
    """Data behind an http or https URL."""

    url: str

    @property
    def source_type(self) -> str:
        return "http"

    def to_dict(self) -> dict[str, Any]:
        return {"url": self.url}


@dataclass(frozen=True, slots=True)
class UriDatasetSource(DatasetSource):
    """Data in a file or folder: of this machine (type `local`), or of a store, whose scheme is the type (`s3`)."""

    uri: str

    @property
    def source_type(self) -> str:
        scheme = _scheme(self.uri)
        return "local" if scheme in {"", "file"} else scheme

    def to_dict(self) -> dict[str, Any]:
        return {"uri": self.uri}

    def load(self) -> str:
        """The place on this machine. Raises Invalid for data elsewhere: download it with that store's own tools."""
        if self.source_type != "local":
            raise Invalid(f"{self.uri} is not on this machine; download it with the tools of its store", uri=self.uri)
        return self.uri.removeprefix("file://")


def source_of(given: str | Path | DatasetSource | None) -> DatasetSource:
    """The source that a user means; left out, it is the program that runs now."""
    if given is None:
        return CodeDatasetSource()
    if isinstance(given, DatasetSource):
        return given
    if not isinstance(given, str | Path):
        raise Invalid(f"a dataset's source must be a path, a URI or a DatasetSource, not {type(given).__name__}")
    text = str(given)
    return HTTPDatasetSource(text) if _scheme(text) in {"http", "https"} else UriDatasetSource(text)


def recorded_source(source_type: str, text: str) -> DatasetSource:
    """A source as it was recorded. Raises Invalid for JSON that no source of ours was."""
    kinds: dict[str, type[DatasetSource]] = {"code": CodeDatasetSource, "http": HTTPDatasetSource}
    try:
        return kinds.get(source_type, UriDatasetSource).from_json(text)
    except (ValueError, TypeError):
        raise Invalid(f"cannot read a dataset source of the type {source_type!r}: {text[:200]}") from None


def _scheme(text: str) -> str:
    match = _SCHEME.match(text)
    return match[1].lower() if match else ""
