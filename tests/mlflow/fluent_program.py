"""A program for MLflow and Modelshelf alike: it prints all that it sees, freed of ids, times and places.

Run as `python fluent_program.py PACKAGE TRACKING_URI`.
"""

import importlib
import json
import math
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")

TIMES = {
    "creation_time",
    "creation_timestamp",
    "end_time",
    "last_update_time",
    "last_updated_timestamp",
    "start_time",
    "timestamp",
}
ONLY_ONE_HAS = {
    "deployment_job_id",
    "deployment_job_state",
    "effective_trace_archival_retention",
    "model_uri",
    "trace_location",
    "workspace",
}
OF_VERSIONS = {"digest", "metrics", "params", "user_id"}
"""Fields of versions that one of the two fills with more than the other."""
seen: dict[str, Any] = {}
names: dict[str, str] = {}


def name(value: str, label: str) -> str:
    """An id or a place that differs from run to run is shown under a label from now on."""
    names[value] = label
    return value


def plain(value: Any) -> Any:
    """A value without what differs: ids and places by their labels, times by whether they are there."""
    if isinstance(value, str):
        for known in sorted(names, key=len, reverse=True):
            value = value.replace(known, names[known])
        return value
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if not str(key).startswith("modelshelf.")}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return entity(value)


def entity(value: Any) -> Any:
    shown = {}
    for key, inner in dict(value).items():
        if key in TIMES:
            shown[key] = inner is not None
        elif key not in ONLY_ONE_HAS and not (type(value).__name__ == "ModelVersion" and key in OF_VERSIONS):
            shown[key] = plain(inner)
    return {type(value).__name__.replace("ActiveRun", "Run"): shown}


def see(label: str, value: Any) -> None:
    assert label not in seen, label
    seen[label] = plain(value)


def fails(label: str, action: Callable[[], Any]) -> None:
    try:
        action()
    except Exception:
        seen[label] = "failed"
    else:
        seen[label] = "went well"


def frame(table: pd.DataFrame) -> dict[str, Any]:
    columns = sorted(column for column in table.columns if not column.startswith("tags.modelshelf."))
    return {
        "columns": columns,
        "types": [str(table[column].dtype) for column in columns],
        "rows": [
            [
                plain(None if value is None else value)
                for column, value in zip(columns, row, strict=True)
                if "time" not in column
            ]
            for row in table[columns].itertuples(index=False)
        ],
    }


def experiments(ml: Any, client: Any) -> None:
    made = ml.set_experiment("churn")
    name(made.artifact_location.rpartition("/")[0], "ROOT")
    see("experiment", made)
    see("again", ml.set_experiment("churn"))
    see("by name", ml.get_experiment_by_name("churn"))
    see("no such name", ml.get_experiment_by_name("nobody"))
    see("made", ml.create_experiment("other", tags={"a": "1"}))
    ml.set_experiment_tag("k", 1)
    ml.set_experiment_tags({"l": 2})
    see("tagged", ml.get_experiment(made.experiment_id))
    see("found", [each.name for each in ml.search_experiments(order_by=["name ASC"])])
    see("filtered", [each.name for each in ml.search_experiments(filter_string="name LIKE 'ch%'")])
    ml.delete_experiment("2")
    see("deleted", ml.get_experiment("2").lifecycle_stage)
    see("deleted ones", [each.name for each in ml.search_experiments(view_type=2)])
    see("page", [each.name for each in client.search_experiments(max_results=1)])
    fails("taken", lambda: ml.create_experiment("churn"))
    fails("set deleted", lambda: ml.set_experiment("other"))
    fails("set neither", ml.set_experiment)
    fails("no experiment", lambda: ml.get_experiment("4711"))


