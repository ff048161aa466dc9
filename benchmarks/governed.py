"""What it costs to be governed: creates and moves with a gate to pass and a webhook to tell, against those without.

    python benchmarks/governed.py [--seconds 5] [--rounds 3] [--clients 32] [--workers 1] [--json results.json]

Two servers, each on its own copy of a shelf on SQLite, are asked in turn. The ledger is always on: every create and
every move appends its event, in the same transaction. On the governed shelf a gate of two clauses guards the alias, and
a webhook subscribes to all of these events; a receiver, which costs time of the same processors, answers deliveries.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from serving import wrk
from serving.client import Client, target
from serving.servers import Server, ours, running

from modelshelf.connect import connect

MODELS = 64
VERSIONS = 5
HOST = "127.0.0.1"
_NAMES = [f"made-{index}" for index in range(MODELS)]
_PRELUDE = "local names = {" + ", ".join(f'"{name}"' for name in _NAMES) + "}\n"
_NAME = "' .. names[1 + counter % #names] .. '"
LOADS = {
    "version create": wrk.Load(
        (target("/model-versions/create"),),
        "POST",
        f"""'{{"name": "{_NAME}", "source": "s3://bucket/made/' .. counter .. '"}}'""",
        _PRELUDE,
    ),
    "set alias": wrk.Load(
        (target("/registered-models/alias"),),
        "POST",
        f"""'{{"name": "{_NAME}", "alias": "champion", "version": "' .. (1 + counter % {VERSIONS}) .. '"}}'""",
        _PRELUDE,
    ),
}


class _Receiver(BaseHTTPRequestHandler):
    """Accepts whatever comes."""

    protocol_version = "HTTP/1.1"
    received = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        _Receiver.received += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


def main() -> None:
    given = _arguments()
    wrk.require()
    rates: dict[str, dict[str, list[float]]] = {what: {"plain": [], "governed": []} for what in LOADS}
    errors = 0
    with tempfile.TemporaryDirectory(prefix="bench-governed-", dir=given.folder) as folder, ExitStack() as stack:
        receiver = stack.enter_context(_receiver())
        servers = {
            "plain": stack.enter_context(_serving(Path(folder) / "plain", given.workers)),
            "governed": stack.enter_context(_serving(Path(folder) / "governed", given.workers, receiver=receiver)),
        }
        for _ in range(given.rounds):
            for what, load in LOADS.items():
                for kind, server in servers.items():
                    outcome = wrk.load(server, load, connections=given.clients, seconds=given.seconds)
                    rates[what][kind].append(outcome.answered / outcome.seconds)
                    errors += outcome.errors
    _tell(rates, errors, given.json)


@contextmanager
def _receiver() -> Iterator[str]:
    with ThreadingHTTPServer((HOST, 0), _Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}/"
        server.shutdown()


@contextmanager
def _serving(folder: Path, workers: int, *, receiver: str = "") -> Iterator[Server]:
    configuration = ours(workers)
    if receiver:
        configuration = replace(configuration, environment={"MODELSHELF_WEBHOOK_ALLOWED_HOSTS": HOST})
    with running(configuration, folder) as server:
        client = Client(server.port)
        for name in _NAMES:
            client.post("/registered-models/create", name=name)
            for number in range(VERSIONS):
                client.post("/model-versions/create", name=name, source=f"s3://bucket/first/{number}")
        client.close()
        if receiver:
            _govern(f"sqlite:///{folder}/shelf.db", receiver)
        yield server


def _govern(uri: str, receiver: str) -> None:
    with connect(uri, webhook_allowed_hosts=HOST) as registry:
        clauses = ["candidate.version >= 1", "candidate.stage == 'None'"]
        registry.governance.define_gate("watched", model="made-*", alias="champion", clauses=clauses)
        registry.events.create_webhook("watch", receiver, events=["version.created", "alias.moved"])


def _tell(rates: dict[str, dict[str, list[float]]], errors: int, file: Path | None) -> None:
    told = []
    for what, found in rates.items():
        plain, governed = statistics.median(found["plain"]), statistics.median(found["governed"])
        told.append({"measure": what, "plain": plain, "governed": governed, "times": plain / governed})
        print(f"{what:20}{plain:10,.0f} /s plain{governed:10,.0f} /s governed{plain / governed:8.2f} times slower")
    print(f"{_Receiver.received:,} deliveries were received meanwhile; {errors} requests failed")
    if file:
        file.write_text(json.dumps({"figures": told, "errors": errors, "deliveries": _Receiver.received}, indent=2))
    if errors:
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="how long each load lasts")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turn")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1, help="processes of each server")
    parser.add_argument("--json", type=Path, help="where to write what was measured")
    parser.add_argument("--folder", default=os.environ.get("TMPDIR"), help="where to put databases")
    return parser.parse_args()


if __name__ == "__main__":
    main()
