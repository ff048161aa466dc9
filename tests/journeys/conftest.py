"""A shelf for a journey through the fluent functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import modelshelf
from modelshelf.sdk import session


@pytest.fixture
def chosen_shelf(tmp_path: Path) -> Iterator[str]:
    """The URI of a shelf of the test's own, chosen as the one that runs go to."""
    uri = f"sqlite:///{tmp_path}/shelf.db"
    modelshelf.set_tracking_uri(uri)
    yield uri
    while modelshelf.active_run():
        modelshelf.end_run()
    modelshelf.clear_active_model()
    session.opened(uri).close()
    session._open.clear()
    modelshelf.set_tracking_uri("")
