"""Receivers of webhooks: a real HTTP server in a thread, which notes what it gets and answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from modelshelf.domain.access import SYSTEM, Actor, Role
from modelshelf.services.registry import Registry


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(frozen=True)
class Reply:
    """How to answer."""

    status: int = 200
    body: bytes = b"thanks"
    headers: Mapping[str, str] = field(default_factory=dict)


class Receiver:
    """Answers 200, unless `answer` says otherwise."""

    def __init__(self) -> None:
        self.answer: Callable[[Got], Reply] = lambda _: Reply()
        self._got: list[Got] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                reply = receiver.note(got)
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def got(self) -> list[Got]:
        with self._changed:
            return list(self._got)

    def note(self, got: Got) -> Reply:
        with self._changed:
            self._got.append(got)
            self._changed.notify_all()
        return self.answer(got)

    def wait_for(self, enough: Callable[[list[Got]], bool], *, seconds: float = 30) -> list[Got]:
        """What it got, as soon as that is enough."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self._got), seconds), f"got only {len(self._got)}"
            return list(self._got)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


def deliver(shelf: Registry) -> int:
    """Do what a server does until nothing is due; how often lanes were taken."""
    shelf.events.settle()
    dispatch = shelf.acting_as(Actor(SYSTEM, Role.ADMIN)).dispatch
    while dispatch.spread():
        pass
    rounds = 0
    while taken := dispatch.take():
        for lanes in taken:
            rounds += 1
            while lanes:
                lanes = dispatch.deliver(lanes)  # noqa: PLW2901 - what is left of them
    return rounds
