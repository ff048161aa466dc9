"""`log_model` of each flavor: what the flavor saves, and what is recorded beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelshelf.flavors import pyfunc, sklearn
from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.model_info import ModelInfo

if TYPE_CHECKING:
    from modelshelf.sdk.logging_models import Save


def log_pyfunc(
    artifact_path: str | None = None,
    loader_module: None = None,
    data_path: None = None,
    code_paths: list[str] | None = None,
    infer_code_paths: bool = False,
    conda_env: Any = None,
    python_model: Any = None,
    artifacts: Mapping[str, str] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = 300,  # noqa: ARG001 — MLflow's argument
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    model_config: Any = None,
    streamable: bool | None = None,
    *,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    **others: Any,
) -> ModelInfo:
    """Log a PythonModel, or a function of one argument, as a model of the active run; register it if told a name.

    `name` names the logged model (`artifact_path` is its older form); without an active run it belongs to the active
    experiment. `registered_model_name` makes the next version of that registered model. `params` and `tags` are of the
    logged model, `step` says when in its training it was logged, `model_id` fills one that was made before. What the
    other arguments do is said at `pyfunc.save_model`. Registration is done when the call returns, so
    `await_registration_for` changes nothing.
    Raises Invalid for arguments that do not fit, StorageFull; a logged model whose files did not arrive is FAILED.
    """

    def save(path: Path, facts: Model) -> Model:
        return pyfunc.save_model(
            path,
            loader_module,
            data_path,
            code_paths,
            infer_code_paths,
            conda_env,
            facts,
            python_model,
            artifacts,
            signature,
            input_example,
            pip_requirements,
            extra_pip_requirements,
            metadata,
            model_config,
            streamable,
            **others,
        )

    return _log(
        save,
        name=name,
        artifact_path=artifact_path,
        registered_model_name=registered_model_name,
        params=params,
        tags=tags,
        model_type=model_type,
        step=step,
        model_id=model_id,
    )


def log_sklearn(
    sk_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    serialization_format: str | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = 300,  # noqa: ARG001 — MLflow's argument
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    pyfunc_predict_fn: str = "predict",
    metadata: Mapping[str, Any] | None = None,
    extra_files: list[str] | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    name: str | None = None,
    skops_trusted_types: list[str] | None = None,
    **others: Any,
) -> ModelInfo:
    """Log a scikit-learn estimator as a model of the active run; register it if told a name.

    What the arguments do is said at `pyfunc.log_model` and `sklearn.save_model`.
    Raises Invalid for arguments that do not fit, StorageFull; a logged model whose files did not arrive is FAILED.
    """

    def save(path: Path, facts: Model) -> Model:
        return sklearn.save_model(
            sk_model,
            path,
            conda_env,
            code_paths,
            facts,
            serialization_format,
            signature,
            input_example,
            pip_requirements,
            extra_pip_requirements,
            pyfunc_predict_fn,
            metadata,
            skops_trusted_types,
            extra_files,
            **others,
        )

    return _log(
        save,
        name=name,
        artifact_path=artifact_path,
        registered_model_name=registered_model_name,
        params=params,
        tags=tags,
        model_type=model_type,
        step=step,
        model_id=model_id,
    )


def _log(save: "Save", **about: Any) -> ModelInfo:
    from modelshelf.sdk.logging_models import Request, log_model  # loading needs none of it

    return log_model(save, Request(**about))
