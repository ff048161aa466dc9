"""Receivers of Server-Sent Events."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec


class Receiver:
    """An open stream."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response

    def block(self) -> dict[str, str]:
        """The next block of lines, by their names; a comment's name is empty."""
        found: dict[str, str] = {}
        while line := self.response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            found[name.rstrip(":")] = value
        return found

    def event(self) -> tuple[int, str, Any]:
        """The next event: its id, its name, and what it says."""
        while True:
            block = self.block()
            if "data" in block:
                return int(block["id"]), block["event"], msgspec.json.decode(block["data"])


@contextmanager
def listening(url: str, **headers: str) -> Iterator[Receiver]:
    parts = urlsplit(url)
    query = headers.pop("query", "")
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    try:
        connection.request(
            "GET", f"{parts.path}/api/v1/events{query}", headers={"Accept": "text/event-stream", **headers}
        )
        yield Receiver(connection.getresponse())
    finally:
        connection.close()
