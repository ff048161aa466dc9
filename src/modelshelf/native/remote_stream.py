"""The receiving half of the stream of events: Server-Sent Events, from any position on."""

from collections.abc import Iterator

import msgspec

from modelshelf.domain.errors import Unavailable
from modelshelf.domain.events import Event
from modelshelf.native.client import Server


def events_behind(server: Server, position: int | None) -> Iterator[Event | None]:
    """The events behind a position (None: from now on) as they happen; None at the beginning, and now and then.

    It ends when the server ends the stream: go on behind the last position then. Raises what the registry raises, and
    Unavailable.
    """
    query = "" if position is None else f"?position={position}"
    answer = server.send("GET", f"/events{query}", headers={"Accept": "text/event-stream"}, repeatable=False)
    if "text/event-stream" not in answer.headers.get("content-type", ""):
        answer.read()
        raise Unavailable(
            f"{server.place} answered no stream of events; is there a proxy that does not let it through?"
        )
    for line in answer.lines():
        name, _, value = line.rstrip(b"\n").partition(b": ")
        if name == b"data":
            yield msgspec.json.decode(value, type=Event)
        elif name in {b"", b"retry"}:
            yield None
