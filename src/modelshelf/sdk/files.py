"""Files of the run that is going on, or of one that is named."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from modelshelf.domain.artifacts import ArtifactPath
from modelshelf.domain.sources import store_uri
from modelshelf.sdk import images, run_files, session, tables
from modelshelf.sdk.active import going, going_or_none
from modelshelf.sdk.experiments import active_experiment_id
from modelshelf.sdk.runs import target_of
from modelshelf.services.registry import Registry

if TYPE_CHECKING:
    import pandas as pd


def log_artifact(local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Store a file of this machine, or a folder under its own name, below `artifact_path`. Raises NotFound."""
    run_files.put_path(*_place(run_id), local_path, artifact_path)


def log_artifacts(local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Store what a folder holds, below `artifact_path`, all or none. Raises NotFound."""
    run_files.put_folder(*_place(run_id), local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Store a text as a file, in UTF-8."""
    run_files.put_text(*_place(run_id), text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a dictionary as YAML where the name ends in .yml or .yaml, else as JSON."""
    run_files.put_dict(*_place(run_id), dictionary, artifact_file)


def log_stream(stream: BinaryIO, artifact_file: str, run_id: str | None = None) -> None:
    """Store what a binary stream still holds."""
    run_files.put_stream(*_place(run_id), stream, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Store a figure of matplotlib or plotly, in the format that the name ends in."""
    run_files.put_figure(*_place(None), figure, artifact_file, save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,  # noqa: ARG001 — MLflow's argument
) -> None:
    """Store an image (numpy or Pillow) as a file, or under a key as one of a series: exactly one of the two."""
    run = going()
    images.log_image(run.shelf, run.run_id, image, artifact_file, key=key, step=step, time_ms=timestamp)


def log_table(data: "Mapping[str, Any] | pd.DataFrame", artifact_file: str, run_id: str | None = None) -> None:
    """Store a table as a .json or .parquet file, below the rows that are in it already."""
    tables.log_table(*target_of(run_id), data, artifact_file)


def load_table(
    artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: Sequence[str] | None = None
) -> "pd.DataFrame":
    """The rows of a table that runs of the experiment in force stored. Raises NotFound where none did."""
    return tables.load_table(session.tracking(), active_experiment_id(), artifact_file, run_ids, extra_columns)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The URI of the run's files, or of one of them, under which `download_artifacts` gets it."""
    root = ArtifactPath(going().root)
    return store_uri(root / artifact_path.strip("/") if artifact_path else root)


def _place(run_id: str | None) -> tuple[Registry, str]:
    """The shelf, and the folder of its store in which the run's files lie."""
    active = going() if run_id is None else going_or_none()
    if active is not None and run_id in {None, active.run_id}:
        return active.shelf, active.root
    shelf = session.tracking()
    return shelf, shelf.tracking.run(str(run_id)).artifact_root
