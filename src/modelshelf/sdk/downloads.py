"""Files brought to this machine: downloaded, or read at once."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.sdk import transfers
from modelshelf.sdk.locations import Location, Shelves, find, local_path
from modelshelf.sdk.transfers import TEMPORARY_PREFIX


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> str:
    """Download a file or a folder; the local path of what came, every byte verified.

    Name it by `artifact_uri` (`runs:/ID/PATH`, `models:/...`, a place in the store; a local path stays where it is), or
    by `run_id` and `artifact_path`. It goes below `dst_path`, whose other files stay; left out, into a new temporary
    folder that is yours to remove. Raises NotFound, Corrupt, and Invalid unless exactly one of URI and run is given.
    """
    uri = uri_of(artifact_uri, run_id, artifact_path)
    local = local_path(uri)
    if local is not None:
        return str(_local(local, dst_path))
    location = find(uri, Shelves.chosen(tracking_uri, registry_uri))
    return str(download(location, Path(dst_path) if dst_path else None))


def download(location: Location, target: Path | None) -> Path:
    """Write the files of a location below a folder, over those of the same names; where the named file or folder is."""
    if target is not None:
        return _download(location, target.absolute())
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX))
    try:
        return _download(location, temporary)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _download(location: Location, target: Path) -> Path:
    whole = target / ("" if location.is_file else location.name)
    with tempfile.TemporaryDirectory(prefix=f".{TEMPORARY_PREFIX}", dir=_existing(whole)) as scratch:
        fresh = Path(scratch) / "files"
        fetch = transfers.fetch if location.sealed else transfers.fetch_once
        fetch(location.registry, location.manifest, fresh)
        for entry in location.manifest.files:
            placed = whole / entry.path
            placed.parent.mkdir(parents=True, exist_ok=True)
            (fresh / entry.path).replace(placed)
    return whole / location.name if location.is_file else whole


def _existing(folder: Path) -> Path:
    """A folder of the same disk, made if it was not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"cannot download into {folder}: {error.strerror}", path=str(folder)) from error
    return folder


def _local(path: Path, dst_path: str | None) -> Path:
    if not path.exists():
        raise NotFound(f"there is no file or folder {path}", path=str(path))
    if dst_path is None:
        return path.absolute()
    target = _existing(Path(dst_path).absolute()) / path.name
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(path, target)
    return target


def load_text(artifact_uri: str) -> str:
    """The content of a text file in UTF-8. Raises Invalid where it is none."""
    return _read(artifact_uri)


def load_dict(artifact_uri: str) -> Any:
    """The content of a JSON file. Raises Invalid where it is none."""
    try:
        return json.loads(_read(artifact_uri))
    except ValueError as error:
        raise Invalid(f"{artifact_uri} is not JSON: {error}", uri=artifact_uri) from error


def _read(uri: str) -> str:
    with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX) as scratch:
        local = local_path(uri)
        if local is not None and not local.exists():
            raise NotFound(f"there is no file {local}", path=str(local))
        path = local or download(find(uri, Shelves.chosen()), Path(scratch))
        if path.is_dir():
            raise Invalid(f"{uri} is a folder; name a file in it", uri=uri)
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Invalid(f"{uri} is not a text in UTF-8: {error}", uri=uri) from error


def uri_of(artifact_uri: str | None, run_id: str | None, artifact_path: str | None) -> str:
    """The one URI that a caller named in either of the two ways. Raises Invalid for none, or both."""
    if (run_id is None) == (artifact_uri is None):
        raise Invalid("give either artifact_uri= or run_id=, and not both")
    if run_id is not None:
        return f"runs:/{run_id}/{(artifact_path or '').strip('/')}"
    if artifact_path is not None:
        raise Invalid("artifact_path= goes with run_id=; with artifact_uri= the path is in the URI")
    return str(artifact_uri)
