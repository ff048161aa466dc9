"""Experiments, runs and logged models, on every kind of shelf."""

import itertools
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelshelf.blobs.local import LocalBlobStore
from modelshelf.database.database import Database
from modelshelf.database.migrations import migrate
from modelshelf.database.postgres import PostgresDatabase
from modelshelf.database.sqlite import SqliteDatabase
from modelshelf.database.tracking import runs_by_ids
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from modelshelf.domain.tracking import (
    Dataset,
    DatasetInput,
    Lifecycle,
    LoggedModelStatus,
    MetricPoint,
    ModelOutput,
    Registration,
    RunStatus,
)
from modelshelf.services.registry import Registry
from modelshelf.services.tracking import Tracking
from shelves import AsActor

LARGEST = 1.7976931348623157e308


@pytest.fixture
def embedded(database_uri: str, tmp_path: Path) -> Iterator[Registry]:
    """A shelf whose clock goes on with every look at it, acted on by ann, who is a contributor."""
    sqlite = database_uri.startswith("sqlite")
    opened = SqliteDatabase(Path(database_uri.removeprefix("sqlite:///"))) if sqlite else PostgresDatabase(database_uri)
    migrate(opened, now_ms=5, place=database_uri)
    ticks, numbers = itertools.count(1_000), itertools.count(1)
    with Registry(
        opened,
        LocalBlobStore(tmp_path / "blobs"),
        actor=Actor("ann", Role.CONTRIBUTOR),
        clock=lambda: next(ticks),
        entropy=lambda size: next(numbers).to_bytes(size, "big"),
    ) as shelf:
        yield shelf


@pytest.fixture
def database(embedded: Registry) -> Database:
    return embedded._database


@pytest.fixture
def tracking(registry: Registry) -> Tracking:
    return registry.tracking


def events(database: Database) -> list[tuple[str, str]]:
    with database.read() as tx:
        return [(row["name"], row["subject"]) for row in tx.all("SELECT name, subject FROM events ORDER BY id")]


def rows(database: Database, sql: str, **parameters: Any) -> int:
    with database.read() as tx:
        found = tx.one(sql, **parameters)
    assert found is not None
    return int(found["n"])


def test_the_default_experiment_is_there_from_the_start(tracking: Tracking) -> None:
    default = tracking.experiment("0")

    assert (default.name, default.lifecycle, default.artifact_root) == ("Default", Lifecycle.ACTIVE, "0")
    assert tracking.experiment_by_name("Default") == default


def test_an_experiment_is_made_with_tags_and_found_by_id_and_name(tracking: Tracking, database: Database) -> None:
    made = tracking.create_experiment("price é", tags={"team": "b", "a/b": ""})

    assert tracking.experiment(made.id) == tracking.experiment_by_name("price é") == made
    assert (made.tags, made.created_ms, made.updated_ms) == ({"team": "b", "a/b": ""}, 1000, 1000)
    assert events(database) == [("experiment.created", f"experiments/{made.id}")]


def test_an_experiments_name_is_unique_even_among_the_deleted(tracking: Tracking) -> None:
    first, second = tracking.create_experiment("a"), tracking.create_experiment("b")
    tracking.delete_experiment(first.id)

    with pytest.raises(AlreadyExists, match="'a' exists already"):
        tracking.create_experiment("a")
    with pytest.raises(AlreadyExists):
        tracking.rename_experiment(second.id, "a")
    assert tracking.rename_experiment(second.id, "b").name == "b"


@pytest.mark.parametrize("bad", ["", "x" * 501, "a\0b", None, 5])
def test_a_bad_experiment_name_is_refused(tracking: Tracking, bad: Any) -> None:
    with pytest.raises(Invalid):
        tracking.create_experiment(bad)


@pytest.mark.parametrize("missing", ["99999", "-1", str(2**63), str(2**70), "9" * 5000])
def test_an_experiment_that_is_not_there_is_not_found(tracking: Tracking, missing: str) -> None:
    with pytest.raises(NotFound):
        tracking.experiment(missing)


@pytest.mark.parametrize("bad", ["x", "", "1.5", "0x1", " 1", "\u0661", None, 0])
def test_an_experiment_id_must_be_a_whole_number_in_a_text(tracking: Tracking, bad: Any) -> None:
    with pytest.raises(Invalid, match="must be a whole number"):
        tracking.experiment(bad)


