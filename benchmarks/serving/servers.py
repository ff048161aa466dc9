"""The two servers: how each is started, in which configurations, and how it ends."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from serving import process_tree
from serving.figures import MACHINE, OURS, THEIRS

BENCHMARKS = Path(__file__).parents[1]
SOURCES = BENCHMARKS.parent / "src"
START_SECONDS = 120
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONWARNINGS": "ignore",
}
# No processes for background jobs and no line of log for each request: MLflow is measured at its fastest.
_FAST = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to run one of the servers; `label` says which in a table."""

    side: str
    label: str
    python: str
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, port: int, folder: Path) -> list[str]:
        """What starts it on the shelf in a folder."""
        if self.side == MACHINE:
            return [self.python, "-m", "serving.trivial_responder", "--port", str(port), *self.options]
        module, database, files = (
            ("modelshelf", "shelf.db", ()) if self.side == OURS else ("mlflow", "mlflow.db", ("artifacts",))
        )
        command = [self.python, "-m", module, "server", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--backend-store-uri", f"sqlite:///{folder / database}", *self.options]
        return command + (["--artifacts-destination", str(folder / files[0])] if files else [])


@dataclass(frozen=True, slots=True)
class Server:
    """One that is running."""

    configuration: Configuration
    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def ours(workers: int) -> Configuration:
    return Configuration(OURS, f"{workers}w", sys.executable, ("--workers", str(workers)))


def theirs(python: str, workers: int, loop: str) -> Configuration:
    options = ("--workers", str(workers), "--uvicorn-opts", f"--loop {loop} --no-access-log")
    return Configuration(THEIRS, f"{workers}w {loop}", python, options, _FAST)


def trivial(workers: int) -> Configuration:
    return Configuration(MACHINE, f"{workers}w", sys.executable, ("--workers", str(workers)))


def as_they_come(mlflow_python: str) -> list[Configuration]:
    """Each with its own defaults."""
    return [Configuration(OURS, "defaults", sys.executable), Configuration(THEIRS, "defaults", mlflow_python)]


def environment(side: str) -> dict[str, str]:
    """That of this process, with where the sources are; they are compiled once, as those of installed packages are."""
    paths = [str(BENCHMARKS)] if side == THEIRS else [str(SOURCES), str(BENCHMARKS)]
    given = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MODELSHELF_"))}
    given.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**given, **_QUIET, "PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def running(configuration: Configuration, folder: Path) -> Iterator[Server]:
    """The server for the length of a block; whatever ends the block ends all of its processes."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = _free_port(), folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            configuration.command(port, folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**environment(configuration.side), **configuration.environment},
            start_new_session=True,
        )
    server = Server(configuration, port, folder, process)
    try:
        _await(server, log)
        yield server
    finally:
        process_tree.end(process)


def _await(server: Server, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        if is_up(server.port):
            return
        time.sleep(0.005)
    sys.exit(f"{server.configuration.side} {server.configuration.label}\ndid not start:\n{log.read_text()[-3000:]}")


def is_up(port: int) -> bool:
    """Whether /health answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
