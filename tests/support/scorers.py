"""Scorers to test with: `modelshelf serve` in processes of its own, on a free port, and small models for them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

import modelshelf
from modelshelf.flavors.schema import ColSpec, Schema
from modelshelf.flavors.signature import ModelSignature
from servers import _SOURCES, Server, _await, free_port

TOKEN = "0123456789abcdef0123456789abcdef"


class Constant(modelshelf.pyfunc.PythonModel):
    """Answers one number for each row; fails or takes its time where the first cell says so."""

    def __init__(self, number: int) -> None:
        self.number = number

    def load_context(self, context: Any) -> None:
        if self.number < 0:
            raise RuntimeError("no such GPU")

    def predict(self, model_input: pd.DataFrame) -> list[int]:
        import time

        first = model_input["x"].iloc[0]
        if first == -1:
            raise RuntimeError("the secret is 42")
        if first > 100:
            time.sleep(first - 100)
        return [self.number] * len(model_input)


def log_constant(number: int, *, name: str = "fraud") -> None:
    """Register a model that answers a number; one below 0 can't be loaded."""
    modelshelf.pyfunc.log_model(
        name="model",
        python_model=Constant(number),
        signature=ModelSignature(inputs=Schema([ColSpec("double", "x")])),
        registered_model_name=name,
        pip_requirements=["modelshelf"],
        code_paths=[__file__],
    )


def start_scorer(
    model: str, uri: str, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Server:
    """Start a scorer, and wait until it answers. Its log lies in the folder."""
    port, log = free_port(), folder / f"scorer-{free_port()}.log"
    command = [sys.executable, "-m", "modelshelf", "--uri", uri, "serve", "-m", model, "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": _path(), **(environment or {})},
        )
    server = Server(port, log, process)
    _await(server)
    return server


def _path() -> str:
    return os.pathsep.join([_SOURCES, str(Path(__file__).parent)])


@contextmanager
def scoring(
    model: str, uri: str, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A scorer for the length of a block."""
    server = start_scorer(model, uri, folder, *arguments, environment=environment)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(40)
