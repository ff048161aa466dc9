"""The sender against real sockets: which addresses it connects to, how long it waits, how much it reads."""

import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from modelshelf.domain.errors import Invalid
from modelshelf.domain.targets import target
from modelshelf.sending.addresses import AllowedHosts
from modelshelf.sending.http_sender import HttpSender, Resolve
from modelshelf.sending.sender import Answered
from receivers import Receiver, Reply, receiving

_HERE = AllowedHosts.parse("127.0.0.1")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def _post(url: str, sender: HttpSender, body: bytes = b"{}") -> Answered:
    return sender.post(target(url), {"Content-Type": "application/json", "webhook-id": "1"}, body)


def _resolving(*addresses: str) -> Resolve:
    return lambda _host, _port: addresses


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "0.0.0.0",  # noqa: S104
            "0.1.2.3",
        ),
        *(
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "169.254.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
        ),
        *("255.255.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
        *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1", "2001::1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
        ),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:7f00:1::", "5f00::1"),
    ],
)
def test_no_address_but_a_public_one_is_connected_to(address: str) -> None:
    sender = HttpSender(AllowedHosts(), resolve=_resolving(address))

    answered = _post("http://innocent.example/", sender)

    assert answered.status is None
    assert "address" in answered.error


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert AllowedHosts().refusal("example.com", ip_address(address)) == ""


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0", "224.0.0.1"])  # noqa: S104
def test_nothing_opens_the_way_to_metadata(address: str) -> None:
    allowed = AllowedHosts.parse("metadata.internal, 0.0.0.0/0, ::/0, 169.254.169.254")

    assert "never sent to" in allowed.refusal("metadata.internal", ip_address(address))


@pytest.mark.parametrize(
    ("listed", "host", "address", "opens"),
    [
        ("ci.internal", "ci.internal", "10.0.0.1", True),
        ("ci.internal", "evil.example", "10.0.0.1", False),
        ("*.internal", "ci.internal", "10.0.0.1", True),
        ("*.internal", "internal", "10.0.0.1", False),
        ("*.internal", "evilinternal", "10.0.0.1", False),
        ("10.0.0.0/8", "any.example", "10.255.0.1", True),
        ("10.0.0.0/8", "any.example", "11.0.0.1", True),
        ("10.0.0.0/8", "any.example", "192.168.0.1", False),
        ("fd00::/8, 192.168.0.7", "any.example", "fd00::7", True),
    ],
)
def test_internal_hosts_are_opened_by_listing_them(listed: str, host: str, address: str, opens: bool) -> None:
    assert (AllowedHosts.parse(listed).refusal(host, ip_address(address)) == "") is opens


def test_a_listing_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(Invalid, match="MODELSHELF_WEBHOOK_ALLOWED_HOSTS"):
        AllowedHosts.parse("10.0.0.1/8")


def test_one_bad_address_among_good_ones_is_enough(receiver: Receiver) -> None:
    sender = HttpSender(_HERE, resolve=_resolving("127.0.0.1", "10.0.0.1"))

    answered = _post(f"http://rebound.example:{receiver.port}/", sender)

    assert "10.0.0.1 is not a public address" in answered.error
    assert receiver.got == []


def test_a_name_that_changes_its_address_is_resolved_once_and_connected_to_where_it_was_checked(
    receiver: Receiver,
) -> None:
    answers = itertools.chain([["127.0.0.1"]], itertools.repeat(["10.0.0.1"]))
    asked: list[str] = []

    def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    sender = HttpSender(_HERE, resolve=resolve)

    first = _post(f"http://rebound.example:{receiver.port}/", sender)
    second = _post(f"http://rebound.example:{receiver.port}/", sender)

    assert (first.status, asked) == (200, ["rebound.example", "rebound.example"])
    assert (second.status, len(receiver.got)) == (None, 1)
    assert receiver.got[0].headers["host"] == f"rebound.example:{receiver.port}"


def test_literal_addresses_and_this_machine_are_refused_before_anything_is_sent() -> None:
    sender = HttpSender(AllowedHosts())

    for url in (
        "http://169.254.169.254/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://localhost:9000/",
        "http://x.localhost/",
    ):
        with pytest.raises(Invalid, match="can't be sent to"):
            sender.refuse(target(url))


