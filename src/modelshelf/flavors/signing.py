"""The signature a model is saved with: as given, as its type hints say, or as its input example shows."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from modelshelf.flavors.example import like_example, split_params
from modelshelf.flavors.hinted import Hints
from modelshelf.flavors.schema import Schema
from modelshelf.flavors.signature import ModelSignature, infer_signature
from modelshelf.flavors.type_hints import HintMismatch, fit_value

Predict = Callable[[Any, Any], Any]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature, and which part type hints had in it, as MLmodel files say it."""

    signature: ModelSignature | None
    from_hints: bool = False
    hint_from_example: bool = False


def sign(
    given: ModelSignature | Literal[False] | None, example: Any, *, predict: Predict | None, hints: Hints
) -> Signed:
    """Hints come before what is given, since `predict` refuses what does not fit them."""
    # False is how a caller says that the model shall have no signature, example or not.
    if given is False:
        return Signed(None)
    inputs = hints.input_schema()
    if inputs is not None:
        return Signed(_hinted(given, inputs, example, predict=predict, hints=hints), from_hints=True)
    if given is None and example is not None:
        given = _shown(example, _like(example, predict) if hints.from_example and predict else predict)
    shape = type(split_params(example)[0]).__name__
    return Signed(given, hint_from_example=hints.from_example and shape in {"list", "DataFrame", "Series"})


def _hinted(
    given: ModelSignature | None, inputs: Schema, example: Any, *, predict: Predict | None, hints: Hints
) -> ModelSignature:
    data, params = split_params(example)
    found = ModelSignature(inputs, hints.output_schema(), infer_signature(params=params).params if params else None)
    if given is not None:
        found = replace(found, params=given.params or found.params)
        if found != given:
            _log.warning("the signature is taken from the type hints of predict, which the given one does not fit")
    if data is None or predict is None:
        return found
    return replace(found, outputs=_outputs(found, data, params, predict=predict, hint=hints.output))


def _outputs(found: ModelSignature, data: Any, params: Any, *, predict: Predict, hint: Any) -> Schema | None:
    """The hinted outputs if a prediction fits them, else any type."""
    try:
        fit_value(predict(data, params), hint, where="the prediction")
    except HintMismatch as fault:
        _log.warning("the input_example or what the model predicts for it does not fit the type hints: %s", fault)
        return Hints().output_schema()
    except Exception:
        _log.warning("the model cannot predict its input_example", exc_info=True)
    return found.outputs


def _like(example: Any, predict: Predict) -> Predict:
    data, _ = split_params(example)
    return lambda table, params: predict(like_example(table, data) if hasattr(table, "columns") else table, params)


def _shown(example: Any, predict: Predict | None) -> ModelSignature:
    """Inputs and params from the example; outputs from a prediction, if the model can make one of it."""
    from modelshelf.flavors.enforcement import enforce

    data, params = split_params(example)
    alone = infer_signature(data, None, params)
    if predict is None or alone.inputs is None:
        return alone
    try:
        outputs = predict(enforce(data, alone.inputs), params)
    except Exception:
        _log.warning("the model cannot predict its input_example, so its signature has no outputs", exc_info=True)
        return alone
    return alone if outputs is None else infer_signature(data, outputs, params)
