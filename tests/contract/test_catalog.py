"""Models and versions, on every kind of shelf."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from modelshelf.domain.access import Role
from modelshelf.domain.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, VersionInUse
from modelshelf.domain.names import Stage
from modelshelf.services.registry import Registry
from shelves import AsActor, Clock, add_version, stored


def test_a_model_is_made_described_tagged_and_found_again(registry: Registry, clock: Clock) -> None:
    registry.catalog.create_model("fraud", description="Card fraud", tags={"team": "risk"})
    clock.tick()

    registry.catalog.describe_model("fraud", "Card *and* wire fraud")
    registry.catalog.tag_model("fraud", "owner", "alice")
    registry.catalog.untag_model("fraud", "team")

    model = registry.catalog.model("fraud")
    assert (model.description, model.tags, model.created_by) == ("Card *and* wire fraud", {"owner": "alice"}, "alice")
    assert model.updated_ms > model.created_ms


_BAD_NAMES = ["", "   ", "a/b", "a:b", ".", "..", "x\0y", "\ud800", "n" * 1025, "\U0001f600" * 501, None, 3]


@pytest.mark.parametrize("name", _BAD_NAMES)
def test_a_bad_model_name_is_refused_and_nothing_is_made(registry: Registry, name: str) -> None:
    with pytest.raises(Invalid):
        registry.catalog.create_model(name)

    assert registry.events.latest() == []


@pytest.mark.parametrize("name", ["Fraud Model", "modèle", "模型", "a'b\"c", "%2F", "a@b", "x" * 1000, "line\nbreak"])
def test_every_other_name_is_kept_as_it_is(registry: Registry, name: str) -> None:
    registry.catalog.create_model(name)
    number = add_version(registry, name)
    registry.governance.set_alias(name, "champion", number)

    assert registry.catalog.resolve(f"models:/{name}@champion").version.name == name


def test_a_name_is_taken_once(registry: Registry) -> None:
    registry.catalog.create_model("fraud")

    with pytest.raises(AlreadyExists, match="'fraud' exists already"):
        registry.catalog.create_model("fraud")


def test_an_unknown_model_is_answered_with_the_nearest_names(registry: Registry) -> None:
    registry.catalog.create_model("fraud_detection")

    with pytest.raises(NotFound, match="did you mean 'fraud_detection'"):
        registry.catalog.model("fraud_detecton")


def test_numbers_are_never_repeated_not_even_after_deleting(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    first, second = add_version(registry, "fraud"), add_version(registry, "fraud")

    registry.catalog.delete_version("fraud", second)

    assert (first, second, add_version(registry, "fraud")) == (1, 2, 3)


def test_a_model_made_anew_is_another_model(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    add_version(registry, "fraud")
    old = registry.catalog.model("fraud")
    registry.catalog.delete_model("fraud")

    registry.catalog.create_model("fraud")

    assert add_version(registry, "fraud") == 1
    assert registry.catalog.model("fraud").id != old.id


def test_concurrent_registration_never_repeats_a_number(registry: Registry) -> None:
    registry.catalog.create_model("churn")
    manifest = stored(registry, weights=b"w")

    with ThreadPoolExecutor(32) as pool:
        made = list(pool.map(lambda _: registry.catalog.create_version("churn", manifest=manifest), range(96)))

    assert sorted(version.number for version in made) == list(range(1, 97))
    assert len(registry.catalog.model("churn").latest_versions) == 1


def test_a_version_is_sealed_from_what_lies_in_the_store_and_stays_that_way(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    run = registry.tracking.start_run("0")
    registry.artifacts.put(f"{run.artifact_root}/model", stored(registry, weights=b"first").files)
    version = registry.catalog.create_version("fraud", source=f"runs:/{run.id}/model")

    registry.artifacts.put(f"{run.artifact_root}/model", stored(registry, weights=b"second").files)
    registry.artifacts.delete(f"{run.artifact_root}/model")
    registry.tracking.delete_run(run.id)

    manifest = registry.catalog.manifest("fraud", version.number)
    assert manifest is not None
    with registry.artifacts.open(manifest.files[0].digest) as reader:
        assert reader.read() == b"first"
    assert version.run_id == run.id


def test_a_copy_of_a_version_has_the_same_content(registry: Registry) -> None:
    registry.catalog.create_model("dev")
    registry.catalog.create_model("prod")
    add_version(registry, "dev")

    copy = registry.catalog.create_version("prod", source="models:/dev/1")

    assert copy.manifest == registry.catalog.version("dev", 1).manifest


def test_a_bucket_makes_an_unsealed_version(registry: Registry) -> None:
    registry.catalog.create_model("fraud")

    version = registry.catalog.create_version("fraud", source="s3://bucket/model")

    assert not version.sealed
    assert registry.catalog.manifest("fraud", version.number) is None


@pytest.mark.parametrize(
    "source",
    [
        "",
        "/etc/passwd",
        "file:///etc",
        "../x",
        "http://host/x",
        "ftp://host/x",
        "s3://bucket/../x",
        "s3://b/%2e%2e/x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts:/a/./b",
        "runs:/",
        "models:/x",
    ],
)
def test_a_source_of_another_kind_is_refused_and_takes_no_number(registry: Registry, source: str) -> None:
    registry.catalog.create_model("fraud")

    with pytest.raises(Invalid):
        registry.catalog.create_version("fraud", source=source)

    assert add_version(registry, "fraud") == 1


@pytest.mark.parametrize(
    "source", ["runs:/0123/model", "models:/none/1", "mlflow-artifacts:/0/none", "models:/m-" + "0" * 32]
)
def test_a_source_with_nothing_there_is_refused_and_takes_no_number(registry: Registry, source: str) -> None:
    registry.catalog.create_model("fraud")

    with pytest.raises(NotFound):
        registry.catalog.create_version("fraud", source=source)

    assert add_version(registry, "fraud") == 1


def test_a_manifest_of_blobs_that_are_not_stored_is_refused(registry: Registry) -> None:
    from modelshelf.domain.artifacts import Digest, FileEntry, Manifest

    registry.catalog.create_model("fraud")
    ghost = Manifest((FileEntry("weights", Digest.of(b"ghost").text, 5),))

    with pytest.raises(NotFound, match="upload the files first"):
        registry.catalog.create_version("fraud", manifest=ghost)


def test_a_version_in_use_is_deleted_only_by_force_and_the_ledger_says_so(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    number = add_version(registry, "fraud")
    registry.governance.set_alias("fraud", "production", number)

    with pytest.raises(VersionInUse, match="@production"):
        registry.catalog.delete_version("fraud", number)
    registry.catalog.delete_version("fraud", number, force=True)

    names = [event.name for event in registry.events.latest(model="fraud")]
    assert names[:3] == ["version.deleted", "alias.cleared", "version.delete_refused"]
    assert registry.governance.history("fraud")[0].after is None


def test_a_rename_takes_everything_along(registry: Registry) -> None:
    registry.catalog.create_model("fraud", tags={"team": "risk"})
    add_version(registry, "fraud")
    registry.governance.set_alias("fraud", "production", 1)

    registry.catalog.rename_model("fraud", "card_fraud")

    model = registry.catalog.model("card_fraud")
    assert (model.aliases, model.tags) == ({"production": 1}, {"team": "risk"})
    assert registry.governance.history("card_fraud")[0].model == "fraud"
    with pytest.raises(NotFound):
        registry.catalog.model("fraud")


def test_versions_carry_tags_and_descriptions(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    registry.catalog.create_version(
        "fraud", manifest=stored(registry, w=b"1"), tags={"owner": "alice"}, description="v1"
    )

    registry.catalog.tag_version("fraud", 1, "compliance_approved", "true")
    registry.catalog.describe_version("fraud", 1, "first")
    registry.catalog.untag_version("fraud", 1, "owner")

    version = registry.catalog.version("fraud", 1)
    assert (version.tags, version.description) == ({"compliance_approved": "true"}, "first")


@pytest.mark.parametrize("key", ["", "../x", "/x", "a//b", "k" * 251, "a\tb"])
def test_a_bad_tag_key_is_refused(registry: Registry, key: str) -> None:
    registry.catalog.create_model("fraud")

    with pytest.raises(Invalid):
        registry.catalog.tag_model("fraud", key, "x")


def test_latest_versions_are_one_per_stage(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    for _ in range(4):
        add_version(registry, "fraud")
    registry.governance.set_stage("fraud", 1, "Production")
    registry.governance.set_stage("fraud", 2, "production")

    found = registry.catalog.latest_versions("fraud")
    in_production = registry.catalog.latest_versions("fraud", ["PRODUCTION"])

    assert [(version.number, version.stage) for version in found] == [(4, Stage.NONE), (2, Stage.PRODUCTION)]
    assert [version.number for version in in_production] == [2]


def test_a_reader_may_look_and_not_touch(registry: Registry, as_actor: AsActor) -> None:
    registry.catalog.create_model("fraud")
    reader = as_actor("bob", Role.READER)

    for forbidden in (
        lambda: reader.catalog.create_model("other"),
        lambda: reader.catalog.tag_model("fraud", "k", "v"),
        lambda: reader.governance.set_alias("fraud", "a", 1),
        lambda: reader.catalog.delete_model("fraud"),
        lambda: reader.artifacts.upload([b"x"]),
        reader.artifacts.sweep,
    ):
        with pytest.raises(Forbidden, match="bob is a reader"):
            forbidden()

    assert reader.catalog.model("fraud").name == "fraud"


def test_every_change_is_an_event_with_its_actor(registry: Registry, as_actor: AsActor) -> None:
    registry.catalog.create_model("fraud")
    add_version(registry, "fraud")
    as_actor("carol", Role.CONTRIBUTOR).catalog.tag_version("fraud", 1, "k", "v")

    events = registry.events.after(0)

    assert [(event.name, event.actor) for event in events] == [
        ("model.created", "alice"),
        ("version.created", "alice"),
        ("version.tagged", "carol"),
    ]
    assert [event.position for event in events] == [1, 2, 3]


def test_a_version_registered_ahead_of_its_files_is_sealed_when_asked(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    run = registry.tracking.start_run("0")
    registry.catalog.create_version_ahead("fraud", source=f"runs:/{run.id}/model")
    with pytest.raises(Conflict, match="upload them first"):
        registry.catalog.seal_version("fraud", 1)
    manifest = stored(registry, weights=b"w")
    registry.artifacts.put(f"{run.artifact_root}/model", manifest.files)

    sealed = registry.catalog.seal_version("fraud", 1)

    assert (sealed.manifest, registry.catalog.version("fraud", 1).size) == (manifest.id, 1)
    assert registry.events.latest()[0].name == "version.sealed"


def test_a_version_registered_ahead_is_sealed_by_its_first_promotion_and_not_again(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    run = registry.tracking.start_run("0")
    registry.catalog.create_version_ahead("fraud", source=f"mlflow-artifacts:/{run.artifact_root}/model")
    first = stored(registry, weights=b"first")
    registry.artifacts.put(f"{run.artifact_root}/model", first.files)

    registry.governance.set_alias("fraud", "production", 1)
    registry.artifacts.put(f"{run.artifact_root}/model", stored(registry, weights=b"second").files)
    registry.governance.set_stage("fraud", 1, "Production")

    assert registry.catalog.version("fraud", 1).manifest == first.id


def test_a_version_of_a_logged_model_is_sealed_when_that_is_ready(registry: Registry) -> None:
    registry.catalog.create_model("fraud")
    logged = registry.tracking.create_logged_model("0", name="model")
    registry.catalog.create_version_ahead("fraud", source=f"models:/{logged.id}", logged_model=logged.id)
    manifest = stored(registry, weights=b"w")
    registry.artifacts.put(logged.artifact_root, manifest.files)

    registry.tracking.finalize_logged_model(logged.id, "READY")

    assert registry.catalog.version("fraud", 1).manifest == manifest.id


def test_a_copy_of_an_unsealed_version_remembers_where_the_files_are(registry: Registry) -> None:
    registry.catalog.create_model("dev")
    registry.catalog.create_model("prod")
    registry.catalog.create_version_ahead("dev", source="s3://bucket/model")

    registry.catalog.create_version_ahead("prod", source="models:/dev/1")
    registry.catalog.delete_model("dev")

    copy = registry.catalog.version("prod", 1)
    assert (copy.source, copy.origin, copy.sealed) == ("models:/dev/1", "s3://bucket/model", False)
