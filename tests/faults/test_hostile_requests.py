"""What no client would send, to every route of both protocols: it is refused, and tells nothing of what is inside."""

import http.client
import json
import random
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from modelshelf.mlflow_api.table import ROUTES
from modelshelf.native.endpoints import NativeApi
from modelshelf.native.operations import OPERATIONS, PREFIX, Operation
from modelshelf.native.shapes import Parameter, is_list, shape
from places import PostgresServer
from servers import Server, serving

SEED = 20_261_122
PLACES = ("x", "1", "%00", "%2e%2e", "..%252f", "%ed%a0%80", "a" * 3000, "a%0d%0aX-Y:1", "%F0", "-1", "9" * 40)
QUERIES = (
    "name=%00&version=%ff&run_id=%ed%a0%80&experiment_id=1e5&path=%2e%2e%2f&filter=%27&max_results=1e400",
    "&".join("name=a" for _ in range(3000)),
    "name=x&version=99999999999999999999999&run_id=a/b&run_ids=a&metric_key=x&max_results=-9223372036854775809",
    "run_uuid=x&path=%252e%252e%252fx&page_token=%00&order_by=%27%3B--&stages=x&experiment_ids=0&alias=%F0",
    "page_token=AAAA&limit=-1&before=-1&after=-9223372036854775808&at=-1&position=0&size=0&first=0&second=0",
)
_NAMES = ("name", "version", "key", "value", "alias", "stage", "source", "experiment_id", "run_id", "model_id")
_LISTS: Mapping[str, Any] = {
    "metrics": [{"key": "a", "value": 1e308, "timestamp": 2**70, "step": -(2**63)}, None, 1, []],
    "tags": [{"key": "k" * 9999, "value": "\ud800"}],
    "params": [None, 1, []],
    "datasets": [{}],
    "models": [{"model_id": "\x00"}],
    "order_by": ["name; DROP TABLE x"],
}
BODIES = (
    *(b"", b"[]", b"1", b'"x"', b"null", b"\xff\xfe", b'{"name":"a","name":"b"}', b'{"name":NaN}', b'{"name":1e999}'),
    *(b'{"name":{"a":1}}', b'{"name":"\\ud800"}', b'{"name":"\\u0000"}', b'{"max_results":' + b"9" * 40 + b"}"),
    *(b"[" * 200_000, b'{"name":' * 50_000, b'{"a":"' + b"x" * 300_000 + b'"}', b'{"run_id":Infinity}'),
    json.dumps(dict.fromkeys(_NAMES, "x")).encode(),
    json.dumps({**dict.fromkeys(_NAMES, "9" * 5000), **_LISTS, "filter": "name = '" + "a'" * 1000}).encode(),
    json.dumps({"run_id": "x", "key": "k", "value": "Infinity", "timestamp": "1e400", "step": "0x10"}).encode(),
)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, -(2**70), 10**400, 1.5, 1e308, "", "x", "\x00", "\ud800", "a\r\nX: y", "é" * 300),
    *("x" * 200_000, "' OR 1=1 --", "%2e%2e/", "../../etc/passwd", [], [None], [[]], [1, "x"], {}, {"x": {"y": []}}),
    *([{}], {"": ""}, {"key": "k", "value": None, "time_ms": 2**80}, [{"key": "\x00", "value": 1, "time_ms": -1}]),
)
RAW = (
    b"OPTIONS * HTTP/1.1\r\nHOST\r\n\r\n",
    b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHOST\r\n\r\n",
    b"GET //api/v1/me HTTP/1.1\r\nHOST\r\n\r\n",
    b"GET /?%ff HTTP/1.1\r\nHOST\r\n\r\n",
    b"GET /models?sort=%ff&page=%00 HTTP/1.1\r\nHOST\r\nCookie: \xff=\xff; modelshelf_flash=\xff\r\n\r\n",
    b"GET /api/v1/models HTTP/1.1\r\nHOST\r\nAuthorization: \xff\r\n\r\n",
    b"GET /api/v1/events HTTP/1.1\r\nHOST\r\nAccept: text/event-stream\r\nLast-Event-ID: \xb2\r\n\r\n",
    b"GET /api/v1/models/x HTTP/1.1\r\nHOST\r\nIf-Match: \xff\r\nRange: bytes=9-1\r\nIdempotency-Key: \xff\r\n\r\n",
    (
        b"POST /api/v1/models HTTP/1.1\r\nHOST\r\nContent-Type: application/json\r\nIdempotency-Key: \xff\r\n"
        b'Content-Length: 12\r\n\r\n{"name":"x"}'
    ),
    b"POST /api/v1/models HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    (
        b"POST /models/x/delete HTTP/1.1\r\nHOST\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 3\r\n\r\n%ff"
    ),
)
INSIDE = re.compile(rb"traceback|sqlite|psycopg|site-packages|\.py\b|select .* from|insert into|/tmp/")

pytestmark = pytest.mark.xdist_group("servers")


