"""The server as processes: one that answers by itself, or a parent that listens and workers that answer."""

import contextlib
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer

from modelshelf.connect import connect
from modelshelf.hosting import log
from modelshelf.hosting.connections import WAITING, connections
from modelshelf.hosting.exposure import refuse_open_address
from modelshelf.hosting.lifetime import GRACE_SECONDS, end_workers
from modelshelf.hosting.ports import free_port
from modelshelf.server import app
from modelshelf.server.configuration import Configuration

_log = logging.getLogger("modelshelf.server")


def serve(configuration: Configuration) -> None:
    """Serve until a signal comes. Raises Invalid for an address that would let everybody in, and as `connect` does."""
    refuse_open_address(
        configuration.host, auth_required=configuration.auth == "required", insecure=configuration.insecure
    )
    port = free_port(configuration.host, configuration.port)
    if configuration.workers > 1:
        _try_shelf(configuration)
    folder = tempfile.mkdtemp(prefix="modelshelf-metrics-")
    shared = replace(configuration, port=port, metrics_folder=folder)
    os.environ.update(shared.to_environment())
    log.configure(configuration.log_level)
    try:
        (_Server if shared.workers > 1 else _Alone)(**_options(shared)).serve()
    finally:
        end_workers()
        shutil.rmtree(Path(folder), ignore_errors=True)


def _try_shelf(configuration: Configuration) -> None:
    """Raise what `connect` does before there are workers that would all fail."""
    connect(
        configuration.backend_store_uri,
        artifacts=configuration.artifacts_destination,
        key_file=configuration.key_file,
    ).close()
    if "obstore" in sys.modules:  # the threads that connections to a bucket need would be missing in forked workers
        multiprocessing.set_start_method("spawn", force=True)


class _Server(MPServer):
    """One that tells its workers of the end before it waits for what they have in flight."""

    def shutdown(self, exit_code: int = 0) -> None:
        for worker in self.wrks:
            with contextlib.suppress(OSError):  # it ended by itself
                os.kill(worker.inner.pid, signal.SIGUSR1)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]  # Granian leaves it out


class _Alone(MPServer):
    """One that does a worker's work itself: half the memory, and up in half the time.

    Nothing starts it again if it dies of something that no exception tells, so whatever runs it has to.
    """

    def _serve(self, spawn_target: Any, target_loader: Any) -> None:
        signal.signal(signal.SIGTERM, _leave)
        self._init_shared_socket()  # type: ignore[no-untyped-call]  # Granian leaves it out
        _log.info("listening at http://%s", self._bind_addr_fmt)
        self._spawn_worker(0, spawn_target, target_loader).inner.run()


def _leave(_number: int, _frame: object) -> None:
    """Before there is anything in flight, the end may come at once."""
    sys.exit(0)


def _options(configuration: Configuration) -> dict[str, Any]:
    return {
        "target": f"{app.__name__}:application",
        "factory": True,
        "address": configuration.host,
        "port": configuration.port,
        "interface": Interfaces.ASGI,
        "workers": configuration.workers,
        "loop": Loops.auto,
        "websockets": False,
        "backlog": WAITING,
        "backpressure": connections(),
        "respawn_failed_workers": True,
        "workers_kill_timeout": GRACE_SECONDS,
        "log_level": LogLevels(configuration.log_level),
        "log_dictconfig": log.http_server_logging(configuration.log_level),
    }
