"""The server as a process: it starts, tells how it is, shares its shelf with others, and ends in order."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from servers import Server, serving, start

CREATE = "registered-models/create"

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = tmp_path_factory.mktemp("server")
    with serving(f"sqlite:///{folder}/shelf.db", folder) as running:
        yield running


def test_health_and_version_are_plain_texts(server: Server) -> None:
    health, version = server.ask("GET", "/health"), server.ask("GET", "/version")

    assert (health.status, health.content) == (200, b"OK")
    assert re.fullmatch(rb"\d+\.\d+\.\d+.*", version.content)


def test_metrics_count_requests_by_route_and_moves_by_slot(server: Server) -> None:
    server.call("POST", CREATE, {"name": "measured"})
    server.call("POST", "model-versions/create", {"name": "measured", "source": "s3://bucket/model"})
    server.call("POST", "registered-models/alias", {"name": "measured", "alias": "champion", "version": "1"})

    text = server.ask("GET", "/metrics").content.decode()

    label = 'method="POST",route="/mlflow/registered-models/alias"'
    assert f"modelshelf_request_seconds_count{{{label}}} 1" in text
    assert f'modelshelf_request_seconds_bucket{{{label},le="+Inf"}} 1' in text
    assert f'modelshelf_requests_total{{{label},status="2xx"}} 1' in text
    assert re.search(r'modelshelf_moves_total\{slot="alias"\} [1-9]', text)
    assert 'modelshelf_queue_age_seconds{queue="positions"}' in text


def test_paths_that_lead_nowhere_share_one_label(server: Server) -> None:
    for number in range(3):
        server.ask("GET", f"/nowhere/{number}")

    text = server.ask("GET", "/metrics").content.decode()

    assert "/nowhere/" not in text
    assert re.search(r'modelshelf_requests_total\{method="",route="other",status="4xx"\} [3-9]', text)


def test_every_write_and_every_failure_is_logged_with_the_id_that_the_answer_carries(server: Server) -> None:
    wrote = server.ask("POST", f"/api/2.0/mlflow/{CREATE}", {"name": "logged"}).headers["x-request-id"]
    failed = server.ask("GET", "/api/2.0/mlflow/registered-models/get?name=nobody").headers["x-request-id"]
    read = server.ask("GET", "/api/2.0/mlflow/registered-models/get?name=logged").headers["x-request-id"]

    last = server.ask("POST", f"/api/2.0/mlflow/{CREATE}", {"name": "logged-last"}).headers["x-request-id"]
    lines = {line["request_id"]: line for line in server.lines_until(request_id=last) if "request_id" in line}

    assert (lines[wrote]["status"], lines[wrote]["method"], lines[wrote]["actor"]) == (200, "POST", "anonymous")
    assert lines[failed]["status"] == 404
    assert read not in lines


def test_a_request_for_another_host_is_refused(server: Server) -> None:
    answer = server.ask("GET", "/api/2.0/mlflow/registered-models/get?name=x", Host="evil.example.com")

    assert answer.status == 403
    assert answer.json["error_code"] == "PERMISSION_DENIED"


def test_a_page_of_another_origin_changes_nothing(server: Server) -> None:
    answer = server.ask("POST", f"/api/2.0/mlflow/{CREATE}", {"name": "foreign"}, Origin="http://localhost:8080")

    assert answer.status == 403


def test_a_body_beyond_the_limit_is_refused(server: Server) -> None:
    body = {"name": "large", "description": "x" * (17 << 20)}

    answer = server.ask("POST", f"/api/2.0/mlflow/{CREATE}", body)

    assert (answer.status, answer.json["error_code"]) == (413, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b'"\xff\xfe"', b"\x00", b"[]", b"7", b'"x"'])
def test_a_body_that_is_no_object_is_a_bad_request(server: Server, content: bytes) -> None:
    answer = server.ask("POST", f"/api/2.0/mlflow/{CREATE}", content, Content_Type="application/json")

    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_an_open_address_is_refused_without_authentication(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "modelshelf", "server", "--host", "::", "--port", "1"]

    done = subprocess.run(
        [*command, "--backend-store-uri", f"sqlite:///{tmp_path}/s.db"], capture_output=True, text=True
    )

    assert done.returncode == 2
    assert "--auth required" in done.stderr
    assert not (tmp_path / "s.db").exists()


def test_a_taken_port_is_told_in_one_line(server: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "modelshelf", "server", "--port", str(server.port)]

    done = subprocess.run(
        [*command, "--backend-store-uri", f"sqlite:///{tmp_path}/s.db"], capture_output=True, text=True
    )

    assert done.returncode != 0
    assert f"port {server.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    environment = {"MODELSHELF_AUTH": "required", "MODELSHELF_LOG_LEVEL": "debug"}

    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path, environment=environment) as server:
        answers = {path: server.ask("GET", path).status for path in ("/health", "/version", "/metrics", "/api/2.0/x")}

        assert answers == {"/health": 200, "/version": 401, "/metrics": 401, "/api/2.0/x": 401}
        assert server.lines_until(path="/health")


def test_a_signal_lets_what_is_in_flight_finish(tmp_path: Path) -> None:
    server = start(f"sqlite:///{tmp_path}/shelf.db", tmp_path)
    body = json.dumps({"name": "in flight"}).encode()
    head = f"POST /api/2.0/mlflow/{CREATE} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + body[:5])
        time.sleep(0.3)  # so that the server has begun to read
        ending = threading.Thread(target=server.stop)
        ending.start()
        time.sleep(0.3)  # so that the signal has arrived
        connection.sendall(body[5:])
        answer = connection.recv(65536)
    ending.join(40)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert server.process.returncode == 0


def test_no_worker_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    server = start(f"sqlite:///{tmp_path}/shelf.db", tmp_path, "--workers", "2")

    server.process.kill()
    server.process.wait(10)

    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) != 0:
                return
        time.sleep(0.05)
    raise AssertionError("somebody still listens")


def test_several_workers_and_servers_share_one_file(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with (
        serving(uri, tmp_path / "one", "--workers", "2") as one,
        serving(uri, tmp_path / "two") as two,
        ThreadPoolExecutor(8) as pool,
    ):
        one.call("POST", CREATE, {"name": "shared"})

        def register(number: int) -> int:
            server = (one, two)[number % 2]
            made = server.call("POST", "model-versions/create", {"name": "shared", "source": f"s3://bucket/{number}"})
            return int(made["model_version"]["version"])

        numbers = sorted(pool.map(register, range(40)))

        assert numbers == list(range(1, 41))


def test_a_move_made_through_another_process_is_seen_by_the_next_read(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with serving(uri, tmp_path / "one") as one, serving(uri, tmp_path / "two") as two:
        one.call("POST", CREATE, {"name": "moved"})
        for number in (1, 2):
            one.call("POST", "model-versions/create", {"name": "moved", "source": f"s3://bucket/{number}"})
        seen = []

        for turn in range(40):
            number = str(turn % 2 + 1)
            (one, two)[turn % 3 == 0].call(
                "POST", "registered-models/alias", {"name": "moved", "alias": "live", "version": number}
            )
            found = [server.call("GET", "registered-models/alias?name=moved&alias=live") for server in (one, two)]
            seen.append([number, *(answer["model_version"]["version"] for answer in found)])

        assert [turn for turn in seen if len(set(turn)) > 1] == []


def test_the_numbers_of_all_workers_are_added_up(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path, "--workers", "2") as server, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: server.ask("GET", "/version"), range(60)))

        text = server.ask("GET", "/metrics").content.decode()

    assert 'modelshelf_request_seconds_count{method="GET",route="/version"} 60' in text


def test_pages_are_counted_too_whichever_worker_is_asked_for_the_numbers(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path, "--workers", "2") as server:
        pages = [server.ask("GET", "/models").status for _ in range(5)]

        texts = [server.ask("GET", "/metrics").content.decode() for _ in range(6)]

    assert pages == [200] * 5
    assert all('modelshelf_request_seconds_count{method="GET",route="/models"} 5' in text for text in texts)


def test_one_worker_is_one_process(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path) as server:
        tasks = Path(f"/proc/{server.process.pid}/task")

        children = [(each / "children").read_text() for each in tasks.iterdir()] if tasks.exists() else []

        assert "".join(children) == ""
        assert server.lines_until(logger="modelshelf.server", level="info")
