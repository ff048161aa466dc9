"""`python -m serving.trivial_responder --port PORT --workers N`: the least that Granian can answer.

The same server with the same settings as `modelshelf server`, and an application that knows one answer.
"""

import argparse
from typing import Any

from granian.constants import Interfaces, Loops
from granian.server.mp import MPServer

_BODY = b'{"model_version":{"name":"churn","version":"1","status":"READY","aliases":["champion"]}}'
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())],
}
_REST = {"type": "http.response.body", "body": _BODY}


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send(_START)
        await send(_REST)
        return
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    MPServer(
        "serving.trivial_responder:application",
        address="127.0.0.1",
        port=given.port,
        interface=Interfaces.ASGI,
        workers=given.workers,
        loop=Loops.auto,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main()
