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
        yield self._tx
        self.has_written = True

    @contextmanager
    def exclusive(self, name: str) -> Iterator[Transaction]:
        if self._tx.dialect == "postgres":
            key = f"modelshelf {name}"
            self._tx.one("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:key AS TEXT), 0))", key=key)
        yield self._tx
        self.has_written = True

    @contextmanager
    def together(self) -> Iterator[None]:
        yield

    def state(self) -> int | None:
        return None

    def close(self) -> None:
        """Nothing to do: the transaction belongs to somebody else."""
