"""What a person sees on stderr while something takes its time."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from modelshelf.cli.invocation import Invocation

if TYPE_CHECKING:
    from rich.status import Status

_INTERVAL_S = 0.2


class Waiting:
    """A word that something goes on; nothing for programs: in a pipe, with `--json` or `--plain`."""

    def __init__(self, invocation: Invocation, doing: str) -> None:
        self._doing, self._due = doing, 0.0
        self._watched = not invocation.as_json and not invocation.plain and sys.stderr.isatty()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._watched:
            from rich.console import Console

            self._status = Console(stderr=True).status(self._doing)
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def tell(self, done: str) -> None:
        """How far it is."""
        if self._status and time.monotonic() >= self._due:
            self._status.update(f"{self._doing}: {done}")
            self._due = time.monotonic() + _INTERVAL_S
