"""A bucket as the place of a shelf's blobs."""

from collections.abc import Mapping
from dataclasses import dataclass

from modelshelf.blobs.bucket import Bucket
from modelshelf.blobs.buckets import BucketUri, open_bucket, s3_keys, tls_context
from modelshelf.blobs.cloud import CloudBlobStore
from modelshelf.blobs.places import MARKER
from modelshelf.blobs.s3_uploads import S3BlobStore
from modelshelf.blobs.store import BlobStore

_MARKER_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A prefix in a bucket; the bucket itself has to be there."""

    bucket: Bucket
    environment: Mapping[str, str]

    @classmethod
    def at(cls, uri: str, environment: Mapping[str, str]) -> "BucketPlace":
        """Raises Invalid for what names no bucket; nothing is asked yet."""
        return cls(open_bucket(uri, environment), environment)

    @property
    def text(self) -> str:
        return self.bucket.place

    def owner(self) -> str:
        found = self.bucket.get(MARKER, most=_MARKER_LIMIT)
        return "" if found is None else (found[1] or b"").decode(errors="replace").strip()

    def claim(self, shelf_id: str) -> str:
        self.bucket.create(MARKER, f"{shelf_id}\n".encode())
        return self.owner()

    def store(self) -> BlobStore:
        keys = s3_keys(self.environment) if BucketUri.parse(self.text).scheme == "s3" else None
        if keys is None:
            return CloudBlobStore(self.bucket)
        return S3BlobStore(self.bucket, keys, tls=tls_context(self.environment))
