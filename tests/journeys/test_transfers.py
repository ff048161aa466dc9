"""Uploads and downloads: all or nothing, and a bar on stderr only for somebody who waits and watches."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.sdk import session, transfers
from modelshelf.services.registry import Registry


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    session.set_tracking_uri(f"sqlite:///{tmp_path}/shelf.db")
    yield session.tracking()
    session.set_tracking_uri("")


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """Larger than the store takes at once, so that its transfer has a middle."""
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(3 << 20))
    return path


def test_files_arrive_below_the_folder_with_the_bytes_that_they_had(shelf: Registry, big: Path, tmp_path: Path) -> None:
    transfers.log_files(shelf, "0/run/artifacts", [("a/big.bin", big), ("again.bin", big)])

    manifest = shelf.artifacts.tree("0/run/artifacts")
    transfers.fetch(shelf, manifest, tmp_path / "back")
    assert [file.path for file in manifest.files] == ["a/big.bin", "again.bin"]
    assert (tmp_path / "back" / "a" / "big.bin").read_bytes() == big.read_bytes()


def test_one_bad_file_keeps_all_of_them_out(shelf: Registry, big: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"absent\.bin"):
        transfers.log_files(shelf, "0/run/artifacts", [("big.bin", big), ("absent.bin", tmp_path / "absent.bin")])
    with pytest.raises(Invalid, match=r"not allowed"):
        transfers.log_files(shelf, "0/run/artifacts", [("big.bin", big), ("../up.bin", big)])

    assert shelf.artifacts.listing("").folders == ()


@pytest.mark.parametrize("watched", [True, False])
def test_a_slow_transfer_shows_a_bar_on_a_terminal_only(
    shelf: Registry, big: Path, monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    stderr = Terminal() if watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(transfers, "PATIENCE", 0)

    transfers.log_files(shelf, "0/run/artifacts", [("big.bin", big)])

    assert ("Uploading" in stderr.getvalue()) == watched


def test_a_quick_transfer_shows_nothing(shelf: Registry, big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())

    transfers.log_files(shelf, "0/run/artifacts", [("big.bin", big)])

    assert sys.stderr.getvalue() == ""


def test_the_setting_turns_bars_off(shelf: Registry, big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(transfers, "PATIENCE", 0)
    monkeypatch.setenv("MODELSHELF_PROGRESS", "0")
    session.settings.cache_clear()

    transfers.log_files(shelf, "0/run/artifacts", [("big.bin", big)])

    session.settings.cache_clear()
    assert sys.stderr.getvalue() == ""
