"""Data fitted to the type hint of a model's `predict`; MLflow's pickles of such models name these by its own names."""

import datetime as dt
import logging
import types
from typing import Any, NamedTuple, Union, get_args, get_origin

from modelshelf.domain.errors import SignatureMismatch

_log = logging.getLogger(__name__)
SCALARS = (int, str, bool, float, bytes, dt.datetime)
UNIONS = (Union, types.UnionType)


class HintMismatch(SignatureMismatch):
    """Data that does not fit the type hint of a model's `predict`."""


class FuncInfo(NamedTuple):
    """The hint of a wrapped `predict` and the name of its argument."""

    input_type_hint: Any
    input_param_name: str


class TypeHints:
    """The hints of `predict`, which MLflow remembers on the model; never read here."""


def fit_arguments(args: Any, kwargs: Any, position: int, hint: Any, name: str) -> tuple[Any, Any]:
    """Converts the input among a call's arguments to the hint."""
    if name in kwargs:
        return args, {**kwargs, name: fit(kwargs[name], hint)}
    if len(args) <= position:
        return args, kwargs
    return (*args[:position], fit(args[position], hint), *args[position + 1 :]), kwargs


def fit(data: Any, hint: Any) -> Any:
    """A list for a hint such as `list[str]` or `list[Item]`: rows of a table become values, dicts or pydantic items.

    Raises HintMismatch naming the row that does not fit.
    """
    if get_origin(hint) is not list:
        return data
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        data = _plain(_rows(data, get_args(hint)[0]))
    return fit_value(data, hint, where="the input")


def _rows(frame: Any, item: Any) -> list[Any]:
    """Rows as dicts where dicts are taken, else the cells of one column: the first, or the first with text."""
    if is_pydantic(item) or get_origin(item) is dict:
        only = frame.iloc[:, 0].tolist() if len(frame.columns) == 1 else [None]
        rows: list[Any] = only if all(isinstance(each, dict) for each in only) else frame.to_dict(orient="records")
        return rows
    places = list(range(len(frame.columns)))
    if item is str:
        places = [each for each in places if all(isinstance(cell, str) for cell in frame.iloc[:, each])] or places
    elif len(places) > 1:
        _log.warning("the model takes a list of %s: of %d columns only the first is used", item, len(places))
    column: list[Any] = frame.iloc[:, places[0]].tolist() if places else []
    return column


def _plain(value: Any) -> Any:
    """Cells of a table as Python has them: lists for arrays, None for what is missing."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 — NaN differs from itself


def is_pydantic(hint: Any) -> bool:
    return isinstance(hint, type) and hasattr(hint, "model_validate") and hasattr(hint, "model_fields")


def fit_value(value: Any, hint: Any, *, where: str) -> Any:
    """The value, with dicts made into pydantic items; raises HintMismatch naming the place that does not fit."""
    if is_pydantic(hint):
        return _item(value, hint, where)
    if hint in SCALARS:
        _need(isinstance(value, hint), value, hint, where)
        return value
    origin, inner = get_origin(hint), get_args(hint)
    if origin is list and inner:
        _need(isinstance(value, list), value, hint, where)
        return [fit_value(each, inner[0], where=f"row {row} of {where}") for row, each in enumerate(value)]
    if origin is dict and len(inner) == 2:
        _need(isinstance(value, dict) and all(isinstance(key, str) for key in value), value, hint, where)
        return {key: fit_value(each, inner[1], where=f"{key!r} of {where}") for key, each in value.items()}
    stated = [each for each in inner if each is not type(None)]
    if origin in UNIONS and len(stated) == 1 and value is not None:
        return fit_value(value, stated[0], where=where)
    return value


def _item(value: Any, hint: Any, where: str) -> Any:
    if isinstance(value, hint):
        return value
    _need(isinstance(value, dict), value, hint, where)
    try:
        # Strict, so that no text becomes a number: a hint says what comes in, not what could be made of it.
        return hint.model_validate(value, strict=True)
    except ValueError as fault:
        raise HintMismatch(f"{where}: {fault}", expected=hint.__name__) from fault


def _need(holds: bool, value: Any, hint: Any, where: str) -> None:
    if not holds:
        wanted = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
        raise HintMismatch(f"{where}: the model takes {wanted}, not {value!r}", expected=wanted)
