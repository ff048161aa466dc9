"""Artifacts: the path of a file, the digest of its bytes, and the manifest that seals a tree of files."""

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from modelshelf.domain.errors import Invalid, NotFound

MOST_BYTES_IN_PART = 255
MOST_BYTES_IN_PATH = 1024
MOST_BYTES_IN_FILE = 2**63 - 1
SEALED = "sealed"
"""The folder at the store's root below which `<64 digits>/...` shows the manifest of that id; nothing is put there."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_HEX = re.compile(r"[0-9a-f]{64}")
_SHOWN = 200


@dataclass(frozen=True, slots=True, order=True)
class ArtifactPath:
    """A relative path of plain parts, joined by `/`; only this type names stored files.

    The text was decoded exactly once, at the edge; it is taken literally here (`%2e` is three characters). The root has
    no ArtifactPath: where a listing allows it, `folder` answers None, so nobody deletes or overwrites it by accident.
    """

    text: str

    def __post_init__(self) -> None:
        if rule := _broken_rule(self.text):
            shown = _printable(self.text)
            raise Invalid(f"the path {shown!r} is not allowed: {rule}", path=shown, rule=rule)

    @classmethod
    def folder(cls, text: str) -> Self | None:
        """The folder that a listing asks for; None is the root, written as the empty text."""
        return cls(text) if text else None

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.text.split("/"))

    @property
    def name(self) -> str:
        return self.text.rpartition("/")[2]

    @property
    def parent(self) -> "ArtifactPath | None":
        """The folder around it; None at the root."""
        return ArtifactPath.folder(self.text.rpartition("/")[0])

    def __truediv__(self, below: "str | ArtifactPath") -> "ArtifactPath":
        return ArtifactPath(f"{self.text}/{below}")

    def __str__(self) -> str:
        return self.text


def _broken_rule(text: str) -> str:
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    if not text:
        return "it is empty; name a file or a folder below the root"
    if length > MOST_BYTES_IN_PATH:
        return f"it has {length} bytes, and {MOST_BYTES_IN_PATH} is the most"
    if text.startswith("/"):
        return "it is absolute; paths are relative to the artifact's root"
    if _CONTROL.search(text):
        return "it has a control character"
    if "\\" in text:
        return "it has a backslash; parts are separated by /"
    return next(filter(None, map(_broken_part, text.split("/"))), "")


def _broken_part(part: str) -> str:
    if not part:
        return "it has an empty part (a doubled or trailing /)"
    if part in {".", ".."}:
        return f"it has the part {part!r}"
    if _DRIVE.match(part):
        return f"the part {_printable(part)!r} begins with a drive letter"
    if len(part.encode()) > MOST_BYTES_IN_PART:
        return f"it has a part of {len(part.encode())} bytes, and {MOST_BYTES_IN_PART} is the most"
    return ""


def _printable(text: str) -> str:
    """Short, and encodable as UTF-8, so that the answer that quotes it can always be sent."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return shown.encode(errors="backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Digest:
    """The SHA-256 of some bytes; its only text is `sha256:` and 64 lower-case hexadecimal digits."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise _not_a_digest(self.hex)

    @classmethod
    def parse(cls, text: str) -> Self:
        algorithm, _, digits = text.partition(":")
        if algorithm != "sha256" or not _HEX.fullmatch(digits):
            raise _not_a_digest(text)
        return cls(digits)

    @classmethod
    def of(cls, content: bytes) -> Self:
        return cls(hashlib.sha256(content).hexdigest())

    @property
    def text(self) -> str:
        return f"sha256:{self.hex}"

    def __str__(self) -> str:
        return self.text


def _not_a_digest(text: str) -> Invalid:
    shown = _printable(text)
    return Invalid(f"{shown!r} is not a digest; write sha256: and 64 lower-case hexadecimal digits", digest=shown)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a manifest; the size is in bytes."""

    path: str
    digest: str
    size: int

    def __post_init__(self) -> None:
        ArtifactPath(self.path)
        Digest.parse(self.digest)
        if type(self.size) is not int or not 0 <= self.size <= MOST_BYTES_IN_FILE:
            raise Invalid(
                f"the size of {self.path!r} is not a number of bytes from 0 to {MOST_BYTES_IN_FILE}", path=self.path
            )


