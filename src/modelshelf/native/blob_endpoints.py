"""Bytes by digest, over HTTP: one blob or many in, one out, whole or by ranges, and the digests of its parts."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelshelf.blobs.store import Stored
from modelshelf.domain.artifacts import Digest, FileEntry
from modelshelf.domain.errors import Invalid
from modelshelf.native import frames, streaming, wire
from modelshelf.native.byte_ranges import content_span
from modelshelf.native.exchange import Exchange, Stream
from modelshelf.native.known_fields import KnownFields

_JSON = (b"content-type", wire.JSON)
_MOST_ASKING = 128 << 10


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


async def download_many(at: Exchange) -> None:
    """Send small blobs, one after the other."""
    digests = await _asked(at)

    def pieces() -> Generator[bytes, None, None]:
        held = bytearray()
        for digest, content in at.registry.artifacts.read_many(digests):
            held += frames.line(digest, len(content))
            held += content
            if len(held) >= streaming.CHUNK:
                yield bytes(held)
                held.clear()
        yield bytes(held)

    headers = [(b"content-type", frames.CONTENT_TYPE), (b"x-content-type-options", b"nosniff")]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    await streaming.send_pieces(at.receive, at.send, start, pieces())


async def continue_upload(at: Exchange) -> None:
    """Take in the rest of an upload, and store it."""
    start, size = content_span(dict(at.scope["headers"]).get(b"content-range"))
    upload = at.parts["upload"]
    artifacts = at.registry.artifacts
    await _store(at, lambda body: artifacts.continue_upload(upload, body, start=start, size=size))


async def list_parts(at: Exchange) -> None:
    """Send the digests of a blob's parts."""
    digest = Digest.parse(at.parts["digest"]).text
    found = await streaming.in_thread(lambda: at.registry.artifacts.parts(digest))
    await at.answer(200, [_JSON], wire.encode(found))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The blobs that a client wants."""

    digests: tuple[str, ...]


_KNOWN = KnownFields(_Wanted)


async def _asked(at: Exchange) -> Sequence[str]:
    if dict(at.scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower() != wire.JSON:
        raise Invalid("the body has to be JSON: send Content-Type: application/json")
    body = await streaming.whole(at.receive, most=_MOST_ASKING)
    digests: tuple[str, ...] = wire.decode_sent(body, _Wanted, _KNOWN).digests
    if len(digests) > frames.MOST_BLOBS:
        raise Invalid(f"more than {frames.MOST_BLOBS:,} blobs asked for at once; ask again", limit=frames.MOST_BLOBS)
    return digests


async def _store(at: Exchange, store: Callable[[Iterable[bytes]], Stored]) -> None:
    stored = await streaming.upload(at.receive, store)
    await at.answer(201, [_JSON], wire.encode(_told(stored)))


def _told(stored: Stored) -> dict[str, Any]:
    return {"digest": stored.digest, "size": stored.size}


STREAMS: Mapping[tuple[str, str], Stream] = {
    ("PUT", "/blobs"): upload_many,
    ("PUT", "/blobs/new"): upload_unnamed,
    ("PUT", "/blobs/{digest}"): upload,
    ("POST", "/blobs/fetch"): download_many,
    ("PUT", "/uploads/{upload}"): continue_upload,
    ("GET", "/blobs/{digest}"): download,
    ("GET", "/blobs/{digest}/parts"): list_parts,
}
