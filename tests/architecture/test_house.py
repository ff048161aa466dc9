"""The rules of the house that no linter knows."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from modelshelf.domain import errors
from modelshelf.domain.events import EventName
from modelshelf.settings import Settings

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "modelshelf"
_SQL = re.compile(r"\b(SELECT\s+[\w*({]|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX))")
_FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}


def _sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def test_sql_is_only_in_the_database_folder() -> None:
    found = [
        path.relative_to(SOURCE).as_posix()
        for path in _sources()
        if path.parent.name != "database" and _SQL.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_no_file_is_called_after_what_everything_is() -> None:
    assert [path.name for path in _sources() if path.stem in _FORBIDDEN] == []


def test_every_module_says_what_lives_in_it() -> None:
    silent = [
        path.relative_to(SOURCE).as_posix()
        for path in _sources()
        if (text := path.read_text(encoding="utf-8")).strip() and not text.lstrip().startswith(('"""', 'r"""'))
    ]

    assert silent == []


def test_only_the_one_road_moves_aliases_and_stages() -> None:
    callers = {
        path.relative_to(SOURCE).as_posix()
        for path in _sources()
        if re.search(r"\bappend_move\(", path.read_text(encoding="utf-8"))
    }

    assert callers == {"database/governance.py", "services/moves.py", "services/rollout_ends.py"}


def _error_classes() -> list[type[errors.ShelfError]]:
    found, waiting = [], [errors.ShelfError]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


def test_every_error_has_its_own_documented_code() -> None:
    codes = [kind.code for kind in _error_classes()]

    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if f"`{code}`" not in page] == []


@pytest.mark.parametrize("kind", _error_classes(), ids=lambda kind: kind.__name__)
def test_every_error_survives_a_trip_between_processes(kind: type[errors.ShelfError]) -> None:
    import pickle

    error = pickle.loads(pickle.dumps(kind("no such thing", model="fraud")))

    assert (type(error), error.message, error.details) == (kind, "no such thing", {"model": "fraud"})


def test_every_event_is_documented() -> None:
    names = [value for key, value in vars(EventName).items() if key.isupper()]

    page = (ROOT / "docs/reference/events.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")

    names = [f"MODELSHELF_{field.name.upper()}" for field in fields(Settings)]
    assert [name for name in names if f"`{name}`" not in page] == []
