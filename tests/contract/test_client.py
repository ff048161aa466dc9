"""The client: every method does what MLflow's does, on every kind of shelf."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelshelf.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunStatus,
    RunTag,
    ViewType,
)
from modelshelf.exceptions import AlreadyExists, Conflict, Invalid, InvalidFilter, NotFound
from modelshelf.sdk import session
from modelshelf.sdk.client import MlflowClient
from served import ServedShelves


@pytest.fixture(params=["embedded", "http"])
def client(
    request: pytest.FixtureRequest, database_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MlflowClient]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    shelf = session.opened(database_uri)
    if request.param == "embedded":
        yield MlflowClient(database_uri)
    else:
        server: ServedShelves = request.getfixturevalue("served")
        with server.serve(shelf) as url:
            yield MlflowClient(url)
            session.opened(url).close()
    shelf.close()
    session._open.clear()


@pytest.fixture
def run_id(client: MlflowClient) -> str:
    """A run with files that can be registered."""
    run = client.create_run("0", tags={"mlflow.user": "ada"})
    client.log_text(run.info.run_id, "weights", "model/weights.txt")
    client.log_text(run.info.run_id, "name: x", "model/conf/a.yaml")
    return run.info.run_id


def test_experiments_are_made_renamed_tagged_deleted_and_restored(client: MlflowClient) -> None:
    made = client.create_experiment("one", tags={"a": 1})
    client.rename_experiment(made, "uno")
    client.set_experiment_tag(made, "b", 2)
    client.delete_experiment_tag(made, "a")

    found = client.get_experiment_by_name("uno")

    assert found is not None
    assert (found.experiment_id, found.tags, found.lifecycle_stage) == (made, {"b": "2"}, "active")
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert [each.name for each in client.search_experiments(ViewType.DELETED_ONLY)] == ["uno"]
    client.restore_experiment(made)
    assert {each.name for each in client.search_experiments()} == {"uno", "Default"}
    with pytest.raises(AlreadyExists):
        client.create_experiment("uno")
    assert client.get_experiment_by_name("one") is None


def test_pages_follow_each_other_by_token(client: MlflowClient) -> None:
    for name in "abc":
        client.create_experiment(name)

    first = client.search_experiments(max_results=2, order_by=["name"])
    second = client.search_experiments(max_results=2, order_by=["name"], page_token=first.token)

    assert [each.name for each in first.to_list()] == ["Default", "a"]
    assert ([each.name for each in second], second.token) == (["b", "c"], None)


def test_a_run_is_logged_to_by_its_id(client: MlflowClient) -> None:
    run = client.create_run("0", start_time=5, tags={"a": 1}, run_name="r")
    run_id = run.info.run_id

    assert client.log_param(run_id, "depth", 3) == 3
    assert client.log_metric(run_id, "auc", 0.5, timestamp=7, step=1) is None
    client.log_batch(
        run_id,
        metrics=[Metric("auc", 0.6, 8, 2), Metric("loss", 1, 8, 2)],
        params=[Param("rate", 0.1)],  # type: ignore[arg-type]
        tags=[RunTag("t", "u")],
    )
    client.set_tag(run_id, "gone", 1)
    client.delete_tag(run_id, "gone")
    client.update_run(run_id, name="renamed")
    client.set_terminated(run_id, RunStatus.to_string(RunStatus.KILLED), end_time=9)

    found = client.get_run(run_id)
    assert (found.info.start_time, found.info.end_time, found.info.status) == (5, 9, "KILLED")
    assert (found.info.run_name, found.info.user_id) == ("renamed", "unknown")
    assert found.data.metrics == {"auc": 0.6, "loss": 1.0}
    assert found.data.params == {"depth": "3", "rate": "0.1"}
    assert found.data.tags == {"a": "1", "t": "u", "mlflow.runName": "renamed"}
    history = client.get_metric_history(run_id, "auc")
    assert [(point.value, point.timestamp, point.step) for point in history] == [(0.5, 7, 1), (0.6, 8, 2)]
    assert client.get_metric_history(run_id, "nothing") == []


def test_a_param_twice_in_a_batch_is_refused(client: MlflowClient, run_id: str) -> None:
    with pytest.raises(Invalid, match="twice"):
        client.log_batch(run_id, params=[Param("a", "1"), Param("a", "2")])


def test_runs_are_deleted_restored_and_searched(client: MlflowClient) -> None:
    one, two = (client.create_run("0", start_time=n, run_name=f"r{n}").info.run_id for n in (1, 2))
    client.log_metric(one, "auc", 0.9)
    client.delete_run(two)

    assert [run.info.run_id for run in client.search_runs(["0"])] == [one]
    assert [run.info.run_id for run in client.search_runs("0", run_view_type=ViewType.ALL)] == [two, one]
    client.restore_run(two)
    assert [run.info.run_id for run in client.search_runs(["0"], "metrics.auc > 0.5")] == [one]
    page = client.search_runs(["0"], max_results=1)
    assert [run.info.run_id for run in client.search_runs(["0"], max_results=1, page_token=page.token)] == [one]
    with pytest.raises(InvalidFilter):
        client.search_runs(["0"], "metrics.auc >")
    with pytest.raises(NotFound):
        client.get_run("nobody")


def test_a_child_knows_its_parent(client: MlflowClient, run_id: str) -> None:
    child = client.create_run("0", tags={"mlflow.parentRunId": run_id}).info.run_id

    parent = client.get_parent_run(child)

    assert parent is not None
    assert parent.info.run_id == run_id
    assert client.get_parent_run(run_id) is None


def test_inputs_and_outputs_of_a_run(client: MlflowClient, run_id: str) -> None:
    model = client.create_logged_model("0", name="net", source_run_id=run_id)
    dataset = Dataset("train", "abc", "local", '{"uri": "x"}', profile="{}")

    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("k", "v")])], [LoggedModelInput(model.model_id)])
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 4)])

    found = client.get_run(run_id)
    assert found.inputs.dataset_inputs == [DatasetInput(dataset, [InputTag("k", "v")])]
    assert found.inputs.model_inputs == [LoggedModelInput(model.model_id)]
    assert found.outputs.model_outputs == [LoggedModelOutput(model.model_id, 4)]
    assert found.to_dictionary()["inputs"]["dataset_inputs"][0]["tags"] == {"k": "v"}


def test_files_of_a_run_are_listed_and_downloaded(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    assert [(info.path, info.is_dir, info.file_size) for info in client.list_artifacts(run_id)] == [
        ("model", True, None)
    ]
    assert [(info.path, info.is_dir, info.file_size) for info in client.list_artifacts(run_id, "model/")] == [
        ("model/conf", True, None),
        ("model/weights.txt", False, 7),
    ]
    assert client.list_artifacts(run_id, "nothing") == []
    where = client.download_artifacts(run_id, "model", str(tmp_path / "out"))
    assert (Path(where) / "weights.txt").read_text() == "weights"
    with pytest.raises(NotFound):
        client.list_artifacts("nobody")


def test_logged_models_live_by_their_id(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    model = client.create_logged_model("0", "net", run_id, tags={"a": 1}, params={"depth": 2}, model_type="mlp")
    (tmp_path / "w.txt").write_text("w")
    client.log_model_artifact(model.model_id, tmp_path / "w.txt", "sub")
    client.log_metric(run_id, "auc", 0.9, model_id=model.model_id)
    client.set_logged_model_tags(model.model_id, {"b": 2})
    client.delete_logged_model_tag(model.model_id, "a")
    client.log_model_params(model.model_id, {"rate": 1})

    ready = client.finalize_logged_model(model.model_id, "READY")

    assert (model.status, ready.status, ready.model_uri) == ("PENDING", "READY", f"models:/{model.model_id}")
    found = client.get_logged_model(model.model_id)
    assert (found.tags, found.params) == ({"b": "2"}, {"depth": "2", "rate": "1"})
    assert [(point.key, point.value, point.run_id) for point in found.metrics or []] == [("auc", 0.9, run_id)]
    assert [info.path for info in client.list_logged_model_artifacts(model.model_id, "sub")] == ["sub/w.txt"]
    assert [each.name for each in client.search_logged_models(["0"], "params.rate = '1'")] == ["net"]
    client.delete_logged_model(model.model_id)
    with pytest.raises(NotFound):
        client.get_logged_model(model.model_id)


def test_registered_models_are_made_described_tagged_renamed_and_deleted(client: MlflowClient) -> None:
    made = client.create_registered_model("churn", tags={"a": 1}, description="who leaves")
    client.set_registered_model_tag("churn", "b", 2)
    client.delete_registered_model_tag("churn", "a")
    client.delete_registered_model_tag("churn", "never there")

    renamed = client.rename_registered_model("churn", "leavers")

    assert (made.tags, made.description, made.aliases, made.latest_versions) == ({"a": "1"}, "who leaves", {}, [])
    assert (renamed.name, renamed.tags) == ("leavers", {"b": "2"})
    assert client.update_registered_model("leavers").description is None
    with pytest.raises(AlreadyExists):
        client.create_registered_model("leavers")
    client.delete_registered_model("leavers")
    with pytest.raises(NotFound):
        client.get_registered_model("leavers")


def test_a_version_is_made_of_the_files_of_a_run(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    client.create_registered_model("churn")
    root = client.get_run(run_id).info.artifact_uri

    one = client.create_model_version(
        "churn", f"runs:/{run_id}/model", run_id, tags={"a": 1}, run_link="http://ci/1", description="first"
    )
    two = client.create_model_version("churn", f"{root}/model", run_id)
    local = client.create_model_version("churn", client.download_artifacts(run_id, "model", str(tmp_path)))
    bucket = client.create_model_version("churn", "s3://bucket/model")

    assert [each.version for each in (one, two, local, bucket)] == [1, 2, 3, 4]
    assert (one.run_id, one.tags, one.run_link, one.description) == (run_id, {"a": "1"}, "http://ci/1", "first")
    assert (one.status, one.current_stage, one.aliases) == ("READY", "None", [])
    assert one.digest == two.digest == local.digest
    assert bucket.digest is None
    assert client.get_model_version_download_uri("churn", "1") == "models:/churn/1"
    assert client.get_model_version_download_uri("churn", 4) == "s3://bucket/model"
    with pytest.raises(NotFound):
        client.create_model_version("churn", f"runs:/{run_id}/nothing")
    with pytest.raises(NotFound):
        client.create_model_version("nobody", f"runs:/{run_id}/model")


@pytest.fixture
def churn(client: MlflowClient, run_id: str) -> str:
    """A registered model with three versions."""
    client.create_registered_model("churn")
    for _ in range(3):
        client.create_model_version("churn", f"runs:/{run_id}/model", run_id, tags={"lang": "en"}, description="d")
    return "churn"


def test_aliases_move_and_go(client: MlflowClient, churn: str) -> None:
    client.set_registered_model_alias(churn, "champion", "1")
    client.set_registered_model_alias(churn, "champion", 2)
    client.set_registered_model_alias(churn, "old", 1)

    assert client.get_model_version_by_alias(churn, "champion").version == 2
    assert client.get_registered_model(churn).aliases == {"champion": 2, "old": 1}
    assert client.get_model_version(churn, "2").aliases == ["champion"]
    client.delete_registered_model_alias(churn, "old")
    client.delete_registered_model_alias(churn, "never-there")
    with pytest.raises(NotFound):
        client.get_model_version_by_alias(churn, "old")
    with pytest.raises(Invalid):
        client.set_registered_model_alias(churn, "latest", 1)


def test_a_version_that_an_alias_points_at_is_deleted_and_the_ledger_says_by_force(
    client: MlflowClient, churn: str
) -> None:
    client.set_registered_model_alias(churn, "champion", 2)

    client.delete_model_version(churn, "2")

    assert client.get_registered_model(churn).aliases == {}
    with pytest.raises(NotFound):
        client.get_model_version(churn, 2)
    newest = client._registry.events.latest(model=churn, limit=1)[0]
    assert (newest.name, newest.data["force"], newest.data["aliases"]) == ("version.deleted", True, ["champion"])


def test_the_catalog_itself_refuses_that_without_force(client: MlflowClient, churn: str) -> None:
    client.set_registered_model_alias(churn, "champion", 2)

    with pytest.raises(Conflict, match="@champion"):
        client._registry.catalog.delete_version(churn, 2)


def test_a_model_goes_with_its_aliases(client: MlflowClient, churn: str) -> None:
    client.set_registered_model_alias(churn, "champion", 2)

    client.delete_registered_model(churn)

    assert client.search_registered_models() == []


def test_stages_move_and_archive(client: MlflowClient, churn: str) -> None:
    client.transition_model_version_stage(churn, "1", "production")
    moved = client.transition_model_version_stage(churn, 2, "Production", archive_existing_versions=True)

    assert moved.current_stage == "Production"
    assert client.get_model_version(churn, 1).current_stage == "Archived"
    assert {found.current_stage: found.version for found in client.get_latest_versions(churn)} == {
        "None": 3,
        "Production": 2,
        "Archived": 1,
    }
    assert [found.version for found in client.get_latest_versions(churn, ["Production"])] == [2]
    assert client.get_model_version_stages(churn, 1) == ["None", "Staging", "Production", "Archived"]
    with pytest.raises(Invalid):
        client.transition_model_version_stage(churn, 1, "live")


def test_tags_and_descriptions_of_versions(client: MlflowClient, churn: str) -> None:
    client.transition_model_version_stage(churn, 2, "Staging")

    client.set_model_version_tag(churn, "1", "a", 1)
    client.set_model_version_tag(churn, key="b", value=2, stage="Staging")
    client.delete_model_version_tag(churn, "1", "lang")
    client.delete_model_version_tag(churn, 1, "never there")
    described = client.update_model_version(churn, 1, "better")

    assert (described.description, described.tags) == ("better", {"a": "1"})
    assert client.get_model_version(churn, 2).tags == {"lang": "en", "b": "2"}
    with pytest.raises(Invalid, match="exactly one"):
        client.set_model_version_tag(churn, key="a", value="b")
    with pytest.raises(NotFound):
        client.set_model_version_tag(churn, key="a", value="b", stage="Archived")


def test_a_version_is_copied_with_what_is_said_about_it(client: MlflowClient, churn: str, run_id: str) -> None:
    client.set_registered_model_alias(churn, "champion", 2)

    copy = client.copy_model_version(f"models:/{churn}@champion", "prod-churn")
    again = client.copy_model_version(f"models:/{churn}/2", "prod-churn")

    assert (copy.name, copy.version, again.version) == ("prod-churn", 1, 2)
    assert (copy.tags, copy.description, copy.run_id) == ({"lang": "en"}, "d", run_id)
    assert copy.digest == client.get_model_version(churn, 2).digest
    assert copy.source == f"models:/{churn}/2"
    with pytest.raises(Invalid):
        client.copy_model_version(f"runs:/{run_id}/model", "prod-churn")
    with pytest.raises(NotFound):
        client.copy_model_version(f"models:/{churn}/9", "prod-churn")


def test_models_and_versions_are_searched(client: MlflowClient, churn: str) -> None:
    client.create_registered_model("other", tags={"a": "b"})

    assert [found.name for found in client.search_registered_models()] == ["churn", "other"]
    assert [found.name for found in client.search_registered_models("tags.a = 'b'")] == ["other"]
    assert [
        found.version for found in client.search_model_versions(f"name = '{churn}'", order_by=["version_number"])
    ] == [
        1,
        2,
        3,
    ]
    page = client.search_model_versions(max_results=2, order_by=["version_number ASC"])
    rest = client.search_model_versions(max_results=2, order_by=["version_number ASC"], page_token=page.token)
    assert ([found.version for found in page], [found.version for found in rest]) == ([1, 2], [3])


def test_models_may_be_registered_in_another_shelf(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    elsewhere = f"sqlite:///{tmp_path}/registry.db"
    both = MlflowClient(client.tracking_uri, elsewhere)
    both.create_registered_model("churn")

    version = both.create_model_version("churn", f"runs:/{run_id}/model", run_id)

    other = MlflowClient(elsewhere)
    assert other.get_model_version("churn", 1) == version
    manifest = other._registry.catalog.manifest("churn", 1)
    assert manifest is not None
    assert [file.path for file in manifest.files] == ["conf/a.yaml", "weights.txt"]
    assert list(other._registry.artifacts.verify()) == []
    session.opened(elsewhere).close()
