"""A training logs itself: the fluent functions from the first line of a script to the end of its process."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import modelshelf
from modelshelf.exceptions import AliasMoved, AlreadyExists, Conflict, Invalid, NotFound
from modelshelf.sdk import session

pytestmark = pytest.mark.usefixtures("chosen_shelf")


def script(code: str, uri: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MODELSHELF_TRACKING_URI": uri, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_run_holds_what_was_logged_to_it() -> None:
    modelshelf.set_experiment("churn")

    with modelshelf.start_run(run_name="first", tags={"team": 7}, description="a try") as run:
        modelshelf.log_param("depth", 4)
        modelshelf.log_params({"rate": 0.1, "layers": [8, 8]})
        modelshelf.log_metric("auc", 0.8, step=1)
        modelshelf.log_metric("auc", np.float32(0.5), step=2)
        modelshelf.log_metrics({"loss": 0.3, "bad": float("nan")})
        modelshelf.set_tags({"a": 1, "b": None})

    found = modelshelf.get_run(run.info.run_id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "first")
    assert found.info.end_time is not None
    assert found.data.params == {"depth": "4", "rate": "0.1", "layers": "[8, 8]"}
    assert (found.data.metrics["auc"], found.data.metrics["loss"]) == (0.5, 0.3)
    assert np.isnan(found.data.metrics["bad"])
    assert {key: found.data.tags[key] for key in ("team", "a", "b")} == {"team": "7", "a": "1", "b": "None"}
    assert found.data.tags["mlflow.note.content"] == "a try"
    assert modelshelf.get_experiment(found.info.experiment_id).name == "churn"


def test_logging_answers_as_mlflow_does() -> None:
    assert modelshelf.log_param("depth", 4) == 4
    assert modelshelf.log_params({"rate": 1}) is None
    assert modelshelf.log_metric("auc", 1, synchronous=False) is None
    assert modelshelf.set_tag("a", "b", synchronous=True) is None


def test_logging_without_a_run_starts_one_that_stays() -> None:
    assert modelshelf.active_run() is None

    modelshelf.log_metric("auc", 0.9)

    active = modelshelf.active_run()
    assert active is not None
    assert modelshelf.get_run(active.info.run_id).data.metrics == {"auc": 0.9}


def test_a_second_run_needs_to_be_nested() -> None:
    with modelshelf.start_run() as outer:
        with pytest.raises(Conflict, match=outer.info.run_id):
            modelshelf.start_run()
        with modelshelf.start_run(nested=True) as inner:
            assert modelshelf.active_run() == inner
        assert modelshelf.active_run() == outer

    assert modelshelf.active_run() is None
    assert modelshelf.get_parent_run(outer.info.run_id) is None
    parent = modelshelf.get_parent_run(inner.info.run_id)
    assert parent is not None
    assert parent.info.run_id == outer.info.run_id


def test_a_run_may_be_put_below_an_earlier_one() -> None:
    with modelshelf.start_run() as parent:
        pass

    with modelshelf.start_run(parent_run_id=parent.info.run_id) as child:
        pass

    assert modelshelf.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_parent_other_than_the_active_run_is_refused() -> None:
    with modelshelf.start_run() as first:
        pass

    with modelshelf.start_run(), pytest.raises(Invalid, match="end it first"):
        modelshelf.start_run(nested=True, parent_run_id=first.info.run_id)


def test_a_deleted_parent_is_refused() -> None:
    with modelshelf.start_run() as parent:
        pass
    modelshelf.delete_run(parent.info.run_id)

    with pytest.raises(Conflict, match="deleted"):
        modelshelf.start_run(parent_run_id=parent.info.run_id)


def test_a_run_is_resumed_by_its_id() -> None:
    with modelshelf.start_run(tags={"a": "1"}) as run:
        pass

    with modelshelf.start_run(run_id=run.info.run_id, tags={"b": "2"}, description="again") as resumed:
        assert resumed.info.status == "RUNNING"
        modelshelf.log_metric("auc", 1)

    found = modelshelf.get_run(run.info.run_id)
    assert (found.info.run_id, found.info.status) == (resumed.info.run_id, "FINISHED")
    assert (found.data.tags["a"], found.data.tags["b"]) == ("1", "2")
    assert found.data.tags["mlflow.note.content"] == "again"


@pytest.mark.parametrize("failure", [ValueError("no data"), KeyboardInterrupt()])
def test_a_run_that_an_exception_leaves_has_failed(failure: BaseException) -> None:
    with pytest.raises(type(failure)), modelshelf.start_run() as run:
        raise failure

    assert modelshelf.get_run(run.info.run_id).info.status == "FAILED"
    assert modelshelf.active_run() is None


def test_end_run_takes_a_status_and_refuses_an_unknown_one() -> None:
    run = modelshelf.start_run()

    with pytest.raises(Invalid, match="WEIRD"):
        modelshelf.end_run("WEIRD")
    modelshelf.end_run("KILLED")
    modelshelf.end_run()

    assert modelshelf.get_run(run.info.run_id).info.status == "KILLED"


def test_a_run_that_was_deleted_meanwhile_leaves_the_stack() -> None:
    run = modelshelf.start_run()
    modelshelf.delete_run(run.info.run_id)

    with pytest.raises(Conflict, match="deleted"):
        modelshelf.end_run()

    assert modelshelf.active_run() is None


def test_the_last_run_is_known_after_its_end() -> None:
    with modelshelf.start_run() as run:
        modelshelf.log_metric("auc", 0.7)

    last = modelshelf.last_active_run()
    assert last is not None
    assert (last.info.run_id, last.info.status, last.data.metrics) == (run.info.run_id, "FINISHED", {"auc": 0.7})


def test_a_run_tells_where_it_comes_from() -> None:
    with modelshelf.start_run() as run:
        pass

    tags = modelshelf.get_run(run.info.run_id).data.tags
    assert tags["mlflow.user"] == run.info.user_id
    assert tags["mlflow.source.type"] == "LOCAL"
    assert tags["modelshelf.python"] == ".".join(map(str, sys.version_info[:3]))
    assert f"pandas=={pd.__version__}" in tags["modelshelf.libraries"]


def test_tags_of_the_caller_win_over_those_that_are_recorded() -> None:
    with modelshelf.start_run(tags={"mlflow.user": "ada", "mlflow.source.name": "train.py"}) as run:
        pass

    found = modelshelf.get_run(run.info.run_id)
    assert (found.info.user_id, found.data.tags["mlflow.source.name"]) == ("ada", "train.py")


def test_each_thread_has_runs_of_its_own() -> None:
    barrier = threading.Barrier(4)

    def train(number: int) -> str:
        with modelshelf.start_run(run_name=f"r{number}") as run:
            barrier.wait(timeout=30)
            for step in range(5):
                modelshelf.log_metric("loss", number, step=step)
        return run.info.run_id

    with modelshelf.start_run() as main, ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(train, range(4)))

    runs = [modelshelf.get_run(run_id) for run_id in ids]
    assert [run.data.metrics for run in runs] == [{"loss": float(number)} for number in range(4)]
    assert all(run.info.status == "FINISHED" for run in runs)
    assert modelshelf.get_run(main.info.run_id).data.metrics == {}


def test_threads_log_to_a_run_that_they_are_told() -> None:
    client = modelshelf.MlflowClient()

    with modelshelf.start_run() as run, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: modelshelf.log_metric("m", n, step=n, run_id=run.info.run_id), range(20)))
        list(pool.map(lambda n: client.log_param(run.info.run_id, f"p{n}", n), range(20)))

    found = modelshelf.get_run(run.info.run_id)
    assert found.data.metrics == {"m": 19.0}
    assert len(found.data.params) == 20


def test_the_active_run_keeps_its_shelf_when_another_is_chosen(tmp_path: Path, chosen_shelf: str) -> None:
    with modelshelf.start_run() as run:
        modelshelf.set_tracking_uri(tmp_path / "other.db")
        modelshelf.log_metric("auc", 1)

    assert modelshelf.MlflowClient(chosen_shelf).get_run(run.info.run_id).data.metrics == {"auc": 1.0}


def test_a_script_that_just_ends_leaves_no_run_going_on(chosen_shelf: str) -> None:
    code = """
