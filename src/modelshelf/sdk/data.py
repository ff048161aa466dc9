"""Datasets as runs record them: a name, a digest of the content, a schema, a profile and a source."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelshelf.domain.errors import Invalid
from modelshelf.sdk import entities
from modelshelf.sdk.data_sources import DatasetSource, recorded_source, source_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from modelshelf.flavors.schema import Schema

    Arrays = np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]]

DEFAULT_NAME = "dataset"
ROWS_IN_DIGEST = 10_000
"""Only the first rows (of arrays: values) and the size are part of a digest, so that large data costs little."""


class Dataset:
    """What `log_input` takes; made by `from_pandas` and `from_numpy`."""

    def __init__(self, source: DatasetSource, name: str | None = None, digest: str | None = None) -> None:
        self.source, self._name, self._digest = source, name, digest

    @property
    def name(self) -> str:
        return DEFAULT_NAME if self._name is None else self._name

    @cached_property
    def digest(self) -> str:
        """Eight hexadecimal digits that tell the content, as MLflow computes them."""
        return self._digest or self._computed_digest()

    @property
    def profile(self) -> dict[str, Any] | None:
        """How large the data is."""
        return None

    def to_dict(self) -> dict[str, str | None]:
        """All that is recorded; schema and profile as JSON."""
        return {
            "name": self.name,
            "digest": self.digest,
            "source": self.source.to_json(),
            "source_type": self.source.source_type,
            "schema": self._schema_json(),
            "profile": None if self.profile is None else json.dumps(self.profile),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    def to_entity(self) -> entities.Dataset:
        """The dataset as a run records it."""
        return entities.Dataset(**self.to_dict())  # type: ignore[arg-type]

    def _computed_digest(self) -> str:
        raise NotImplementedError

    def _schema_json(self) -> str | None:
        return None


class PandasDataset(Dataset):
    """A table; `targets` and `predictions` name columns of it."""

    def __init__(
        self,
        df: "pd.DataFrame",
        source: DatasetSource,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        predictions: str | None = None,
    ) -> None:
        for what, column in (("targets", targets), ("predictions", predictions)):
            if column is not None and column not in df.columns:
                raise Invalid(f"{what}={column!r} is no column of the table; it has {list(df.columns)}", column=column)
        super().__init__(source, name, digest)
        self.df, self.targets, self.predictions = df, targets, predictions

    @property
    def profile(self) -> dict[str, Any]:
        return {"num_rows": len(self.df), "num_elements": int(self.df.size)}

    @cached_property
    def schema(self) -> "Schema | None":
        """The columns with their types; None where a column has a type that no signature holds."""
        return _schema(self.df)

    def _schema_json(self) -> str | None:
        return None if self.schema is None else json.dumps({"mlflow_colspec": self.schema.to_dict()})

    def _computed_digest(self) -> str:
        import numpy as np
        import pandas as pd

        first = self.df.head(ROWS_IN_DIGEST)
        texts = first.columns[first.map(lambda value: type(value) is str).all(axis=0)]
        hashed = first[texts.union(first.select_dtypes(include=[np.number]).columns)]
        rows = np.ascontiguousarray(pd.util.hash_pandas_object(hashed).to_numpy())
        return _md5([rows.tobytes(), _int64(len(self.df)), *(str(column).encode() for column in self.df.columns)])


class NumpyDataset(Dataset):
    """Arrays, or named arrays: features, and targets where there are any."""

    def __init__(
        self,
        features: "Arrays",
        source: DatasetSource,
        targets: "Arrays | None" = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        super().__init__(source, name, digest)
        self.features, self.targets = features, targets

    @property
    def profile(self) -> dict[str, Any]:
        parts = {"features": self.features, **({} if self.targets is None else {"targets": self.targets})}
        return {
            f"{part}_{what}": _each(arrays, what)
            for part, arrays in parts.items()
            for what in ("shape", "size", "nbytes")
        }

    @cached_property
    def schema(self) -> "tuple[Schema, Schema | None] | None":
        """The tensors of the features and of the targets; None where an array has none."""
        features = _schema(self.features)
        if features is None:
            return None
        return features, None if self.targets is None else _schema(self.targets)

    def _schema_json(self) -> str | None:
        if self.schema is None:
            return None
        features, targets = self.schema
        content = {"features": features.to_json(), "targets": targets.to_json() if targets else None}
        return json.dumps({"mlflow_tensorspec": content})

    def _computed_digest(self) -> str:
        groups = [group for group in (self.features, self.targets) if group is not None]
        arrays = [
            array
            for group in groups
            for array in ([group[key] for key in sorted(group)] if isinstance(group, Mapping) else [group])
        ]
        return _md5(part for array in arrays for part in _hashed(array))


def from_pandas(
    df: "pd.DataFrame",
    source: str | Path | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """Describe a table; `source` is the path or URI it was read from. Raises Invalid for a column that is not there."""
    return PandasDataset(df, source_of(source), targets, name, digest, predictions)


def from_numpy(
    features: "Arrays",
    source: str | Path | DatasetSource | None = None,
    targets: "Arrays | None" = None,
    name: str | None = None,
    digest: str | None = None,
) -> NumpyDataset:
    """Describe arrays; `source` is the path or URI they were read from."""
    return NumpyDataset(features, source_of(source), targets, name, digest)


def get_source(dataset: Dataset | entities.Dataset | entities.DatasetInput) -> DatasetSource:
    """Where a dataset came from, also one that a run recorded."""
    if isinstance(dataset, Dataset):
        return dataset.source
    recorded = dataset.dataset if isinstance(dataset, entities.DatasetInput) else dataset
    return recorded_source(recorded.source_type, recorded.source)


def _schema(data: Any) -> "Schema | None":
    from modelshelf.flavors.inference import infer_schema

    try:
        return infer_schema(dict(data) if isinstance(data, Mapping) else data)
    except Invalid:
        return None


def _each(arrays: Any, what: str) -> Any:
    if isinstance(arrays, Mapping):
        return {key: getattr(array, what) for key, array in arrays.items()}
    return getattr(arrays, what)


def _hashed(array: "np.ndarray[Any, Any]") -> list[bytes]:
    import pandas as pd

    first = array.flatten()[:ROWS_IN_DIGEST]
    try:
        content = pd.util.hash_array(first).tobytes()
    except TypeError:  # values that have no hash, e.g. lists: only how many there are
        content = _int64(first.size)
    return [content, *(_int64(length) for length in array.shape)]


def _int64(number: int) -> bytes:
    """As numpy lays out an int64."""
    import sys

    return int(number).to_bytes(8, sys.byteorder, signed=True)


def _md5(parts: Iterable[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:8]
