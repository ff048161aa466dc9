"""Files over HTTP when things go wrong: clients that leave or dawdle, damaged blobs, killed servers, little memory."""

import http.client
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from file_server import ARTIFACTS, FileServer, kill, serving
from modelshelf.connect import connect

MIB = 1 << 20
LARGE = bytes(range(256)) * (6 << 12)  # 6 MiB: several chunks, and two parts of a range
MORE_THAN_THREADS = 80

pytestmark = pytest.mark.xdist_group("http bytes")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


def host(server: FileServer) -> bytes:
    return b"Host: 127.0.0.1:%d" % server.port


def ask_without_reading(server: FileServer, connection: socket.socket, path: str) -> None:
    """Begin a download, and read no more than that it began."""
    connection.sendall(b"\r\n".join([f"GET {ARTIFACTS}/{path} HTTP/1.1".encode(), host(server), b"", b""]))
    assert connection.recv(12) == b"HTTP/1.1 200"


def send_part(server: FileServer, path: str, content: bytes, *headers: bytes) -> socket.socket:
    """Begin an upload whose end never comes."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    request = [f"PUT {ARTIFACTS}/{path} HTTP/1.1".encode(), host(server), *headers]
    connection.sendall(b"\r\n".join([*request, b"", content]))
    return connection


def unfinished(server: FileServer) -> list[Path]:
    return list((server.blobs / "incoming").iterdir())


def wait_until(server: FileServer, true: Callable[[], bool]) -> None:
    """Ask the server something else until it is so."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came true"
        server.ask("GET", "/health")


def flip_a_bit(path: Path, at: int) -> None:
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def reaches_the_end(server: FileServer, path: str, **headers: str) -> bool:
    """Whether a download looks whole to a client."""
    try:
        return server.get(path, **headers).status in {200, 206}
    except (http.client.IncompleteRead, ConnectionError):
        return False


def length_of(server: FileServer, path: str) -> int:
    """Of a download that is not held in memory."""
    connection = server.connect()
    connection.request("GET", f"{ARTIFACTS}/{path}")
    answer, received = connection.getresponse(), 0
    while chunk := answer.read(MIB):
        received += len(chunk)
    connection.close()
    return received


@pytest.mark.parametrize(
    ("headers", "part"),
    [
        pytest.param([b"Content-Length: 8000000"], b"x" * 5_000_000, id="known length"),
        pytest.param([b"Transfer-Encoding: chunked"], b"300000\r\n" + b"x" * 0x300000 + b"\r\n", id="chunked"),
        pytest.param([b"Content-Length: 2000"], b"x" * 1000, id="small"),
    ],
)
def test_of_an_upload_that_is_cut_off_nothing_is_left(server: FileServer, headers: list[bytes], part: bytes) -> None:
    server.put("cut/before", b"x")
    connection = send_part(server, "cut/file", part, *headers)
    if len(part) > MIB:
        wait_until(server, lambda: bool(unfinished(server)))

    connection.close()

    wait_until(server, lambda: not unfinished(server))
    assert server.listed("cut") == ["before"]
    with connect(f"sqlite:///{server.folder}/shelf.db") as registry:
        assert list(registry.artifacts.verify()) == []
    assert server.put("cut/file", b"again").status == 200
    server.delete("cut/file")


def test_an_upload_that_replaces_a_file_and_is_cut_off_leaves_the_old_one(server: FileServer) -> None:
    server.put("kept/file", b"old")
    connection = send_part(server, "kept/file", b"x" * 5_000_000, b"Content-Length: 8000000")
    wait_until(server, lambda: bool(unfinished(server)))

    connection.close()

    wait_until(server, lambda: not unfinished(server))
    assert server.get("kept/file").body == b"old"


def test_clients_that_dawdle_over_uploads_hold_nobody_up(server: FileServer) -> None:
    with ExitStack() as dawdling:
        for number in range(MORE_THAN_THREADS):
            dawdling.enter_context(send_part(server, f"slow/{number}", b"x" * 1000, b"Content-Length: 2000"))

        assert server.put("slow/quick", LARGE).status == 200
        assert server.get("slow/quick").body == LARGE


def test_clients_that_dawdle_over_downloads_hold_nobody_up(server: FileServer) -> None:
    server.put("slow/large", LARGE)
    with ExitStack() as dawdling:
        for _ in range(MORE_THAN_THREADS):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
            dawdling.enter_context(connection)
            ask_without_reading(server, connection, "slow/large")

        assert server.put("slow/other", LARGE[1:]).status == 200
        assert server.get("slow/other").body == LARGE[1:]


