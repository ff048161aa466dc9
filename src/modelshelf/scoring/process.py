"""The scorer as processes: one parent that listens, and workers that answer."""

import multiprocessing
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec
from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer

from modelshelf.domain import errors
from modelshelf.domain.errors import ShelfError
from modelshelf.hosting import log
from modelshelf.hosting.connections import WAITING, connections
from modelshelf.hosting.exposure import refuse_open_address
from modelshelf.hosting.lifetime import GRACE_SECONDS, end_workers
from modelshelf.hosting.ports import free_port
from modelshelf.scoring.configuration import Configuration

_FAILURE = "failure.json"


def serve(configuration: Configuration) -> None:
    """Serve until a signal comes. Raises Invalid for an address that would let everybody in, and whatever keeps the
    first version from being loaded.
    """
    refuse_open_address(
        configuration.host,
        auth_required=bool(configuration.token),
        insecure=configuration.insecure,
        danger="ask the model",
        way_out="a token, by --token-file FILE or MODELSHELF_SERVE_TOKEN",
    )
    port = free_port(configuration.host, configuration.port)
    if "obstore" in sys.modules:  # the threads that connections to a bucket need would be missing in forked workers
        multiprocessing.set_start_method("spawn", force=True)
    folder = Path(tempfile.mkdtemp(prefix="modelshelf-scorer-"))
    shared = replace(configuration, port=port, folder=str(folder))
    os.environ.update(shared.to_environment())
    log.configure(configuration.log_level)
    try:
        _server(shared).serve()
        failure = _failure(folder)
    finally:
        end_workers()
        shutil.rmtree(folder, ignore_errors=True)
    if failure is not None:
        raise failure


def leave_failure(folder: Path, error: Exception) -> None:
    """In a worker that can't begin: let the parent know why."""
    known = error if isinstance(error, ShelfError) else ShelfError(f"{type(error).__name__}: {error}")
    coming = folder / f"{os.getpid()}.coming"
    coming.write_bytes(msgspec.json.encode((type(known).__name__, known.message)))
    coming.replace(folder / _FAILURE)


def _failure(folder: Path) -> ShelfError | None:
    try:
        name, message = msgspec.json.decode((folder / _FAILURE).read_bytes(), type=tuple[str, str])
    except FileNotFoundError:
        return None
    kind = getattr(errors, name, ShelfError)
    return kind(message) if isinstance(kind, type) and issubclass(kind, ShelfError) else ShelfError(message)


def _server(configuration: Configuration) -> MPServer:
    return MPServer(
        "modelshelf.scoring.app:application",
        factory=True,
        address=configuration.host,
        port=configuration.port,
        interface=Interfaces.RSGI,
        workers=configuration.workers,
        backlog=WAITING,
        backpressure=connections(),
        loop=Loops.auto,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_SECONDS,
        log_level=LogLevels(configuration.log_level),
        log_dictconfig=log.http_server_logging(configuration.log_level),
    )
