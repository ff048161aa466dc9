"""What the environment says, read once at an entry point."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from modelshelf.domain.errors import Invalid

DEFAULT_URI = "sqlite:///modelshelf.db"
"""Where everything is kept when nobody says otherwise: a file in the current folder."""

DEFAULT_CACHE_BYTES = 10 << 30

_YES, _NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field has a variable `MODELSHELF_<FIELD>`; those of MLflow named here are read where ours is unset."""

    tracking_uri: str = DEFAULT_URI
    """Where runs are logged; also MLFLOW_TRACKING_URI."""
    registry_uri: str = ""
    """Where models are registered, if elsewhere than runs; also MLFLOW_REGISTRY_URI."""
    artifacts_destination: str = ""
    """Folder or bucket of the blobs, if not the folder that derives from the database."""
    experiment_name: str = ""
    """The experiment that runs go to; also MLFLOW_EXPERIMENT_NAME."""
    experiment_id: str = ""
    """The same by its id; also MLFLOW_EXPERIMENT_ID."""
    run_id: str = ""
    """The run that `start_run` resumes; also MLFLOW_RUN_ID."""
    trust: str = "registry"
    """`registry`: sealed versions may hold pickles; `none`: every pickle needs `trust=True`."""
    cache_dir: str = ""
    """Where files of versions that came over the network are kept; by default modelshelf in the user's cache folder."""
    cache_bytes: int = DEFAULT_CACHE_BYTES
    """How many bytes are kept there at most; 0 keeps nothing."""
    offline: bool = False
    """Whether to use what was last known and kept, and ask no registry."""
    progress: bool = True
    """Whether transfers of over a second show a bar; also MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables. Raises Invalid for a value that a setting can't have."""
        given = os.environ if environment is None else environment

        def read(field: str, mlflow: str = "", default: str = "") -> str:
            return given.get(f"MODELSHELF_{field}") or (given.get(mlflow, "") if mlflow else "") or default

        trust = read("TRUST", default="registry").lower()
        if trust not in {"registry", "none"}:
            raise Invalid(f"MODELSHELF_TRUST is {trust!r}; it must be registry or none")
        return cls(
            tracking_uri=read("TRACKING_URI", "MLFLOW_TRACKING_URI", DEFAULT_URI),
            registry_uri=read("REGISTRY_URI", "MLFLOW_REGISTRY_URI"),
            artifacts_destination=read("ARTIFACTS_DESTINATION"),
            experiment_name=read("EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_NAME"),
            experiment_id=read("EXPERIMENT_ID", "MLFLOW_EXPERIMENT_ID"),
            run_id=read("RUN_ID", "MLFLOW_RUN_ID"),
            trust=trust,
            cache_dir=read("CACHE_DIR"),
            cache_bytes=_count("CACHE_BYTES", read("CACHE_BYTES"), default=DEFAULT_CACHE_BYTES),
            offline=_switch("OFFLINE", read("OFFLINE")),
            progress=_switch("PROGRESS", read("PROGRESS", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "1")),
        )


def _count(field: str, text: str, *, default: int) -> int:
    if not text:
        return default
    if text.isascii() and text.isdigit():
        return int(text)
    raise Invalid(f"MODELSHELF_{field} is {text!r}; it must be a number of bytes")


def _switch(field: str, text: str) -> bool:
    if text.lower() in _YES | _NO:
        return text.lower() in _YES
    raise Invalid(f"MODELSHELF_{field} is {text!r}; it must be 1 or 0")