def test_a_client_that_leaves_a_download_does_no_harm(server: FileServer) -> None:
    server.put("left/large", LARGE)

    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            ask_without_reading(server, connection, "left/large")

    assert server.get("left/large").body == LARGE


@pytest.mark.parametrize("at", [0, 3 * MIB, 6 * MIB - 1])
def test_a_flipped_bit_never_looks_like_a_whole_file(server: FileServer, at: int) -> None:
    content = bytes([at % 251]) + LARGE[1:]
    server.put("rot/large", content)
    flip_a_bit(server.blob(content), at)

    assert not reaches_the_end(server, "rot/large")
    assert not reaches_the_end(server, "rot/large", Range=f"bytes={at}-{at}")
    assert server.get("rot/large", Range=f"bytes={at}-{at}").status == 500


def test_a_bit_that_flips_after_a_first_range_is_found_by_the_ranges_that_touch_its_part(server: FileServer) -> None:
    content = b"ranges" + LARGE[6:]
    server.put("rot/ranges", content)
    before = server.get("rot/ranges", Range="bytes=5000000-5000009")
    flip_a_bit(server.blob(content), 5 * MIB)

    elsewhere = server.get("rot/ranges", Range="bytes=0-5")
    there = server.get("rot/ranges", Range="bytes=5000000-5000009")

    assert (before.status, before.body) == (206, content[5_000_000:5_000_010])
    assert (elsewhere.status, elsewhere.body, there.status) == (206, b"ranges", 500)


def test_a_small_damaged_a_cut_and_a_missing_blob_are_errors_without_the_servers_paths(server: FileServer) -> None:
    for name in (b"small", b"cut", b"gone"):
        server.put(f"rot/{name.decode()}", name)
    flip_a_bit(server.blob(b"small"), 2)
    server.blob(b"cut").chmod(0o644)
    server.blob(b"cut").write_bytes(b"c")
    server.blob(b"gone").unlink()

    answers = [server.get(f"rot/{name}") for name in ("small", "cut", "gone")]

    assert [(answer.status, answer.json["error_code"]) for answer in answers] == [(500, "INTERNAL_ERROR")] * 3
    assert not any(str(server.folder).encode() in answer.body for answer in answers)


def test_what_was_damaged_is_mended_by_sending_it_again(server: FileServer) -> None:
    server.put("rot/mended", b"whole")
    server.blob(b"whole").chmod(0o644)
    server.blob(b"whole").write_bytes(b"who")

    server.put("rot/mended", b"whole")

    assert server.get("rot/mended").body == b"whole"


def test_a_large_file_passes_through_little_memory(tmp_path: Path) -> None:
    size, block = 256 * MIB, bytes(MIB)
    with serving(tmp_path) as server:
        server.ask("PUT", f"{ARTIFACTS}/memory/zeros", (block for _ in range(size // MIB)))
        received = length_of(server, "memory/zeros")
        status = Path(f"/proc/{server.worker()}/status").read_text()

    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert received == size
    assert peak < 100 * 1024


def test_a_server_killed_in_an_upload_keeps_what_it_acknowledged_and_nothing_else(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        first.put("killed/acknowledged", LARGE)
        with send_part(first, "killed/half", b"x" * 5_000_000, b"Content-Length: 8000000"):
            wait_until(first, lambda: bool(unfinished(first)))
            kill(first, signal.SIGKILL)

    with serving(tmp_path) as second:
        listed, content = second.listed("killed"), second.get("killed/acknowledged").body

    assert listed == ["acknowledged"]
    assert content == LARGE
    with connect(f"sqlite:///{tmp_path}/shelf.db") as registry:
        assert list(registry.artifacts.verify()) == []


def test_a_server_that_is_told_to_stop_finishes_the_upload_it_is_in(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        with send_part(first, "stopped/file", LARGE[:-1], b"Content-Length: %d" % len(LARGE)) as connection:
            wait_until(first, lambda: bool(unfinished(first)))
            first.process.send_signal(signal.SIGTERM)
            connection.sendall(LARGE[-1:])
            answer = connection.recv(12)
        first.process.wait(40)

    with serving(tmp_path) as second:
        content = second.get("stopped/file").body

    assert (answer, content == LARGE) == (b"HTTP/1.1 200", True)