import modelshelf, threading
modelshelf.start_run(run_name="outer")
modelshelf.start_run(run_name="inner", nested=True)
thread = threading.Thread(target=modelshelf.start_run, kwargs={"run_name": "elsewhere"})
thread.start(); thread.join()
"""

    finished = script(code, chosen_shelf)

    assert finished.returncode == 0, finished.stderr
    runs = modelshelf.search_runs(["0"], output_format="list")
    assert {run.info.run_name: run.info.status for run in runs} == dict.fromkeys(
        ("outer", "inner", "elsewhere"), "FINISHED"
    )


def test_an_interrupted_script_leaves_its_run_failed(chosen_shelf: str) -> None:
    code = f"""
import modelshelf, os, signal
with modelshelf.start_run():
    modelshelf.log_metric("a", 1)
    os.kill(os.getpid(), {int(signal.SIGINT)})
    while True: pass
"""

    finished = script(code, chosen_shelf)

    assert finished.returncode != 0
    (run,) = modelshelf.search_runs(["0"], output_format="list")
    assert (run.info.status, run.data.metrics) == ("FAILED", {"a": 1.0})


def test_a_forked_process_leaves_the_run_of_its_parent_alone(chosen_shelf: str) -> None:
    code = """
import modelshelf, os, sys
modelshelf.start_run(run_name="parent")
child = os.fork()
if not child:
    assert modelshelf.active_run() is None
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
run = modelshelf.active_run()
assert modelshelf.get_run(run.info.run_id).info.status == "RUNNING"
modelshelf.end_run("KILLED")
"""

    finished = script(code, chosen_shelf)

    assert finished.returncode == 0, finished.stderr
    (run,) = modelshelf.search_runs(["0"], output_format="list")
    assert run.info.status == "KILLED"


def test_the_environment_names_the_experiment_and_the_run_to_resume(chosen_shelf: str) -> None:
    with modelshelf.start_run() as run:
        pass
    code = """
