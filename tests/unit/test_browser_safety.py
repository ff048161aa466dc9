"""What pages of other origins may make a browser send, and where a server may listen unasked."""

import pytest

from modelshelf.domain.errors import Invalid
from modelshelf.hosting.browser_safety import allowed_hosts, content_refusal, origin_refusal, refusal
from modelshelf.hosting.exposure import refuse_open_address

OURS = allowed_hosts("127.0.0.1", 5000, ["models.example.com"])
JSON = (b"content-type", b"application/json; charset=utf-8")


def _headers(**named: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]


def test_where_a_server_listens_is_what_it_answers_to() -> None:
    assert allowed_hosts("127.0.0.1", 5000) == {"127.0.0.1:5000", "localhost:5000", "[::1]:5000"}
    assert allowed_hosts("::1", 5000) == {"127.0.0.1:5000", "localhost:5000", "[::1]:5000"}
    assert allowed_hosts("0.0.0.0", 80, ["Models.Example.com."]) == {  # noqa: S104
        "127.0.0.1",
        "localhost",
        "[::1]",
        "models.example.com",
    }
    assert allowed_hosts("10.0.0.5", 5000) == {"10.0.0.5:5000"}


@pytest.mark.parametrize("listed", ["*", "*.example.com", "", "http://example.com", "a b", "host:port", "ä.example"])
def test_there_are_no_wildcards(listed: str) -> None:
    with pytest.raises(Invalid, match="not a host"):
        allowed_hosts("127.0.0.1", 5000, [listed])


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5000", "localhost:5000", "LOCALHOST:5000", "[::1]:5000", "models.example.com"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_program_that_names_one_of_our_hosts_is_let_through(host: str, method: str) -> None:
    assert refusal([*_headers(host=host), JSON], method, "/api/2.0/mlflow/runs/create", OURS) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost",
        "localhost:5001",
        "127.0.0.1",
        "127.0.0.1:5000.evil.example",
        "localhost:5000@evil",
        "evil.example:5000",
        "localhost:5000 ",
        "localhost:",
        "[::1",
        "x" * 5000,
        "models.example.com:8080",
        "é",
    ],
)
def test_another_host_is_refused_whatever_the_method(host: str) -> None:
    assert refusal(_headers(host=host), "GET", "/health", OURS) is not None


def test_a_request_without_a_host_or_with_two_of_anything_that_counts_is_refused() -> None:
    assert origin_refusal([], "GET", OURS) is not None
    for name in ("host", "origin", "authorization", "content_type", "sec_fetch_site"):
        twice = [*_headers(host="localhost:5000"), *_headers(**{name: "x"}), *_headers(**{name: "x"})]
        assert "sent twice" in str(origin_refusal(twice, "GET", OURS))


@pytest.mark.parametrize("origin", ["http://localhost:5000", "http://127.0.0.1:5000", "https://models.example.com"])
def test_our_own_pages_may_post(origin: str) -> None:
    headers = _headers(host="localhost:5000", origin=origin, sec_fetch_site="same-origin")

    assert origin_refusal(headers, "POST", OURS) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://localhost:3000",
        "http://localhost",
        "https://evil.example",
        "http://localhost:5000.evil.example",
        "http://evil.example/localhost:5000",
        "http://user@localhost:5000",
        "file://localhost:5000",
        "localhost:5000",
        "http://models.example.com:443",
        "https://models.example.com:80",
        "http://localhost:5000/",
        "x" * 9999,
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "MKCOL"])
def test_pages_of_other_origins_change_nothing_not_even_from_another_port(origin: str, method: str) -> None:
    headers = _headers(host="localhost:5000", origin=origin)

    assert "another origin" in str(origin_refusal(headers, method, OURS))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "future-site"])
def test_other_sites_may_link_here_and_nothing_else(site: str) -> None:
    def refused(method: str, mode: str, dest: str) -> bool:
        headers = _headers(host="localhost:5000", sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest)
        return origin_refusal(headers, method, OURS) is not None

    assert not refused("GET", "navigate", "document")
    assert refused("POST", "navigate", "document")
    assert refused("GET", "navigate", "iframe")
    assert refused("GET", "no-cors", "image")
    assert refused("GET", "no-cors", "script")
    assert refused("GET", "cors", "empty")


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_and_typed_addresses_are_let_through(site: str) -> None:
    headers = _headers(host="localhost:5000", sec_fetch_site=site, sec_fetch_mode="cors", sec_fetch_dest="empty")

    assert origin_refusal(headers, "GET", OURS) is None


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/plain; application/json"],
)
@pytest.mark.parametrize("path", ["/api/2.0/mlflow/runs/create", "/ajax-api/2.0/mlflow/runs/create", "/api/v1/models"])
def test_a_json_route_takes_nothing_that_a_form_can_send(kind: str, path: str) -> None:
    assert content_refusal(_headers(content_type=kind), "POST", path) is not None
    assert content_refusal([], "PATCH", path) is not None


def test_files_pages_and_reads_need_no_json() -> None:
    text = _headers(content_type="text/plain")

    assert content_refusal([], "GET", "/api/2.0/mlflow/runs/get") is None
    assert content_refusal(text, "PUT", "/api/2.0/mlflow-artifacts/artifacts/model/MLmodel") is None
    assert content_refusal(text, "POST", "/ajax-api/2.0/mlflow/upload-artifact") is None
    assert content_refusal(text, "POST", "/models/fraud") is None
    assert content_refusal(_headers(content_type="application/octet-stream"), "POST", "/api/v1/files") is None


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LocalHost.", "::ffff:127.0.0.1"]
)
def test_a_loopback_address_needs_no_authentication(host: str) -> None:
    refuse_open_address(host, auth_required=False, insecure=False)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104
        "::",
        "",
        "10.0.0.5",
        "192.168.1.2",
        "example.com",
        "localhost.evil.example",
        "127.0.0.1.evil",
        "127.1",
        "0",
        "::ffff:10.0.0.1",
        "fe80::1",
    ],
)
def test_another_address_is_refused_unless_somebody_asks_or_it_is_wanted_so(host: str) -> None:
    with pytest.raises(Invalid, match="--auth required"):
        refuse_open_address(host, auth_required=False, insecure=False)

    refuse_open_address(host, auth_required=True, insecure=False)
    refuse_open_address(host, auth_required=False, insecure=True)
