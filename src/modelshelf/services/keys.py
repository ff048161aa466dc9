"""The shelf's keys: one file outside database and artifacts, shared by all servers of a shelf."""

from pathlib import Path


class Keys:
    """Read, or made with safe permissions, when a key is first needed."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
