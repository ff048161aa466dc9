"""The quickstart tells its whole story, again and again."""

import io
from pathlib import Path

from rich.console import Console

from modelshelf.connect import connect
from modelshelf.sdk import quickstart, session


def told(uri: str) -> str:
    output = io.StringIO()
    quickstart.run(uri, console=Console(file=output, width=120))
    return output.getvalue()


def test_the_quickstart_registers_promotes_predicts_and_rolls_back(tmp_path: Path) -> None:
    uri, before = f"sqlite:///{tmp_path}/quickstart.db", session.get_tracking_uri()

    first, second = told(uri), told(uri)

    assert "tumours@production: version 1 -> version 2" in first
    assert "tumours@production: version 2 -> version 1" in first
    assert "tumours@production: version 3 -> version 4" in second
    assert "tumours@production: version 4 -> version 3" in second
    with connect(uri) as shelf:
        assert shelf.catalog.resolve("models:/tumours@production").version.number == 3
        assert [move.after for move in shelf.governance.history("tumours")] == [3, 4, 3, 1, 2, 1]
    assert session.get_tracking_uri() == before