def runs(ml: Any, client: Any) -> str:
    with ml.start_run(run_name="first", tags={"team": "a"}, description="why") as run:
        run_id = name(run.info.run_id, "RUN")
        see("started", run.info)
        see("with tags", run.data)
        see("param", ml.log_param("depth", 3))
        see("params", ml.log_params({"rate": 0.1, "layers": [1, 2]}))
        see("metric", ml.log_metric("auc", 1, step=1))
        ml.log_metric("auc", np.float32(0.5), step=2, timestamp=5)
        ml.log_metrics({"loss": float("nan"), "large": float("inf"), "yes": True})
        see("tag", ml.set_tag("t", 5))
        ml.set_tags({"u": None, "gone": 1})
        ml.delete_tag("gone")
        see("uri", [ml.get_artifact_uri(), ml.get_artifact_uri("x/y")])
        see("active", ml.active_run().info.run_id)
        fails("second", ml.start_run)
        fails("changed param", lambda: ml.log_param("depth", 4))
        fails("same param", lambda: ml.log_param("depth", 3))
        fails("bad metric name", lambda: ml.log_metric("a!", 1))
        fails("bad metric", lambda: ml.log_metric("a", "x"))
        fails("no metric", lambda: ml.log_metric("a", None))
        fails("no tag", lambda: ml.delete_tag("gone"))
        with ml.start_run(run_name="child", nested=True) as child:
            name(child.info.run_id, "CHILD")
            ml.log_metric("auc", 0.7)
    see("run", ml.get_run(run_id))
    see("dictionary", {key: sorted(part) for key, part in ml.get_run(run_id).to_dictionary().items()})
    see("parent", ml.get_parent_run(child.info.run_id).info.run_id)
    see("no parent", ml.get_parent_run(run_id))
    see("last", ml.last_active_run().info.run_id)
    see("none active", ml.active_run())
    see("history", [(point.value, point.step) for point in client.get_metric_history(run_id, "auc")])
    see("point", client.get_metric_history(run_id, "auc")[0])
    with ml.start_run(run_id=run_id, tags={"again": 1}) as resumed:
        see("resumed", resumed.info.status)
    see("ended", ml.get_run(run_id).info.status)
    for failure in (ValueError, KeyboardInterrupt):
        try:
            with ml.start_run() as failed:
                raise failure  # noqa: TRY301 — the block is what is looked at
        except failure:
            see(f"after {failure.__name__}", ml.get_run(failed.info.run_id).info.status)
        ml.delete_run(failed.info.run_id)
    see("deleted run", ml.get_run(failed.info.run_id).info.lifecycle_stage)
    fails("no run", lambda: ml.get_run("nobody"))
    return str(run_id)


def files(ml: Any, client: Any, run_id: str) -> None:
    (Path(__file__).parent / "folder" / "deep").mkdir(parents=True)
    (Path(__file__).parent / "folder" / "deep" / "b.txt").write_text("b")
    with ml.start_run(run_id=run_id):
        ml.log_text("grüße", "notes/a.txt")
        ml.log_dict({"b": 1, "a": [1, {"c": "ü"}]}, "conf.json")
        ml.log_dict({"b": 1, "a": [1, 2]}, "conf.yaml")
        ml.log_dict({"b": 1}, "conf.txt")
        ml.log_artifact(__file__, "code")
        ml.log_artifacts(str(Path(__file__).parent / "folder"), "folder")
        ml.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
        ml.log_table(pd.DataFrame({"x": [3], "y": ["c"]}), "table.json")
        fails("climbing", lambda: ml.log_text("x", "../a.txt"))
        fails("absolute", lambda: ml.log_text("x", "/a.txt"))
        fails("missing", lambda: ml.log_artifact("/nowhere"))
    see("root", [info for info in client.list_artifacts(run_id) if info.path != "code"])
    see("folder", client.list_artifacts(run_id, "notes"))
    see("logged folder", client.list_artifacts(run_id, "folder/deep"))
    see("no folder", client.list_artifacts(run_id, "nothing"))
    see("a file is no folder", client.list_artifacts(run_id, "conf.json"))
    for path in ("notes/a.txt", "conf.json", "conf.yaml", "conf.txt", "table.json"):
        where = ml.artifacts.download_artifacts(run_id=run_id, artifact_path=path)
        see(path, Path(where).read_text(encoding="utf-8"))
    see("table", ml.load_table("table.json", run_ids=[run_id], extra_columns=["run_id"]).to_dict("list"))
    see("tables tag", client.get_run(run_id).data.tags["mlflow.loggedArtifacts"])


