"""Servers behind a proxy: what the environment says, and what then goes over the wire."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelshelf.domain.errors import Invalid, Unavailable
from modelshelf.native.proxies import Proxy, proxy_for
from modelshelf.native.transport import HttpTransport

PROXY = {"http_proxy": "http://proxy.example:3128", "HTTPS_PROXY": "other.example"}


@pytest.mark.parametrize(
    ("url", "environment", "found"),
    [
        ("http://models.example", {}, None),
        ("http://models.example", PROXY, Proxy("proxy.example", 3128)),
        ("https://models.example", PROXY, Proxy("other.example", 8080)),
        ("https://models.example", {"ALL_PROXY": "http://u:p%40@p:1"}, Proxy("p", 1, "Basic dTpwQA==")),
        ("http://models.example", {"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, None),
        ("http://models.example:99999", PROXY, Proxy("proxy.example", 3128)),
        *((f"http://{host}:5000", PROXY, None) for host in ("localhost", "127.0.0.1", "[::1]", "a.localhost")),
        *(
            ("http://models.example:5000", {**PROXY, "NO_PROXY": exceptions}, None)
            for exceptions in ("*", "models.example", ".example", "*.example", "a.b, EXAMPLE", "models.example:5000")
        ),
        *(("http://10.1.2.3", {**PROXY, "no_proxy": exceptions}, None) for exceptions in ("10.1.2.3", "10.0.0.0/8")),
        *(
            ("http://models.example:5000", {**PROXY, "NO_PROXY": exceptions}, Proxy("proxy.example", 3128))
            for exceptions in ("", "odels.example", "models.example:80", "other.example", "10.0.0.0/8", ",")
        ),
    ],
)
def test_the_environment_tells_the_way(url: str, environment: dict[str, str], found: Proxy | None) -> None:
    assert proxy_for(url, environment) == found


@pytest.mark.parametrize("proxy", ["socks5://p:1", "https://p:1", "http://", "http://p:x"])
def test_a_proxy_of_another_kind_is_refused_without_its_password(proxy: str) -> None:
    with pytest.raises(Invalid, match="NO_PROXY") as refused:
        proxy_for("http://models.example", {"HTTP_PROXY": proxy.replace("//", "//me:secret@")})

    assert "secret" not in str(refused.value)


class _Passing(BaseHTTPRequestHandler):
    """Answers with what it was asked, instead of passing it on."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        said = f"{self.path} {self.headers['Host']} {self.headers['Proxy-Authorization']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_CONNECT(self) -> None:
        self.send_error(407, f"{self.path} {self.headers['Proxy-Authorization']}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def passing() -> Iterator[Proxy]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Passing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Proxy("127.0.0.1", server.server_port, "Basic eDp5")
        server.shutdown()
        thread.join()


def test_requests_to_http_servers_name_the_whole_address_to_the_proxy(passing: Proxy) -> None:
    transport = HttpTransport("http://models.example:5000/below", proxy=passing)

    answers = [transport.send("GET", "/x?y=1", headers={}, repeatable=True).read() for _ in range(2)]

    assert answers == [b"http://models.example:5000/below/x?y=1 models.example:5000 Basic eDp5"] * 2
    transport.close()


def test_https_servers_are_reached_through_a_tunnel(passing: Proxy) -> None:
    transport = HttpTransport("https://models.example", proxy=passing)

    with pytest.raises(Unavailable, match=r"407 models\.example:443 Basic eDp5"):
        transport.send("GET", "/x", headers={"Authorization": "Bearer secret"}, repeatable=False)
