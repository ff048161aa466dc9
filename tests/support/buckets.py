"""Buckets to test with: S3-compatible servers from wheels, started on a free port with their files in a folder."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from modelshelf.blobs.s3_uploads import S3BlobStore

KEY, SECRET = "test-key", "test-secret"
KINDS = ("localbucket", "nanio")
"""The first checks no signatures; the second does, and knows nothing of conditional writes."""


@dataclass(frozen=True)
class BucketServer:
    """A running S3-compatible server, and the folder in which its objects are files."""

    kind: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a user would set."""
        return environment(self.url)

    def make_bucket(self, name: str) -> Path:
        """A new bucket; the folder of its objects."""
        (self.folder / name).mkdir()
        return self.folder / name

    def store(
        self, name: str, *, prefix: str = "shelf", url: str = "", retries: int = 1, copy_limit: int = 5 << 30
    ) -> "S3BlobStore":
        """A store in a bucket, which gives up soon; by another address where that is named."""
        from modelshelf.blobs.buckets import open_bucket, s3_keys
        from modelshelf.blobs.s3_uploads import S3BlobStore

        given = environment(url or self.url)
        keys = s3_keys(given)
        assert keys is not None
        return S3BlobStore(open_bucket(f"s3://{name}/{prefix}", given, retries=retries), keys, copy_limit=copy_limit)


def environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


def ask(method: str, url: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, str]:
    """A request of somebody who has nothing but the URL: the status, the body and the ETag of its answer."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    try:
        connection.request(method, f"{address.path}?{address.query}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("ETag", "")
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[BucketServer]:
    """Serve buckets in a folder, until the end of the block."""
    port = free_port()
    process = subprocess.Popen(
        _command(kind, folder, port),
        env={**os.environ, "NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, port)
        yield BucketServer(kind, port, folder, process)
    finally:
        process.terminate()
        process.wait(20)


def age(folder: Path, milliseconds: int) -> None:
    """Make every object of a bucket look older."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if ".nanio-meta" in path.parts:
            path.unlink()  # without it, an object is as old as its file
        else:
            then = path.stat().st_mtime_ns - milliseconds * 1_000_000
            os.utime(path, ns=(then, then))


def objects(folder: Path) -> Mapping[str, int]:
    """The keys of a bucket with their sizes, without what servers keep for themselves."""
    found = (path for path in folder.rglob("*") if path.is_file())
    keys = {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}
    return {key: size for key, size in keys.items() if not key.startswith(".")}


def _command(kind: str, folder: Path, port: int) -> list[str]:
    if kind == "localbucket":
        return [sys.executable, "-m", "localbucket", str(folder), "--port", str(port)]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "nanio", "serve", "--data-dir", str(folder), *address, "--log-level", "error"]


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the object store did not start")