def datasets(ml: Any, client: Any, run_id: str) -> None:
    table = pd.DataFrame({"x": [1.5, 2.0, None], "y": ["a", "b", "c"], "z": [True, False, True]})
    arrays = {"b": np.arange(6.0).reshape(2, 3), "a": np.ones((2, 2), dtype=np.int32)}
    described = {
        "table": ml.data.from_pandas(table, source="s3://bucket/a.csv", name="train", targets="y"),
        "web": ml.data.from_pandas(table[["x"]], source="https://example.org/a.csv"),
        "code": ml.data.from_pandas(table.head(2)),
        "texts": ml.data.from_pandas(pd.DataFrame({"b": ["x", "y"], "a": [1, 2], "c": [["l"], ["m"]]})),
        "array": ml.data.from_numpy(np.arange(12).reshape(4, 3), targets=np.arange(4), name="grid"),
        "arrays": ml.data.from_numpy(arrays),
        "long": ml.data.from_pandas(pd.DataFrame({"n": np.arange(20_000.0)})),
    }
    with ml.start_run(run_id=run_id):
        ml.log_input(described["table"], context="training", tags={"fold": "1"})
        ml.log_inputs([described["web"], described["array"]], ["test", None], [None, {"a": "b"}])
        ml.log_metric("held out", 0.3, dataset=described["table"])
    for label, dataset in described.items():
        shown = {key: text for key, text in dataset.to_dict().items() if not (label == "code" and key == "source")}
        see(f"dataset {label}", shown)
    see("inputs", sorted(map(str, (plain(each) for each in client.get_run(run_id).inputs.dataset_inputs))))


def searches(ml: Any) -> None:
    see("table of runs", frame(ml.search_runs(order_by=["start_time ASC"])))
    see(
        "filtered runs",
        [run.info.run_name for run in ml.search_runs(filter_string="params.depth = '3'", output_format="list")],
    )
    see(
        "by metric",
        [run.info.run_name for run in ml.search_runs(filter_string="metrics.auc > 0.6", output_format="list")],
    )
    see("by tag", [run.info.run_name for run in ml.search_runs(filter_string="tags.team = 'a'", output_format="list")])
    see("everywhere", len(ml.search_runs(search_all_experiments=True)))
    see("by names", len(ml.search_runs(experiment_names=["churn", "nobody"])))
    see("deleted runs", len(ml.search_runs(run_view_type=2)))
    see("one run", len(ml.search_runs(max_results=1)))
    see("nothing", frame(ml.search_runs(filter_string="params.depth = '4'")))
    fails("bad filter", lambda: ml.search_runs(filter_string="params.depth >"))
    fails("two ways", lambda: ml.search_runs(["1"], experiment_names=["churn"]))


def models(ml: Any, client: Any, run_id: str) -> None:
    with ml.start_run(run_id=run_id):
        made = ml.initialize_logged_model("net", tags={"a": "b"}, params={"depth": "2"}, model_type="mlp")
        name(made.model_id, "MODEL")
        ml.log_metric("acc", 0.9, model_id=made.model_id)
    see("initialized", made)
    see("finalized", ml.finalize_logged_model(made.model_id, "READY").status)
    ml.set_logged_model_tags(made.model_id, {"c": "d"})
    ml.delete_logged_model_tag(made.model_id, "a")
    ml.log_model_params({"rate": "1"}, model_id=made.model_id)
    see("logged model", ml.get_logged_model(made.model_id))
    see("model inputs", client.get_run(run_id).inputs.model_inputs)
    see(
        "logged models",
        [each.name for each in ml.search_logged_models(filter_string="metrics.acc > 0.5", output_format="list")],
    )
    see("columns of models", sorted(ml.search_logged_models().columns))
    fails("model twice the param", lambda: ml.log_model_params({"rate": "2"}, model_id=made.model_id))


