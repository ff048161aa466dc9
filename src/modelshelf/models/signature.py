"""Signatures, under the name that MLflow's module of them has."""

from modelshelf.flavors.signature import ModelSignature, infer_signature
from modelshelf.models.info import set_signature

__all__ = ["ModelSignature", "infer_signature", "set_signature"]
