"""How soon followers of an alias have the new version after it moved: 50 of them, in five processes, one real server.

    python benchmarks/followers.py

Run it with the Python of an environment that has `modelshelf[sklearn,server]`.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import modelshelf
from modelshelf.connect import connect

_FOLLOWING = """
import sys, threading, time
import modelshelf

modelshelf.set_tracking_uri(sys.argv[1])
lock = threading.Lock()

def tell(state):
    with lock:
        print(state.version, time.time(), flush=True)

followers = [modelshelf.follow("models:/watched@live", on_swap=tell) for _ in range(int(sys.argv[2]))]
print("ready", 0, flush=True)
sys.stdin.read()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--followers", type=int, default=10, help="in each process")
    parser.add_argument("--moves", type=int, default=6)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        _measure(Path(name), given)


def _measure(folder: Path, given: argparse.Namespace) -> None:
    uri = f"sqlite:///{folder}/shelf.db"
    modelshelf.set_tracking_uri(uri)
    for number in (1, 2):
        modelshelf.pyfunc.log_model(
            name="model",
            python_model=_constant(number),
            registered_model_name="watched",
            pip_requirements=["modelshelf"],
        )
    shelf = connect(uri)
    shelf.governance.set_alias("watched", "live", 1)
    os.environ["MODELSHELF_CACHE_DIR"] = str(folder / "cache")
    server, url = _server(uri, folder)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _FOLLOWING, url, str(given.followers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(given.processes)
    ]
    try:
        for each in processes:
            _read(each, given.followers + 1)
        time.sleep(2)  # their streams are open by then
        for move in range(given.moves):
            began = time.time()
            shelf.governance.set_alias("watched", "live", 2 - move % 2)
            came = sorted(at - began for each in processes for at in _read(each, given.followers))
            print(
                f"move {move + 1}: {len(came)} followers, half after {came[len(came) // 2]:.3f} s, "
                f"the last after {came[-1]:.3f} s{' (both versions were new)' if not move else ''}"
            )
    finally:
        for each in processes:
            each.kill()
        server.terminate()
        server.wait(30)


def _constant(number: int) -> object:
    def predict(model_input: list[float]) -> list[int]:
        return [number] * len(model_input)

    return predict


def _server(uri: str, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "modelshelf", "server", "--port", str(port), "--backend-store-uri", uri]
    with (folder / "server.log").open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return server, url
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not start")


def _read(process: "subprocess.Popen[str]", lines: int) -> list[float]:
    assert process.stdout is not None
    return [float(process.stdout.readline().split()[1]) for _ in range(lines)]


if __name__ == "__main__":
    main()
