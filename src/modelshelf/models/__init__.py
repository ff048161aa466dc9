"""What describes a model: signatures, schemas, MLmodel files and what is known of a logged model."""

from modelshelf.flavors.datatypes import AnyType, Array, DataType, Map, Object, Property
from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.model_info import ModelInfo
from modelshelf.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from modelshelf.flavors.signature import ModelSignature, infer_signature
from modelshelf.models.info import get_model_info, set_signature

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Map",
    "Model",
    "ModelInfo",
    "ModelSignature",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "TensorSpec",
    "get_model_info",
    "infer_signature",
    "set_signature",
]