def test_proxies_of_the_environment_are_passed_by(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")

    assert _post(receiver.url, HttpSender(_HERE)).status == 200


@contextmanager
def _raw(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A receiver that does with its one connection what it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(20)
                with suppress(OSError):
                    serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(20)


def _silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def _trickling(connection: socket.socket) -> None:
    """Never idle for long, and never done."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    waiting = threading.Event()
    while not waiting.wait(0.05):
        connection.sendall(b"X-More: y\r\n")


def _endless_head(connection: socket.socket) -> None:
    connection.recv(4096)
    while True:
        connection.sendall(b"X-More: " + b"y" * 60_000)


def _endless_body(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"400\r\n" + b"y" * 1024 + b"\r\n")


@pytest.mark.parametrize("serve", [_silent, _trickling])
def test_a_receiver_that_takes_its_time_is_given_up(serve: Callable[[socket.socket], None]) -> None:
    with _raw(serve) as url:
        answered = _post(url, HttpSender(_HERE, timeout_seconds=0.3))

    assert (answered.status, answered.error) == (None, "no answer within 0.3 s")
    assert 250 <= answered.latency_ms < 3000


def test_only_a_little_of_an_endless_answer_is_read() -> None:
    with _raw(_endless_body) as url:
        body = _post(url, HttpSender(_HERE, timeout_seconds=10))
    with _raw(_endless_head) as url:
        head = _post(url, HttpSender(_HERE, timeout_seconds=10))

    assert (body.status, body.excerpt) == (200, "y" * 1024)
    assert "longer than" in head.error
    assert max(body.latency_ms, head.latency_ms) < 5000


def test_an_answer_that_stops_in_its_body_was_an_answer() -> None:
    def stopping(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\npart")
        _silent(connection)

    with _raw(stopping) as url:
        answered = _post(url, HttpSender(_HERE, timeout_seconds=0.5))

    assert (answered.status, answered.excerpt, answered.accepted) == (201, "part", True)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0\xff\r\n\r\n"])
def test_what_is_not_http_is_told_so(said: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(said)

    with _raw(serve) as url:
        answered = _post(url, HttpSender(_HERE, timeout_seconds=5))

    assert answered.status is None
    assert answered.error


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    never = threading.Event()

    def hanging(_host: str, _port: int) -> Sequence[str]:
        never.wait(20)
        return []

    answered = _post("http://slow.example/", HttpSender(_HERE, timeout_seconds=0.2, resolve=hanging))
    never.set()

    assert answered.error == "no answer within 0.2 s"


def test_a_large_message_arrives_whole(receiver: Receiver) -> None:
    body = b'"' + b"x" * 200_000 + b'"'
    receiver.answer = lambda _: Reply(204, b"")

    assert _post(receiver.url, HttpSender(_HERE), body).accepted
    assert receiver.got[0].body == body


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for ci.example, by itself, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ci.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("ci.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "ci.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.mark.parametrize(("host", "status"), [("ci.example", 200), ("other.example", None)])
def test_tls_is_checked_for_the_name_in_the_url(
    receiver: Receiver, certificate: Path, host: str, status: int | None
) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    names: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: names.append(name)
    receiver.server.socket = serving.wrap_socket(
        receiver.server.socket, server_side=True, do_handshake_on_connect=False
    )
    trusting = ssl.create_default_context(cafile=str(certificate))
    sender = HttpSender(_HERE, resolve=_resolving("127.0.0.1"), tls=trusting)

    answered = _post(f"https://{host}:{receiver.port}/", sender)

    assert (answered.status, names) == (status, [host])
    assert status or "certificate" in answered.error.lower()


def test_a_certificate_that_nobody_vouches_for_is_refused(receiver: Receiver, certificate: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    receiver.server.socket = serving.wrap_socket(
        receiver.server.socket, server_side=True, do_handshake_on_connect=False
    )

    answered = _post(f"https://ci.example:{receiver.port}/", HttpSender(_HERE, resolve=_resolving("127.0.0.1")))

    assert "certificate" in answered.error.lower()
    assert receiver.got == []
