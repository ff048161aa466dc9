"""Servers to test with: `modelshelf server` in processes of its own, on a free port."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import modelshelf

MLFLOW_PYTHON = "MODELSHELF_TEST_MLFLOW_PYTHON"
MLFLOW_2_PYTHON = "MODELSHELF_TEST_MLFLOW2_PYTHON"
"""An interpreter with MLflow 2.22; the tests with it are skipped where none is named."""
JSON = {"Content-Type": "application/json"}
_SOURCES = str(Path(modelshelf.__file__).parents[1])


@dataclass(frozen=True)
class Answer:
    """What a server sent back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Server:
    """A running server, and the file that its logs go to."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; what is no bytes is sent as JSON. Underscores in the names of headers stand for dashes."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body, given = json.dumps(body).encode(), {**JSON, **given}
        request = urllib.request.Request(self.url + path, data=body, method=method, headers={**self.headers, **given})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return Answer(answer.status, dict(answer.headers.items()), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers.items()), error.read())

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One of MLflow's endpoints, which has to succeed."""
        answer = self.ask(method, f"/api/2.0/mlflow/{path}", body)
        assert answer.status == 200, answer.content
        return answer.json

    def lines(self) -> list[dict[str, Any]]:
        """The lines of JSON that it logged so far; those of requests come a moment after the answers."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def lines_until(self, **wanted: Any) -> list[dict[str, Any]]:
        """The lines, once there is one with these fields among them."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            lines = self.lines()
            if any(wanted.items() <= line.items() for line in lines):
                return lines
            time.sleep(0.01)
        raise AssertionError(f"no line with {wanted} among those that were logged")

    def stop(self) -> int:
        """End it as an operating system does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def start(uri: str, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Server:
    """Start a server on a database, and wait until it answers. Its files lie in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "server.log"
    command = [sys.executable, "-m", "modelshelf", "server", "--port", str(port), "--backend-store-uri", uri]
    if not uri.startswith("sqlite:"):
        command += ["--artifacts-destination", str(folder / "files")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": _SOURCES, **(environment or {})},
        )
    server = Server(port, log, process)
    _await(server)
    return server


def _await(server: Server) -> None:
    for _ in range(1200):
        try:
            if server.ask("GET", "/health").status == 200:
                return
        except OSError:
            pass
        try:
            server.process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    server.process.kill()
    raise AssertionError(f"the server did not start:\n{server.log.read_text()[-2000:]}")


@contextmanager
def serving(uri: str, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for the length of a block."""
    server = start(uri, folder, *arguments, environment=environment)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(40)


def run_mlflow(script: str, *arguments: Any, folder: Path, python: str = MLFLOW_PYTHON, **environment: str) -> Any:
    """Run a script where MLflow is and modelshelf is not; the JSON of its last line.

    `python` is the variable that names the interpreter.
    """
    quiet = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    given = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [os.environ.get(python, sys.executable), "-W", "ignore", "-c", script, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**given, **quiet, **environment}, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
