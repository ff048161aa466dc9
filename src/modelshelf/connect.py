"""From a URI to a Registry: the composition root, and the only place that chooses between implementations."""

import getpass
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from modelshelf.blobs.places import Folder, Place, make_folder
from modelshelf.database import shelf
from modelshelf.database.database import Database
from modelshelf.database.migrations import migrate
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import Invalid, MissingPackage
from modelshelf.sending.addresses import AllowedHosts
from modelshelf.sending.http_sender import DEFAULT_TIMEOUT_SECONDS, HttpSender
from modelshelf.services.keys import Keys, key_path
from modelshelf.services.outlet import Dialect, Outlet
from modelshelf.services.registry import Registry

_POSTGRES = re.compile(r"(postgres|postgresql)(\+\w+)?://")
_SECRET = re.compile(r"://([^:/@]+):[^@/]*@")
_BUCKETS = ("s3", "gs", "az")
_SERVERS = ("http://", "https://")


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


def connect(
    uri: str,
    *,
    artifacts: str = "",
    key_file: str = "",
    webhook_allowed_hosts: str | None = None,
    webhook_timeout: float = DEFAULT_TIMEOUT_SECONDS,
    webhook_dialects: Mapping[str, Dialect] | None = None,
) -> Registry:
    """Open the shelf in a database, making it where there is none yet.

    `uri` is `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`. `artifacts` is the
    folder of the blobs, or a bucket, e.g. `s3://bucket/prefix`; left out, it is `<file>.files` beside an SQLite file,
    and for PostgreSQL a folder of this user's. A place that doesn't derive from the URI the database remembers: so
    whoever is given the same URI finds the same files.
    `key_file` holds the keys that sign and encrypt, made when one is first needed; left out, it is what
    MODELSHELF_KEY_FILE says, or a file of this user's.
    `webhook_allowed_hosts` are internal hosts that webhooks may be sent to; left out, what
    MODELSHELF_WEBHOOK_ALLOWED_HOSTS says. A try takes `webhook_timeout` seconds at most, and `webhook_dialects` are
    other projects' ways to tell events.
    `http://host:5000` is a shelf behind a server; nothing is sent before it is first used, and `artifacts` is not ours
    to choose. Who is asking is told by MODELSHELF_TOKEN and its like.
    Raises Invalid for a URI of no known form, ForeignDatabase for another program's database, StorageFull where nothing
    can be written, Unavailable where a bucket refuses, MissingPackage where psycopg or obstore is not installed.
    """
    if uri.startswith(_SERVERS):
        return _remote(uri, artifacts)
    database, beside = _database(uri)
    shown = _shown(uri)
    try:
        migrate(database, now_ms=now_ms(), place=shown)
        place, shelf_id = _place(database, artifacts, beside, shown)
        blobs, keys = place.store(), _keys(key_file, shelf_id)
        sender = _sender(webhook_allowed_hosts, webhook_timeout)
    except BaseException:
        database.close()
        raise
    return Registry(
        database,
        blobs,
        actor=local_actor(),
        clock=now_ms,
        entropy=os.urandom,
        uri=shown,
        keys=keys,
        outlet=Outlet(sender, webhook_dialects or {}),
    )


def _sender(allowed_hosts: str | None, timeout: float) -> HttpSender:
    listed = os.environ.get("MODELSHELF_WEBHOOK_ALLOWED_HOSTS", "") if allowed_hosts is None else allowed_hosts
    return HttpSender(AllowedHosts.parse(listed), timeout_seconds=timeout)


def _keys(given: str, shelf_id: str) -> Keys:
    """The keys of a shelf: neither in its database nor beside its files, so that a copy of both has none."""
    named = given or os.environ.get("MODELSHELF_KEY_FILE", "")
    if named:
        return Keys(key_path(named))
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Keys(home / "modelshelf" / "keys" / f"{shelf_id}.json")


def _remote(uri: str, artifacts: str) -> Registry:
    """A registry over HTTP: not one of the same class, but one with the same areas and methods."""
    from modelshelf.native.remote import RemoteRegistry

    if artifacts:
        raise Invalid(f"the server at {_shown(uri)} keeps the files; leave the destination {artifacts!r} out")
    return cast("Registry", RemoteRegistry(uri))


