"""Models as functions of data, of any flavor: log, save and load them, and write your own."""

from modelshelf.flavors.pyfunc import PyFuncModel, PythonModel, PythonModelContext, save_model
from modelshelf.sdk.loading import get_model_dependencies
from modelshelf.sdk.loading import load_pyfunc as load_model
from modelshelf.sdk.models import log_pyfunc as log_model

__all__ = [
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "get_model_dependencies",
    "load_model",
    "log_model",
    "save_model",
]
