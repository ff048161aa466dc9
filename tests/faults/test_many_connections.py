"""Thousands of loaders keep connections open and do little with them: whoever comes next is answered all the same."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from modelshelf.hosting.connections import connections
from servers import serving

pytestmark = pytest.mark.xdist_group("servers")

IDLE = 1_500
REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def test_idle_connections_keep_nobody_out(tmp_path: Path) -> None:
    if connections() < IDLE + 100:
        pytest.skip(f"the system lets a process open too few files for {IDLE} connections")
    with serving(f"sqlite:///{tmp_path}/shelf.db", tmp_path) as server, ExitStack() as held:
        for _ in range(IDLE):
            idle = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            idle.sendall(REQUEST)
            assert idle.recv(15).startswith(b"HTTP/1.1 200")

        assert server.ask("GET", "/health").status == 200
