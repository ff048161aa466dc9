"""The signature of a model: what it takes, gives and can be told at prediction."""

from dataclasses import dataclass
from typing import Any

from modelshelf.domain.errors import Invalid, InvalidModel
from modelshelf.flavors.schema import ParamSchema, Schema


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """`inputs` is enforced by `predict`; `outputs` tells readers; `params` have defaults."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: ParamSchema | None = None

    def __post_init__(self) -> None:
        if self.inputs is None and self.outputs is None and self.params is None:
            raise Invalid("a signature needs inputs, outputs or params")
        for side, kind in ((self.inputs, Schema), (self.outputs, Schema), (self.params, ParamSchema)):
            if side is not None and not isinstance(side, kind):
                raise Invalid(f"a signature needs a {kind.__name__}, not {type(side).__name__}")

    def to_dict(self) -> dict[str, Any]:
        """As MLmodel files have it: each side as JSON text or None."""
        sides = {"inputs": self.inputs, "outputs": self.outputs, "params": self.params}
        return {name: None if not side else side.to_json() for name, side in sides.items()}

    @classmethod
    def from_dict(cls, content: Any) -> "ModelSignature":
        """Raises InvalidModel if a side is not what MLmodel files have."""
        if not isinstance(content, dict):
            raise InvalidModel(f"the signature is not a mapping: {content!r}")
        sides = {name: content.get(name) for name in ("inputs", "outputs", "params")}
        try:
            return cls(
                inputs=Schema.from_json(sides["inputs"]) if sides["inputs"] else None,
                outputs=Schema.from_json(sides["outputs"]) if sides["outputs"] else None,
                params=ParamSchema.from_json(sides["params"]) if sides["params"] else None,
            )
        except InvalidModel:
            raise
        except Invalid as fault:
            raise InvalidModel(f"the signature is broken: {fault.message}", **fault.details) from fault


def infer_signature(model_input: Any = None, model_output: Any = None, params: Any = None) -> ModelSignature:
    """The signature of a model that took and gave this data.

    Takes DataFrames, Series, numpy arrays, dicts of arrays, scipy CSR and CSC matrices, lists, dicts and plain
    values; `params` is a dict of defaults. Data without a clear type (mixed columns, unsigned 64-bit integers) is
    written as any type, so it is not enforced. Raises Invalid if all are None, or for parameters without a type.
    """
    from modelshelf.flavors.inference import infer_params

    if model_input is None and model_output is None and params is None:
        raise Invalid("give infer_signature at least one of model_input, model_output and params")
    return ModelSignature(
        inputs=None if model_input is None else _schema_or_any(model_input),
        outputs=None if model_output is None else _schema_or_any(model_output),
        params=infer_params(params) if params else None,
    )


def _schema_or_any(data: Any) -> Schema:
    from modelshelf.flavors.datatypes import AnyType
    from modelshelf.flavors.inference import infer_schema
    from modelshelf.flavors.schema import ColSpec

    try:
        return infer_schema(data)
    except Invalid:
        return Schema([ColSpec(AnyType())])
