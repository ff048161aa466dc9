"""Scripts, styles and pictures: each under an address that has its digest, so that browsers keep it for ever."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "static"
PREFIX: Final = "/static/"
_KINDS = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
}
_FOREVER = b"public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Static:
    """A file as it is sent."""

    name: str
    kind: bytes
    content: bytes
    packed: bytes
    digest: str

    @property
    def url(self) -> str:
        return f"{PREFIX}{self.digest}/{self.name}"


@lru_cache(maxsize=1)
def files() -> dict[str, Static]:
    """All of them by name, read once."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _KINDS:
            content = path.read_bytes()
            packed = gzip.compress(content, 9, mtime=0)
            digest = hashlib.sha256(content).hexdigest()[:12]
            found[path.name] = Static(path.name, _KINDS[path.suffix], content, packed, digest)
    return found


def url(name: str) -> str:
    """The address of a file."""
    return files()[name].url


def find(path: str) -> tuple[Static, bytes] | None:
    """The file at an address, and how long it may be kept: an address of an older digest leads to the file of today."""
    digest, _, name = path.removeprefix(PREFIX).partition("/")
    static = files().get(name)
    if static is None:
        return None
    return static, _FOREVER if digest == static.digest else b"no-cache"