def test_an_unknown_experiment_name_is_answered_with_the_nearest(tracking: Tracking) -> None:
    tracking.create_experiment("churn-weekly")

    with pytest.raises(NotFound, match="did you mean 'churn-weekly'"):
        tracking.experiment_by_name("churn-weakly")


def test_an_experiment_is_renamed_and_tagged(tracking: Tracking, database: Database) -> None:
    made = tracking.create_experiment("a", tags={"k": "v"})

    tracking.rename_experiment(made.id, "b")
    tracking.tag_experiment(made.id, "k", "w" * 20_000)
    tracking.tag_experiment(made.id, "other", "x")
    tracking.untag_experiment(made.id, "other")

    assert tracking.experiment_by_name("b").tags == {"k": "w" * 20_000}
    assert [name for name, _ in events(database)] == ["experiment.created"] + ["experiment.updated"] * 4
    with pytest.raises(NotFound, match="no tag 'other'"):
        tracking.untag_experiment(made.id, "other")
    with pytest.raises(Invalid):
        tracking.tag_experiment(made.id, "k", "w" * 20_001)
    with pytest.raises(Invalid):
        tracking.tag_experiment(made.id, "../k", "w")


def test_deleting_and_restoring_an_experiment_takes_its_runs_along(tracking: Tracking, database: Database) -> None:
    made = tracking.create_experiment("a")
    run = tracking.start_run(made.id)

    tracking.delete_experiment(made.id)

    assert tracking.experiment(made.id).lifecycle is Lifecycle.DELETED
    assert tracking.run(run.id).lifecycle is Lifecycle.DELETED
    for write in (
        lambda: tracking.start_run(made.id),
        lambda: tracking.create_logged_model(made.id),
        lambda: tracking.rename_experiment(made.id, "q"),
        lambda: tracking.tag_experiment(made.id, "k", "v"),
        lambda: tracking.untag_experiment(made.id, "k"),
    ):
        with pytest.raises(Conflict, match="is deleted"):
            write()
    with pytest.raises(NotFound, match="no active experiment"):
        tracking.delete_experiment(made.id)

    tracking.restore_experiment(made.id)

    assert tracking.run(run.id).lifecycle is Lifecycle.ACTIVE
    assert [name for name, _ in events(database)][-2:] == ["experiment.deleted", "experiment.restored"]
    with pytest.raises(NotFound, match="no deleted experiment"):
        tracking.restore_experiment(made.id)


def test_a_run_starts_with_a_random_name_in_its_tag_too(tracking: Tracking, database: Database) -> None:
    run = tracking.start_run("0", tags={"k": "v"})

    assert tracking.run(run.id) == run
    assert run.status is RunStatus.RUNNING
    assert (run.user, run.started_ms, run.ended_ms) == ("ann", 1000, None)
    assert run.tags == {"k": "v", "mlflow.runName": run.name}
    assert run.artifact_root == f"0/{run.id}/artifacts"
    assert events(database) == [("run.created", f"runs/{run.id}")]


def test_a_runs_name_comes_from_the_argument_or_the_tag(tracking: Tracking) -> None:
    by_tag = tracking.start_run("0", user="bo", started_ms=5, tags={"mlflow.runName": "tagged"})
    by_both = tracking.start_run("0", name="same", tags={"mlflow.runName": "same"})

    assert (by_tag.name, by_tag.user, by_tag.started_ms) == ("tagged", "bo", 5)
    assert by_both.name == "same"
    with pytest.raises(Invalid, match="two names"):
        tracking.start_run("0", name="one", tags={"mlflow.runName": "two"})


def test_a_runs_name_and_its_tag_move_together(tracking: Tracking) -> None:
    run = tracking.start_run("0", name="first")

    renamed = tracking.update_run(run.id, name="second")
    tracking.tag_run(run.id, {"mlflow.runName": "third", "k": "v"})
    unchanged = tracking.update_run(run.id, name="")
    tracking.tag_run(run.id, {"mlflow.runName": ""})

    assert (renamed.name, renamed.tags["mlflow.runName"]) == ("second", "second")
    assert (unchanged.name, unchanged.tags) == ("third", {"mlflow.runName": "third", "k": "v"})
    assert tracking.run(run.id) == unchanged


