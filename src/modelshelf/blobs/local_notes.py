"""The notes of a store in a folder: one file each."""

import contextlib
import os
from pathlib import Path

from modelshelf.blobs.files import disk_refusals


class FolderPages:
    """Notes as files below the root of a store; they appear whole, by a rename."""

    def __init__(self, root: Path, incoming: Path) -> None:
        self._root, self._incoming = root, incoming

    def read(self, key: str) -> bytes | None:
        path = self._root / key
        with disk_refusals(self._root):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def write(self, key: str, content: bytes) -> None:
        path, temporary = self._root / key, self._incoming / os.urandom(16).hex()
        with disk_refusals(self._root):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(content)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def remove(self, key: str) -> None:
        path = self._root / key
        with disk_refusals(self._root):
            path.unlink(missing_ok=True)
        if path.parent.parent != self._root:
            with contextlib.suppress(OSError):  # others are in it
                path.parent.rmdir()

    def names(self, folder: str) -> set[str]:
        with disk_refusals(self._root):
            try:
                return {path.name for path in (self._root / folder).iterdir()}
            except FileNotFoundError:
                return set()
