"""A database inside an open transaction: what would be a transaction of its own joins that one."""

from collections.abc import Iterator
from contextlib import contextmanager

from modelshelf.database.database import Transaction


class NestedDatabase:
    """Its reads and writes are statements of the transaction around them, which alone commits."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.has_written = False
        """Whether a write came to its end, so that it counts whatever happens afterwards."""

    @property
    def dialect(self) -> str:
        return self._tx.dialect

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        yield self._tx

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        if not self.has_written:  # where this one fails, the transaction around it has nothing to keep
            yield self._tx
        else:
            yield from self._undone_alone()
        self.has_written = True

    def _undone_alone(self) -> Iterator[Transaction]:
        """A write after another one: where it fails, what came before it may be committed all the same."""
        self._tx.execute("SAVEPOINT nested")
        try:
            yield self._tx
        except BaseException:
            self._tx.execute("ROLLBACK TO SAVEPOINT nested")
            self._tx.execute("RELEASE SAVEPOINT nested")
            raise
        self._tx.execute("RELEASE SAVEPOINT nested")

    @contextmanager
    def exclusive(self, name: str) -> Iterator[Transaction]:
        if self._tx.dialect == "postgres":
            key = f"modelshelf {name}"
            self._tx.one("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:key AS TEXT), 0))", key=key)
        with self.write() as tx:
            yield tx

    @contextmanager
    def together(self) -> Iterator[None]:
        yield

    def state(self) -> int | None:
        return None

    def close(self) -> None:
        """Nothing to do: the transaction belongs to somebody else."""
