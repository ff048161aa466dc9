"""Blobs in a bucket of your own: `MODELSHELF_TEST_BUCKET=az://container/prefix`, with the variables that open it.

Azurite, Swift with its S3 layer, and buckets of the clouds are tried like this.
"""

import os
import random
from pathlib import Path

import pytest

from modelshelf.blobs.buckets import open_bucket
from modelshelf.blobs.cloud import CloudBlobStore
from modelshelf.blobs.parts import PartDigests, of_blob
from modelshelf.blobs.store import BlobStore, Stored
from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Invalid

URI = os.environ.get("MODELSHELF_TEST_BUCKET", "")
LARGE = random.Random(1).randbytes(20 << 20)

pytestmark = pytest.mark.skipif(not URI, reason="MODELSHELF_TEST_BUCKET names no bucket to try")


@pytest.fixture
def store() -> BlobStore:
    return CloudBlobStore(open_bucket(f"{URI}/{os.urandom(8).hex()}", os.environ, retries=1))


@pytest.mark.parametrize("content", [b"", b"small", LARGE], ids=len)
def test_what_was_put_comes_back_until_it_is_deleted(store: BlobStore, tmp_path: Path, content: bytes) -> None:
    digest = Digest.of(content).text
    absent = store.missing([digest])

    stored = [store.put([content[:99], content[99:]]), store.put([content], expected=digest)]
    store.touch(digest)
    with store.open(digest) as reader:
        read = reader.read()
    copied = store.copy_to(digest, tmp_path / "copy")
    parts = of_blob(store, digest, known=PartDigests())
    listed = [held.digest for held in store.all_digests()]
    store.delete(digest)

    assert (absent, stored) == ({digest}, [Stored(digest, len(content))] * 2)
    assert (read, copied, parts.size) == (content, len(content), len(content))
    assert (listed, store.has(digest), list(store.all_digests())) == ([digest], False, [])


def test_other_bytes_than_expected_never_get_the_name(store: BlobStore) -> None:
    expected = Digest.of(b"other").text

    with pytest.raises(Invalid):
        store.put([LARGE[: 9 << 20], LARGE[9 << 20 :]], expected=expected)

    assert not store.has(expected)
    assert list(store.all_digests()) == []
