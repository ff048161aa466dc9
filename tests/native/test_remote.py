"""The client: whom it says it is, when it tries again, and what it makes of servers that are none of ours."""

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec
import pytest

from modelshelf.connect import connect
from modelshelf.domain.errors import Invalid, NotFound, ShelfError, Throttled, Unauthenticated, Unavailable
from modelshelf.native import transport
from modelshelf.native.credentials import Credentials, tls_from_environment
from modelshelf.native.remote import RemoteRegistry
from modelshelf.native.transport import HttpTransport, Tls
from modelshelf.services.registry import Registry

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class Scripted:
    """A server that answers as it is told, one request after the other; the last answer is repeated."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        for verb in ("GET", "POST", "PUT", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler._do)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def said(status: int, content: object, **headers: str) -> Answer:
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hung_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()


MODEL = {"id": 1, "name": "churn", "created_ms": 1, "updated_ms": 1, "created_by": "ada"}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    monkeypatch.setattr(transport, "PAUSE_SECONDS", 0.0)
    server = Scripted()
    yield server
    server.close()


def registry_of(server: Scripted, **given: str) -> Registry:
    return cast("Registry", RemoteRegistry(server.url, **given))


def test_connect_opens_a_shelf_behind_a_server(url: str) -> None:
    with connect(url) as registry:
        assert registry.catalog.model("churn").name == "churn"
        assert registry.actor.name == "alice"
        assert registry.uri == url


def test_a_destination_for_the_files_is_not_the_clients_to_choose() -> None:
    with pytest.raises(Invalid, match="keeps the files"):
        connect("http://localhost:1", artifacts="/tmp/x")  # noqa: S108


def test_nothing_is_sent_before_the_first_call() -> None:
    with RemoteRegistry("http://localhost:1") as registry, pytest.raises(Unavailable, match="cannot reach"):
        _ = registry.actor


@pytest.mark.parametrize("url", ["http://", "ftp://host", "http://host:x", "http:///path"])
def test_an_address_of_no_server_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        RemoteRegistry(url)


@pytest.mark.parametrize(
    ("environment", "header"),
    [
        ({}, ""),
        ({"MLFLOW_TRACKING_TOKEN": "t"}, "Bearer t"),
        ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "p"}, "Basic YWRhOnA="),
        ({"MODELSHELF_TOKEN": "mine", "MLFLOW_TRACKING_TOKEN": "t"}, "Bearer mine"),
        ({"MODELSHELF_USERNAME": "ada", "MODELSHELF_PASSWORD": "p", "MLFLOW_TRACKING_TOKEN": "t"}, "Basic YWRhOnA="),
    ],
)
def test_credentials_come_from_the_environment(environment: dict[str, str], header: str) -> None:
    assert Credentials.from_environment(environment).header == header


def test_credentials_are_sent_and_never_shown(scripted: Scripted) -> None:
    scripted.answers = [said(200, MODEL)]
    url = scripted.url.replace("://", "://ada:s%40cret@")

    with RemoteRegistry(url) as registry:
        registry.catalog.model("churn")

    assert scripted.seen[0][2]["authorization"] == "Basic YWRhOnNAY3JldA=="
    assert registry.uri == scripted.url
    assert "cret" not in repr(Credentials("cret", "ada", "s@cret"))


def test_tls_is_set_by_the_variables_of_mlflow() -> None:
    environment = {"MLFLOW_TRACKING_INSECURE_TLS": "true", "MLFLOW_TRACKING_CLIENT_CERT_PATH": "/c"}

    tls = tls_from_environment(environment)

    assert tls == Tls(verify=False, certificate="/c")
    assert Tls(verify=False).context().verify_mode == ssl.CERT_NONE
    assert Tls().context().verify_mode == ssl.CERT_REQUIRED
    with pytest.raises(Invalid, match="/nowhere"):
        Tls(authorities="/nowhere").context()


@pytest.mark.parametrize("failure", [hung_up, said(503, b"busy"), said(502, b"<html>"), said(429, {}, Retry_After="0")])
def test_a_read_is_tried_again(scripted: Scripted, failure: Answer) -> None:
    scripted.answers = [failure, failure, said(200, MODEL)]

    with registry_of(scripted) as registry:
        assert registry.catalog.model("churn").name == "churn"

    assert len(scripted.seen) == 3


def test_a_creation_is_tried_again_with_the_same_key(scripted: Scripted) -> None:
    scripted.answers = [hung_up, said(201, MODEL)]

    with registry_of(scripted) as registry:
        registry.catalog.create_model("churn")

    keys = {headers["idempotency-key"] for _, _, headers in scripted.seen}
    assert (len(scripted.seen), len(keys)) == (2, 1)


def test_what_must_not_happen_twice_is_not_tried_again(scripted: Scripted) -> None:
    scripted.answers = [hung_up]

    with registry_of(scripted) as registry, pytest.raises(Unavailable):
        registry.access.create_token("ada")

    assert len(scripted.seen) == 1


def test_a_server_that_stays_away_is_unavailable(scripted: Scripted) -> None:
    scripted.answers = [said(503, b"busy")]

    with registry_of(scripted) as registry, pytest.raises(Unavailable, match="answered 503"):
        registry.catalog.model("churn")

    assert len(scripted.seen) == transport.ATTEMPTS


def test_a_connection_is_kept_and_a_dead_one_is_replaced(scripted: Scripted) -> None:
    scripted.answers = [said(200, MODEL, Connection="close"), said(200, MODEL)]

    with registry_of(scripted) as registry:
        for _ in range(3):
            registry.catalog.model("churn")

    assert len(scripted.seen) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(404, b"<h1>Not here</h1>"), Unavailable),
        (said(404, {"detail": "no such page"}), Unavailable),
        (said(302, b"", Location="http://elsewhere"), Unavailable),
        (said(401, b""), Unauthenticated),
        (said(404, {"code": "not_found", "detail": "no x", "details": {"x": 1}}), NotFound),
        (said(404, {"code": "new_in_2030", "detail": "no x", "details": {}}), NotFound),
        (said(418, {"code": "new_in_2030", "detail": "no x", "details": []}), ShelfError),
        (said(429, {"code": "throttled", "detail": "slow", "details": {"retry_after": 0}}, Retry_After="0"), Throttled),
        (said(200, b"<h1>Welcome</h1>"), Unavailable),
        (said(200, {"name": "another kind of thing"}), Unavailable),
    ],
)
def test_answers_become_errors(scripted: Scripted, answer: Answer, error: type[ShelfError]) -> None:
    scripted.answers = [answer]

    with registry_of(scripted) as registry, pytest.raises(error) as refusal:
        registry.catalog.model("churn")

    assert type(refusal.value) is error


def test_an_answer_that_is_cut_off_is_no_answer(scripted: Scripted) -> None:
    def cut(handler: http.server.BaseHTTPRequestHandler) -> None:
        said(200, MODEL, Content_Length="5000")(handler)
        handler.close_connection = True

    scripted.answers = [cut]

    with registry_of(scripted) as registry, pytest.raises(Unavailable, match="broke off"):
        registry.catalog.model("churn")


def test_a_method_that_is_none_is_an_attribute_error(remote: Registry) -> None:
    with pytest.raises(AttributeError, match=r"no catalog\.create_modell"):
        remote.catalog.create_modell  # noqa: B018
    with pytest.raises(TypeError):
        remote.catalog.model()
    with pytest.raises(TypeError):
        remote.catalog.model("x", colour="red")


def test_the_areas_tell_what_they_can(remote: Registry) -> None:
    assert {"create_model", "resolve", "search_versions"} <= set(dir(remote.catalog))
    assert (remote.catalog.resolve.__doc__ or "").startswith("What a `models:/NAME...` URI names")


def test_a_process_that_was_forked_has_connections_of_its_own(url: str) -> None:
    sent = HttpTransport(url)
    sent.send("GET", "/api/v1/me", headers={}, repeatable=True).read()
    idle = list(sent._idle)

    sent._pid -= 1  # as a child would find it
    sent.send("GET", "/api/v1/me", headers={}, repeatable=True).read()

    assert idle[0] not in sent._idle
    idle[0].close()
    sent.close()
