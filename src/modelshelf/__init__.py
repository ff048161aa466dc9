"""A model registry: named, numbered, immutable, promotable models, with a ledger of every move.

    import modelshelf

    with modelshelf.start_run():
        modelshelf.log_metric("auc", 0.93)
        modelshelf.sklearn.log_model(model, name="model", registered_model_name="churn")

    modelshelf.promote("churn", 1, alias="champion", reason="beats the old one")
    modelshelf.pyfunc.load_model("models:/churn@champion")

Whatever has a name of MLflow's takes the same arguments and answers the same fields. Everything here is loaded when it
is first used.
"""

import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False  # as in typing, which alone would take half of the time that this import takes

if TYPE_CHECKING:
    from modelshelf import (
        artifacts,
        client,
        data,
        entities,
        exceptions,
        models,
        pyfunc,
        rollouts,
        sklearn,
        tracking,
        types,
    )
    from modelshelf.connect import connect
    from modelshelf.exceptions import MlflowException, ShelfError
    from modelshelf.sdk.active import ActiveRun, active_run, end_run, last_active_run, start_run
    from modelshelf.sdk.active_model import clear_active_model, get_active_model_id
    from modelshelf.sdk.client import MlflowClient
    from modelshelf.sdk.evaluating import evaluate
    from modelshelf.sdk.experiments import (
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        get_experiment,
        get_experiment_by_name,
        restore_experiment,
        set_experiment,
        set_experiment_tag,
        set_experiment_tags,
    )
    from modelshelf.sdk.files import (
        get_artifact_uri,
        load_table,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_image,
        log_stream,
        log_table,
        log_text,
    )
    from modelshelf.sdk.following import Follower, follow
    from modelshelf.sdk.logged_models import (
        ActiveModel,
        create_external_model,
        delete_logged_model_tag,
        finalize_logged_model,
        get_logged_model,
        initialize_logged_model,
        last_logged_model,
        log_model_params,
        set_active_model,
        set_logged_model_tags,
    )
    from modelshelf.sdk.registering import register_model
    from modelshelf.sdk.runs import (
        delete_run,
        delete_tag,
        flush_async_logging,
        get_parent_run,
        get_run,
        log_input,
        log_inputs,
        log_metric,
        log_metrics,
        log_outputs,
        log_param,
        log_params,
        restore_run,
        set_tag,
        set_tags,
    )
    from modelshelf.sdk.search import (
        search_experiments,
        search_logged_models,
        search_model_versions,
        search_registered_models,
        search_runs,
    )
    from modelshelf.sdk.session import (
        get_registry_uri,
        get_tracking_uri,
        is_tracking_uri_set,
        set_registry_uri,
        set_tracking_uri,
    )
    from modelshelf.sdk.shelf import history, promote, resolve, rollback
    from modelshelf.sdk.version_tags import set_model_version_tag

__version__ = "0.1.0"

_HOMES = {
    "modelshelf.connect": ("connect",),
    "modelshelf.sdk.session": (
        "get_registry_uri",
        "get_tracking_uri",
        "is_tracking_uri_set",
        "set_registry_uri",
        "set_tracking_uri",
    ),
    "modelshelf.sdk.experiments": (
        "create_experiment",
        "delete_experiment",
        "delete_experiment_tag",
        "get_experiment",
        "get_experiment_by_name",
        "restore_experiment",
        "set_experiment",
        "set_experiment_tag",
        "set_experiment_tags",
    ),
    "modelshelf.sdk.active": (
        "ActiveRun",
        "active_run",
        "end_run",
        "last_active_run",
        "start_run",
    ),
    "modelshelf.sdk.runs": (
        "delete_run",
        "delete_tag",
        "flush_async_logging",
        "get_parent_run",
        "get_run",
        "log_input",
        "log_inputs",
        "log_metric",
        "log_metrics",
        "log_outputs",
        "log_param",
        "log_params",
        "restore_run",
        "set_tag",
        "set_tags",
    ),
    "modelshelf.sdk.files": (
        "get_artifact_uri",
        "load_table",
        "log_artifact",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_image",
        "log_stream",
        "log_table",
        "log_text",
    ),
    "modelshelf.sdk.search": (
        "search_experiments",
        "search_logged_models",
        "search_model_versions",
        "search_registered_models",
        "search_runs",
    ),
    "modelshelf.sdk.active_model": (
        "clear_active_model",
        "get_active_model_id",
    ),
    "modelshelf.sdk.logged_models": (
        "ActiveModel",
        "create_external_model",
        "delete_logged_model_tag",
        "finalize_logged_model",
        "get_logged_model",
        "initialize_logged_model",
        "last_logged_model",
        "log_model_params",
        "set_active_model",
        "set_logged_model_tags",
    ),
    "modelshelf.sdk.registering": ("register_model",),
    "modelshelf.sdk.client": ("MlflowClient",),
    "modelshelf.sdk.version_tags": ("set_model_version_tag",),
    "modelshelf.sdk.evaluating": ("evaluate",),
    "modelshelf.sdk.following": ("Follower", "follow"),
    "modelshelf.sdk.shelf": (
        "history",
        "promote",
        "resolve",
        "rollback",
    ),
    "modelshelf.exceptions": (
        "MlflowException",
        "ShelfError",
    ),
}
_MODULES = (
    "artifacts",
    "client",
    "data",
    "entities",
    "exceptions",
    "models",
    "pyfunc",
    "rollouts",
    "sklearn",
    "tracking",
    "types",
)
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ActiveModel",
    "ActiveRun",
    "Follower",
    "MlflowClient",
    "MlflowException",
    "ShelfError",
    "__version__",
    "active_run",
    "artifacts",
    "clear_active_model",
    "client",
    "connect",
    "create_experiment",
    "create_external_model",
    "data",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model_tag",
    "delete_run",
    "delete_tag",
    "end_run",
    "entities",
    "evaluate",
    "exceptions",
    "finalize_logged_model",
    "flush_async_logging",
    "follow",
    "get_active_model_id",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_parent_run",
    "get_registry_uri",
    "get_run",
    "get_tracking_uri",
    "history",
    "initialize_logged_model",
    "is_tracking_uri_set",
    "last_active_run",
    "last_logged_model",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_params",
    "log_stream",
    "log_table",
    "log_text",
    "models",
    "promote",
    "pyfunc",
    "register_model",
    "resolve",
    "restore_experiment",
    "restore_run",
    "rollback",
    "rollouts",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_active_model",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_logged_model_tags",
    "set_model_version_tag",
    "set_registry_uri",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "sklearn",
    "start_run",
    "tracking",
    "types",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"modelshelf.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'modelshelf' has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps the function `connect` where importing the module of that name would put the module over it."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value.connect if name == "connect" and isinstance(value, ModuleType) else value)


sys.modules[__name__].__class__ = _Package
