"""Uploads past the server: clients send parts to S3 itself, and the blob appears once this process has hashed it."""

import contextlib
import html
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from xml.sax.saxutils import escape

from modelshelf.blobs.bucket import Bucket
from modelshelf.blobs.bucket_keys import incoming_key, new_name
from modelshelf.blobs.bucket_upload import COPY_LIMIT
from modelshelf.blobs.buckets import S3Keys
from modelshelf.blobs.cloud import CloudBlobStore
from modelshelf.blobs.hashing import hash_parts
from modelshelf.blobs.s3_requests import Answer, Signer, ask, region_in
from modelshelf.blobs.store import DirectUpload, Stored, refuse_no_digest, refuse_other_digest
from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Invalid, NotFound, Unavailable

MOST_PARTS = 10_000
_CONTROL_EXPIRES_S = 3600
_DONE = ".done"
_DONE_LIMIT = 1024
_UPLOAD_ID = re.compile(r"<UploadId>([^<]{1,1024})</UploadId>")
_OUR_ID = re.compile(r"([0-9a-f]{32})\.([\x21-\x7e]{1,1024})")
_WRONG_PARTS = {
    "InvalidPart",
    "InvalidPartOrder",
    "EntityTooSmall",
    "MalformedXML",
    "InvalidRequest",
    "InvalidArgument",
}


class S3BlobStore(CloudBlobStore):
    """A CloudBlobStore that is a DirectTransfer, too: it needs the keys themselves, to sign URLs of parts."""

    def __init__(
        self,
        bucket: Bucket,
        keys: S3Keys,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], int] | None = None,
        copy_limit: int = COPY_LIMIT,
    ) -> None:
        super().__init__(bucket, clock=clock, copy_limit=copy_limit)
        self._keys, self._tls = keys, tls

    def start_upload(self, parts: int, *, expires_s: int) -> DirectUpload:
        if not 1 <= parts <= MOST_PARTS:
            raise Invalid(f"an upload has 1 to {MOST_PARTS} parts, not {parts}; send larger ones", parts=parts)
        name = new_name()
        answer = self._control("POST", name, {"uploads": ""})
        found = _UPLOAD_ID.search(answer.body)
        if answer.error or found is None:
            raise self._refused(answer)
        s3_id = html.unescape(found[1])
        numbered = ({"partNumber": str(number), "uploadId": s3_id} for number in range(1, parts + 1))
        urls = tuple(self._url("PUT", name, query, expires_s) for query in numbered)
        return DirectUpload(f"{name}.{s3_id}", urls)

    def finish_upload(self, upload_id: str, etags: Sequence[str], *, expected: str | None = None) -> Stored:
        refuse_no_digest(expected)
        name, s3_id = _parsed(upload_id)
        stored = self._done(name) or self._take_in(name, s3_id, etags, expected)
        refuse_other_digest(stored, expected)
        return stored

    def abort_upload(self, upload_id: str) -> None:
        name, s3_id = _parsed(upload_id)
        answer = self._control("DELETE", name, {"uploadId": s3_id})
        if answer.error not in {"", "NoSuchUpload"}:
            raise self._refused(answer)

    def _take_in(self, name: str, s3_id: str, etags: Sequence[str], expected: str | None) -> Stored:
        key = incoming_key(name)
        self._put_together(name, s3_id, etags)
        facts = self.bucket.head(key)
        if facts is None:
            raise NotFound("no such upload is under way; start another one")
        stored, parts = hash_parts(self._arrivals.parts(key, facts.size))
        if expected in {None, stored.digest}:
            self._arrivals.publish(key, stored, parts)
            self.bucket.put(key + _DONE, f"{stored.digest} {stored.size}".encode())
        with contextlib.suppress(Unavailable):  # it is removed after a day
            self.bucket.delete(key)
        return stored

    def _put_together(self, name: str, s3_id: str, etags: Sequence[str]) -> None:
        """An upload that is not known any more may have been put together before, by a request that was broken off."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = self._control("POST", name, {"uploadId": s3_id}, body)
        if answer.error in _WRONG_PARTS:
            raise Invalid(
                f"the object store does not find the parts as they are told ({answer.error}); each but the last has at "
                "least 5 MiB, and each is told with the ETag that its PUT answered",
                reason=answer.error,
            )
        if answer.error not in {"", "NoSuchUpload"} or answer.status not in {200, 404}:
            raise self._refused(answer)

    def _done(self, name: str) -> Stored | None:
        found = self.bucket.get(incoming_key(name) + _DONE, most=_DONE_LIMIT)
        if found is None or found[1] is None:
            return None
        digest, _, size = found[1].decode().partition(" ")
        return Stored(Digest.parse(digest).text, int(size))

    def _control(self, method: str, name: str, query: Mapping[str, str], body: bytes = b"") -> Answer:
        url = self._url(method, name, query, _CONTROL_EXPIRES_S)
        return ask(method, url, body, place=self.bucket.place, tls=self._tls)

    def _url(self, method: str, name: str, query: Mapping[str, str], expires_s: int) -> str:
        url, signer = f"{self._incoming_url}/{name}", self._signer
        return signer.sign(method, url, query, expires_s=expires_s, now_ms=self._clock())

    @cached_property
    def _incoming_url(self) -> str:
        return self._example_url.partition("?")[0].rpartition("/")[0]

    @cached_property
    def _signer(self) -> Signer:
        return Signer(self._keys, region_in(self._example_url))

    @cached_property
    def _example_url(self) -> str:
        """What tells the address of the bucket, and its region, as the object store's own rules make them."""
        return self.bucket.presign_get(incoming_key(new_name()), expires_s=1)

    def _refused(self, answer: Answer) -> Unavailable:
        reason = f"{answer.status} {answer.error}".strip()
        place = self.bucket.place
        return Unavailable(
            f"the object store of {place} refuses a direct upload ({reason})", place=place, reason=reason
        )


def _parsed(upload_id: str) -> tuple[str, str]:
    found = _OUR_ID.fullmatch(upload_id)
    if found is None:
        raise NotFound("no such upload is under way; start another one")
    return found[1], found[2]