def test_a_run_is_finished_and_may_be_resumed(tracking: Tracking, database: Database) -> None:
    run = tracking.start_run("0")

    finished = tracking.update_run(run.id, status="FINISHED", ended_ms=99)
    tracking.update_run(run.id, status=RunStatus.FINISHED)
    resumed = tracking.update_run(run.id, status="RUNNING")

    assert (finished.status, finished.ended_ms) == (RunStatus.FINISHED, 99)
    assert (resumed.status, resumed.ended_ms) == (RunStatus.RUNNING, 99)
    assert [name for name, _ in events(database)] == ["run.created", "run.finished"]
    with pytest.raises(Invalid, match="RUNNING, SCHEDULED, FINISHED, FAILED, KILLED"):
        tracking.update_run(run.id, status="finished")


def test_a_deleted_run_is_read_only_until_it_is_restored(tracking: Tracking, database: Database) -> None:
    run = tracking.start_run("0", tags={"t": "1"})
    tracking.delete_run(run.id)
    tracking.delete_run(run.id)

    assert tracking.run(run.id).lifecycle is Lifecycle.DELETED
    for write in (
        lambda: tracking.log_metrics(run.id, [MetricPoint("m", 1.0, 1)]),
        lambda: tracking.log_params(run.id, {"p": "v"}),
        lambda: tracking.tag_run(run.id, {"t": "2"}),
        lambda: tracking.untag_run(run.id, "t"),
        lambda: tracking.update_run(run.id, status="FINISHED"),
        lambda: tracking.log_inputs(run.id),
        lambda: tracking.log_outputs(run.id, []),
    ):
        with pytest.raises(Conflict, match="is deleted"):
            write()

    tracking.restore_run(run.id)
    tracking.restore_run(run.id)

    assert tracking.run(run.id) == run
    assert [name for name, _ in events(database)] == ["run.created", "run.deleted", "run.restored"]


@pytest.mark.parametrize("missing", ["", "x", "0" * 32])
def test_a_run_that_is_not_there_is_not_found(tracking: Tracking, missing: str) -> None:
    for use in (
        lambda: tracking.run(missing),
        lambda: tracking.update_run(missing),
        lambda: tracking.log_batch(missing),
        lambda: tracking.untag_run(missing, "k"),
        lambda: tracking.log_inputs(missing),
        lambda: tracking.log_outputs(missing, [ModelOutput("m")]),
        lambda: tracking.delete_run(missing),
        lambda: tracking.restore_run(missing),
    ):
        with pytest.raises(NotFound, match="no run with the id"):
            use()


def test_the_latest_point_has_the_highest_step_then_time_then_value(tracking: Tracking) -> None:
    run = tracking.start_run("0")

    seen = []
    for time_ms, step, value in [
        (1, 0, 1.0),
        (3, 1, 3.0),
        (2, 5, 2.0),
        (9, 3, 9.0),
        (2, 5, 1.0),
        (2, 5, 4.0),
        (0, 6, 0.0),
    ]:
        tracking.log_metrics(run.id, [MetricPoint("m", value, time_ms, step)])
        seen.append(tracking.run(run.id).metrics["m"].value)

    assert seen == [1.0, 3.0, 2.0, 2.0, 2.0, 4.0, 0.0]


def test_in_one_batch_the_latest_point_wins_too(tracking: Tracking) -> None:
    run = tracking.start_run("0")

    tracking.log_metrics(run.id, [MetricPoint("m", 5.0, 1, 5), MetricPoint("m", 1.0, 9, 2), MetricPoint("n", 1.0, 1)])

    assert tracking.run(run.id).metrics == {"m": MetricPoint("m", 5.0, 1, 5), "n": MetricPoint("n", 1.0, 1)}


def test_nan_is_kept_and_infinity_becomes_the_largest_number(tracking: Tracking) -> None:
    run = tracking.start_run("0")
    values = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "big": 10**400, "tiny": 1e-320, "exact": 0.1 + 0.2}

    tracking.log_metrics(run.id, [MetricPoint(key, value, 1) for key, value in values.items()])

    latest = {key: point.value for key, point in tracking.run(run.id).metrics.items()}
    assert math.isnan(latest.pop("nan"))
    assert latest == {"inf": LARGEST, "-inf": -LARGEST, "big": LARGEST, "tiny": 1e-320, "exact": 0.1 + 0.2}


