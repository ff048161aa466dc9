"""Schemas and their types, under the name that MLflow's module of them has."""

from modelshelf.flavors.datatypes import AnyType, Array, DataType, Map, Object, Property
from modelshelf.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Map",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "TensorSpec",
]