import modelshelf
with modelshelf.start_run() as first: pass
with modelshelf.start_run() as second: pass
print(first.info.run_id, second.info.run_id, modelshelf.get_experiment(second.info.experiment_id).name)
"""

    finished = script(code, chosen_shelf, MLFLOW_RUN_ID=run.info.run_id, MLFLOW_EXPERIMENT_NAME="from outside")

    first, second, name = finished.stdout.split(maxsplit=2)
    assert first == run.info.run_id != second
    assert name.strip() == "from outside"


def test_set_experiment_makes_what_is_not_there_and_finds_what_is() -> None:
    made = modelshelf.set_experiment("new")
    again = modelshelf.set_experiment("new")
    by_id = modelshelf.set_experiment(experiment_id=made.experiment_id)

    assert made == again == by_id
    assert made.artifact_location == f"mlflow-artifacts:/{made.experiment_id}"
    with pytest.raises(Invalid):
        modelshelf.set_experiment()
    with pytest.raises(NotFound):
        modelshelf.set_experiment(experiment_id="4711")


def test_a_deleted_experiment_cannot_be_set_and_can_be_restored() -> None:
    made = modelshelf.create_experiment("gone", tags={"a": 1})
    modelshelf.delete_experiment(made)

    with pytest.raises(Conflict, match="deleted"):
        modelshelf.set_experiment("gone")
    modelshelf.restore_experiment(made)

    assert modelshelf.set_experiment("gone").tags == {"a": "1"}
    with pytest.raises(AlreadyExists):
        modelshelf.create_experiment("gone")


def test_tags_of_the_experiment_in_force() -> None:
    modelshelf.set_experiment("tagged")

    modelshelf.set_experiment_tags({"a": 1, "b": 2})
    modelshelf.delete_experiment_tag("a")

    found = modelshelf.get_experiment_by_name("tagged")
    assert found is not None
    assert found.tags == {"b": "2"}
    assert modelshelf.get_experiment_by_name("untagged") is None


def test_a_place_for_artifacts_is_not_used_and_that_is_told() -> None:
    with pytest.warns(UserWarning, match="s3://bucket"):
        modelshelf.create_experiment("elsewhere", artifact_location="s3://bucket")


def test_a_param_keeps_its_value() -> None:
    with modelshelf.start_run():
        modelshelf.log_param("depth", 4)
        modelshelf.log_param("depth", 4)

        with pytest.raises(Invalid, match="depth"):
            modelshelf.log_param("depth", 5)


@pytest.mark.parametrize("value", ["much", None, [1, 2]])
def test_a_metric_must_be_a_number(value: object) -> None:
    with modelshelf.start_run(), pytest.raises(Invalid, match="'auc' must be a number"):
        modelshelf.log_metric("auc", value)  # type: ignore[arg-type]


def test_more_than_fits_into_one_batch_is_logged() -> None:
    with modelshelf.start_run() as run:
        modelshelf.log_params({f"p{n}": n for n in range(250)})
        modelshelf.set_tags({f"t{n}": n for n in range(150)})
        modelshelf.log_metrics({f"m{n}": n for n in range(1200)})

    data = modelshelf.get_run(run.info.run_id).data
    assert (len(data.params), len(data.metrics)) == (250, 1200)
    assert data.tags["t149"] == "149"


def test_a_logged_metric_is_one_write_and_no_read() -> None:
    with modelshelf.start_run() as run:
        modelshelf.log_metric("auc", 0.1)
        database = session.tracking()._database
        opened: list[str] = []
        reads, writes = database.read, database.write
        database.read = lambda: (opened.append("read"), reads())[1]  # type: ignore[method-assign]
        database.write = lambda: (opened.append("write"), writes())[1]  # type: ignore[method-assign]
        modelshelf.log_metric("auc", 0.2)
        modelshelf.log_metrics({"auc": 0.3, "loss": 1.0})

    assert opened[:2] == ["write", "write"]
    assert modelshelf.get_run(run.info.run_id).data.metrics == {"auc": 0.3, "loss": 1.0}


def test_system_metrics_are_not_recorded_and_that_is_told() -> None:
    with pytest.warns(UserWarning, match="system metrics"), modelshelf.start_run(log_system_metrics=True) as run:
        pass

    assert modelshelf.get_run(run.info.run_id).info.status == "FINISHED"


def test_moves_have_reasons_and_a_history() -> None:
    with modelshelf.start_run() as run:
        modelshelf.log_text("weights", "model/w.txt")
    for _ in range(2):
        modelshelf.register_model(f"runs:/{run.info.run_id}/model", "churn")

    modelshelf.promote("churn", 1, alias="champion", reason="first")
    modelshelf.promote("churn", "2", alias="champion", reason="better", if_current=1)
    with pytest.raises(AliasMoved):
        modelshelf.promote("churn", 1, alias="champion", if_current=1)
    modelshelf.rollback("churn", "champion", reason="worse")
    modelshelf.set_model_version_tag("churn", 2, "checked", True)

    assert modelshelf.resolve("models:/churn@champion").version.number == 1
    assert [(move.before, move.after, move.reason) for move in modelshelf.history("churn", alias="champion")] == [
        (2, 1, "worse"),
        (1, 2, "better"),
        (None, 1, "first"),
    ]
    assert modelshelf.MlflowClient().get_model_version("churn", 2).tags == {"checked": "True"}
