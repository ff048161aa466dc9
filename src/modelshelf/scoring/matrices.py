"""Tables of numbers for scikit-learn, straight from JSON to the array that the estimator would make of them.

scikit-learn turns a DataFrame of numbers into an array before it does anything else. For its own estimators that look
at nothing but the array, the DataFrame is left out: the columns are checked and put in order here, so the prediction is
the same. Whatever is not plain (a missing column, a text, a number that does not fit) is left to the way by which every
other model is asked, which has the words for what is wrong.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from struct import error as PackingFailed  # noqa: N812 - it is a class
from struct import pack
from typing import Any

import msgspec

from modelshelf.flavors.datatypes import DataType
from modelshelf.flavors.pyfunc_model import PyFuncModel
from modelshelf.flavors.schema import Schema
from modelshelf.flavors.sklearn import SklearnPredictor

_TYPES = {DataType.float, DataType.double, DataType.integer, DataType.long}
_LIMITS = {DataType.integer: 2.0**31 - 1, DataType.long: 2.0**53}
_BY_NAME = {"ColumnTransformer", "FunctionTransformer"}
"""Estimators that may see columns by their names, or run a function that does."""


class MatrixReader:
    """Reads bodies of rows that consist of the numbers a signature asks for."""

    def __init__(self, schema: Schema) -> None:
        import numpy as np

        self._names: list[str] = schema.input_names()
        self._wanted = set(self._names)
        types: list[Any] = schema.input_types()
        self._dtype = np.result_type(*[each.to_numpy() for each in types])
        limits = [_LIMITS.get(each) for each in types]
        self._whole = [at for at, limit in enumerate(limits) if limit is not None]
        self._limits = np.array([limit for limit in limits if limit is not None])
        self._decode = _decoder(self._names)

    def read(self, body: bytes) -> Any:
        """The matrix, or None where the body is anything else than plain."""
        try:
            found = self._decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        forms = [each for each in (found.dataframe_split, found.dataframe_records, found.instances) if each]
        if len(forms) != 1:
            return None
        form = forms[0]
        rows = [msgspec.structs.astuple(row) for row in form] if isinstance(form, list) else self._ordered(form)
        return self._matrix(rows) if rows else None

    def _ordered(self, split: Any) -> Sequence[Sequence[float | None]] | None:
        names, data = split.columns, split.data
        if split.index is not None and len(split.index) != len(data):
            return None
        if names == self._names:
            return data  # type: ignore[no-any-return]
        if len(set(names)) != len(names) or not self._wanted <= set(names):
            return None
        if any(len(row) != len(names) for row in data):
            return None
        places = [names.index(name) for name in self._names]
        return [[row[at] for at in places] for row in data]

    def _matrix(self, rows: Sequence[Sequence[float | None]]) -> Any:
        import numpy as np

        width = len(self._names)
        if set(map(len, rows)) != {width}:
            return None
        count = len(rows) * width
        try:  # several times as fast as np.array(rows)
            flat = np.frombuffer(pack(f"{count}d", *chain.from_iterable(rows)))
        except PackingFailed:  # there is a null in it
            flat = np.array(list(chain.from_iterable(rows)), dtype=np.float64)
        matrix = flat.reshape(len(rows), width).copy(order="F")  # as it is in a DataFrame
        if self._whole:
            whole = matrix[:, self._whole]
            if not ((np.abs(whole) <= self._limits) & (whole == np.rint(whole))).all():
                return None
        return matrix if self._dtype == np.float64 else matrix.astype(self._dtype, order="F")


def _decoder(names: Sequence[str]) -> Callable[[bytes], Any]:
    cell = float | None
    row = msgspec.defstruct(
        "Row", [(f"f{at}", cell) for at in range(len(names))], rename={f"f{at}": name for at, name in enumerate(names)}
    )
    split = msgspec.defstruct(
        "Split",
        [("columns", list[str]), ("data", list[list[cell]]), ("index", list[Any] | None, None)],
        forbid_unknown_fields=True,
    )
    body = msgspec.defstruct(
        "Body",
        [
            ("dataframe_split", split | None, None),
            ("dataframe_records", list[row] | None, None),  # type: ignore[valid-type]
            ("instances", list[row] | None, None),  # type: ignore[valid-type]
        ],
        forbid_unknown_fields=True,
    )
    return msgspec.json.Decoder(body).decode


def matrix_reader(model: PyFuncModel) -> MatrixReader | None:
    """The reader for a model that may be given a matrix; None for one that has to see a table."""
    predictor, schema = model._model_impl, model.metadata.get_input_schema()  # noqa: SLF001 - MLflow's name for it
    if not isinstance(predictor, SklearnPredictor) or schema is None or model.metadata.is_signature_from_type_hint:
        return None
    if schema.is_tensor_spec() or not schema.has_input_names() or schema.optional_input_names():
        return None
    names = schema.input_names()
    if not all(isinstance(each, DataType) and each in _TYPES for each in schema.input_types()):
        return None
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        return None
    estimator = predictor.sklearn_model
    fitted_names = getattr(estimator, "feature_names_in_", None)
    if fitted_names is not None and list(fitted_names) != names:
        return None
    return MatrixReader(schema) if _looks_at_arrays_only(estimator) else None


def _looks_at_arrays_only(estimator: Any) -> bool:
    kind = type(estimator)
    if not kind.__module__.startswith("sklearn.") or kind.__name__ in _BY_NAME:
        return False
    if hasattr(estimator, "_sklearn_output_config"):  # it hands on DataFrames
        return False
    return all(_looks_at_arrays_only(each) for each in _inner(estimator))


def _inner(estimator: Any) -> list[Any]:
    """The estimators that an estimator has as parameters, alone or in lists of names and estimators."""
    found = []
    for value in estimator.get_params(deep=False).values():
        for each in value if isinstance(value, list | tuple) else [value]:
            part = each[1] if isinstance(each, tuple) and len(each) > 1 else each
            if hasattr(part, "get_params") and not isinstance(part, type):
                found.append(part)
    return found
