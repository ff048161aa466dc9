"""The pages, whose code is loaded when somebody looks at one: many servers are only asked by programs."""

import asyncio
import threading
import time
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from modelshelf.native.streaming import Receive, Scope, Send
from modelshelf.server.metrics import Latencies

if TYPE_CHECKING:
    from modelshelf.ui.app import Identify, WebUi

_KIND = "pages"


class Pages:
    """Answers what the pages own, and has them counted in `latencies`."""

    def __init__(self, pool: Executor, identify: "Identify", latencies: Latencies, *, signs_in: bool) -> None:
        self._pool, self._identify, self._latencies, self._signs_in = pool, identify, latencies, signs_in
        self._lock = threading.Lock()
        self._ui: WebUi | None = None

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer one request; False where there is no page at its path."""
        ui, is_first = self._ui, self._ui is None
        if ui is None:
            ui = await asyncio.get_running_loop().run_in_executor(self._pool, self._load)
        if not ui.owns(scope["path"]):
            return False
        await ui(scope, receive, send)
        if is_first:
            ui.warm()  # where one page is looked at, others will be
        return True

    def count(self) -> None:
        """Have those counted, too, that other workers answered."""
        if self._ui is None and self._latencies.has(_KIND):
            self._load()

    def _load(self) -> "WebUi":
        with self._lock:
            if self._ui is None:
                from modelshelf.ui.app import WebUi

                ui = WebUi(self._pool, self._identify, signs_in=self._signs_in, clock=_now_ms)
                self._latencies.add(_KIND, ui.labels)
                self._ui = ui
            return self._ui


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
