"""The shelf's key file: made once, closed to others, bound to what it was asked for."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelshelf.domain.errors import Unavailable
from modelshelf.services.keys import Keys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "keys" / "shelf.json"


def test_nothing_is_made_before_a_key_is_needed(path: Path) -> None:
    Keys(path)

    assert not path.parent.exists()


def test_the_file_and_its_folder_are_closed_to_others_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)

    Keys(path).sign(b"x")

    os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_everybody_who_makes_it_at_once_gets_the_same_key(path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(lambda _: Keys(path).key_id, range(32)))

    assert len(ids) == 1


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o620])
def test_a_file_that_others_may_read_or_change_is_refused(path: Path, mode: int) -> None:
    Keys(path).sign(b"x")
    path.chmod(mode)

    with pytest.raises(Unavailable, match="chmod 600"):
        Keys(path).sign(b"x")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"kind": "modelshelf-key-1", "sign": "AA==", "encrypt": "AA=="}', "9" * 20_000]
)
def test_a_file_that_is_no_key_file_is_refused_and_stays(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(Unavailable, match="not a key file"):
        Keys(path).sign(b"x")
    assert path.read_text() == content


def test_a_secret_comes_back_in_its_own_context_only(path: Path) -> None:
    text = Keys(path).encrypt(b"hush", context="webhook 1")

    assert Keys(path).decrypt(text, context="webhook 1") == b"hush"
    with pytest.raises(Unavailable, match="altered, or moved"):
        Keys(path).decrypt(text, context="webhook 2")


def test_an_altered_secret_is_noticed(path: Path) -> None:
    text = Keys(path).encrypt(b"hush", context="webhook 1")

    for altered in (f"{text[:-8]}AAAAAAA=", text[:24], "", f"v2{text[2:]}"):
        with pytest.raises(Unavailable):
            Keys(path).decrypt(altered, context="webhook 1")


def test_another_keys_secret_is_refused_by_the_name_of_that_key(path: Path, tmp_path: Path) -> None:
    other = Keys(tmp_path / "other.json")
    text = other.encrypt(b"hush", context="webhook 1")

    with pytest.raises(Unavailable, match=other.key_id):
        Keys(path).decrypt(text, context="webhook 1")


def test_keys_without_a_file_say_how_to_name_one() -> None:
    with pytest.raises(Unavailable, match="MODELSHELF_KEY_FILE"):
        Keys().sign(b"x")