def test_nan_counts_as_zero_among_points_of_one_instant(tracking: Tracking) -> None:
    run = tracking.start_run("0")

    tracking.log_metrics(run.id, [MetricPoint("m", -1.0, 1)])
    tracking.log_metrics(run.id, [MetricPoint("m", math.nan, 1)])
    was_nan = math.isnan(tracking.run(run.id).metrics["m"].value)
    tracking.log_metrics(run.id, [MetricPoint("m", 1.0, 1), MetricPoint("m", math.nan, 1)])

    assert was_nan
    assert tracking.run(run.id).metrics["m"].value == 1.0


def test_the_same_point_is_stored_once(tracking: Tracking) -> None:
    run = tracking.start_run("0")
    batch = [MetricPoint("m", 1.0, 1, 1), MetricPoint("m", math.nan, 1, 1), MetricPoint("m", 1.0, 1, 1)]

    for _ in range(3):
        tracking.log_metrics(run.id, batch)

    history = tracking.metric_history(run.id, "m").items
    assert [str(point.value) for point in history] == ["nan", "1.0"]


def test_a_history_is_in_order_of_time_step_and_value_and_comes_in_pages(tracking: Tracking) -> None:
    run = tracking.start_run("0")
    points = [MetricPoint("m", float(value), time, step) for time in (2, 1) for step in (3, -1) for value in (7, -7, 0)]
    tracking.log_metrics(run.id, [*points, MetricPoint("m", math.nan, 1, 3), MetricPoint("other", 1.0, 1)])

    whole = tracking.metric_history(run.id, "m")
    pages: list[MetricPoint] = []
    token: str | None = None
    while True:
        page = tracking.metric_history(run.id, "m", limit=3, page_token=token)
        pages += page.items
        token = page.next_token
        if token is None:
            break

    assert [repr(point) for point in pages] == [repr(point) for point in whole.items]
    places = [(point.time_ms, point.step, point.value) for point in pages if not math.isnan(point.value)]
    assert places == sorted((point.time_ms, point.step, point.value) for point in points)
    assert len(pages) == 13
    assert math.isnan(pages[5].value)
    assert tracking.metric_history(run.id, "m", limit=13).next_token is None


def test_a_history_takes_only_its_own_tokens(tracking: Tracking) -> None:
    run = tracking.start_run("0")
    tracking.log_metrics(run.id, [MetricPoint(key, float(step), 1, step) for key in "ab" for step in range(3)])
    token = tracking.metric_history(run.id, "a", limit=1).next_token

    with pytest.raises(Invalid, match="belongs to another query"):
        tracking.metric_history(run.id, "b", limit=1, page_token=token)
    with pytest.raises(Invalid, match="not a page token"):
        tracking.metric_history(run.id, "a", page_token="garbage")
    with pytest.raises(Invalid, match="at least 1"):
        tracking.metric_history(run.id, "a", limit=0)
    assert tracking.metric_history("0" * 32, "a").items == ()


def test_params_are_written_once(tracking: Tracking) -> None:
    run = tracking.start_run("0")
    tracking.log_params(run.id, {"lr": "0.1", "empty": ""})

    tracking.log_params(run.id, {"lr": "0.1", "LR": "9"})

    with pytest.raises(Invalid, match=r"'lr' of run .* is '0\.1' and cannot become '0\.2'"):
        tracking.log_params(run.id, {"new": "1", "lr": "0.2"})
    assert tracking.run(run.id).params == {"lr": "0.1", "empty": "", "LR": "9"}


