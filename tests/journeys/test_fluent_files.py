"""Files, figures, images and tables that a training leaves behind."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import modelshelf
from modelshelf.exceptions import Invalid, NotFound
from modelshelf.sdk import session

mpl.use("Agg")

pytestmark = pytest.mark.usefixtures("chosen_shelf")


def test_files_of_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "plots"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("b")

    with modelshelf.start_run() as run:
        modelshelf.log_artifact(folder / "a.txt")
        modelshelf.log_artifact(folder, artifact_path="all")
        modelshelf.log_artifacts(folder, artifact_path="flat")
        modelshelf.log_text("grüße", "notes/hello.txt")
        modelshelf.log_dict({"b": 1, "a": [1, "ü"]}, "conf.json")
        modelshelf.log_dict({"b": 1, "a": [1, 2]}, "conf.yaml")
        uri = modelshelf.get_artifact_uri("notes/hello.txt")

    tree = session.tracking().artifacts.tree(session.tracking().tracking.run(run.info.run_id).artifact_root)
    assert [file.path for file in tree.files] == [
        "a.txt",
        "all/plots/a.txt",
        "all/plots/deep/b.txt",
        "conf.json",
        "conf.yaml",
        "flat/a.txt",
        "flat/deep/b.txt",
        "notes/hello.txt",
    ]
    assert modelshelf.artifacts.load_text(uri) == "grüße"
    assert modelshelf.artifacts.load_text(f"runs:/{run.info.run_id}/conf.yaml") == "a:\n- 1\n- 2\nb: 1\n"
    assert modelshelf.artifacts.load_dict(f"runs:/{run.info.run_id}/conf.json") == {"b": 1, "a": [1, "ü"]}


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", ""])
def test_a_path_that_leaves_the_run_is_refused(path: str) -> None:
    with modelshelf.start_run() as run, pytest.raises(Invalid):
        modelshelf.log_text("x", path)

    assert modelshelf.MlflowClient().list_artifacts(run.info.run_id) == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with modelshelf.start_run(), pytest.raises(NotFound, match="nowhere"):
        modelshelf.log_artifact(tmp_path / "nowhere")


def test_figures_and_images() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2, 3])

    with modelshelf.start_run() as run:
        modelshelf.log_figure(figure, "plots/loss.png", save_kwargs={"dpi": 20})
        modelshelf.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "black.png")
        modelshelf.log_image(np.ones((300, 300)), key="grad/cam", step=3, timestamp=5)
        with pytest.raises(TypeError, match="figure"):
            modelshelf.log_figure("not one", "x.png")
        with pytest.raises(TypeError, match="either artifact_file"):
            modelshelf.log_image(np.ones((2, 2)))
        with pytest.raises(Invalid, match="0 to 1"):
            modelshelf.log_image(np.full((2, 2), 7.0), "x.png")

    client = modelshelf.MlflowClient()
    assert [info.path for info in client.list_artifacts(run.info.run_id)] == ["black.png", "images", "plots"]
    series = [info.path for info in client.list_artifacts(run.info.run_id, "images")]
    assert all(path.startswith("images/grad~cam+step+3+timestamp+5+") for path in series)
    assert {path[path.rindex(".") :] for path in series} == {".png", ".webp"}
    assert client.get_run(run.info.run_id).data.tags["mlflow.loggedImages"] == "True"


def test_tables_grow_and_are_read_over_runs() -> None:
    with modelshelf.start_run() as one:
        modelshelf.log_param("depth", 1)
        modelshelf.log_table({"text": ["a", "b"], "score": [1, 2]}, "eval.json")
        modelshelf.log_table(pd.DataFrame({"text": ["c"], "score": [3]}), "eval.json")
    with modelshelf.start_run():
        modelshelf.log_table({"text": "d", "score": 4}, "eval.json")

    everything = modelshelf.load_table("eval.json")
    of_one = modelshelf.load_table("eval.json", run_ids=[one.info.run_id], extra_columns=["run_id", "params.depth"])

    assert sorted(everything["text"]) == ["a", "b", "c", "d"]
    assert list(of_one["score"]) == [1, 2, 3]
    assert set(of_one["run_id"]) == {one.info.run_id}
    assert set(of_one["params.depth"]) == {"1"}
    with pytest.raises(NotFound):
        modelshelf.load_table("other.json")
    with pytest.raises(Invalid, match="a table is stored in"):
        modelshelf.log_table({"a": [1]}, "eval.csv")
