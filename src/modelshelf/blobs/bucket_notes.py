"""The notes of a store in a bucket: one object each."""

from modelshelf.blobs.bucket import Bucket

_LONGEST = 16 << 20


class BucketPages:
    """Notes as objects."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def read(self, key: str) -> bytes | None:
        found = self._bucket.get(key, most=_LONGEST)
        return found[1] if found else None

    def write(self, key: str, content: bytes) -> None:
        self._bucket.put(key, content)

    def remove(self, key: str) -> None:
        self._bucket.delete(key)

    def names(self, folder: str) -> set[str]:
        return {facts.key.rpartition("/")[2] for facts in self._bucket.listed(folder)}