def test_a_batch_is_logged_whole_or_not_at_all(tracking: Tracking) -> None:
    run = tracking.start_run("0", name="r")
    tracking.log_params(run.id, {"p": "1"})
    before = tracking.run(run.id)

    bad_batches: list[Any] = [
        {"metrics": [MetricPoint("m", 1.0, 1), MetricPoint("../m", 1.0, 1)]},
        {"metrics": [MetricPoint("m", 1.0, 1)], "params": {"new": "1", "p": "2"}, "tags": {"t": "1"}},
        {"metrics": [MetricPoint("m", 1.0, 1)], "tags": {"": "1"}},
    ]

    for bad in bad_batches:
        with pytest.raises(Invalid):
            tracking.log_batch(run.id, **bad)
    with pytest.raises(NotFound, match="no logged model"):
        tracking.log_metrics(run.id, [MetricPoint("m", 1.0, 1, logged_model="m-nope")])

    assert tracking.run(run.id) == before
    assert tracking.metric_history(run.id, "m").items == ()


def test_a_full_batch_is_logged(tracking: Tracking) -> None:
    run = tracking.start_run("0", name="r")
    points = [MetricPoint(f"m{number}", float(number), 1) for number in range(800)]
    params = {f"p{number}": str(number) for number in range(100)}
    tags = {f"t{number}": str(number) for number in range(100)}

    tracking.log_batch(run.id, metrics=points, params=params, tags=tags)

    logged = tracking.run(run.id)
    assert logged.metrics == {point.key: point for point in points}
    assert logged.params == params
    assert logged.tags == {**tags, "mlflow.runName": "r"}
    with pytest.raises(Invalid, match="1,001 metrics, params and tags together; the limit is 1,000"):
        tracking.log_batch(run.id, metrics=[*points, MetricPoint("x", 1.0, 1)], params=params, tags=tags)


def test_values_as_long_as_the_limits_are_stored_and_indexed(tracking: Tracking) -> None:
    run = tracking.start_run("0", name="n" * 9_000)
    key = "é" * 250

    tracking.log_batch(run.id, params={key: "🙂" * 6_001}, tags={key: "🙂" * 8_001})
    tracking.log_metrics(run.id, [MetricPoint(key, 1.0, 2**63 - 1, -(2**63))])

    logged = tracking.run(run.id)
    assert (logged.params[key], logged.tags[key]) == ("🙂" * 6_000, "🙂" * 8_000)
    assert logged.name == logged.tags["mlflow.runName"] == "n" * 8_000
    assert logged.metrics[key] == MetricPoint(key, 1.0, 2**63 - 1, -(2**63))


def test_a_tag_is_overwritten_and_removed(tracking: Tracking) -> None:
    run = tracking.start_run("0", name="r", tags={"k": "v"})

    tracking.tag_run(run.id, {"k": "w", "team": "x"})
    tracking.untag_run(run.id, "k")

    assert tracking.run(run.id).tags == {"team": "x", "mlflow.runName": "r"}
    with pytest.raises(NotFound, match="no tag 'taem' \\(did you mean 'team'"):
        tracking.untag_run(run.id, "taem")


def test_datasets_are_unique_in_an_experiment_by_name_and_digest(tracking: Tracking, database: Database) -> None:
    runs = [tracking.start_run("0"), tracking.start_run("0")]
    first = DatasetInput(Dataset("a", "d1", "local", "src", "sc", "pr"), {"mlflow.data.context": "train"})
    again = DatasetInput(Dataset("a", "d1", "http", "other"), {"mlflow.data.context": "test"})
    others = [DatasetInput(Dataset(name, digest, "local", "src")) for name, digest in (("b", "d1"), ("a", "d2"))]

    tracking.log_inputs(runs[0].id, datasets=[first, again, *others])
    tracking.log_inputs(runs[0].id, datasets=[again])
    tracking.log_inputs(runs[1].id, datasets=[again])

    assert tracking.run(runs[0].id).inputs == (first, *others)
    assert tracking.run(runs[1].id).inputs == (DatasetInput(first.dataset, again.tags),)
    assert rows(database, "SELECT COUNT(*) AS n FROM datasets") == 3
    with pytest.raises(Invalid, match="digest"):
        tracking.log_inputs(runs[0].id, datasets=[DatasetInput(Dataset("a", "d" * 37, "local", "src"))])


