"""The duty that puts committed events into the ledger's tree, and each new head into a file outside."""

import logging
import os
from pathlib import Path

from modelshelf.domain.errors import ShelfError
from modelshelf.domain.proofs import TreeHead
from modelshelf.server.background import Duty
from modelshelf.services.proofs import BATCH
from modelshelf.services.registry import Registry

SECONDS = 1.0
_log = logging.getLogger("modelshelf.server")


class Sealing:
    """Seals once a second, and again at once where there was more than fits into one batch."""

    def __init__(self, heads_file: str = "") -> None:
        self._heads_file = Path(heads_file).expanduser() if heads_file else None
        self._size, self._refusal = 0, ""

    @property
    def duty(self) -> Duty:
        return Duty("sealing", SECONDS, self.work)

    def work(self, registry: Registry) -> bool:
        """Seal what waits; whether there may be more. A refusal is logged once, not every second."""
        try:
            head = registry.events.seal()
        except ShelfError as error:
            if error.message != self._refusal:
                self._refusal = error.message
                _log.warning("events are not sealed: %s", error.message)
            return False
        self._refusal = ""
        if head is None:
            return False
        more, self._size = head.size - self._size >= BATCH, head.size
        self._stamp(head)
        return more

    def _stamp(self, head: TreeHead) -> None:
        if self._heads_file is None:
            return
        try:
            append(self._heads_file, head)
        except OSError as error:
            _log.warning("the head of %d events was not appended to %s: %s", head.size, self._heads_file, error)


def append(path: Path, head: TreeHead) -> None:
    """Put a head to the end of a file, in one write, so that several servers may share it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), "wb", buffering=0) as file:
        file.write(head.checkpoint.encode() + b"\n")
        os.fsync(file.fileno())
