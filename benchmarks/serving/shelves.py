"""Filled databases: each is made once, and copied for each server that runs on it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from serving.content import Content
from serving.figures import OURS
from serving.servers import environment


@dataclass(frozen=True, slots=True)
class Shelves:
    """Templates lie in `folder`; `pythons` names the Python of each side."""

    folder: Path
    pythons: dict[str, str]

    def copy(self, side: str, content: Content, into: Path) -> None:
        """A fresh registry of a side that holds the content."""
        template = self.folder / f"{side}-{content.versions}-{content.runs}"
        if not template.exists():
            self._make(side, content, template)
        shutil.copytree(template, into)

    def _make(self, side: str, content: Content, template: Path) -> None:
        template.mkdir(parents=True)
        module, database = (
            ("serving.modelshelf_rows", "shelf.db") if side == OURS else ("serving.mlflow_rows", "mlflow.db")
        )
        uri = f"sqlite:///{template / database}"
        done = subprocess.run(
            [self.pythons[side], "-m", module, uri, str(content.versions), str(content.runs)],
            capture_output=True,
            text=True,
            check=False,
            env=environment(side),
        )
        if done.returncode:
            sys.exit(f"filling the database of {side} failed:\n{done.stderr[-3000:]}")
