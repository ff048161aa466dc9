"""Programs run as their users run them: in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import modelshelf

_SOURCES = str(Path(modelshelf.__file__).parents[1])


def run_program(*arguments: str | Path, folder: Path, **environment: str) -> str:
    """What `python ARGUMENTS` prints in a folder; fails the test where the program fails, or warns."""
    path = os.pathsep.join(filter(None, (_SOURCES, os.environ.get("PYTHONPATH"))))
    finished = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"
    return finished.stdout
