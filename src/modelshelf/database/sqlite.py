"""SQLite: WAL, a snapshot for each reading thread, and writers that share their commits."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelshelf.database.database import Row
from modelshelf.database.file_lock import FileLock
from modelshelf.domain.errors import Busy, ForeignDatabase, Invalid, StorageFull, Unavailable

WAIT_SECONDS = 60.0
BATCH_LIMIT = 64
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",
    "PRAGMA mmap_size = 268435456",
)

_READS = ("SELECT", "WITH")
"""How statements begin that may be repeated."""


def _rows(cursor: sqlite3.Cursor) -> list[Row]:
    """All rows of a cursor; the names are read once, which a row factory would do for each row."""
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


class SqliteTransaction:
    """Statements on one connection inside an open transaction."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, /, **parameters: Any) -> int:
        return self._connection.execute(sql, parameters).rowcount

    def one(self, sql: str, /, **parameters: Any) -> Row | None:
        rows = self.all(sql, **parameters)
        return rows[0] if rows else None

    def all(self, sql: str, /, **parameters: Any) -> list[Row]:
        try:
            return _rows(self._connection.execute(sql, parameters))
        except sqlite3.OperationalError as error:
            if "UTF-8" not in str(error) or not sql.lstrip().startswith(_READS):
                raise
            return self._damaged(sql, parameters)

    def _damaged(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        r"""Rows with texts that are no UTF-8, which only another program could write: their bytes are shown as `\\xff`.

        So whoever looks for damage can name it, and nobody is refused all rows for one.
        """
        self._connection.text_factory = lambda raw: raw.decode(errors="backslashreplace")
        try:
            return _rows(self._connection.execute(sql, parameters))
        finally:
            self._connection.text_factory = str

    def many(self, sql: str, rows: Sequence[Mapping[str, Any]], /) -> None:
        self._connection.executemany(sql, rows)


class _Batch:
    """The writes that share one BEGIN and one COMMIT; `error` is what the commit failed with."""

    def __init__(self) -> None:
        self.size = 0
        self.done = threading.Event()
        self.error: BaseException | None = None


class _Together(threading.local):
    """What one thread writes together: whether it does, and the turn that its first write took for all of them."""

    is_on = False
    is_writing = False
    turn: "tuple[sqlite3.Connection, _Batch] | None" = None


class _Writer:
    """One writing connection per process, handed from writer to writer.

    Who comes while another writes waits for a turn. A writer that leaves while others wait passes the open transaction
    on and waits for its end; the last one commits for all. So writes that wait together cost one sync, and each is
    still undone alone, by its savepoint, if it fails. A thread that writes `together` keeps its turn from its first
    write to its last.
    """

    def __init__(self, open_connection: "_Opener", lock: FileLock) -> None:
        self._open, self._lock = open_connection, lock
        self._connection: sqlite3.Connection | None = None
        self._turn = threading.Lock()
        self._waiting = 0
        self._count = threading.Lock()
        self._batch: _Batch | None = None
        self._owner: int | None = None
        self._together = _Together()

    @property
    def connection(self) -> sqlite3.Connection | None:
        """The one with the open transaction of what this thread writes together, so that it reads what it wrote."""
        turn = self._together.turn
        return turn[0] if turn is not None else None

    @contextmanager
    def together(self) -> Iterator[None]:
        mine = self._together
        if mine.is_on or self._owner == threading.get_ident():
            raise RuntimeError("writes together inside a write of the same thread would wait for themselves")
        mine.is_on = True
        try:
            yield
        finally:
            turn, mine.turn, mine.is_on = mine.turn, None, False
            if turn is not None:
                self._end(*turn)

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        mine = self._together
        if mine.is_on:
            yield from self._among_others(mine)
            return
        connection, batch = self._enter()
        try:
            yield from self._savepoint(connection, batch)
        finally:
            self._leave(connection, batch)
        self._await(connection, batch)
        if batch.error is not None:
            raise translated(batch.error) from batch.error

    def _among_others(self, mine: _Together) -> Iterator[SqliteTransaction]:
        if mine.is_writing:
            raise RuntimeError("a write inside a write of the same thread would wait for itself")
        if mine.turn is None:
            mine.turn = self._enter()
        connection, batch = mine.turn
        if batch.error is not None:
            raise translated(batch.error) from batch.error
        mine.is_writing = True
        try:
            yield from self._savepoint(connection, batch)
        finally:
            mine.is_writing = False

    def _end(self, connection: sqlite3.Connection, batch: _Batch) -> None:
        self._leave(connection, batch)
        self._await(connection, batch)
        if batch.error is not None:
            raise translated(batch.error) from batch.error

    def _savepoint(self, connection: sqlite3.Connection, batch: _Batch) -> Iterator[SqliteTransaction]:
        connection.execute("SAVEPOINT one")
        try:
            yield SqliteTransaction(connection)
            connection.execute("RELEASE one")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK TO one")
                connection.execute("RELEASE one")
            else:  # SQLite itself gave the whole transaction up (disk full, I/O error): all that share it fail
                batch.error = error
            raise

    def _enter(self) -> tuple[sqlite3.Connection, _Batch]:
        if self._owner == threading.get_ident():
            raise RuntimeError("a write inside a write of the same thread would wait for itself")
        with self._count:
            self._waiting += 1
        try:
            if not self._turn.acquire(timeout=WAIT_SECONDS):
                raise Busy(f"waited {WAIT_SECONDS:.0f} s for other writers of this process; try again")
        finally:
            with self._count:
                self._waiting -= 1
        try:
            connection, batch = self._opened()
            self._owner = threading.get_ident()
        except BaseException:
            self._turn.release()
            raise
        return connection, batch

    def _opened(self) -> tuple[sqlite3.Connection, _Batch]:
        """The open batch, or a new one behind the lock between processes."""
        if self._connection is not None and self._batch is not None:
            return self._connection, self._batch
        self._lock.acquire(WAIT_SECONDS)
        try:
            connection = self._connection = self._connection or self._open()
            connection.execute("BEGIN IMMEDIATE")
            self._batch = _Batch()
        except BaseException:
            self._lock.release()
            raise
        return connection, self._batch

    def _leave(self, connection: sqlite3.Connection, batch: _Batch) -> None:
        batch.size += 1
        self._owner = None
        try:
            with self._count:
                pass_on = self._waiting > 0 and batch.size < BATCH_LIMIT and batch.error is None
            if not pass_on:
                self._commit(connection, batch)
        finally:
            self._turn.release()

    def _commit(self, connection: sqlite3.Connection, batch: _Batch) -> None:
        self._batch = None
        try:
            if batch.error is None:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            batch.error = error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._lock.release()
            batch.done.set()

    def _await(self, connection: sqlite3.Connection, batch: _Batch) -> None:
        """Wait for the commit. If the writer it was passed on to gave up before its turn came, commit here."""
        while not batch.done.wait(0.05):
            if self._turn.acquire(blocking=False):
                try:
                    if self._batch is batch:
                        self._commit(connection, batch)
                finally:
                    self._turn.release()

    def close(self) -> None:
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        self._lock.close()


class _Opener:
    """Opens connections to one file, each with the same settings."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=512
            )
        except sqlite3.Error as error:
            raise self._refused(error) from error
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except sqlite3.Error as error:
            connection.close()
            raise self._refused(error) from error
        return connection

    def _refused(self, error: sqlite3.Error) -> Unavailable:
        if "not a database" in str(error):
            return ForeignDatabase(f"{self._path} is not an SQLite database; name another file", path=str(self._path))
        if isinstance(error, sqlite3.OperationalError) and not os.access(self._path.parent, os.W_OK):
            return StorageFull(
                f"cannot write in {self._path.parent}; choose a folder you may write in, e.g. sqlite:///$HOME/shelf.db",
                path=str(self._path),
            )
        return translated(error, self._path)


def translated(error: BaseException, path: Path | None = None) -> Unavailable:
    """What a failure of SQLite itself means to a caller."""
    text, where = str(error), f" {path}" if path else ""
    if "locked" in text or "busy" in text:
        return Busy(f"the database{where} is locked by another program; try again")
    if getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_WRITE":
        return StorageFull(f"the disk of the database{where} refuses to be written (over quota?); nothing was written")
    if "full" in text:
        return StorageFull(f"the disk of the database{where} is full; free some space, nothing was written")
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return StorageFull(f"the database{where} cannot be written ({text}); check its folder's permissions")
    if "malformed" in text or "not a database" in text:
        return ForeignDatabase(f"the database{where} is damaged or not SQLite ({text}); restore it from a backup")
    return Unavailable(f"the database{where} failed: {text}")


def _not_text(error: UnicodeEncodeError) -> Invalid:
    return Invalid(f"not valid Unicode: {error.reason} at position {error.start}")


class SqliteDatabase:
    """One SQLite file, shared by threads and processes."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = _Opener(path)
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._idle: list[sqlite3.Connection] = []
        self._watchers: dict[int, sqlite3.Connection] = {}
        self._writer = _Writer(self._open, FileLock(self.path.with_name(self.path.name + ".lock")))

    def _after_fork(self) -> None:
        """A forked child must not touch its parent's connections, not even to close them: it starts with new ones."""
        if os.getpid() != self._pid:
            _ORPHANS.append((self._idle, self._watchers, self._writer))
            self._start()

    @contextmanager
    def read(self) -> Iterator[SqliteTransaction]:
        self._after_fork()
        writing = self._writer.connection
        if writing is not None:
            yield SqliteTransaction(writing)
            return
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            connection.execute("BEGIN")
            try:
                yield SqliteTransaction(connection)
            finally:
                connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            raise translated(error, self.path) from error
        except UnicodeEncodeError as error:
            raise _not_text(error) from None
        finally:
            self._idle.append(connection)

    @contextmanager
    def write(self) -> Iterator[SqliteTransaction]:
        self._after_fork()
        try:
            with self._writer.transaction() as tx:
                yield tx
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            raise translated(error, self.path) from error
        except UnicodeEncodeError as error:
            raise _not_text(error) from None

    @contextmanager
    def exclusive(self, name: str) -> Iterator[SqliteTransaction]:
        with self.write() as tx:
            yield tx

    @contextmanager
    def together(self) -> Iterator[None]:
        self._after_fork()
        with self._writer.together():
            yield

    def state(self) -> int:
        self._after_fork()
        watcher = self._watchers.get(threading.get_ident())
        if watcher is None:
            watcher = self._watchers[threading.get_ident()] = self._open()
        return int(watcher.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._writer.close()
        while self._watchers:
            self._watchers.popitem()[1].close()
        while self._idle:
            self._idle.pop().close()


_ORPHANS: list[Any] = []
"""Connections inherited through a fork, kept so that nothing closes them."""
