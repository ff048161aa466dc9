"""Work so long that one process does it once at a time: whoever else asks for it is told when to come again."""

import threading
from types import TracebackType
from typing import Final

from modelshelf.domain.errors import Throttled

RETRY_SECONDS: Final = 10


class Turn:
    """A block that is entered by one at a time. Raises Throttled where somebody else is in it."""

    def __init__(self, what: str) -> None:
        self._what, self._lock = what, threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise Throttled(
                f"{self._what} is under way already, and one at a time is enough; try again in {RETRY_SECONDS} seconds",
                retry_after=RETRY_SECONDS,
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


LEDGER: Final = Turn("a verification of the ledger")
STORE: Final = Turn("a verification of the store")
