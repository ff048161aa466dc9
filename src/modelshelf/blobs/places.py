"""Where the blobs of a shelf are, and whose they are: a marker there names the shelf."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modelshelf.blobs.local import LocalBlobStore
from modelshelf.blobs.store import BlobStore
from modelshelf.domain.errors import StorageFull, Unavailable

MARKER = "shelf-id"


class Place(Protocol):
    """A place for blobs, which outlives connections; `text` is how a shelf remembers it, without any secret."""

    @property
    def text(self) -> str: ...

    def owner(self) -> str:
        """The id of the shelf whose blobs are there; empty where it is nobody's place."""
        ...

    def claim(self, shelf_id: str) -> str:
        """Marks a place that is nobody's; the owner it has afterwards, for somebody else may have been faster."""
        ...

    def store(self) -> BlobStore: ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine, made when it is claimed."""

    path: Path

    @property
    def text(self) -> str:
        return str(self.path)

    def owner(self) -> str:
        marker = self.path / MARKER
        try:
            return marker.read_text().strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise Unavailable(f"cannot read {marker}: {error.strerror}", path=str(marker)) from error

    def claim(self, shelf_id: str) -> str:
        make_folder(self.path)
        try:
            (self.path / MARKER).write_text(f"{shelf_id}\n")
        except OSError as error:
            raise StorageFull(
                f"cannot write in {self.path}: {error.strerror}; choose a folder you may write in", path=self.text
            ) from error
        return shelf_id

    def store(self) -> BlobStore:
        return LocalBlobStore(self.path)


def make_folder(folder: Path) -> None:
    """Raises StorageFull where it can't be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFull(
            f"cannot make the folder {folder}: {error.strerror}; choose one you may write in", path=str(folder)
        ) from error
