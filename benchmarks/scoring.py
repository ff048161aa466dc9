"""`modelshelf serve` beside `mlflow models serve`: the same model, the same requests, in one run.

    python benchmarks/scoring.py --mlflow-python ~/envs/mlflow/bin/python --json scoring.json

Run it with the Python of an environment that has `modelshelf[sklearn,server]`; the other one has `mlflow` and
scikit-learn. wrk makes the load: `apt-get install -y wrk`.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import modelshelf
from modelshelf.models import infer_signature
from modelshelf.sdk import session

NAMES = [f"feature_{number}" for number in range(10)]
SWAP_SECONDS = 1.0
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def main() -> None:
    given = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uri, bodies = _prepared(folder)
        found: dict[str, Any] = {"seconds": given.seconds, "connections": given.connections, "cores": os.cpu_count()}
        sides = {"modelshelf": _modelshelf(uri), "mlflow": _mlflow(given.mlflow_python, folder)}
        for side, command in sides.items():
            found[side] = _measured(command, bodies, given, folder / f"{side}.log")
        with _running(sides["modelshelf"], folder / "swaps.log", bodies["one row"]) as port:
            found["swaps"] = _swaps(uri, port, bodies["one row"], given)
    _show(found)
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlflow-python", required=True, help="the Python of an environment with mlflow")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each load lasts")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--starts", type=int, default=3, help="of so many starts the median counts")
    parser.add_argument("--json", help="write all numbers there")
    return parser.parse_args()


def _prepared(folder: Path) -> tuple[str, dict[str, bytes]]:
    """A shelf with two versions of a model behind an alias, the files of the first, and what is asked."""
    uri = f"sqlite:///{folder}/shelf.db"
    modelshelf.set_tracking_uri(uri)
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(1000, len(NAMES))), columns=NAMES)
    for threshold in (0.0, 0.1):
        model = LogisticRegression().fit(table, (table.sum(axis=1) > threshold).astype(int))
        modelshelf.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(table, model.predict(table)),
            input_example=table.head(2),
            registered_model_name="bench",
        )
    session.registry().governance.set_alias("bench", "live", 1)
    modelshelf.artifacts.download_artifacts("models:/bench/1", dst_path=str(folder / "model"))
    rows = table.to_numpy().tolist()
    return uri, {"one row": _body(rows[:1]), "1,000 rows": _body(rows)}


def _body(rows: list[list[float]]) -> bytes:
    return json.dumps({"dataframe_split": {"columns": NAMES, "data": rows}}).encode()


Command = Callable[[int], list[str]]


def _modelshelf(uri: str) -> Command:
    program = [sys.executable, "-m", "modelshelf", "--uri", uri, "serve", "-m", "bench@live", "--port"]
    return lambda port: [*program, str(port)]


def _mlflow(python: str, folder: Path) -> Command:
    program = [str(Path(python).parent / "mlflow"), "models", "serve", "-m", str(folder / "model")]
    return lambda port: [*program, "--env-manager", "local", "--port", str(port)]


def _measured(command: Command, bodies: dict[str, bytes], given: argparse.Namespace, log: Path) -> dict[str, Any]:
    starts = []
    for _ in range(given.starts):
        began = time.perf_counter()
        with _running(command, log, bodies["one row"]):
            starts.append(time.perf_counter() - began)
    found: dict[str, Any] = {"start_seconds": sorted(starts)[len(starts) // 2]}
    with _running(command, log, bodies["one row"]) as port:
        for name, body in bodies.items():
            _load(port, body, given.connections, 1.0, log.parent)
            found[name] = _load(port, body, given.connections, given.seconds, log.parent)
            found[f"{name}, alone"] = _load(port, body, 1, given.seconds / 2, log.parent)
    return found


@contextmanager
def _running(command: Command, log: Path, body: bytes) -> Iterator[int]:
    """A server that has answered its first prediction; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = f"{Path(command(port)[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with log.open("ab") as output:
        process = subprocess.Popen(command(port), stdout=output, stderr=output, env=environment, start_new_session=True)
    try:
        _await(port, body, process, log)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _await(port: int, body: bytes, process: subprocess.Popen[bytes], log: Path) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body, headers)
    ends = time.monotonic() + 120
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"it did not start:\n{log.read_text()[-2000:]}")


def _load(port: int, body: bytes, connections: int, seconds: float, folder: Path) -> dict[str, float]:
    script = folder / "load.lua"
    text = body.decode()
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[{text}]==]\n'
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "30s"]
    url = f"http://127.0.0.1:{port}/invocations"
    said = subprocess.run([*command, "-s", script, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"requests failed:\n{said}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None
    return {"per_second": float(rate[1]), "p50_ms": _percentile(said, 50), "p99_ms": _percentile(said, 99)}


def _percentile(said: str, which: int) -> float:
    match = re.search(rf"{which}%\s+([\d.]+)(us|ms|s|m)\b", said)
    assert match is not None
    return float(match[1]) * _UNITS[match[2]]


def _swaps(uri: str, port: int, body: bytes, given: argparse.Namespace) -> dict[str, float]:
    """The steady load, and the same while the alias moves every second."""
    folder = Path(tempfile.gettempdir())
    connections = max(1, given.connections // 2)
    _load(port, body, connections, 1.0, folder)
    steady = _load(port, body, connections, given.seconds, folder)
    ending, moves = threading.Event(), 0

    def move() -> None:
        nonlocal moves
        while not ending.wait(SWAP_SECONDS):
            moves += 1
            session.opened(uri).governance.set_alias("bench", "live", 1 + moves % 2)

    moving = threading.Thread(target=move)
    moving.start()
    swapping = _load(port, body, connections, given.seconds, folder)
    ending.set()
    moving.join()
    return {
        "moves": moves,
        "steady_p99_ms": steady["p99_ms"],
        "swapping_p99_ms": swapping["p99_ms"],
        "steady_per_second": steady["per_second"],
        "swapping_per_second": swapping["per_second"],
    }


def _show(found: dict[str, Any]) -> None:
    ours, theirs = found["modelshelf"], found["mlflow"]
    print(f"{'':34}{'Modelshelf':>12}{'MLflow':>12}{'ratio':>9}")
    _line("start to first prediction, s", ours["start_seconds"], theirs["start_seconds"], less_is_better=True)
    for name in ("one row", "one row, alone", "1,000 rows", "1,000 rows, alone"):
        _line(f"{name}, requests/s", ours[name]["per_second"], theirs[name]["per_second"], less_is_better=False)
        _line(f"{name}, p50 ms", ours[name]["p50_ms"], theirs[name]["p50_ms"], less_is_better=True)
        _line(f"{name}, p99 ms", ours[name]["p99_ms"], theirs[name]["p99_ms"], less_is_better=True)
    swaps = found["swaps"]
    print(
        f"p99 while the alias moves every second ({swaps['moves']} swaps): {swaps['swapping_p99_ms']:.2f} ms, "
        f"steady {swaps['steady_p99_ms']:.2f} ms: {swaps['swapping_p99_ms'] / swaps['steady_p99_ms']:.1f} times"
    )


def _line(name: str, ours: float, theirs: float, *, less_is_better: bool) -> None:
    ratio = theirs / ours if less_is_better else ours / theirs
    print(f"{name:34}{ours:>12.2f}{theirs:>12.2f}{ratio:>8.1f}x")


if __name__ == "__main__":
    main()
