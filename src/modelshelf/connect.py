"""From a URI to a Registry: the composition root, and the only place that chooses between implementations."""

import getpass
import os
import re
import time
from pathlib import Path

from modelshelf.blobs.local import LocalBlobStore
from modelshelf.database import shelf
from modelshelf.database.database import Database
from modelshelf.database.migrations import migrate
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import Invalid, MissingPackage, StorageFull, Unavailable
from modelshelf.services.registry import Registry

_POSTGRES = re.compile(r"(postgres|postgresql)(\+\w+)?://")
_SECRET = re.compile(r"://([^:/@]+):[^@/]*@")
_MARKER = "shelf-id"


def now_ms() -> int:
    """The wall clock, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def local_actor() -> Actor:
    """Who acts when there is no server in between: the system's user, who may do everything with files of theirs."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in the password file
        user = str(os.getuid())
    return Actor(f"local:{user}", Role.ADMIN)


def connect(uri: str, *, artifacts: str = "") -> Registry:
    """Open the shelf in a database, making it where there is none yet.

    `uri` is `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`. `artifacts` is the
    folder of the blobs; left out, it is `<file>.files` beside an SQLite file, and for PostgreSQL a folder of this
    user's whose place the database remembers: so whoever is given the same URI finds the same files.
    Raises Invalid for a URI of no known form, ForeignDatabase for another program's database, StorageFull where nothing
    can be written, MissingPackage where psycopg is not installed.
    """
    database, beside = _database(uri)
    shown = _shown(uri)
    try:
        migrate(database, now_ms=now_ms(), place=shown)
        blobs = LocalBlobStore(_blob_folder(database, artifacts, beside, shown))
    except BaseException:
        database.close()
        raise
    return Registry(database, blobs, actor=local_actor(), clock=now_ms, entropy=os.urandom, uri=shown)


def _database(uri: str) -> tuple[Database, Path | None]:
    """The database, and the folder of the blobs where that derives from the URI alone."""
    if uri.startswith("sqlite:///"):
        from modelshelf.database.sqlite import SqliteDatabase

        path = Path(uri.removeprefix("sqlite:///").partition("?")[0]).expanduser().absolute()
        if path.is_dir() or not path.name:
            raise Invalid(f"{uri!r} names a folder; name a file in it, e.g. sqlite:///{path}/shelf.db", uri=uri)
        _make_folder(path.parent)
        return SqliteDatabase(path), path.with_name(path.name + ".files")
    if _POSTGRES.match(uri):
        try:
            from modelshelf.database.postgres import PostgresDatabase
        except ImportError:
            raise MissingPackage(
                "PostgreSQL needs psycopg: pip install 'modelshelf[postgres]'", package="psycopg"
            ) from None
        return PostgresDatabase(_POSTGRES.sub("postgresql://", uri, count=1)), None
    raise Invalid(
        f"cannot connect to {_shown(uri)!r}; name a database: sqlite:///shelf.db (a file in this folder), "
        "sqlite:////absolute/path/shelf.db, or postgresql://user@host/name",
    )


def _shown(uri: str) -> str:
    """The URI without its password."""
    return _SECRET.sub(r"://\1:***@", uri)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFull(
            f"cannot make the folder {folder}: {error.strerror}; choose one you may write in", path=str(folder)
        ) from error


def _blob_folder(database: Database, given: str, beside: Path | None, place: str) -> Path:
    """Where the blobs are: as remembered; else as given, or derived, which is remembered from then on."""
    wanted = _folder(given) if given else None
    with database.read() as tx:
        shelf_id, recorded = shelf.setting(tx, "shelf_id"), shelf.setting(tx, "artifacts")
    if shelf_id is None:
        shelf_id, recorded = _found(database, wanted, beside)
    folder = Path(recorded) if recorded else beside
    assert folder is not None
    if wanted is not None and wanted != folder:
        if not _is_marked(wanted, shelf_id):
            raise Invalid(
                f"{place} keeps its files in {folder}, not in {wanted}; leave the destination out, or move that whole "
                f"folder to {wanted} first"
            )
        with database.write() as tx:
            shelf.put_setting(tx, "artifacts", str(wanted))
        folder = wanted
    _mark(folder, shelf_id, place)
    return folder


def _found(database: Database, wanted: Path | None, beside: Path | None) -> tuple[str, str | None]:
    """Give a new shelf its identity, and its place where that doesn't derive from the database's own."""
    with database.exclusive("shelf") as tx:
        known = shelf.setting(tx, "shelf_id")
        if known is not None:
            return known, shelf.setting(tx, "artifacts")
        shelf_id = os.urandom(16).hex()
        shelf.put_setting(tx, "shelf_id", shelf_id)
        recorded = wanted or (None if beside else _data_home() / shelf_id[:12])
        if recorded is not None and recorded != beside:
            shelf.put_setting(tx, "artifacts", str(recorded))
            return shelf_id, str(recorded)
        return shelf_id, None


def _folder(given: str) -> Path:
    if "://" in given and not given.startswith("file://"):
        raise Invalid(f"cannot keep files at {given!r}; name a folder of this machine")
    return Path(given.removeprefix("file://")).expanduser().absolute()


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "modelshelf"


def _is_marked(folder: Path, shelf_id: str) -> bool:
    marker = folder / _MARKER
    return marker.is_file() and marker.read_text().strip() == shelf_id


def _mark(folder: Path, shelf_id: str, place: str) -> None:
    """Leave the shelf's identity in the folder, so that no database is ever paired with another one's files."""
    marker = folder / _MARKER
    try:
        text = marker.read_text().strip()
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise Unavailable(f"cannot read {marker}: {error.strerror}", path=str(marker)) from error
    if text and text != shelf_id:
        raise Invalid(f"the folder {folder} holds the files of another shelf than {place}; name another folder")
    if not text:
        _make_folder(folder)
        try:
            marker.write_text(f"{shelf_id}\n")
        except OSError as error:
            raise StorageFull(
                f"cannot write in {folder}: {error.strerror}; choose a folder you may write in", path=str(folder)
            ) from error
