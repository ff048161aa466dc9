"""The names of objects in a bucket.

    <prefix>/
    ├── shelf-id                   whose files these are
    ├── sha256/ab/abcdef…          a whole blob under its digest; what is put there again is the same
    ├── touched/ab/abcdef…         empty; when it was last written is when the blob was last put again or touched
    ├── parts/, large/, rotten/    what is noted beside blobs; drawn in `notes.py`
    └── incoming/6f1c…             an upload whose digest is not known yet; what is older than a day is removed
                 6f1c….done        what became of one, for a client that asks again

An object store can't make an object young again without copying it, hence the `touched/` ones. Times are those of the
object store. A blob of up to 8 MiB, or one whose digest was told before, is written under its digest at once: objects
appear whole or not at all, and the last part is withheld until the digest is right. Any other goes to `incoming/`, and
is copied by the object store itself. Parts of uploads that were broken off by a crash are not objects; a rule of the
bucket should remove them after a few days.
"""

import os
import re

from modelshelf.domain.artifacts import Digest

BLOBS, TOUCHED, INCOMING = "sha256", "touched", "incoming"
_INCOMING_NAME = re.compile(r"[0-9a-f]{32}")


def blob_key(digest: str) -> str:
    """Raises Invalid for what is not a digest."""
    return _under(BLOBS, digest)


def touched_key(digest: str) -> str:
    return _under(TOUCHED, digest)


def digest_in(key: str) -> str:
    """The digest that a key names. Raises Invalid where it names none."""
    return Digest.parse(f"sha256:{key.rpartition('/')[2]}").text


def new_name() -> str:
    """A name for an upload that nobody can guess."""
    return os.urandom(16).hex()


def incoming_key(name: str) -> str:
    """Raises ValueError for what is not such a name."""
    if not _INCOMING_NAME.fullmatch(name):
        raise ValueError(name)
    return f"{INCOMING}/{name}"


def _under(folder: str, digest: str) -> str:
    digits = Digest.parse(digest).hex
    return f"{folder}/{digits[:2]}/{digits}"
