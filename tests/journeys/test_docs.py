"""Every snippet of the documentation runs, in the order of its page, as its reader would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_RUNNABLE = {"python", "sh"}
_NOT_RUN = re.compile(r"pip install [^&\n]*(&& pytest)?(?=$|\n| &&)|^git clone .*$|^just .*$", re.MULTILINE)
"""Installing and running the tests is what brought the reader, and this test, here."""


def _snippets(page: Path) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in _FENCE.findall(page.read_text(encoding="utf-8")) if kind in _RUNNABLE]


_SHELL = """
import os as _os, subprocess as _subprocess
def _sh(text):
    script = "set -euo pipefail\\n" + text + "\\nenv -0 > .environment"
    if _subprocess.run(["bash", "-c", script]).returncode:
        raise SystemExit(f"failed: {text}")
    with open(".environment") as _file:
        _os.environ.update(line.split("=", 1) for line in _file.read().split("\\0") if "=" in line)
"""


def _program(snippets: list[tuple[str, str]]) -> str:
    """One program: Python snippets see each other's names, shell snippets each other's exports."""
    parts = [_SHELL]
    for kind, text in snippets:
        shell = re.sub(r"^ *&& *", "", _NOT_RUN.sub("", text), flags=re.MULTILINE)
        parts.append(text if kind == "python" else f"_sh({shell!r})")
    return "\n".join(parts)


@pytest.mark.parametrize("page", [page for page in _PAGES if _snippets(page)], ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    program = tmp_path / "program.py"
    program.write_text(_program(_snippets(page)), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    finished = subprocess.run(
        [sys.executable, "-u", program],
        cwd=place,
        env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"


def test_no_page_links_to_a_file_that_is_not_there() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in [*_PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []
