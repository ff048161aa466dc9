"""MLmodel files and what they say, under the name that MLflow's module of them has."""

from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.model_info import ModelInfo
from modelshelf.models.info import get_model_info

__all__ = ["Model", "ModelInfo", "get_model_info"]