def registry(ml: Any, client: Any, run_id: str) -> None:
    source = client.get_run(run_id).info.artifact_uri + "/notes"
    see("registered", client.create_registered_model("churn", tags={"a": "b"}, description="d"))
    see("version", client.create_model_version("churn", source, run_id, tags={"k": "v"}, description="one"))
    client.create_model_version("churn", source, run_id)
    client.set_registered_model_alias("churn", "champion", "1")
    client.set_registered_model_alias("churn", "champion", 2)
    client.set_registered_model_tag("churn", "c", 1)
    client.delete_registered_model_tag("churn", "nothing")
    see("by alias", client.get_model_version_by_alias("churn", "champion"))
    see("version by text", client.get_model_version("churn", "1"))
    model = client.get_registered_model("churn")
    see("model", [model.name, model.description, model.tags, model.aliases, model.creation_timestamp is not None])
    see("newest", [each.version for each in model.latest_versions])
    see("staged", client.transition_model_version_stage("churn", 1, "production"))
    see("archiving", client.transition_model_version_stage("churn", "2", "Production", True).current_stage)
    see("archived", client.get_model_version("churn", 1).current_stage)
    see("latest", sorted((each.version, each.current_stage) for each in client.get_latest_versions("churn")))
    see("latest of a stage", [each.version for each in client.get_latest_versions("churn", ["Production"])])
    see("stages", client.get_model_version_stages("churn", 1))
    client.set_model_version_tag("churn", 1, "x", 5)
    client.set_model_version_tag("churn", key="y", value=6, stage="Production")
    client.delete_model_version_tag("churn", 1, "k")
    see("tags", [client.get_model_version("churn", number).tags for number in (1, 2)])
    see("described", client.update_model_version("churn", 1, "better").description)
    see("undescribed", client.update_registered_model("churn").description)
    see("copy", client.copy_model_version("models:/churn@champion", "copied"))
    see("copied from", client.copy_model_version("models:/churn/1", "copied").source)
    see(
        "versions",
        [
            each.version
            for each in ml.search_model_versions(filter_string="name='churn'", order_by=["version_number ASC"])
        ],
    )
    see("models", [each.name for each in ml.search_registered_models(filter_string="name LIKE 'c%'")])
    client.rename_registered_model("copied", "moved")
    see("renamed", client.get_registered_model("moved").name)
    client.delete_registered_model_alias("churn", "nothing")
    client.delete_model_version("churn", "2")
    see("aliases left", client.get_registered_model("churn").aliases)
    client.delete_registered_model("moved")
    for label, action in {
        "model twice": lambda: client.create_registered_model("churn"),
        "bad name": lambda: client.create_registered_model("a/b"),
        "no model": lambda: client.get_registered_model("moved"),
        "no version": lambda: client.get_model_version("churn", 2),
        "no alias": lambda: client.get_model_version_by_alias("churn", "champion"),
        "bad alias": lambda: client.set_registered_model_alias("churn", "latest", 1),
        "alias of nothing": lambda: client.set_registered_model_alias("churn", "a", 9),
        "bad stage": lambda: client.transition_model_version_stage("churn", 1, "live"),
    }.items():
        fails(label, action)


def by_client(client: Any) -> None:
    run = client.create_run("1", start_time=5, tags={"a": "b"}, run_name="r")
    run_id = name(run.info.run_id, "OTHER")
    see("created", run.info)
    see(
        "answers", [client.log_param(run_id, "p", 7), client.log_metric(run_id, "m", 7), client.set_tag(run_id, "t", 7)]
    )
    client.update_run(run_id, status="SCHEDULED", name="renamed")
    see("updated", client.get_run(run_id).info)
    client.set_terminated(run_id, "KILLED", end_time=77)
    see("terminated", [client.get_run(run_id).info.status, client.get_run(run_id).info.end_time])
    client.delete_run(run_id)
    client.restore_run(run_id)
    see("restored", client.get_run(run_id).info.lifecycle_stage)


def main(package: str, uri: str) -> None:
    ml = importlib.import_module(package)
    for module in ("data", "artifacts"):
        importlib.import_module(f"{package}.{module}")
    see("unset", ml.is_tracking_uri_set())
    ml.set_tracking_uri(uri)
    see("set", [ml.get_tracking_uri() == uri, ml.get_registry_uri() == uri, ml.is_tracking_uri_set()])
    client = ml.MlflowClient()
    experiments(ml, client)
    run_id = runs(ml, client)
    files(ml, client, run_id)
    datasets(ml, client, run_id)
    searches(ml)
    models(ml, client, run_id)
    registry(ml, client, run_id)
    by_client(client)
    text = re.sub(r"[0-9a-f]{32}", "HEX", json.dumps(seen, sort_keys=True))
    sys.stdout.write(f"\n{text}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
