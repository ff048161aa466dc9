"""The command line as its users start it: a process of its own, in a folder, with pipes."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from commandline import model_folder

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def _environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MODELSHELF_", "MLFLOW_"))}
    return {**kept, "COLUMNS": "100", **more}


def _run(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelshelf", *args]
    return subprocess.run(
        command,
        cwd=folder,
        env=_environment(**environment),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_a_model_is_registered_promoted_rolled_back_and_downloaded(tmp_path: Path) -> None:
    for number in (1, 2):
        model_folder(tmp_path / f"model{number}", f"weights {number}")

    registered = [_run(tmp_path, "register", f"model{number}", "churn", "--json") for number in (1, 2)]
    moves = [
        _run(tmp_path, "alias", "set", "churn", "production", "1"),
        _run(tmp_path, "promote", "churn", "2", "--to", "production", "--reason", "auc 0.9", "--if-current", "1"),
        _run(tmp_path, "rollback", "churn", "production", "--reason", "too slow"),
    ]
    downloaded = _run(tmp_path, "download", "churn@production", "got")

    assert [json.loads(each.stdout)["version"] for each in registered] == [1, 2]
    assert [each.stdout for each in moves] == [
        "churn production: nothing → 1\n",
        "churn production: 1 → 2\n",
        "churn production: 2 → 1\n",
    ]
    assert downloaded.returncode == 0
    assert (tmp_path / "got" / "weights.txt").read_text() == "weights 1"


def test_reading_makes_no_shelf_and_says_how_to_make_one(tmp_path: Path) -> None:
    answer = _run(tmp_path, "models")

    assert answer.returncode == 4
    assert answer.stderr == (
        "error: no shelf at ./modelshelf.db; make one with modelshelf quickstart, or name yours with --uri\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variable", ["MODELSHELF_TRACKING_URI", "MLFLOW_TRACKING_URI", "MODELSHELF_REGISTRY_URI"])
def test_the_environment_chooses_the_shelf(tmp_path: Path, variable: str) -> None:
    model_folder(tmp_path / "model", "weights")

    _run(tmp_path, "--uri", "elsewhere.db", "register", "model", "churn")
    answer = _run(tmp_path, "alias", "list", "churn", **{variable: "sqlite:///elsewhere.db"})

    assert (answer.returncode, answer.stdout) == (0, "churn has no aliases yet\n")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    model_folder(tmp_path / "model", "weights")
    _run(tmp_path, "register", "model", "churn", "--description", "long " * 20_000)
    reader, writer = os.pipe()
    os.close(reader)

    finished = subprocess.run(
        [sys.executable, "-m", "modelshelf", "show", "churn/1"],
        cwd=tmp_path,
        env=_environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writer)

    assert (finished.returncode, finished.stderr) == (141, b"")


def test_an_interrupt_is_told_in_a_word(tmp_path: Path) -> None:
    model_folder(tmp_path / "model", "weights")
    _run(tmp_path, "register", "model", "churn")

    with subprocess.Popen(
        [sys.executable, "-m", "modelshelf", "delete", "model", "churn"],
        cwd=tmp_path,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as asking:
        assert asking.stderr is not None
        question = asking.stderr.read(len("Delete the model churn"))
        asking.send_signal(signal.SIGINT)
        out, err = asking.communicate(timeout=60)

    assert question == b"Delete the model churn"
    assert (asking.returncode, out) == (130, b"")
    assert err.endswith(b"interrupted\n")
    assert b"Traceback" not in err


def _on_a_terminal(folder: Path, *args: str, **environment: str) -> str:
    controller, terminal = pty.openpty()
    finished = subprocess.run(
        [sys.executable, "-m", "modelshelf", *args],
        cwd=folder,
        env=_environment(TERM="xterm-256color", **environment),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        timeout=60,
    )
    os.close(terminal)
    content = os.read(controller, 100_000).decode()
    os.close(controller)
    assert finished.returncode == 0, content
    return content


def test_a_terminal_gets_colours_and_relative_times_unless_it_asks_not_to(tmp_path: Path) -> None:
    model_folder(tmp_path / "model", "weights")
    _run(tmp_path, "register", "model", "churn", "--alias", "production", "--reason", "[red]x[/red] \x1b[31mred")

    coloured = _on_a_terminal(tmp_path, "alias", "list", "churn")
    without = _on_a_terminal(tmp_path, "alias", "list", "churn", NO_COLOR="1")
    plain = _on_a_terminal(tmp_path, "alias", "list", "churn", "--plain")

    assert "\x1b[32mproduction" in coloured
    assert "just now" in coloured
    assert r"[red]x[/red] \x1b[31mred" in coloured
    assert "\x1b[31m" not in coloured
    assert "\x1b[32m" not in without
    assert "\x1b" not in plain
    assert "just now" not in plain


def test_a_narrow_terminal_folds_and_loses_nothing(tmp_path: Path) -> None:
    model_folder(tmp_path / "model", "weights")
    reason = "because-of-a-very-long-word-" * 5
    _run(tmp_path, "register", "model", "churn", "--alias", "production", "--reason", reason)

    narrow = _STYLE.sub("", _on_a_terminal(tmp_path, "alias", "list", "churn", COLUMNS="60"))

    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.count("-") == reason.count("-")


def test_on_a_very_narrow_terminal_rows_are_told_one_below_the_other(tmp_path: Path) -> None:
    model_folder(tmp_path / "model", "weights")
    _run(tmp_path, "register", "model", "churn", "--alias", "production")

    narrow = _STYLE.sub("", _on_a_terminal(tmp_path, "versions", "churn", COLUMNS="30"))

    assert re.search(r"^aliases +production *\r?$", narrow, flags=re.MULTILINE)
    assert max(map(len, narrow.splitlines())) <= 30


@pytest.mark.parametrize(
    ("args", "unwanted"),
    [
        (["--help"], {"rich", "modelshelf.sdk.session", "modelshelf.connect", "sqlite3", "yaml", "pandas"}),
        (["models", "--json"], {"rich", "yaml", "numpy", "pandas", "psycopg", "sklearn", "importlib.metadata"}),
    ],
)
def test_what_is_not_needed_is_not_imported(tmp_path: Path, args: list[str], unwanted: set[str]) -> None:
    model_folder(tmp_path / "model", "weights")
    _run(tmp_path, "register", "model", "churn")
    script = f"""
import sys
from modelshelf.cli.main import shell
try:
    shell({args!r})
except SystemExit:
    print(*sys.modules, file=sys.stderr)
"""

    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=_environment(), capture_output=True, text=True, timeout=60
    )

    assert "modelshelf.cli.main" in finished.stderr
    assert unwanted & set(finished.stderr.split()) == set()
