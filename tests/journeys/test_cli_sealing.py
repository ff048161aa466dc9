"""`modelshelf versions`: the short form that lists, and sealing by hand."""

import pytest

from commandline import Commandline
from modelshelf.connect import connect
from shelves import stored


@pytest.fixture
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Commandline:
    return Commandline(f"sqlite:///{tmp_path_factory.mktemp('shelf')}/shelf.db")


def test_a_version_whose_files_came_later_is_sealed_by_hand(shelf: Commandline) -> None:
    with connect(shelf.uri) as registry:
        registry.catalog.create_model("churn")
        run = registry.tracking.start_run("0")
        registry.catalog.create_version_ahead("churn", source=f"runs:/{run.id}/model")
        too_early = shelf("versions", "seal", "churn", "1")
        manifest = stored(registry, weights=b"12345")
        registry.artifacts.put(f"{run.artifact_root}/model", manifest.files)

        sealed = shelf("versions", "seal", "churn", "1")

        assert (too_early.code, "upload them first" in too_early.err) == (3, True)
        assert (sealed.code, sealed.out) == (0, f"models:/churn/1 is sealed: 5 bytes, manifest {manifest.id}\n")
        assert registry.catalog.version("churn", 1).manifest == manifest.id


def test_a_model_may_be_called_like_a_verb(shelf: Commandline) -> None:
    with connect(shelf.uri) as registry:
        registry.catalog.create_model("seal")

    assert shelf.json("versions", "list", "seal") == {"versions": [], "more": False}


@pytest.mark.parametrize("arguments", [("churn",), ("--limit", "2", "churn"), ("list", "churn"), ("churn", "--plain")])
def test_versions_alone_lists(shelf: Commandline, arguments: tuple[str, ...]) -> None:
    with connect(shelf.uri) as registry:
        registry.catalog.create_model("churn")

    assert shelf("versions", *arguments).out == "churn has no versions yet\n"
