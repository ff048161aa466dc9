"""Where a run comes from: who started it, from which source at which commit, with which libraries."""

import getpass
import os
import platform
import sys
from functools import lru_cache
from pathlib import Path

from modelshelf.sdk.git_facts import git_facts

USER_TAG = "mlflow.user"
SOURCE_NAME_TAG = "mlflow.source.name"
SOURCE_TYPE_TAG = "mlflow.source.type"
COMMIT_TAG = "mlflow.source.git.commit"
BRANCH_TAG = "mlflow.source.git.branch"
REPOSITORY_TAG = "mlflow.source.git.repoURL"
HOST_TAG = "modelshelf.host"
PYTHON_TAG = "modelshelf.python"
LIBRARIES_TAG = "modelshelf.libraries"

_LIBRARIES = (
    "catboost",
    "jax",
    "lightgbm",
    "numpy",
    "onnx",
    "pandas",
    "polars",
    "scipy",
    "skl2onnx",
    "sklearn",
    "statsmodels",
    "tensorflow",
    "torch",
    "transformers",
    "xgboost",
)


def origin_tags() -> dict[str, str]:
    """The tags that a run gets by itself: MLflow's for user, source and git, ours for machine and libraries.

    Nothing is imported and no process started for it: about a tenth of a millisecond.
    """
    name, kind = source()
    return {
        USER_TAG: user(),
        SOURCE_NAME_TAG: name,
        SOURCE_TYPE_TAG: kind,
        **_git_tags(name),
        HOST_TAG: platform.node(),
        PYTHON_TAG: platform.python_version(),
        **_library_tags(),
    }


def source_tags() -> dict[str, str]:
    """Those of them that MLflow knows too; they name the code a dataset or a model comes from."""
    name, kind = source()
    return {USER_TAG: user(), SOURCE_NAME_TAG: name, SOURCE_TYPE_TAG: kind, **_git_tags(name)}


@lru_cache(maxsize=1)
def user() -> str:
    """The system's user, as runs record it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without an entry in the password file
        return str(os.getuid())


def source() -> tuple[str, str]:
    """The name of the program or notebook that runs, and whether it is a LOCAL one or a NOTEBOOK."""
    if "ipykernel" in sys.modules:
        return _notebook() or "<notebook>", "NOTEBOOK"
    return (sys.argv[0] if sys.argv and sys.argv[0] else "<console>"), "LOCAL"


def _notebook() -> str:
    """The notebook's file, as Jupyter or an editor tells it; empty where neither does."""
    session = os.environ.get("JPY_SESSION_NAME", "")
    main = sys.modules.get("__main__")
    return Path(session or str(getattr(main, "__vsc_ipynb_file__", ""))).name


def _git_tags(source_name: str) -> dict[str, str]:
    path = Path(source_name)
    facts = git_facts(path.absolute().parent if path.is_file() else Path.cwd())
    tags = {COMMIT_TAG: facts.commit, BRANCH_TAG: facts.branch, REPOSITORY_TAG: facts.url} if facts else {}
    return {key: value for key, value in tags.items() if value}


def _library_tags() -> dict[str, str]:
    """Only libraries that the program has imported already count: what it doesn't use can't have made the model."""
    loaded = [(name, sys.modules.get(name)) for name in _LIBRARIES]
    found = [f"{name}=={version}" for name, module in loaded if (version := getattr(module, "__version__", None))]
    return {LIBRARIES_TAG: ", ".join(found)} if found else {}
