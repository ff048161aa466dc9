"""Words that a shell offers while a command is typed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from commandline import Commandline, commandline, model_folder
from modelshelf.cli.main import shell as root


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Commandline]:
    with commandline(f"sqlite:///{tmp_path}/shelf.db") as found:
        yield found


@pytest.fixture
def churn(shelf: Commandline, tmp_path: Path) -> Commandline:
    """A shelf with the models churn, whose version 2 is in production, and fraud."""
    folder = model_folder(tmp_path / "model", "w")
    for name in ("churn", "fraud", "churn"):
        shelf.json("register", str(folder), name)
    shelf.json("promote", "churn", "2", "--to", "production")
    return shelf


def _offered(shelf: Commandline, *args: str, incomplete: str = "") -> list[str]:
    completion = ShellComplete(root, {}, "modelshelf", "_MODELSHELF_COMPLETE")
    return [item.value for item in completion.get_completions(["--uri", shelf.uri, *args], incomplete)]


def test_a_shell_is_offered_commands_models_aliases_and_stages(churn: Commandline) -> None:
    assert _offered(churn, incomplete="pro") == ["promote", "protect"]
    assert _offered(churn, "alias") == ["clear", "list", "set"]
    assert _offered(churn, "versions") == ["list", "seal", "churn", "fraud"]
    assert _offered(churn, "versions", incomplete="ch") == ["churn"]
    assert _offered(churn, "versions", "seal", incomplete="ch") == ["churn"]
    assert _offered(churn, "rollback", "churn") == ["production"]
    assert _offered(churn, "stage", "churn", "1", incomplete="pr") == ["Production"]


def test_a_shell_is_offered_nothing_where_there_is_no_shelf(shelf: Commandline, tmp_path: Path) -> None:
    assert _offered(shelf, "versions") == ["list", "seal"]
    assert _offered(shelf, "show") == []
    assert not (tmp_path / "shelf.db").exists()


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_a_completion_script_names_the_program(shelf: Commandline, kind: str) -> None:
    script = shelf("completion", kind).out

    assert "_MODELSHELF_COMPLETE" in script
    assert "modelshelf" in script