def test_a_run_knows_the_models_that_it_used_and_made(tracking: Tracking) -> None:
    run = tracking.start_run("0")

    tracking.log_inputs(run.id, models=["m-2", "m-1"])
    tracking.log_inputs(run.id, models=["m-1"])
    tracking.log_outputs(run.id, [ModelOutput("m-4", 3), ModelOutput("m-3")])

    seen = tracking.run(run.id)
    assert seen.model_inputs == ("m-1", "m-2")
    assert seen.outputs == (ModelOutput("m-3"), ModelOutput("m-4", 3))
    with pytest.raises(AlreadyExists, match="m-4 is an output"):
        tracking.log_outputs(run.id, [ModelOutput("m-5"), ModelOutput("m-4", 9)])
    assert tracking.run(run.id) == seen


def test_a_logged_model_is_made_pending_and_finalized(tracking: Tracking, database: Database) -> None:
    run = tracking.start_run("0")

    made = tracking.create_logged_model(
        "0", name="lm", run_id=run.id, model_type="Agent", tags={"": "x"}, params={"../p": "v" * 9_000}
    )
    finalized = tracking.finalize_logged_model(made.id, "READY")

    assert made.status is LoggedModelStatus.PENDING
    assert (made.tags, made.params) == ({"": "x"}, {"../p": "v" * 9_000})
    assert made.artifact_root == f"0/models/{made.id}/artifacts"
    assert tracking.logged_model(made.id) == finalized
    assert (finalized.status, finalized.updated_ms > made.updated_ms) == (LoggedModelStatus.READY, True)
    assert tracking.finalize_logged_model(made.id, "FAILED", message="no disk").status_message == "no disk"
    subject = f"logged_models/{made.id}"
    assert events(database)[1:] == [
        ("logged_model.created", subject),
        ("logged_model.finalized", subject),
        ("logged_model.finalized", subject),
    ]


@pytest.mark.parametrize("bad", ["a/b", "a:b", "a.b", "a%b", "a'b", 'a"b', "x" * 1_025])
def test_a_logged_models_name_must_fit_into_a_uri(tracking: Tracking, bad: str) -> None:
    with pytest.raises(Invalid, match="name"):
        tracking.create_logged_model("0", name=bad)


def test_logged_models_may_share_a_name_and_a_run_names_its_newest(tracking: Tracking) -> None:
    run = tracking.start_run("0")
    first = tracking.create_logged_model("0", name="model", run_id=run.id)
    second = tracking.create_logged_model("0", name="model", run_id=run.id)
    tracking.create_logged_model("0", name="model")

    newest = tracking.logged_model_of(run.id, "model")
    tracking.delete_logged_model(second.id)

    assert newest == second
    assert tracking.logged_model_of(run.id, "model") == first
    with pytest.raises(NotFound, match="did you mean 'model'"):
        tracking.logged_model_of(run.id, "modle")


def test_what_was_measured_on_a_logged_model_is_kept_with_it_and_with_the_run(tracking: Tracking) -> None:
    run = tracking.start_run("0")
    model = tracking.create_logged_model("0", run_id=run.id)
    points = [
        MetricPoint("acc", 0.5, 1, 2, logged_model=model.id, dataset_name="a", dataset_digest="d1"),
        MetricPoint("acc", math.nan, 2, 2, logged_model=model.id),
        MetricPoint("loss", 1.0, 1),
    ]

    tracking.log_metrics(run.id, points)
    tracking.log_metrics(run.id, points)

    seen = tracking.logged_model(model.id).metrics
    assert seen[0] == MetricPoint("acc", 0.5, 1, 2, model.id, "a", "d1", run.id)
    assert [point.key for point in seen] == ["acc", "acc"]
    assert math.isnan(seen[1].value)
    assert tracking.run(run.id).metrics["loss"] == MetricPoint("loss", 1.0, 1)
    assert [point.logged_model for point in tracking.metric_history(run.id, "acc").items] == ["", ""]


def test_a_logged_model_knows_the_versions_that_were_made_of_it(tracking: Tracking, database: Database) -> None:
    model = tracking.create_logged_model("0")
    with database.write() as tx:
        tx.execute(
            """
            INSERT INTO registered_models (name, description, created_ms, updated_ms, created_by)
            VALUES ('churn', '', 1, 1, 'ann')
            """
        )
        tx.execute(
            """
            INSERT INTO model_versions (
                model_id, number, size, source, origin, run_id, run_link, logged_model, description, stage,
                created_ms, updated_ms, created_by
            )
            SELECT id, 3, 0, '', '', '', '', :model, '', 'None', 1, 1, 'ann' FROM registered_models
            """,
            model=model.id,
        )

    assert tracking.logged_model(model.id).registrations == (Registration("churn", 3),)


