"""What `modelshelf doctor` looks at, one function for each question."""

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from modelshelf.cli.cells import size
from modelshelf.cli.invocation import missing_file
from modelshelf.cli.paging import found
from modelshelf.domain.errors import Invalid, ShelfError
from modelshelf.domain.governance import Slot
from modelshelf.sdk import session
from modelshelf.services.registry import Registry

LITTLE_SPACE = 1024**3
_CLOCK_SLACK_MS = 60_000
_SLOW_S = 0.5
_OLDEST_PYTHON = (3, 11)
_EVERYTHING = 1_000_000
_PROBE = b"modelshelf doctor wrote this to see whether it can; the next sweep may remove it\n"
_SECRET = re.compile(r"://([^:/@]+):[^@/]*@")
_NAME = re.compile(r"[\w.\-]+")


class Health(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """An answer: what was looked at, how it is, and what to do where it is not well."""

    name: str
    health: Health
    found: str
    way_out: str = ""


def python() -> Check:
    shown = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= _OLDEST_PYTHON:
        return Check("python", Health.OK, shown)
    return Check("python", Health.FAIL, shown, "install Python 3.11 or newer")


def packages() -> Iterator[Check]:
    """Whether everything that this package requires is installed, and which extras are."""
    from packaging.requirements import Requirement

    for text in metadata.requires("modelshelf") or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _package(requirement.name, str(requirement.specifier), needed=True)
    for name, use in (
        ("pandas", "tables"),
        ("scikit-learn", "sklearn"),
        ("skops", "sklearn"),
        ("psycopg", "postgres"),
        ("obstore", "cloud"),
    ):
        yield _package(name, "", needed=False, use=use)


def _package(name: str, specifier: str, *, needed: bool, use: str = "") -> Check:
    from packaging.specifiers import SpecifierSet

    title = f"package {name}"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        if needed:
            return Check(title, Health.FAIL, "not installed", f"pip install '{name}{specifier}'")
        extra = "pandas" if use == "tables" else use
        return Check(title, Health.OK, f"not installed; needed for {use} only: pip install 'modelshelf[{extra}]'")
    if specifier and not SpecifierSet(specifier).contains(version, prereleases=True):
        return Check(title, Health.FAIL, f"{version}, but {specifier} is needed", f"pip install -U '{name}{specifier}'")
    return Check(title, Health.OK, version)


def settings() -> Check:
    """Whether the environment can be read."""
    try:
        found_settings = session.settings()
    except Invalid as error:
        return Check("settings", Health.FAIL, error.message, "unset the variable or correct it")
    return Check("settings", Health.OK, f"trust={found_settings.trust}")


def place(title: str, uri: str) -> Check:
    """Whether there is a shelf at a URI; nothing is made."""
    shown = _SECRET.sub(r"://\1:***@", uri)
    path = missing_file(uri)
    if path is not None:
        return Check(
            title, Health.WARN, f"{shown}: there is no such file", "modelshelf quickstart, or name yours: --uri"
        )
    return Check(title, Health.OK, shown)


def database(uri: str) -> tuple[Check, Registry | None]:
    """Whether the database answers, and how fast; opening it proves that the schema is this version's."""
    started = time.perf_counter()
    try:
        registry = session.opened(uri)
        registry.catalog.search_models("", limit=1)
    except ShelfError as error:
        return Check("database", Health.FAIL, error.message, "see the message"), None
    passed = time.perf_counter() - started
    shown = f"answered in {passed * 1000:.0f} ms, with the schema of this version"
    if passed > _SLOW_S:
        return Check("database", Health.WARN, shown, "look at the network, or at what else uses this disk"), registry
    return Check("database", Health.OK, shown), registry


def blobs(registry: Registry) -> Check:
    """Whether files can be stored and read again."""
    try:
        stored = registry.artifacts.upload([_PROBE])
        with registry.artifacts.open(stored.digest) as reader:
            same = reader.read() == _PROBE
    except ShelfError as error:
        return Check("files", Health.FAIL, error.message, "free some space, or let this user write there")
    if not same:
        return Check(
            "files", Health.FAIL, "what was written reads differently", "run modelshelf verify; look at the disk"
        )
    return Check("files", Health.OK, "a test file was written, synced and read again")


def space(uri: str) -> Check | None:
    """Free space where the files of an SQLite shelf are; None where that can't be known from here."""
    folder = _folder(uri)
    if folder is None:
        return None
    free = shutil.disk_usage(folder).free
    shown = f"{size(free)} free at {folder}"
    if free < LITTLE_SPACE:
        return Check("space", Health.WARN, shown, "free some space, or move the shelf to a larger disk")
    return Check("space", Health.OK, shown)


def _folder(uri: str) -> Path | None:
    given = session.settings().artifacts_destination.removeprefix("file://")
    if "://" in given:
        return None
    if not given and not uri.startswith("sqlite:///"):
        return None
    path = Path(given or uri.removeprefix("sqlite:///").partition("?")[0]).expanduser().absolute()
    return next((each for each in (path, *path.parents) if each.is_dir() and os.access(each, os.R_OK)), None)


def clock(registry: Registry, now_ms: int) -> Check:
    """Whether this machine's clock is behind what is written already."""
    newest = registry.events.latest(limit=1)
    ahead = newest[0].time_ms - now_ms if newest else 0
    if ahead > _CLOCK_SLACK_MS:
        shown = f"the newest event lies {ahead // 1000} s in the future"
        return Check("clock", Health.WARN, shown, "set this machine's clock, or that of the machine that wrote it")
    return Check("clock", Health.OK, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_ms / 1000)))


def ledger(registry: Registry) -> Check:
    """Whether every alias points where its moves, put together, say."""
    search = registry.catalog.search_models
    models = found(lambda limit, token: search("", limit=limit, page_token=token), _EVERYTHING).items
    wrong = []
    for model in models:
        told: dict[str, int] = {}
        for move in reversed(registry.governance.history(model.name, limit=_EVERYTHING)):
            if move.slot is not Slot.ALIAS or move.alias is None:
                continue
            told.pop(move.alias, None)
            if isinstance(move.after, int):
                told[move.alias] = move.after
        if told != dict(model.aliases):
            wrong.append(model.name)
    if wrong:
        shown = f"aliases differ from their history: {', '.join(wrong[:5])}"
        return Check("ledger", Health.FAIL, shown, "somebody changed the database by hand: restore it from a backup")
    count = f"{len(models)} model{'' if len(models) == 1 else 's'}"
    return Check("ledger", Health.OK, f"every alias of {count} is where its history says")


def guarded(name: str, question: Callable[[], Check]) -> Check:
    """A question whose failure is its answer."""
    try:
        return question()
    except (ShelfError, OSError) as error:
        return Check(name, Health.FAIL, str(error), "see the message")
