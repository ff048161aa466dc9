"""Which shelf this process talks to: the URIs in force, and one open Registry for each."""

import atexit
import os
import threading
from functools import lru_cache
from pathlib import Path

from modelshelf.connect import connect
from modelshelf.domain.errors import Invalid
from modelshelf.services.registry import Registry
from modelshelf.settings import Settings

_lock = threading.RLock()
_open: dict[tuple[str, int], Registry] = {}
_chosen: dict[str, str] = {}
_places: dict[str, str] = {}
"""Where the relative files of URIs are, once somebody has chosen or used them."""
_ELSEWHERE = {"databricks", "databricks-uc", "uc", "file"}
"""What MLflow keeps things in and this project does not."""
_inherited: dict[str, str | None] = {}
"""What the variables said before this program chose."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The environment, as it was when the SDK was first used."""
    return Settings.from_environment()


def set_tracking_uri(uri: "str | Path") -> None:
    """Choose where runs are logged, and models registered unless `set_registry_uri` says otherwise.

    `sqlite:///shelf.db`, `postgresql://user@host/name`; a plain path is an SQLite file. An empty text goes back to the
    environment's choice.
    """
    _choose("tracking", uri)


def get_tracking_uri() -> str:
    """Where runs are logged."""
    return _chosen.get("tracking") or settings().tracking_uri


def set_registry_uri(uri: "str | Path") -> None:
    """Choose where models are registered, if elsewhere than runs are logged."""
    _choose("registry", uri)


def get_registry_uri() -> str:
    """Where models are registered."""
    return _chosen.get("registry") or settings().registry_uri or get_tracking_uri()


def is_tracking_uri_set() -> bool:
    """Whether somebody chose where runs are logged: this program, or the environment."""
    return "tracking" in _chosen or any(
        os.environ.get(name) for name in ("MODELSHELF_TRACKING_URI", "MLFLOW_TRACKING_URI")
    )


def normalized(uri: "str | Path") -> str:
    """The URI of a database; a plain path is an SQLite file. Raises Invalid for what MLflow knows and this does not."""
    if not isinstance(uri, str | Path):
        raise Invalid(f"a URI must be a text, not {type(uri).__name__}")
    text = str(uri)
    if text.partition(":")[0] in _ELSEWHERE:
        raise Invalid(
            f"cannot use {text!r}; name a database: sqlite:///shelf.db or postgresql://user@host/name", uri=text
        )
    return f"sqlite:///{Path(text).expanduser()}" if text and "://" not in text else text


def _choose(which: str, uri: "str | Path") -> None:
    """Remember a choice, also for the processes that this one starts."""
    text, variable = normalized(uri), f"MODELSHELF_{which.upper()}_URI"
    settings()  # what the environment said before it is told
    with _lock:
        if text:
            _inherited.setdefault(variable, os.environ.get(variable))
            _chosen[which] = text
            os.environ[variable] = _places[text] = _absolute(text)
            return
        _places.clear()
        _chosen.pop(which, None)
        before = _inherited.pop(variable, os.environ.get(variable))
        if before is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = before


def _absolute(uri: str) -> str:
    """The URI with the path of an SQLite file from the root."""
    path = uri.removeprefix("sqlite:///")
    return uri if path == uri or not path else f"sqlite:///{Path(path).expanduser().absolute()}"


def tracking() -> Registry:
    """The open shelf that runs are logged to."""
    return opened(get_tracking_uri())


def registry() -> Registry:
    """The open shelf that models are registered in."""
    return opened(get_registry_uri())


def opened(uri: str) -> Registry:
    """The one open Registry of a URI in this process.

    A relative file is that of the folder in which the URI was chosen, or else first used: a program that changes its
    working folder stays with its shelf.
    """
    with _lock:
        key = (_places.setdefault(uri, _absolute(uri)), os.getpid())
        found = _open.get(key)
        if found is None:
            found = _open[key] = connect(key[0], artifacts=settings().artifacts_destination)
        return found


@atexit.register
def _close_all() -> None:
    with _lock:
        for (_, pid), registry in _open.items():
            if pid == os.getpid():
                registry.close()
        _open.clear()
