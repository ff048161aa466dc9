"""What lies in a folder of a run, a model or the store."""

from pathlib import Path

from modelshelf.domain.errors import NotFound
from modelshelf.domain.sources import parse_run_uri
from modelshelf.sdk import run_files
from modelshelf.sdk.downloads import uri_of
from modelshelf.sdk.entities import FileInfo
from modelshelf.sdk.locations import Location, Shelves, find, local_path


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """What lies directly in a folder of a run, a model or the store; nothing for a file, or where there is nothing.

    Paths are relative to the run or the model. Raises Invalid unless exactly one of URI and run is given.
    """
    uri = uri_of(artifact_uri, run_id, artifact_path)
    local = local_path(uri)
    if local is not None:
        return _listed_on_this_machine(local)
    shelves = Shelves.chosen(tracking_uri)
    if not uri.startswith("runs:/"):
        return _listed_in_location(find(uri, shelves))
    source = parse_run_uri(uri)
    root = shelves.tracking.tracking.run(source.run_id).artifact_root
    found = run_files.listing(shelves.tracking, root, source.path.text if source.path else None)
    if found or source.path is None:
        return found
    try:
        return _listed_in_location(find(uri, shelves))
    except NotFound:
        return []


def _listed_on_this_machine(folder: Path) -> list[FileInfo]:
    """Paths begin with the name of the folder, as MLflow's do."""
    if not folder.is_dir():
        return []
    below = sorted(folder.iterdir())
    return [
        FileInfo(f"{folder.name}/{path.name}", path.is_dir(), None if path.is_dir() else path.stat().st_size)
        for path in below
    ]


def _listed_in_location(location: Location) -> list[FileInfo]:
    if location.is_file:
        return []
    listing = location.manifest.list_folder(None)
    folders = [FileInfo(folder, is_dir=True, file_size=None) for folder in listing.folders]
    files = [FileInfo(file.path, is_dir=False, file_size=file.size) for file in listing.files]
    return sorted(folders + files, key=lambda info: info.path)
