"""The client's methods about files of runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from modelshelf.sdk import images, run_files, tables
from modelshelf.sdk.client_part import ClientPart
from modelshelf.sdk.downloads import download_artifacts
from modelshelf.sdk.entities import FileInfo

if TYPE_CHECKING:
    import pandas as pd


class ArtifactMethods(ClientPart):
    """Files of runs. Each is stored when the call returns."""

    def log_artifact(self, run_id: str, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Store a file of this machine, or a folder under its own name, below `artifact_path`. Raises NotFound."""
        run_files.put_path(self._shelf, self._root(run_id), local_path, artifact_path)

    def log_artifacts(self, run_id: str, local_dir: str | Path, artifact_path: str | None = None) -> None:
        """Store what a folder holds, below `artifact_path`, all or none. Raises NotFound."""
        run_files.put_folder(self._shelf, self._root(run_id), local_dir, artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Store a text as a file, in UTF-8."""
        run_files.put_text(self._shelf, self._root(run_id), text, artifact_file)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Store a dictionary as YAML where the name ends in .yml or .yaml, else as JSON."""
        run_files.put_dict(self._shelf, self._root(run_id), dictionary, artifact_file)

    def log_stream(self, run_id: str, stream: BinaryIO, artifact_file: str) -> None:
        """Store what a binary stream still holds."""
        run_files.put_stream(self._shelf, self._root(run_id), stream, artifact_file)

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Store a figure of matplotlib or plotly, in the format that the name ends in."""
        run_files.put_figure(self._shelf, self._root(run_id), figure, artifact_file, save_kwargs)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Store an image as a file, or under a key as one of a series. Raises TypeError unless exactly one is named."""
        images.log_image(self._shelf, run_id, image, artifact_file, key=key, step=step, time_ms=timestamp)

    def log_table(self, run_id: str, data: "Mapping[str, Any] | pd.DataFrame", artifact_file: str) -> None:
        """Store a table as a .json or .parquet file, below the rows that are in it already."""
        tables.log_table(self._shelf, run_id, data, artifact_file)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> "pd.DataFrame":
        """The rows of a table that runs of an experiment stored. Raises NotFound where none did."""
        return tables.load_table(self._shelf, str(experiment_id), artifact_file, run_ids, extra_columns)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What lies directly in a folder of a run; nothing where there is none. Raises NotFound for the run."""
        return run_files.listing(self._shelf, self._root(run_id), path)

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """Download a file or folder of a run into `dst_path`, or into a new temporary folder; where it is then."""
        return download_artifacts(run_id=run_id, artifact_path=path, dst_path=dst_path, tracking_uri=self._tracking_uri)
