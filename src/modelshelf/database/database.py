"""The port to a database: three ways to open a transaction, four ways to run a statement in it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = dict[str, Any]


class Transaction(Protocol):
    """An open transaction. Statements have `:name` parameters, in both databases."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgres`, for the few statements that can't be portable."""
        ...

    def execute(self, sql: str, /, **parameters: Any) -> int:
        """Run a statement; the number of rows it changed."""
        ...

    def one(self, sql: str, /, **parameters: Any) -> Row | None:
        """The first row, or None."""
        ...

    def all(self, sql: str, /, **parameters: Any) -> list[Row]:
        """All rows."""
        ...

    def many(self, sql: str, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Run one statement for each of the rows."""
        ...


class Database(Protocol):
    """A database of ours. Leaving a block by an exception rolls its transaction back."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgres`."""
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """A consistent snapshot; waits for nobody."""
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction that is durable when the block has been left."""
        ...

    def exclusive(self, name: str) -> AbstractContextManager[Transaction]:
        """A write that no other `exclusive` of the same name, in any process, runs beside."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """A block whose writes, those of this thread, may share one commit.

        They are durable when the block has been left, and not before; each is still undone alone if it fails. Where
        leaving the block raises, none of them happened.
        """
        ...

    def state(self) -> int | None:
        """A number that is another one after every commit of anybody; None where that can't be told cheaply.

        Numbers of two threads can't be compared.
        """
        ...

    def close(self) -> None:
        """Give the connections back; the value can't be used afterwards."""
        ...
