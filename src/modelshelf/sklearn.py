"""scikit-learn models: log, save and load them."""

from typing import Any

from modelshelf.domain.errors import Invalid
from modelshelf.flavors.sklearn import (
    SERIALIZATION_FORMAT_CLOUDPICKLE,
    SERIALIZATION_FORMAT_PICKLE,
    SERIALIZATION_FORMAT_SKOPS,
    save_model,
)
from modelshelf.sdk.loading import load_sklearn as load_model
from modelshelf.sdk.models import log_sklearn as log_model

__all__ = [
    "SERIALIZATION_FORMAT_CLOUDPICKLE",
    "SERIALIZATION_FORMAT_PICKLE",
    "SERIALIZATION_FORMAT_SKOPS",
    "autolog",
    "load_model",
    "log_model",
    "save_model",
]


def autolog(*_arguments: Any, **_options: Any) -> None:
    """Always raises Invalid: nothing is logged unless it is said, so that a run has what its program states."""
    raise Invalid(
        "autolog is not supported: in `with modelshelf.start_run():`, call log_params(model.get_params()), "
        "log_metrics({...}) and sklearn.log_model(model, name=...) yourself"
    )
