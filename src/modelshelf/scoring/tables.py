"""Columns and arrays of a request as the DataFrame or the arrays that a signature asks for."""

from collections.abc import Mapping, Sequence
from typing import Any

from modelshelf.domain.errors import Invalid, SignatureMismatch
from modelshelf.flavors.datatypes import DataType
from modelshelf.flavors.schema import ColSpec, Schema, TensorSpec
from modelshelf.scoring.columns import fitted

_SHOWN = 20


def table(columns: Mapping[Any, Any], rows: int, schema: Schema | None, *, index: Any = None) -> Any:
    """A DataFrame of these columns, each as the signature says. Those it does not know are left out.

    Raises SignatureMismatch naming a column that is missing or does not fit.
    """
    import pandas as pd

    if schema is None:
        return pd.DataFrame(dict(columns), index=_index(index, rows))
    if schema.is_tensor_spec():
        return _table_of_tensors(columns, rows, schema, index)
    specs = _specs(list(columns), schema)
    made = {
        name: pd.Series(
            fitted(columns[name], spec.type, label=f"column {name!r}", column=name),
            index=_index(index, rows),
            dtype=object if spec.type in {DataType.string, DataType.binary} else None,
        )
        for name, spec in specs.items()
    }
    return pd.DataFrame(made, index=_index(index, rows))


def _index(index: Any, rows: int) -> Any:
    return range(rows) if index is None else index


def _specs(names: list[Any], schema: Schema) -> dict[Any, Any]:
    """The signature's columns by the names that they have in the data, in the signature's order."""
    if not schema.has_input_names():
        if len(names) < len(schema):
            raise SignatureMismatch(f"the model takes {len(schema)} columns, the data has {len(names)}")
        return dict(zip(names, schema.inputs, strict=False))
    present = set(names)
    missing = [name for name in schema.required_input_names() if name not in present]
    if missing:
        raise SignatureMismatch(
            f"the columns {_shown(missing)} are missing; the data has {_shown(names)}", column=missing[0]
        )
    return {name: spec for name, spec in schema.input_dict().items() if name in present}


def _table_of_tensors(columns: Mapping[Any, Any], rows: int, schema: Schema, index: Any) -> Any:
    import pandas as pd

    specs: Mapping[Any, Any] = schema.input_dict() if schema.has_input_names() else {}
    only = schema.inputs[0] if not specs else None
    made = {}
    for name, values in columns.items():
        spec = specs.get(name, only)
        nested = any(isinstance(value, list) for value in values)
        made[name] = values if spec is None or nested else array(values, spec, label=f"column {name!r}")
    return pd.DataFrame(made, index=_index(index, rows))


def array(values: Any, spec: Any, *, label: str) -> Any:
    """An array of what a signature says of an input; as it comes where it says nothing."""
    import numpy as np

    try:
        found = np.array(values)
    except ValueError as error:
        raise SignatureMismatch(f"{label}: its rows are of different lengths", column=label) from error
    if spec is None:
        return found
    if isinstance(spec, ColSpec):
        if not isinstance(spec.type, DataType):
            return found
        flat = found.ravel().tolist() if found.dtype.kind in "OU" else found.ravel()
        fit = fitted(flat, spec.type, label=label, column=spec.name)
        return np.array(fit, dtype=spec.type.to_pandas()).reshape(found.shape)
    return _tensor(found, spec, label)


def _tensor(found: Any, spec: TensorSpec, label: str) -> Any:
    import numpy as np

    wanted = spec.type
    if found.dtype.kind == "O" and wanted.kind == "f" and all(isinstance(v, int | float | None) for v in found.ravel()):
        found = found.astype(np.float64)  # null is NaN
    if wanted.kind == "M" and found.dtype.kind == "U":
        found = _moments(found, label)
    is_number = found.dtype.kind in "iuf"
    fits = found.dtype.kind == wanted.kind or (is_number and wanted.kind in "iuf") or wanted.kind == "O"
    fits = fits or not found.size or (wanted.kind == "S" and found.dtype.kind == "U")
    if not fits:
        raise SignatureMismatch(f"{label}: {found.dtype} is not {spec!r}", column=spec.name, expected=repr(spec))
    with np.errstate(all="ignore"):
        made = found.astype(wanted)
    if is_number and wanted.kind in "iu" and not (made == found).all():
        raise SignatureMismatch(f"{label}: not all numbers fit {spec.dtype}", column=spec.name, expected=repr(spec))
    return made


def _moments(found: Any, label: str) -> Any:
    try:
        return found.astype("datetime64[ns]")
    except ValueError as error:
        raise SignatureMismatch(f"{label}: not all texts are times: {error}", column=label) from error


def columns_of(records: Sequence[Mapping[str, Any]], *, what: str) -> dict[str, list[Any]]:
    """Rows that are objects, as columns; where a row has no value for one it is None. Raises Invalid."""
    names: dict[str, None] = {}
    for row, record in enumerate(records):
        if not isinstance(record, dict):
            raise Invalid(f"{what}, row {row}: each row is an object of column names and values")
        names.update(dict.fromkeys(record))
    return {name: [record.get(name) for record in records] for name in names}


def _shown(names: Sequence[Any]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{list(names)[:_SHOWN]}{more}"
