"""`modelshelf audit`: heads that are kept outside, verification, receipts, an export that others verify, and who."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commandline import Commandline, commandline
from modelshelf.connect import connect
from modelshelf.database.sqlite import SqliteDatabase
from modelshelf.domain.tracking import RunStatus

_VERIFIER = Path(__file__).parents[2] / "examples" / "verify_ledger.py"


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Commandline]:
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with connect(uri) as shelf:
        run = shelf.tracking.start_run("0")
        shelf.tracking.log_params(run.id, {"depth": "4"})
        shelf.tracking.update_run(run.id, status=RunStatus.FINISHED)
        shelf.catalog.create_model("fraud")
        shelf.catalog.create_version_ahead("fraud", source=f"runs:/{run.id}/model", run_id=run.id)
        shelf.catalog.tag_version("fraud", 1, "ünï", "cödé\u2028\x7f")
        shelf.governance.set_stage("fraud", 1, "Production", reason="best")
    with commandline(uri) as found:
        yield found


def edit(folder: Path, sql: str) -> None:
    database = SqliteDatabase(folder / "shelf.db")
    with database.write() as tx:
        tx.execute(sql)
    database.close()


def verified(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(_VERIFIER), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_history_that_only_grew_agrees_with_the_heads_that_were_kept(call: Commandline, tmp_path: Path) -> None:
    kept = tmp_path / "heads.txt"
    first = call("audit", "head", "--append", str(kept))
    assert call("tag", "set", "fraud", "owner", "alice").code == 0
    call("audit", "head", "--append", str(kept))

    answer = call("audit", "verify", "--against", str(kept))

    assert first.out in kept.read_text()
    assert answer.code == 0
    assert "2 kept outside: no faults" in answer.out
    assert call.json("audit", "verify", "--against", str(kept))["ok"] is True


def test_an_edited_event_is_told_with_exit_code_1(call: Commandline, tmp_path: Path) -> None:
    call("audit", "head")
    edit(tmp_path, "UPDATE events SET actor = 'mallory' WHERE position = 2")

    plain, as_json = call("audit", "verify"), call("audit", "verify", "--json")

    assert (plain.code, as_json.code) == (1, 1)
    assert "the event at position 2 is not what was sealed there" in plain.out
    assert [(fault["kind"], fault["position"]) for fault in as_json.json["faults"]] == [("edited", 2)]


def test_a_ledger_that_was_cut_off_does_not_agree(call: Commandline, tmp_path: Path) -> None:
    kept = tmp_path / "heads.txt"
    call("audit", "head", "--append", str(kept))
    for statement in (
        "DELETE FROM events",
        "DELETE FROM ledger_heads",
        "DELETE FROM ledger_tiles",
        "DELETE FROM moves",
    ):
        edit(tmp_path, statement)
    edit(tmp_path, "UPDATE model_versions SET stage = 'None'")

    alone, against = call("audit", "verify"), call("audit", "verify", "--against", str(kept))

    assert (alone.code, against.code) == (0, 1)
    assert "truncated" in against.out


def test_what_a_refusal_says_in_words_is_not_said_again_in_json(call: Commandline) -> None:
    call("gate", "define", "told", "--model", "fraud", "--alias", "best", "--clause", "move.reason != ''")
    refused = call("promote", "fraud", "1", "--to", "best")

    who, receipt = call("audit", "who", "fraud/1").out, call("audit", "receipt", "1").out

    assert refused.code == 3
    assert "refusal=version 1 may not become fraud@best" in who
    assert '"clauses"' not in who
    assert "\\n" not in receipt.partition("proof")[2]


def test_an_export_is_verified_by_a_script_without_modelshelf(call: Commandline, tmp_path: Path) -> None:
    exported = tmp_path / "ledger.jsonl"
    key = call.json("audit", "head")["head"]["key"]

    answer = call("audit", "export", "--output", str(exported))

    assert answer.code == 0, answer.err
    assert "as signed, if the signature is right" in verified(exported).stdout
    found = verified(exported, key)
    assert (found.returncode, found.stdout.endswith("as signed\n")) == (0, True)
    assert call("audit", "export").out == exported.read_text()


def test_the_script_finds_an_edited_event_a_missing_one_and_another_key(call: Commandline, tmp_path: Path) -> None:
    exported, changed = tmp_path / "ledger.jsonl", tmp_path / "changed.jsonl"
    call("audit", "export", "--output", str(exported))
    text = exported.read_text()
    lines = text.splitlines(keepends=True)

    changed.write_text(text.replace("version.tagged", "version.lagged"))
    assert "position 5 is not what was sealed" in verified(changed).stderr

    changed.write_text("".join([*lines[:-2], lines[-1]]))
    assert f"these {len(lines) - 2} events are not the {len(lines) - 1}" in verified(changed).stderr

    other = "other+00000000+AWi0Dw0OVl7ap0V+33Th85aOUcnSEfflbSeTkLnRstUa"
    assert "InvalidSignature" in verified(exported, other).stderr


def test_an_event_edited_in_the_database_shows_in_the_export(call: Commandline, tmp_path: Path) -> None:
    call("audit", "head")
    edit(tmp_path, "UPDATE events SET actor = 'mallory' WHERE position = 2")
    exported = tmp_path / "ledger.jsonl"

    call("audit", "export", "--output", str(exported))

    assert "position 2 is not what was sealed" in verified(exported).stderr


def test_a_receipt_tells_the_event_and_that_it_holds(call: Commandline) -> None:
    plain, record = call("audit", "receipt", "3"), call.json("audit", "receipt", "3")["receipt"]

    assert "holds" in plain.out
    assert "modelshelf/" in plain.out
    assert record["holds"] is True
    assert json.loads(record["leaf"])["position"] == 3
    assert call("audit", "receipt", "99").code == 4


def test_who_tells_everything_about_a_version_in_one_answer(call: Commandline) -> None:
    plain, record = call("audit", "who", "fraud/1"), call.json("audit", "who", "models:/fraud/1?at=2999-01-01T00:00Z")

    for text in ("registered by", "local:", "depth", "4", "Production", "best", "version.tagged"):
        assert text in plain.out
    assert record["run"]["params"] == {"depth": "4"}
    assert (record["then"]["stage"], record["now"]["stage"]) == ("Production", "Production")
    assert [move["after"] for move in record["moves"]] == ["Production"]
    assert call.json("audit", "who", "fraud/1")["then"]["stage"] == "None"


@pytest.mark.parametrize("reference", ["fraud/9", "nothing/1", "fraud@champion"])
def test_nobody_registered_what_is_not_there(call: Commandline, reference: str) -> None:
    assert call("audit", "who", reference).code == 4


def test_a_file_without_heads_is_refused(call: Commandline, tmp_path: Path) -> None:
    for content in ("", "nonsense"):
        (tmp_path / "heads.txt").write_text(content)

        answer = call("audit", "verify", "--against", str(tmp_path / "heads.txt"))

        assert answer.code == 2
        assert "modelshelf audit head" in answer.err


def test_of_a_very_long_file_of_heads_the_last_ones_count(call: Commandline, tmp_path: Path) -> None:
    kept = tmp_path / "heads.txt"
    call("audit", "head", "--append", str(kept))
    kept.write_text(kept.read_text() * 6_000)

    compared = call.json("audit", "verify", "--against", str(kept))["compared"]

    assert 1_000 < len(compared) < 6_000
