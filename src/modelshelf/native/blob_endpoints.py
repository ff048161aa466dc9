"""Bytes by digest, over HTTP: one blob or many in, one out, whole or by ranges, and the digests of its parts."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from modelshelf.blobs.store import Stored
from modelshelf.domain.artifacts import Digest, FileEntry
from modelshelf.native import frames, streaming, wire
from modelshelf.native.exchange import Exchange, Stream

_JSON = (b"content-type", wire.JSON)


async def upload(at: Exchange) -> None:
    """Store the body under its digest; refused where the body's is another one."""
    expected = Digest.parse(at.parts["digest"]).text
    await _store(at, lambda body: at.registry.artifacts.upload(body, expected=expected))


async def upload_unnamed(at: Exchange) -> None:
    """Store the body under whatever its digest is."""
    await _store(at, at.registry.artifacts.upload)


async def upload_many(at: Exchange) -> None:
    """Store all blobs of the body, or none."""
    stored = await streaming.upload(at.receive, lambda body: at.registry.artifacts.upload_many(frames.blobs(body)))
    await at.answer(201, [_JSON], wire.encode([_told(each) for each in stored]))


async def download(at: Exchange) -> None:
    """Send a blob, or a range of it."""
    digest = Digest.parse(at.parts["digest"])

    def find() -> FileEntry:
        return FileEntry(digest.hex, digest.text, at.registry.artifacts.size(digest.text))

    await streaming.download(at.scope, at.receive, at.send, at.registry.artifacts, find)


async def list_parts(at: Exchange) -> None:
    """Send the digests of a blob's parts."""
    digest = Digest.parse(at.parts["digest"]).text
    found = await streaming.in_thread(lambda: at.registry.artifacts.parts(digest))
    await at.answer(200, [_JSON], wire.encode(found))


async def _store(at: Exchange, store: Callable[[Iterable[bytes]], Stored]) -> None:
    stored = await streaming.upload(at.receive, store)
    await at.answer(201, [_JSON], wire.encode(_told(stored)))


def _told(stored: Stored) -> dict[str, Any]:
    return {"digest": stored.digest, "size": stored.size}


STREAMS: Mapping[tuple[str, str], Stream] = {
    ("PUT", "/blobs"): upload_many,
    ("PUT", "/blobs/new"): upload_unnamed,
    ("PUT", "/blobs/{digest}"): upload,
    ("GET", "/blobs/{digest}"): download,
    ("GET", "/blobs/{digest}/parts"): list_parts,
}
