"""Logs as lines of JSON, each with the id of its request where it has one."""

import logging
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from modelshelf.hosting.log_lines import LineWriter

_encode = msgspec.json.Encoder(enc_hook=str).encode
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_SERVER = "modelshelf.server"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what was given as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line = _line(record.created, record.levelname.lower(), record.name, record.getMessage())
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return _encode(line).decode()


class _Gathered(logging.Handler):
    """Leaves lines to the thread that writes them."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self.writer = writer
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.writer.add(self.format(record).encode() + b"\n", urgent=record.levelno >= logging.WARNING)
        except Exception:
            self.handleError(record)


def http_server_logging(level: str) -> dict[str, Any]:
    """What Granian is told, so that its own lines are of the same form."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": f"{__name__}.{JsonLines.__name__}"}},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stdout"}},
        "loggers": {"_granian": {"handlers": ["stdout"], "level": _LEVELS[level], "propagate": False}},
    }


def configure(level: str) -> None:
    """Send the logs of this project to stdout, each line at once."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    _send(handler, level)


def configure_worker(level: str) -> None:
    """Send the logs of this project to stdout, behind the requests: see `LineWriter`. Call `close` at the end."""
    _send(_Gathered(LineWriter(sys.stdout.fileno(), _shown, _lost)), level)


def _send(handler: logging.Handler, level: str) -> None:
    logger = logging.getLogger("modelshelf")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(_LEVELS[level])


def close() -> None:
    """Write what a worker still has to say."""
    for writer in _writers():
        writer.close()


def note_request(level: str, fields: Mapping[str, Any], *, name: str = _SERVER) -> None:
    """Log a request that was answered. There are many of them, so each is made a line in the writing thread."""
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(_LEVELS[level]):
        return
    entry = (time.time(), level, name, "request", fields)
    for writer in _writers():
        writer.add(entry)
        return
    logger.log(_LEVELS[level], "request", extra={"fields": fields})


def _writers() -> list[LineWriter]:
    return [each.writer for each in logging.getLogger("modelshelf").handlers if isinstance(each, _Gathered)]


def _shown(entry: bytes | tuple[float, str, str, str, Mapping[str, Any]]) -> bytes:
    if isinstance(entry, bytes):
        return entry
    seconds, level, name, message, fields = entry
    return _encode({**_line(seconds, level, name, message), **fields}) + b"\n"


def _lost(lines: int) -> tuple[float, str, str, str, Mapping[str, Any]]:
    message = "lines of log were dropped, as nobody read them fast enough"
    return time.time(), "warning", "modelshelf.log", message, {"lines": lines}


def _line(seconds: float, level: str, logger: str, message: str) -> dict[str, Any]:
    time_of_day = f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"
    return {"time": time_of_day, "level": level, "logger": logger, "message": message}


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
