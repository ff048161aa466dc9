"""Stand-ins for the helpers of MLflow that its pickles of type-hinted models carry by name."""

from typing import Any, NamedTuple, get_args, get_origin

from modelshelf.domain.errors import SignatureMismatch


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
    """A list for a hint such as `list[str]` or `list[Item]`: rows of a table become values, dicts or pydantic items."""
    if get_origin(hint) is not list:
        return data
    item = get_args(hint)[0]
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        plain = len(data.columns) == 1 and isinstance(item, type) and item in {str, int, float, bool, bytes}
        data = data.iloc[:, 0].tolist() if plain else data.to_dict(orient="records")
    if not isinstance(data, list):
        raise HintMismatch(f"the model takes {hint}, not {type(data).__name__}", expected=str(hint))
    return [_item(each, item, row) for row, each in enumerate(data)]


def _item(value: Any, hint: Any, row: int) -> Any:
    if isinstance(value, dict) and hasattr(hint, "model_validate"):
        try:
            return hint.model_validate(value)
        except ValueError as fault:
            raise HintMismatch(f"row {row}: {fault}", row=row) from fault
    if hint in {str, int, float, bool, bytes} and not isinstance(value, hint):
        raise HintMismatch(f"row {row}: a {hint.__name__} is needed, not {value!r}", row=row)
    return value