@dataclass(frozen=True, slots=True)
class BlobParts:
    """A blob's digests part by part: each part but the last has `part_size` bytes."""

    digest: str
    size: int
    part_size: int
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in one folder: full paths of its folders, and its files; both in order."""

    folders: tuple[str, ...]
    files: tuple[FileEntry, ...]


@dataclass(frozen=True, slots=True)
class ManifestDiff:
    """What leads from one manifest to another; each change is the entry before and after."""

    added: tuple[FileEntry, ...]
    removed: tuple[FileEntry, ...]
    changed: tuple[tuple[FileEntry, FileEntry], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Manifest:
    r"""A sealed tree: its files in the order of their paths, each path once, no file that is also a folder.

    The canonical form is UTF-8: for each file, in the order of the bytes of its path, the JSON array
    `["<path>","<digest>",<size>]` without spaces, then a line feed. In the path a quotation mark is written as `\"`;
    every other character stands for itself (paths hold no control character and no backslash). Equal trees have equal
    bytes, different trees different bytes; the manifest's id is the digest of these bytes.
    """

    files: tuple[FileEntry, ...] = ()

    def __post_init__(self) -> None:
        # Python orders text by code point, which is the order of the UTF-8 bytes.
        object.__setattr__(self, "files", tuple(sorted(self.files, key=lambda entry: entry.path)))
        paths: set[str] = set()
        for entry in self.files:
            if entry.path in paths:
                raise Invalid(f"the file {entry.path!r} is listed twice", path=entry.path)
            paths.add(entry.path)
        for entry in self.files:
            for folder in _folders_above(entry.path):
                if folder in paths:
                    raise Invalid(f"{folder!r} is a file, and also the folder of {entry.path!r}", path=folder)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Reads the canonical form, and nothing but the canonical form."""
        try:
            lines = content.decode().split("\n")
            manifest = cls(tuple(FileEntry(*json.loads(line)) for line in lines if line))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Invalid(f"not a manifest: {error}") from error
        if manifest.canonical() != content:
            raise Invalid("not a canonical manifest: its lines, their order or their spelling differ")
        return manifest

    def canonical(self) -> bytes:
        return b"".join(
            json.dumps((entry.path, entry.digest, entry.size), ensure_ascii=False, separators=(",", ":")).encode()
            + b"\n"
            for entry in self.files
        )

    @property
    def id(self) -> str:
        return Digest.of(self.canonical()).text

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.files)

    @property
    def digests(self) -> frozenset[str]:
        return frozenset(entry.digest for entry in self.files)

    def find(self, path: str) -> FileEntry | None:
        at = bisect_left(self.files, path, key=lambda entry: entry.path)
        return self.files[at] if at < len(self.files) and self.files[at].path == path else None

    def subtree(self, prefix: ArtifactPath | None) -> "Manifest":
        """The files below a folder, with paths relative to it; None is the whole tree."""
        if prefix is None:
            return self
        skipped = len(prefix.text) + 1
        below = tuple(FileEntry(entry.path[skipped:], entry.digest, entry.size) for entry in self._below(prefix))
        if not below:
            raise NotFound(f"the artifact has no folder {prefix.text!r}", path=prefix.text)
        return Manifest(below)

    def list_folder(self, folder: ArtifactPath | None) -> Listing:
        """What lies directly in a folder; nothing, where there is no such folder."""
        prefix = f"{folder}/" if folder else ""
        folders: dict[str, None] = {}
        files = []
        for entry in self._below(folder):
            name, slash, _ = entry.path[len(prefix) :].partition("/")
            if slash:
                folders[prefix + name] = None
            else:
                files.append(entry)
        return Listing(tuple(sorted(folders)), tuple(files))

    def diff(self, other: "Manifest") -> ManifestDiff:
        """What changes on the way from this manifest to the other."""
        before = {entry.path: entry for entry in self.files}
        after = {entry.path: entry for entry in other.files}
        return ManifestDiff(
            added=tuple(entry for entry in other.files if entry.path not in before),
            removed=tuple(entry for entry in self.files if entry.path not in after),
            changed=tuple((entry, after[entry.path]) for entry in self.files if after.get(entry.path, entry) != entry),
        )

    def _below(self, folder: ArtifactPath | None) -> Iterator[FileEntry]:
        if folder is None:
            yield from self.files
            return
        prefix = f"{folder}/"
        start = bisect_left(self.files, prefix, key=lambda entry: entry.path)
        for entry in self.files[start:]:
            if not entry.path.startswith(prefix):
                return
            yield entry


def _folders_above(path: str) -> Iterator[str]:
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault that a verification found: what it is about, what is wrong, and who uses it."""

    subject: str
    fault: str
    uses: tuple[str, ...] = ()
