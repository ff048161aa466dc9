"""The classes that users subclass, and what their models are given when loaded."""

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

from modelshelf.flavors.hinted import checked, takes_context


class PythonModel:
    """A model written in Python: subclass it and define `predict`.

    `predict(self, context, model_input, params=None)` may leave out `context`, `params` or both.
    A saved subclass refers to MLflow's class of the same name, so it loads where only one of the two is installed.
    With a type hint such as `list[str]` on the input, `predict` is given such a list and refuses other data.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        predict = cls.__dict__.get("predict")
        if isinstance(predict, FunctionType):
            setattr(cls, "predict", checked(predict))  # noqa: B010 — a method cannot be assigned to

    def load_context(self, context: "PythonModelContext") -> None:
        """Called once after loading; `context.artifacts` has the paths of the model's files."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """The prediction for the input: define it in your class, with the arguments it needs."""
        raise NotImplementedError(f"{type(self).__name__} has no predict method")

    def predict_stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """The prediction piece by piece: define it, with the same arguments, if your model can."""
        raise NotImplementedError(f"{type(self).__name__} has no predict_stream method")


class PythonModelContext:
    """The files and settings saved with a model: `artifacts` maps names to paths, `model_config` is a dict."""

    def __init__(self, artifacts: Mapping[str, str], model_config: Mapping[str, Any] | None) -> None:
        # The attribute names are MLflow's: a context inside a pickle keeps its state under them.
        self._artifacts = dict(artifacts)
        self._model_config = dict(model_config) if model_config is not None else None

    @property
    def artifacts(self) -> dict[str, str]:
        return self._artifacts

    @property
    def model_config(self) -> dict[str, Any] | None:
        return self._model_config


class FunctionModel(PythonModel):
    """A plain function as a model. The attributes are named as in MLflow's pickles of functions."""

    def __init__(self, func: Callable[[Any], Any]) -> None:
        self.func = checked(func)
        self.signature = None

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return self.func(model_input)


class PythonModelRunner:
    """Calls a Python model with the arguments that its `predict` names."""

    def __init__(self, python_model: Any, context: PythonModelContext) -> None:
        self.python_model = python_model
        self.context = context
        self._predict = _caller(checked(python_model.predict), context)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self._predict(data, params)

    def predict_stream(self, data: Any, params: dict[str, Any] | None = None) -> Iterator[Any]:
        result: Iterator[Any] = _caller(self.python_model.predict_stream, self.context)(data, params)
        return result


def _caller(method: Callable[..., Any], context: PythonModelContext) -> Callable[[Any, Any], Any]:
    """The method as a function of data and params; what its signature leaves out is not passed."""
    import inspect

    parameters = inspect.signature(method).parameters
    first = (context,) if takes_context(parameters) else ()
    if "params" in parameters:
        return lambda data, params: method(*first, data, params=params)
    return lambda data, _params: method(*first, data)