@dataclass
class Probe:
    """Sends, and notes what should not have been answered."""

    server: Server
    connection: http.client.HTTPConnection
    count: int = 0

    def send(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> None:
        """One request; its answer may be anything but a failure of ours, and tells nothing of what is inside."""
        self.count += 1
        try:
            self.connection.putrequest(method, path)
            self.connection.putheader("Content-Type", kind)
            self.connection.putheader("Content-Length", str(len(body)))
            self.connection.endheaders(body)
            answer = self.connection.getresponse()
            status, told = answer.status, answer.read()
        except (http.client.HTTPException, ConnectionError):  # refused before all of it was sent
            self.connection.close()
            assert self.server.ask("GET", "/health").status == 200
            return
        shown = f"{method} {path[:200]} {body[:200]!r} (seed {SEED}): {status} {told[:300]!r}"
        assert status < 500 or status in {501, 503}, shown
        assert status < 400 or not INSIDE.search(told.lower()), shown


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, uri = tmp_path_factory.mktemp("hostile"), f"sqlite:///{tmp_path_factory.mktemp('shelf')}/shelf.db"
    if request.param == "postgres":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        postgres.execute(f'CREATE DATABASE "hostile_{postgres.template}" TEMPLATE "{postgres.template}"')
        uri = postgres.uri(f"hostile_{postgres.template}")
    with serving(uri, folder) as running:
        running.ask("POST", f"{PREFIX}/models", {"name": "x"})
        running.ask("POST", f"{PREFIX}/models/x/versions", {"source": "s3://bucket/x"})
        yield running


@pytest.fixture
def probe(server: Server) -> Iterator[Probe]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    yield Probe(server, connection)
    connection.close()
    assert "Traceback" not in server.log.read_text()


def test_mlflows_routes(probe: Probe) -> None:
    for route in ROUTES:
        for place in PLACES if "{" in route.path else PLACES[:1]:
            path = route.prefixes[0] + re.sub(r"\{[^}]+\}", place, route.path)
            for query in QUERIES:
                probe.send(route.method, f"{path}?{query}")
        path = route.prefixes[0] + re.sub(r"\{[^}]+\}", "x", route.path)
        for body in BODIES if route.method != "GET" else BODIES[:1]:
            probe.send(route.method, path, body)
        probe.send(route.method, path, b"<x/>", "text/xml")

    assert probe.count > 1_500


def test_native_routes(probe: Probe) -> None:
    for verb, path in NativeApi(None, inline=False).labels:  # type: ignore[arg-type]
        for place in PLACES if "{" in path else PLACES[:1]:
            probe.send(verb, re.sub(r"\{[^}]+\}", place, path))
        for query in QUERIES:
            probe.send(verb, f"{re.sub(r'[{][^}]+[}]', 'x', path)}?{query}")
        for body in BODIES if verb in {"POST", "PATCH", "PUT"} else ():
            probe.send(verb, re.sub(r"\{[^}]+\}", "x", path), body)
        probe.send(verb, re.sub(r"\{[^}]+\}", "x", path), b"<x/>", "text/xml")

    assert probe.count > 2_000


def test_each_parameter_of_the_native_api_with_values_of_other_types(probe: Probe) -> None:
    chosen = random.Random(SEED)
    for operation in OPERATIONS:
        parameters = shape(operation).parameters
        path = PREFIX + re.sub(r"\{(\w+)\}", lambda found: str(_plain(parameters[found[1]])), operation.path)  # noqa: B023
        rest = {name: each for name, each in parameters.items() if name not in operation.places}
        for name in rest if not operation.in_query else ():
            needed = {other: _plain(each) for other, each in rest.items() if each.required}
            for value in chosen.sample(ODD, 10):
                probe.send(operation.verb, path, json.dumps({**needed, name: value}).encode())
        for name in rest if operation.in_query else ():
            for value in ("", "x", "-1", "9" * 30, "%00", "1e5"):
                probe.send(operation.verb, f"{path}?{_query(operation, rest)}{name}={value}")

    assert probe.count > 1_500


@pytest.mark.parametrize("request_", RAW, ids=lambda raw: raw[:24].decode())
def test_requests_that_no_library_would_send(server: Server, request_: bytes) -> None:
    named = b"Host: 127.0.0.1:%d\r\nConnection: close" % server.port

    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request_.replace(b"HOST", named))
        told = connection.recv(100_000)

    assert re.match(rb"HTTP/1.1 [234]", told), told
    assert "Traceback" not in server.log.read_text()


def _plain(parameter: Parameter) -> Any:
    """A value that fits as far as its type goes."""
    shown = str(parameter.type)
    if is_list(parameter.type):
        return []
    if "dict" in shown or "Mapping" in shown:
        return {}
    return 1 if "int" in shown or "float" in shown else False if "bool" in shown else "x"


def _query(operation: Operation, rest: Mapping[str, Parameter]) -> str:
    needed = (f"{name}={_plain(each)}&" for name, each in rest.items() if each.required and not is_list(each.type))
    return "".join(needed) if operation.verb == "GET" else ""
