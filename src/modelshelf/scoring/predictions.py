"""Predictions as JSON: tables as rows, arrays as lists, empty cells as null."""

from typing import Any

import msgspec


def plain(value: Any) -> Any:
    """What msgspec can write: tables as lists of rows, arrays as lists."""
    if hasattr(value, "tolist") and not hasattr(value, "iloc"):
        return _listed(value)
    if hasattr(value, "iloc"):
        table = value.to_frame() if not hasattr(value, "columns") else value
        return table.to_dict(orient="records")
    if type(value).__module__.startswith("scipy."):
        return value.toarray().tolist()
    return value


def _listed(array: Any) -> Any:
    dtype = getattr(array, "dtype", None)
    if dtype is not None and dtype.kind == "M":
        return array.astype("datetime64[us]").tolist()
    return array.tolist()


def _other(value: Any) -> Any:
    """Values of other kinds inside lists and objects."""
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    made = plain(value)
    if made is value:
        raise NotImplementedError(f"a prediction of the type {type(value).__name__} has no JSON form")
    return made


_encoder = msgspec.json.Encoder(enc_hook=_other)
encode = _encoder.encode


def answer(predictions: Any) -> bytes:
    """The body of MLflow's protocol."""
    return encode({"predictions": plain(predictions)})
