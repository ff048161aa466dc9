"""Input examples of a model: written as the two JSON files that MLflow reads, and read back."""

import base64
import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import Invalid, InvalidModel
from modelshelf.flavors.trust import inside

EXAMPLE_FILE = "input_example.json"
SERVING_FILE = "serving_input_example.json"
_CHAT_KEYS = {"messages", "input", "prompt"}


def split_params(example: Any) -> tuple[Any, dict[str, Any] | None]:
    """An example may be a pair of the data and a dict of params."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        return example[0], example[1]
    return example, None


def save_example(folder: Path, example: Any) -> dict[str, Any]:
    """Writes both files and returns the entry `saved_input_example_info` of MLmodel."""
    data, params = split_params(example)
    info, content, serving = _encode(data)
    info = {"artifact_path": EXAMPLE_FILE, "serving_input_path": SERVING_FILE, **info}
    if params is not None:
        content = {"inputs": content, "params": params}
        serving = {**serving, **params} if _is_chat(data) else {**serving, "params": params}
        if params:
            info["params"] = "true"
    (folder / EXAMPLE_FILE).write_text(_dumps(content), encoding="utf-8")
    (folder / SERVING_FILE).write_text(_dumps(serving, indent=2), encoding="utf-8")
    return info


def _encode(data: Any) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    kind = type(data).__name__
    if kind == "DataFrame":
        table = _table(data)
        orient = "split" if "columns" in table else "values"
        return {"type": "dataframe", "pandas_orient": orient}, table, {"dataframe_split": table}
    if _is_array(data):
        return {"type": "ndarray"}, _array(data), {"inputs": _array(data)}
    if kind in {"csr_matrix", "csc_matrix"}:
        return {"type": f"sparse_matrix_{kind[:3]}"}, _sparse(data), {"inputs": data.toarray().tolist()}
    if isinstance(data, dict) and data and all(_is_array(each) for each in data.values()):
        arrays = {name: _array(each) for name, each in data.items()}
        return {"type": "ndarray"}, arrays, {"inputs": arrays}
    if isinstance(data, dict | list | str | bytes | bool | int | float | dt.date) or type(data).__module__ == "numpy":
        return {"type": "json_object"}, data, data if _is_chat(data) else {"inputs": data}
    raise Invalid(
        f"input_example is a {kind}; give a DataFrame, numpy array, dict, list, sparse matrix or plain value",
        argument="input_example",
    )


def _is_array(data: Any) -> bool:
    return type(data).__module__ == "numpy" and type(data).__name__ == "ndarray"


def _is_chat(data: Any) -> bool:
    """Chat requests are served as they are, without a wrapper."""
    return isinstance(data, dict) and not _CHAT_KEYS.isdisjoint(data)


def _table(frame: Any) -> dict[str, Any]:
    columns = frame.columns.tolist()
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    named = {} if columns == list(range(len(columns))) else {"columns": columns}
    return {**named, "data": rows}


def _array(values: Any) -> Any:
    import numpy as np

    if values.dtype.kind != "f" or not np.isnan(values).any():
        return values.tolist()
    cells = values.astype(object)
    cells[np.isnan(values)] = None
    return cells.tolist()


def _sparse(matrix: Any) -> dict[str, Any]:
    return {
        "data": _array(matrix.data),
        "indices": matrix.indices.tolist(),
        "indptr": matrix.indptr.tolist(),
        "shape": list(matrix.shape),
    }


def _dumps(content: Any, *, indent: int | None = None) -> str:
    try:
        return json.dumps(content, default=_json_value, indent=indent)
    except (TypeError, ValueError) as fault:
        raise Invalid(f"input_example cannot be written as JSON: {fault}", argument="input_example") from fault


def _json_value(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(bytes(value)).decode("ascii")
    if isinstance(value, dt.date):
        return value.isoformat()
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if hasattr(value, "tolist"):
        listed = value.tolist()
        # Nanosecond times come out as plain integers, which nobody could read back.
        return str(value) if type(value).__name__ == "datetime64" else listed
    raise TypeError(f"{type(value).__name__} has no JSON form")


def load_example(folder: Path, info: Mapping[str, Any] | None) -> Any:
    """The saved example as it was given: DataFrame, array, matrix, dict, list or value. None without one."""
    if not info:
        return None
    content = _read(folder, info)
    if info.get("params"):
        content = content.get("inputs") if isinstance(content, dict) else content
    match info.get("type"):
        case "dataframe":
            return _frame(content)
        case "ndarray":
            return _arrays(content)
        case "sparse_matrix_csr" | "sparse_matrix_csc" as kind:
            return _matrix(content, kind)
    return content


def load_example_params(folder: Path, info: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The params saved beside the example, or None."""
    if not info or not info.get("params"):
        return None
    params: dict[str, Any] = _read(folder, info).get("params")
    return params


def like_example(frame: Any, example: Any) -> Any:
    """A table as the example is: a Series, a list of values, a list of dicts; as it is where the example is a table."""
    if type(example).__name__ == "Series":
        return frame.iloc[:, 0].rename(example.name)
    if not isinstance(example, list):
        return frame
    plain = len(frame.columns) == 1 and not any(isinstance(each, list | dict) for each in example)
    return frame.iloc[:, 0].tolist() if plain else frame.to_dict(orient="records")


def _read(folder: Path, info: Mapping[str, Any]) -> Any:
    file = inside(folder, info.get("artifact_path", EXAMPLE_FILE), what="the input example")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InvalidModel(f"{file}: the input example cannot be read: {fault}", path=str(file)) from fault


def _frame(content: Any) -> Any:
    import pandas as pd

    if isinstance(content, dict):
        return pd.DataFrame(content.get("data"), columns=content.get("columns"))
    return pd.DataFrame(content)


def _arrays(content: Any) -> Any:
    import numpy as np

    if isinstance(content, dict):
        return {name: np.array(values) for name, values in content.items()}
    return np.array(content)


def _matrix(content: Any, kind: str) -> Any:
    from scipy import sparse

    build = sparse.csr_matrix if kind.endswith("csr") else sparse.csc_matrix
    return build((content["data"], content["indices"], content["indptr"]), shape=tuple(content["shape"]))