def test_tags_and_params_of_a_logged_model(tracking: Tracking) -> None:
    model = tracking.create_logged_model("0", tags={"k": "v"}, params={"p": "1"})

    tagged = tracking.tag_logged_model(model.id, {"k": "w", "team": "x"})
    tracking.untag_logged_model(model.id, "k")
    tracking.log_model_params(model.id, {"q": "2"})

    assert tagged.tags == {"k": "w", "team": "x"}
    with pytest.raises(NotFound, match="no tag 'k'"):
        tracking.untag_logged_model(model.id, "k")
    with pytest.raises(AlreadyExists, match="the params p already"):
        tracking.log_model_params(model.id, {"a": "1", "p": "1"})
    seen = tracking.logged_model(model.id)
    assert (seen.tags, seen.params) == ({"team": "x"}, {"p": "1", "q": "2"})


def test_a_deleted_logged_model_is_not_found_but_may_be_finalized_and_deleted_again(
    tracking: Tracking, database: Database
) -> None:
    model = tracking.create_logged_model("0")

    tracking.delete_logged_model(model.id)
    tracking.delete_logged_model(model.id)

    with pytest.raises(NotFound):
        tracking.logged_model(model.id)
    assert tracking.finalize_logged_model(model.id, "READY").lifecycle is Lifecycle.DELETED
    assert [name for name, _ in events(database)].count("logged_model.deleted") == 1


def test_a_logged_model_that_is_not_there_is_not_found(tracking: Tracking) -> None:
    for use in (
        lambda: tracking.logged_model("m-nope"),
        lambda: tracking.finalize_logged_model("m-nope", "READY"),
        lambda: tracking.tag_logged_model("m-nope", {}),
        lambda: tracking.untag_logged_model("m-nope", "k"),
        lambda: tracking.log_model_params("m-nope", {}),
        lambda: tracking.delete_logged_model("m-nope"),
    ):
        with pytest.raises(NotFound, match="no logged model"):
            use()


def test_a_reader_reads_and_writes_nothing(tracking: Tracking, as_actor: AsActor) -> None:
    run, reader = tracking.start_run("0"), as_actor("ann", Role.READER).tracking

    assert reader.run(run.id) == run
    for write in (
        lambda: reader.create_experiment("a"),
        lambda: reader.start_run("0"),
        lambda: reader.log_batch(run.id),
        lambda: reader.delete_run(run.id),
        lambda: reader.create_logged_model("0"),
    ):
        with pytest.raises(Forbidden):
            write()


def test_many_runs_are_loaded_whole_in_the_order_asked_for(tracking: Tracking, database: Database) -> None:
    runs = [tracking.start_run("0") for _ in range(5)]
    for number, run in enumerate(runs):
        tracking.log_batch(run.id, metrics=[MetricPoint("m", float(number), 1)], params={"p": str(number)})
        tracking.log_outputs(run.id, [ModelOutput(f"m-{number}")])
    wanted = [runs[3].id, "missing", runs[0].id, runs[4].id]

    with database.read() as tx:
        loaded = runs_by_ids(tx, wanted)
        none = runs_by_ids(tx, [])

    assert loaded == [tracking.run(run_id) for run_id in wanted if run_id != "missing"]
    assert none == []


def test_threads_that_log_to_one_run_lose_nothing(tracking: Tracking) -> None:
    run = tracking.start_run("0", name="r")
    failures: list[BaseException] = []

    def log(worker: int) -> None:
        try:
            for step in range(5):
                points = [MetricPoint(f"m{number}", float(worker), step, step) for number in range(10)]
                tracking.log_batch(
                    run.id, metrics=points, params={"same": "v", f"p{worker}": "v"}, tags={"t": str(worker)}
                )
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=log, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    logged = tracking.run(run.id)
    assert failures == []
    assert {point.value for point in logged.metrics.values()} == {7.0}
    assert len(logged.params) == 9
    assert len(tracking.metric_history(run.id, "m3").items) == 40
