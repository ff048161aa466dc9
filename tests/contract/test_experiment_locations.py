"""Experiments whose files lie in a folder of the store that was asked for."""

import pytest

from modelshelf.domain.artifacts import FileEntry
from modelshelf.domain.errors import Invalid
from modelshelf.services.registry import Registry


def stored(registry: Registry, name: str, content: bytes) -> FileEntry:
    blob = registry.artifacts.upload([content])
    return FileEntry(name, blob.digest, blob.size)


def test_files_of_runs_and_logged_models_lie_below_the_location(registry: Registry) -> None:
    made = registry.tracking.create_experiment("fraud", location="team a/fraud")

    run = registry.tracking.start_run(made.id)
    logged = registry.tracking.create_logged_model(made.id, name="model")

    assert made.artifact_root == registry.tracking.experiment_by_name("fraud").artifact_root == "team a/fraud"
    assert run.artifact_root == registry.tracking.run(run.id).artifact_root == f"team a/fraud/{run.id}/artifacts"
    assert registry.tracking.logged_model(logged.id).artifact_root == f"team a/fraud/models/{logged.id}/artifacts"
    assert registry.tracking.search_runs([made.id]).items[0].artifact_root == run.artifact_root
    assert registry.tracking.search_experiments("name = 'fraud'").items[0].location == "team a/fraud"


def test_a_model_is_registered_from_files_below_the_location(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    run = registry.tracking.start_run(registry.tracking.create_experiment("e", location="own").id)
    registry.artifacts.put(f"{run.artifact_root}/model", [stored(registry, "weights", b"1")])

    version = registry.catalog.create_version("fraud", source=f"runs:/{run.id}/model")
    registry.artifacts.put(f"{run.artifact_root}/model", [stored(registry, "weights", b"22")])

    assert (version.sealed, registry.catalog.version("fraud", 1).size) == (True, 1)


def test_experiments_that_share_a_location_keep_the_files_of_their_runs_apart(registry: Registry) -> None:
    first, second, default = (
        registry.tracking.start_run(registry.tracking.create_experiment(name, location=location).id)
        for name, location in (("one", "own"), ("two", "own"), ("three", "0"))
    )

    for number, run in enumerate((first, second, default)):
        registry.artifacts.put(run.artifact_root, [stored(registry, "a.txt", b"x" * number)])

    sizes = [registry.artifacts.file(f"{run.artifact_root}/a.txt").size for run in (first, second, default)]
    assert sizes == [0, 1, 2]


def test_a_location_in_the_folder_of_a_run_or_logged_model_is_refused(registry: Registry) -> None:
    run = registry.tracking.start_run("0")
    logged = registry.tracking.create_logged_model("0", name="m")

    for owner in (run, logged):
        with pytest.raises(Invalid, match=owner.id):
            registry.tracking.create_experiment("nested", location=f"{owner.artifact_root}/below")
        with pytest.raises(Invalid, match=owner.id):
            registry.tracking.create_experiment("nested", location=owner.artifact_root.removesuffix("/artifacts"))


@pytest.mark.parametrize(
    "bad",
    ["/etc", "a/../b", "..", "a//b", "sealed", "sealed/x", "a%2e%2e", "a#b", "a?b", "a\\b", "a\0", "x" * 251, "C:/x"],
)
def test_a_location_that_is_no_plain_folder_is_refused(registry: Registry, bad: str) -> None:
    with pytest.raises(Invalid):
        registry.tracking.create_experiment("e", location=bad)


def test_without_a_location_the_folder_is_called_by_the_id(registry: Registry) -> None:
    made = registry.tracking.create_experiment("plain")

    assert (made.location, made.artifact_root) == ("", made.id)