def _database(uri: str) -> tuple[Database, Path | None]:
    """The database, and the folder of the blobs where that derives from the URI alone."""
    if uri.startswith("sqlite:///"):
        from modelshelf.database.sqlite import SqliteDatabase

        path = Path(uri.removeprefix("sqlite:///").partition("?")[0]).expanduser().absolute()
        if path.name == ":memory:":
            raise Invalid(f"cannot keep a shelf in memory ({uri!r}); name a file, e.g. sqlite:///shelf.db", uri=uri)
        if path.is_dir() or not path.name:
            raise Invalid(f"{uri!r} names a folder; name a file in it, e.g. sqlite:///{path}/shelf.db", uri=uri)
        make_folder(path.parent)
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
        "sqlite:////absolute/path/shelf.db, or postgresql://user@host/name; or a server: http://host:5000",
    )


def _shown(uri: str) -> str:
    """The URI without its password."""
    return _SECRET.sub(r"://\1:***@", uri)


def _place(database: Database, given: str, beside: Path | None, shown: str) -> tuple[Place, str]:
    """Where the blobs are, and the shelf's identity.

    The place is as remembered; else as given, or derived, which is remembered from then on.
    """
    wanted = _place_at(given) if given else None
    with database.read() as tx:
        shelf_id, recorded = shelf.setting(tx, "shelf_id"), shelf.setting(tx, "artifacts")
    if shelf_id is None:
        shelf_id, recorded = _found(database, wanted, beside, shown)
    place = _place_at(recorded) if recorded else Folder(beside) if beside else None
    assert place is not None
    if wanted is not None and wanted.text != place.text:
        if wanted.owner() != shelf_id:
            raise Invalid(
                f"{shown} keeps its files in {place.text}, not in {wanted.text}; leave the destination out, or move "
                f"all that is there to {wanted.text} first"
            )
        with database.write() as tx:
            shelf.put_setting(tx, "artifacts", wanted.text)
        place = wanted
    _claim(place, shelf_id, shown)
    return place, shelf_id


def _found(database: Database, wanted: Place | None, beside: Path | None, shown: str) -> tuple[str, str | None]:
    """Give a new shelf its identity, and its place where that doesn't derive from the database's own.

    A place that was asked for is claimed first: where that fails, the shelf has none yet, and can be given another.
    """
    with database.exclusive("shelf") as tx:
        known = shelf.setting(tx, "shelf_id")
        if known is not None:
            return known, shelf.setting(tx, "artifacts")
        shelf_id = os.urandom(16).hex()
        shelf.put_setting(tx, "shelf_id", shelf_id)
        if wanted is not None:
            _claim(wanted, shelf_id, shown)
        recorded = wanted or (None if beside else Folder(_data_home() / shelf_id[:12]))
        if recorded is not None and recorded.text != str(beside):
            shelf.put_setting(tx, "artifacts", recorded.text)
            return shelf_id, recorded.text
        return shelf_id, None


def _place_at(given: str) -> Place:
    scheme, found, _ = given.partition("://")
    if not found or scheme == "file":
        return Folder(Path(given.removeprefix("file://")).expanduser().absolute())
    if scheme not in _BUCKETS:
        raise Invalid(
            f"cannot keep files at {_shown(given)!r}; name a folder of this machine, or a bucket: s3://bucket/prefix, "
            "gs://bucket/prefix or az://container/prefix"
        )
    try:
        from modelshelf.blobs.bucket_place import BucketPlace
    except ModuleNotFoundError:
        raise MissingPackage("buckets need obstore: pip install 'modelshelf[cloud]'", package="obstore") from None
    return BucketPlace.at(given, os.environ)


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "modelshelf"


def _claim(place: Place, shelf_id: str, shown: str) -> None:
    """Leave the shelf's identity with the blobs, so that no database is ever paired with another one's."""
    if (place.owner() or place.claim(shelf_id)) != shelf_id:
        raise Invalid(f"{place.text} holds the files of another shelf than {shown}; name another place")
