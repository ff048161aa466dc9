"""A plain HTTP client on one kept connection: for set-up, checks, and transfers of whole files."""

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

API = "/api/2.0/mlflow"
_BLOCK = 1024 * 1024
_IDLE_SECONDS = 1.0


class Client:
    """Not for several threads."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600, blocksize=_BLOCK)
        self._used = time.monotonic()

    def get(self, path: str, **query: Any) -> Any:
        return self._json("GET", target(path, **query), None)

    def post(self, path: str, **body: Any) -> Any:
        return self._json("POST", API + path, body)

    def timed_get(self, path: str, **query: Any) -> tuple[float, Any]:
        """Seconds until the whole answer was there, and the answer."""
        start = time.perf_counter()
        content = self._ask("GET", target(path, **query), None, {})
        return time.perf_counter() - start, json.loads(content)

    def timed_post(self, path: str, **body: Any) -> tuple[float, Any]:
        """Seconds until the whole answer was there, and the answer."""
        start = time.perf_counter()
        found = self.post(path, **body)
        return time.perf_counter() - start, found

    def upload(self, path: str, file: Path) -> float:
        """Seconds until the server said that it has the file."""
        start = time.perf_counter()
        with file.open("rb") as content:
            self._ask("PUT", path, content, {"Content-Length": str(file.stat().st_size)})
        return time.perf_counter() - start

    def download(self, path: str, size: int) -> float:
        """Seconds until the last byte was there. Raises ValueError for another size than expected."""
        buffer, found, start = bytearray(_BLOCK), 0, time.perf_counter()
        self._refresh()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        while count := answer.readinto(buffer):
            found += count
        taken = time.perf_counter() - start
        if answer.status != 200 or found != size:
            raise ValueError(f"GET {path} answered {answer.status} with {found} bytes, not {size}")
        return taken

    def close(self) -> None:
        self._connection.close()

    def _refresh(self) -> None:
        """Servers close connections that nobody used for a while: then a new one is opened."""
        now = time.monotonic()
        if now - self._used > _IDLE_SECONDS:
            self._connection.close()
        self._used = now

    def _json(self, method: str, path: str, body: Any) -> Any:
        content = None if body is None else json.dumps(body).encode()
        return json.loads(self._ask(method, path, content, {"Content-Type": "application/json"}))

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> bytes:
        self._refresh()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise ValueError(f"{method} {path} answered {answer.status}: {content[:500]!r}")
        return content


def target(path: str, **query: Any) -> str:
    """The path of one of MLflow's endpoints with its query."""
    return f"{API}{path}?{urlencode(query, doseq=True)}" if query else API + path
