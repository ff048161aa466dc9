"""A server in a process of its own on a shelf whose files a test can reach, and requests sent to it byte for byte."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import modelshelf
from modelshelf.domain.artifacts import Digest

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_SOURCES = str(Path(modelshelf.__file__).parents[1])


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FileServer:
    """A running server, and the folder of its shelf."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def blobs(self) -> Path:
        return self.folder / "shelf.db.files"

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; the path is sent as it is, and underscores in the names of headers stand for dashes."""
        connection = self.connect()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers.items()), answer.read())
        finally:
            connection.close()

    def call(self, method: str, path: str, **fields: Any) -> Any:
        """One of MLflow's JSON endpoints, which has to succeed."""
        answer = self.ask(method, f"/api/2.0/mlflow/{path}", json.dumps(fields), Content_Type="application/json")
        assert answer.status == 200, answer.body
        return answer.json

    def put(self, path: str, content: bytes) -> Answer:
        return self.ask("PUT", f"{ARTIFACTS}/{path}", content)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", f"{ARTIFACTS}/{path}", **headers)

    def delete(self, path: str) -> Answer:
        return self.ask("DELETE", f"{ARTIFACTS}/{path}")

    def listed(self, folder: str) -> list[str]:
        found = self.ask("GET", f"{ARTIFACTS}?path={folder}").json
        return [file["path"] for file in found.get("files", [])]

    def blob(self, content: bytes) -> Path:
        """Where some bytes are stored."""
        digits = Digest.of(content).hex
        return self.blobs / "sha256" / digits[:2] / digits

    def worker(self) -> int:
        """The process that answers."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return int(children[-1]) if children else parent  # one worker is the process itself


@contextmanager
def serving(folder: Path) -> Iterator[FileServer]:
    """Serve the shelf in a folder, until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "modelshelf", "server", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--backend-store-uri", f"sqlite:///{folder}/shelf.db", "--log-level", "error"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": _SOURCES},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        server = FileServer(port, folder, process)
        _wait(server)
        yield server
    finally:
        kill(server, signal.SIGTERM)


def kill(server: FileServer, sign: signal.Signals) -> None:
    """End the server, with its workers."""
    if server.process.poll() is None:
        os.killpg(server.process.pid, sign)
        server.process.wait(40)


def _wait(server: FileServer) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.process.poll() is None:
        try:
            if server.ask("GET", "/health").status == 200:
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("the server did not start")
