"""A loaded model of any flavor, with one `predict` that enforces the signature."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from modelshelf.domain.errors import Invalid
from modelshelf.flavors.enforcement import enforce
from modelshelf.flavors.example import like_example
from modelshelf.flavors.mlmodel import PYFUNC, Model
from modelshelf.flavors.parameters import enforce_params

_log = logging.getLogger(__name__)


class Predictor(Protocol):
    """What a flavor's loader gives: it predicts from data that fits the signature."""

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any: ...


class PyFuncModel:
    """A model as a function of data. `predict` takes what the signature says and refuses the rest."""

    def __init__(
        self, metadata: Model, predictor: Predictor, *, folder: Path, model_config: Mapping[str, Any] | None = None
    ) -> None:
        self._model_meta = metadata
        self._model_impl = predictor
        self._folder = folder
        self._model_config = dict(model_config) if model_config else None
        # Type hints are checked by the model itself, on the data as it was given.
        self._inputs = None if metadata.is_signature_from_type_hint else metadata.get_input_schema()
        self._params = metadata.get_params_schema()
        self._example = self.input_example if metadata.type_hint_from_example else None
        self._takes_params = _accepts_params(predictor)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """The model's prediction. Columns are put in order and converted where no value changes.

        `params` override the defaults in the signature; names that it does not have are ignored.
        Raises SignatureMismatch naming the column, tensor or parameter that does not fit.
        """
        fitting = self._fitting(data)
        if not self._takes_params:
            return self._model_impl.predict(fitting)
        return self._model_impl.predict(fitting, params=self._known(params))

    def predict_stream(self, data: Any, params: dict[str, Any] | None = None) -> Iterator[Any]:
        """The prediction piece by piece; raises Invalid if the model cannot."""
        stream = getattr(self._model_impl, "predict_stream", None)
        if stream is None or not self._model_meta.flavor(PYFUNC).get("streamable", False):
            raise Invalid("the model does not stream: save it with streamable=True and a predict_stream method")
        result: Iterator[Any] = stream(self._fitting(data), params=self._known(params))
        return result

    def _fitting(self, data: Any) -> Any:
        fitting = data if self._inputs is None else enforce(data, self._inputs)
        if self._example is None or not hasattr(fitting, "columns"):
            return fitting
        return like_example(fitting, self._example)

    def _known(self, params: dict[str, Any] | None) -> dict[str, Any]:
        known, ignored = enforce_params(params, self._params)
        if ignored:
            _log.warning("the params %s are not in the model's signature and are ignored", ignored)
        return known

    @property
    def metadata(self) -> Model:
        """The facts of the MLmodel file."""
        return self._model_meta

    @property
    def model_id(self) -> str | None:
        return self._model_meta.model_id

    @property
    def model_config(self) -> dict[str, Any] | None:
        return self._model_config

    @property
    def loader_module(self) -> str:
        return str(self._model_meta.flavor(PYFUNC)["loader_module"])

    @property
    def input_example(self) -> Any:
        """The example saved with the model, or None."""
        return self._model_meta.load_input_example(self._folder)

    def unwrap_python_model(self) -> Any:
        """The PythonModel instance inside; raises Invalid for other flavors."""
        model = getattr(self._model_impl, "python_model", None)
        if model is None:
            raise Invalid(f"a model of {self.loader_module} has no Python model inside; use get_raw_model()")
        return model

    def get_raw_model(self) -> Any:
        """The framework's own model, such as the scikit-learn estimator; raises Invalid if the flavor has none."""
        raw = getattr(self._model_impl, "get_raw_model", None)
        if raw is None:
            raise Invalid(f"a model of {self.loader_module} has no raw model; use unwrap_python_model()")
        return raw()

    def __repr__(self) -> str:
        facts = {"artifact_path": self._model_meta.artifact_path, "flavor": self.loader_module}
        stated = ", ".join(f"{name}={value}" for name, value in facts.items() if value)
        return f"modelshelf.pyfunc.PyFuncModel({stated})"


def _accepts_params(predictor: Predictor) -> bool:
    import inspect

    parameters = inspect.signature(predictor.predict).parameters
    return "params" in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())
