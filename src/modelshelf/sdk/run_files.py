"""Files of runs and logged models: what a value becomes on its way into a file, and what lies in a folder."""

import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from modelshelf.domain.artifacts import ArtifactPath
from modelshelf.domain.errors import NotFound
from modelshelf.sdk import transfers, translation
from modelshelf.sdk.entities import FileInfo
from modelshelf.services.registry import Registry


def put_path(shelf: Registry, root: str, local_path: str | Path, folder: str | None = None) -> None:
    """Store a file, or a folder under its own name. Raises NotFound where there is nothing."""
    local = Path(local_path).expanduser()
    within = _below(folder, local.absolute().name) if local.is_dir() else folder
    transfers.log_files(shelf, root, [(_below(within, path), file) for path, file in transfers.files_in(local)])


def put_folder(shelf: Registry, root: str, local_dir: str | Path, folder: str | None = None) -> None:
    """Store what a folder holds, all or none. Raises NotFound where there is no such folder."""
    local = Path(local_dir).expanduser()
    if not local.is_dir():
        raise NotFound(f"there is no folder {local}", path=str(local))
    transfers.log_files(shelf, root, [(_below(folder, path), file) for path, file in transfers.files_in(local)])


def _below(folder: str | None, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder else name


def put_written(shelf: Registry, root: str, artifact_file: str, write: Callable[[Path], object]) -> None:
    """Store the file that `write` writes at the path it is given, which has the artifact's own name."""
    path = ArtifactPath(artifact_file)
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, path.name)
        write(local)
        transfers.log_files(shelf, root, [(path.text, local)])


def put_text(shelf: Registry, root: str, text: str, artifact_file: str) -> None:
    put_written(shelf, root, artifact_file, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))


def put_stream(shelf: Registry, root: str, stream: BinaryIO, artifact_file: str) -> None:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file)

    put_written(shelf, root, artifact_file, write)


def put_dict(shelf: Registry, root: str, content: Any, artifact_file: str) -> None:
    """YAML where the name ends so, else JSON; what JSON doesn't know is written as text."""
    if artifact_file.endswith((".yml", ".yaml")):
        import yaml

        text = yaml.dump(content, indent=2, default_flow_style=False)
    else:
        text = json.dumps(content, indent=2, default=str)
    put_text(shelf, root, text, artifact_file)


def put_figure(
    shelf: Registry, root: str, figure: Any, artifact_file: str, save_kwargs: Mapping[str, Any] | None = None
) -> None:
    """A figure of matplotlib, in any format it writes, or of plotly: html, png, jpeg, webp, svg or pdf."""
    options = dict(save_kwargs or {})
    put_written(shelf, root, artifact_file, lambda path: _write_figure(figure, path, options))


def _write_figure(figure: Any, path: Path, options: dict[str, Any]) -> None:
    if is_instance(figure, "matplotlib.figure", "Figure"):
        figure.savefig(path, **options)
    elif not is_instance(figure, "plotly.graph_objects", "Figure"):
        raise TypeError(f"a figure must be one of matplotlib or plotly, not {type(figure)}")
    elif path.suffix == ".html":
        figure.write_html(path, **{"include_plotlyjs": "cdn", "auto_open": False, **options})
    elif path.suffix in {".png", ".jpeg", ".webp", ".svg", ".pdf"}:
        figure.write_image(path, **options)
    else:
        raise TypeError(f"plotly does not write {path.suffix!r}; name an html, png, jpeg, webp, svg or pdf file")


def is_instance(value: Any, module: str, name: str) -> bool:
    """Whether it is an instance of a class whose package somebody has imported; nothing is imported to find out."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def listing(shelf: Registry, root: str, path: str | None = None) -> list[FileInfo]:
    """What lies directly in a folder; nothing where there is no such folder."""
    folder = ArtifactPath(root) / path.strip("/") if path and path.strip("/") else ArtifactPath(root)
    return translation.listing(shelf.artifacts.listing(folder.text), root)


def read(shelf: Registry, root: str, artifact_file: str) -> io.BytesIO | None:
    """The bytes of a file, verified; None where it is not there."""
    path = ArtifactPath(root) / artifact_file
    files = shelf.artifacts.listing(str(PurePosixPath(path.text).parent)).files
    entry = next((file for file in files if file.path == path.text), None)
    if entry is None:
        return None
    with shelf.artifacts.open(entry.digest) as stream:
        return io.BytesIO(stream.read())
