"""Datasets and models beside the runs, and the searches over all of them."""

import numpy as np
import pandas as pd
import pytest

import modelshelf
from modelshelf.entities import LoggedModelOutput, Metric
from modelshelf.exceptions import Invalid

pytestmark = pytest.mark.usefixtures("chosen_shelf")


def test_datasets_are_recorded_once() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]})
    train = modelshelf.data.from_pandas(frame, source="s3://bucket/x.csv", name="train", targets="y")
    grid = modelshelf.data.from_numpy({"a": np.arange(6).reshape(2, 3)}, targets=np.ones(2), name="grid")

    with modelshelf.start_run() as run:
        modelshelf.log_input(train, context="training", tags={"fold": "1"})
        modelshelf.log_inputs([train, grid], [None, "test"], [None, None])
        modelshelf.log_metric("auc", 0.9, dataset=train)

    used = modelshelf.get_run(run.info.run_id).inputs.dataset_inputs
    assert sorted(each.dataset.name for each in used) == ["grid", "train"]
    first = next(each for each in used if each.dataset.name == "train")
    assert {tag.key: tag.value for tag in first.tags} == {"mlflow.data.context": "training", "fold": "1"}
    assert (first.dataset.source_type, first.dataset.source) == ("s3", '{"uri": "s3://bucket/x.csv"}')
    assert modelshelf.data.get_source(first) == train.source


def test_a_dataset_must_have_the_columns_it_names() -> None:
    with pytest.raises(Invalid, match="targets='z'"):
        modelshelf.data.from_pandas(pd.DataFrame({"x": [1]}), targets="z")
    with modelshelf.start_run(), pytest.raises(Invalid, match="give one"):
        modelshelf.log_input(context="training")


def test_metrics_belong_to_models() -> None:
    with modelshelf.start_run() as run:
        made = modelshelf.initialize_logged_model("net", params={"depth": 2}, tags={"a": 1}, model_type="mlp")
        modelshelf.log_outputs([LoggedModelOutput(made.model_id, 3)])
        modelshelf.log_metric("auc", 0.6, step=1)
        modelshelf.log_metric("auc", 0.7, step=3)
        ready = modelshelf.finalize_logged_model(made.model_id, "READY")
    other = modelshelf.create_external_model("elsewhere")
    with modelshelf.set_active_model(name="elsewhere") as active, modelshelf.start_run() as second:
        assert active.model_id == modelshelf.get_active_model_id() == other.model_id
        modelshelf.log_metric("auc", 0.8)
        modelshelf.log_model_params({"size": 3})

    found = modelshelf.get_logged_model(made.model_id)
    assert [(point.value, point.step, point.run_id) for point in found.metrics or []] == [(0.7, 3, run.info.run_id)]
    assert (found.params, found.tags["a"], found.model_type) == ({"depth": "2"}, "1", "mlp")
    assert (ready.status, found.source_run_id) == ("READY", run.info.run_id)
    assert [used.model_id for used in modelshelf.get_run(second.info.run_id).inputs.model_inputs] == [other.model_id]
    assert modelshelf.get_logged_model(other.model_id).params == {"size": "3"}
    assert modelshelf.get_active_model_id() is None
    last = modelshelf.last_logged_model()
    assert last is not None
    assert last.model_id == other.model_id


def test_logged_models_are_searched() -> None:
    for name, auc in (("a", 0.6), ("b", 0.9), ("c", 0.8)):
        model = modelshelf.create_external_model(name, tags={"kind": name})
        with modelshelf.start_run():
            modelshelf.log_metric("auc", auc, model_id=model.model_id)

    best = modelshelf.search_logged_models(
        filter_string="metrics.auc > 0.7",
        order_by=[{"field_name": "metrics.auc", "ascending": False}],
        output_format="list",
    )
    table = modelshelf.search_logged_models(max_results=2)

    assert [model.name for model in best] == ["b", "c"]
    assert list(table["name"]) == ["c", "b"]
    modelshelf.set_logged_model_tags(best[0].model_id, {"kind": "z"})
    modelshelf.delete_logged_model_tag(best[1].model_id, "kind")
    assert modelshelf.get_logged_model(best[0].model_id).tags["kind"] == "z"
    assert "kind" not in modelshelf.get_logged_model(best[1].model_id).tags


def test_runs_are_searched_as_a_table() -> None:
    modelshelf.set_experiment("searched")
    for depth in (1, 2, 3):
        with modelshelf.start_run(run_name=f"r{depth}"):
            modelshelf.log_param("depth", depth)
            if depth > 1:
                modelshelf.log_metric("auc", depth / 10)

    table = modelshelf.search_runs(order_by=["metrics.auc DESC"])
    good = modelshelf.search_runs(filter_string="metrics.auc >= 0.3", output_format="list")

    assert list(table["params.depth"]) == ["3", "2", "1"]
    assert list(table["metrics.auc"])[:2] == [0.3, 0.2]
    assert np.isnan(table["metrics.auc"].iloc[2])
    assert str(table["start_time"].dtype).endswith("UTC]")
    assert list(table.columns[:6]) == ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
    assert [run.info.run_name for run in good] == ["r3"]
    assert (
        modelshelf.search_runs(max_results=1, output_format="list") == modelshelf.search_runs(output_format="list")[:1]
    )


def test_searches_over_several_experiments() -> None:
    ids = {name: modelshelf.create_experiment(name) for name in ("one", "two")}
    for experiment_id in ids.values():
        with modelshelf.start_run(experiment_id=experiment_id):
            pass

    assert len(modelshelf.search_runs(search_all_experiments=True)) == 2
    assert len(modelshelf.search_runs(experiment_names=["two", "unknown"])) == 1
    assert len(modelshelf.search_runs(list(ids.values()))) == 2
    assert modelshelf.search_runs(experiment_names=["unknown"]).empty
    with pytest.raises(Invalid, match="not by both"):
        modelshelf.search_runs(["0"], experiment_names=["one"])
    with pytest.raises(Invalid, match="output_format"):
        modelshelf.search_runs(output_format="polars")  # type: ignore[call-overload]
    assert [
        found.name for found in modelshelf.search_experiments(filter_string="name LIKE '%o%'", order_by=["name"])
    ] == [
        "one",
        "two",
    ]


def test_entities_are_plain_data_when_asked() -> None:
    metric = Metric("auc", 0.5, 1, 2)

    assert dict(metric)["value"] == 0.5
    assert metric.to_dictionary()["step"] == 2
    assert Metric.from_dictionary({"key": "auc", "value": 0.5, "timestamp": 1, "step": 2, "more": 3}) == metric


def test_a_key_to_order_by_that_is_no_text_is_named() -> None:
    with pytest.raises(Invalid, match="not 5"):
        modelshelf.search_registered_models(order_by=[5])
