"""Python models: saved as directories that MLflow loads too, and every model loaded as a function of data."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelshelf.flavors.python_model import PythonModel, PythonModelContext
from modelshelf.flavors.unsupported import refuse

if TYPE_CHECKING:
    from modelshelf.flavors.mlmodel import Model
    from modelshelf.flavors.pyfunc_model import PyFuncModel

__all__ = ["PyFuncModel", "PythonModel", "PythonModelContext", "load_model", "save_model"]


def __getattr__(name: str) -> Any:
    # People import this module to subclass PythonModel; what saving and loading need can wait.
    if name == "PyFuncModel":
        from modelshelf.flavors.pyfunc_model import PyFuncModel

        return PyFuncModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def save_model(
    path: str | Path,
    loader_module: None = None,
    data_path: None = None,
    code_paths: list[str] | None = None,
    infer_code_paths: bool = False,
    conda_env: Any = None,
    mlflow_model: "Model | None" = None,
    python_model: Any = None,
    artifacts: Mapping[str, str] | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    model_config: Any = None,
    streamable: bool | None = None,
    resources: None = None,
    auth_policy: None = None,
    *,
    model_id: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    **others: Any,
) -> "Model":
    """Saves a PythonModel, or a function of one argument, as a directory; returns what its MLmodel file says.

    `artifacts` maps names to local files or folders, which are copied. `code_paths` are copied too and importable
    when the model is loaded; classes from other importable modules are stored by name, those of a script by value.
    With `input_example` and no `signature`, the signature is inferred. Requirements are inferred and pinned unless
    given; `mlflow` is among them only if the model's code uses it. `mlflow_model`, `model_id`, `run_id` and
    `artifact_path` fill the facts of that name.
    Raises Invalid for arguments that do not fit or are not supported, AlreadyExists if the directory is not empty.
    """
    refuse(
        "pyfunc.save_model",
        {
            "loader_module": loader_module,
            "data_path": data_path,
            "infer_code_paths": infer_code_paths,
            "resources": resources,
            "auth_policy": auth_policy,
            **others,
        },
    )
    from modelshelf.flavors.directory import Extras
    from modelshelf.flavors.environment import Environment
    from modelshelf.flavors.python_saving import save_python_model

    extras = Extras(
        signature=signature,
        input_example=input_example,
        code_paths=code_paths,
        metadata=metadata,
        environment=Environment(pip_requirements, extra_pip_requirements, conda_env),
        mlflow_model=mlflow_model,
        ids={"model_id": model_id, "run_id": run_id, "artifact_path": artifact_path},
    )
    return save_python_model(
        python_model, path, extras, artifacts=artifacts or {}, model_config=model_config, streamable=streamable
    )


def load_model(
    path: str | Path,
    *,
    trusted: bool = False,
    model_config: Any = None,
) -> "PyFuncModel":
    """Loads a model directory, of Python or scikit-learn or whatever the installed MLflow can load.

    `trusted` says that the caller vouches for the source: a pickle runs any code when it is loaded, so without it
    Untrusted is raised. Digests, if there are any, are verified before. `model_config` overrides the saved one.
    Raises InvalidModel, Untrusted or MissingPackage, each naming the file or package.
    """
    from modelshelf.flavors.loading import load_pyfunc

    return load_pyfunc(path, trusted=trusted, model_config=model_config)
