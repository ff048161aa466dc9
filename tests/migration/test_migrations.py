"""The schema: made once, recognised, and never laid over somebody else's tables."""

import sqlite3
from pathlib import Path

import pytest

from modelshelf.connect import _database, connect
from modelshelf.database.migrations import known, migrate
from modelshelf.domain.errors import ForeignDatabase, Invalid, StorageFull


def _uri(path: Path) -> str:
    return f"sqlite:///{path}"


def test_each_schema_file_is_applied_once(database_uri: str) -> None:
    database, _ = _database(database_uri)
    migrate(database, now_ms=1, place="here")

    migrate(database, now_ms=2, place="here")

    with database.read() as tx:
        rows = tx.all("SELECT number, checksum FROM modelshelf_schema ORDER BY number")
    database.close()
    assert [(row["number"], row["checksum"]) for row in rows] == [(m.number, m.checksum) for m in known()]


def test_a_migration_that_was_cut_off_is_done_again_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, _ = _database(_uri(tmp_path / "shelf.db"))
    whole = known()
    broken = [*whole[:-1], type(whole[-1])(whole[-1].number, whole[-1].name, whole[-1].text + "\n\nSELECT nonsense")]
    monkeypatch.setattr("modelshelf.database.migrations.known", lambda: broken)
    with pytest.raises(Exception, match="nonsense"):
        migrate(database, now_ms=1, place="here")
    monkeypatch.undo()

    migrate(database, now_ms=2, place="here")

    with database.read() as tx:
        assert len(tx.all("SELECT number FROM modelshelf_schema")) == len(whole)
    database.close()


def test_a_database_of_mlflow_itself_is_named_as_such_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE alembic_version (version_num TEXT)")
        theirs.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    theirs.close()

    with pytest.raises(ForeignDatabase, match="database of MLflow itself"):
        connect(_uri(path))

    with sqlite3.connect(path) as theirs:
        tables = {row[0] for row in theirs.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    theirs.close()
    assert tables == {"alembic_version", "experiments"}
    assert not (tmp_path / "mlflow.db.files").exists()


def test_another_programs_tables_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE orders (id INTEGER)")
    theirs.close()

    with pytest.raises(ForeignDatabase, match=r"another program's tables \(orders\)"):
        connect(_uri(path))


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are my notes, " * 400)

    with pytest.raises(ForeignDatabase):
        connect(_uri(path))

    assert path.read_text().startswith("these are my notes")


def test_a_newer_schema_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "shelf.db"
    connect(_uri(path)).close()
    with sqlite3.connect(path) as newer:
        newer.execute("INSERT INTO modelshelf_schema VALUES (9999, '9999_future.sql', 'x', 1)")
    newer.close()

    with pytest.raises(ForeignDatabase, match="pip install -U modelshelf"):
        connect(_uri(path))


@pytest.mark.parametrize("uri", ["", "shelf", "mysql://host/db", "http:/x", "sqlite://", "sqlite:/x.db", "file:///x"])
def test_a_uri_of_no_known_form_is_answered_with_the_known_ones(uri: str) -> None:
    with pytest.raises(Invalid, match=r"sqlite:///shelf\.db"):
        connect(uri)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="names a folder"):
        connect(_uri(tmp_path))


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageFull, match="cannot make the folder"):
        connect(_uri(tmp_path / "file" / "shelf.db"))


def test_a_shelf_remembers_where_its_files_are(tmp_path: Path) -> None:
    uri = _uri(tmp_path / "shelf.db")
    with connect(uri, artifacts=str(tmp_path / "elsewhere")) as shelf:
        digest, _ = shelf.artifacts.upload([b"weights"])

    with connect(uri) as again, again.artifacts.open(digest) as reader:
        assert reader.read() == b"weights"


def test_a_shelf_is_never_paired_with_another_ones_files(tmp_path: Path) -> None:
    connect(_uri(tmp_path / "one.db"), artifacts=str(tmp_path / "files")).close()

    with pytest.raises(Invalid, match="another shelf"):
        connect(_uri(tmp_path / "two.db"), artifacts=str(tmp_path / "files"))
    with pytest.raises(Invalid, match="keeps its files in"):
        connect(_uri(tmp_path / "one.db"), artifacts=str(tmp_path / "empty"))


def test_a_moved_folder_of_files_is_found_at_its_new_place(tmp_path: Path) -> None:
    uri = _uri(tmp_path / "shelf.db")
    connect(uri).close()
    (tmp_path / "shelf.db.files").rename(tmp_path / "moved")

    connect(uri, artifacts=str(tmp_path / "moved")).close()

    connect(uri).close()
    assert not (tmp_path / "shelf.db.files").exists()
