"""Shelves behind HTTP: one real server in a thread of the tests' own process, so that clocks can be moved by hand."""

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from granian.constants import Interfaces
from granian.server.embed import Server

from modelshelf.domain.access import Actor, Role
from modelshelf.native.endpoints import NativeApi
from modelshelf.services.registry import Registry


class ServedShelves:
    """Each shelf has a path of its own: `/shelf3`, or `/shelf3~bob~reader` for another actor than the shelf's."""

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="served")
        self._shelves: dict[str, tuple[Registry, NativeApi]] = {}
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self._port: int = taken.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="served", daemon=True)
        self._thread.start()
        self._await()

    @contextmanager
    def serve(self, registry: Registry) -> Iterator[str]:
        """Serve a shelf; its URL."""
        name = f"shelf{next(self._count)}"
        self._shelves[name] = (registry, NativeApi(self._pool, inline=registry._database.dialect == "sqlite"))
        try:
            yield f"http://127.0.0.1:{self._port}/{name}"
        finally:
            _, api = self._shelves.pop(name)
            self._loop.call_soon_threadsafe(api.end_streams)

    def close(self) -> None:
        """End the server."""
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(10)
        self._pool.shutdown()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = Server(
            self._answer, port=self._port, interface=Interfaces.ASGINL, websockets=False, log_enabled=False
        )
        try:
            self._loop.run_until_complete(self._server.serve())
        finally:
            self._loop.close()

    def _await(self) -> None:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError("the server did not start")

    async def _answer(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        raw = scope["raw_path"].decode()
        first, _, rest = raw.removeprefix("/").partition("/")
        name, *actor = unquote(first).split("~")
        registry, api = self._shelves[name]
        if actor:
            registry = registry.acting_as(Actor(actor[0], Role(actor[1])))
        scope = {
            **scope,
            "path": unquote(f"/{rest}"),
            "raw_path": f"/{rest}".encode(),
            "modelshelf.registry": registry,
            "modelshelf.request_id": "test",
        }
        await api(scope, receive, send)
