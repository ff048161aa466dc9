"""The server as processes: one parent that listens, and workers that answer."""

import contextlib
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer

from modelshelf.connect import connect
from modelshelf.domain.errors import Unavailable
from modelshelf.hosting import log
from modelshelf.hosting.exposure import refuse_open_address
from modelshelf.hosting.lifetime import GRACE_SECONDS, end_workers
from modelshelf.server import app
from modelshelf.server.configuration import Configuration


def serve(configuration: Configuration) -> None:
    """Serve until a signal comes. Raises Invalid for an address that would let everybody in, and as `connect` does."""
    refuse_open_address(
        configuration.host, auth_required=configuration.auth == "required", insecure=configuration.insecure
    )
    port = _free(configuration.host, configuration.port)
    connect(
        configuration.backend_store_uri,
        artifacts=configuration.artifacts_destination,
        key_file=configuration.key_file,
    ).close()
    if "obstore" in sys.modules:  # the threads that connections to a bucket need would be missing in forked workers
        multiprocessing.set_start_method("spawn", force=True)
    folder = tempfile.mkdtemp(prefix="modelshelf-metrics-")
    shared = replace(configuration, port=port, metrics_folder=folder)
    os.environ.update(shared.to_environment())
    log.configure(configuration.log_level)
    try:
        _server(shared).serve()
    finally:
        end_workers()
        shutil.rmtree(Path(folder), ignore_errors=True)


def _free(host: str, port: int) -> int:
    """The port, or any where it is 0. Raises Unavailable where it is taken: the workers would share it with others."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Unavailable(
                f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port",
                host=host,
                port=port,
            ) from error
        return int(probe.getsockname()[1])


class _Server(MPServer):
    """One that tells its workers of the end before it waits for what they have in flight."""

    def shutdown(self, exit_code: int = 0) -> None:
        for worker in self.wrks:
            with contextlib.suppress(OSError):  # it ended by itself
                os.kill(worker.inner.pid, signal.SIGUSR1)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]  # Granian leaves it out


def _server(configuration: Configuration) -> _Server:
    return _Server(
        f"{app.__name__}:application",
        factory=True,
        address=configuration.host,
        port=configuration.port,
        interface=Interfaces.ASGI,
        workers=configuration.workers,
        loop=Loops.auto,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_SECONDS,
        log_level=LogLevels(configuration.log_level),
        log_dictconfig=log.http_server_logging(configuration.log_level),
    )
