"""Predictions on the command line, and the quickstart: what needs scikit-learn."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from commandline import Commandline, commandline
from modelshelf.flavors import pyfunc, sklearn
from modelshelf.flavors.schema import ColSpec, Schema
from modelshelf.flavors.signature import ModelSignature, infer_signature


class Echo(pyfunc.PythonModel):
    """Answers with its input."""

    def predict(self, context, model_input, params=None):
        return model_input


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Commandline]:
    with commandline(f"sqlite:///{tmp_path}/shelf.db") as found:
        yield found


@pytest.fixture
def linear(shelf: Commandline, tmp_path: Path) -> Commandline:
    """A shelf with a model that doubles."""
    data = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    model = LinearRegression().fit(data, [2.0, 4.0, 6.0])
    sklearn.save_model(model, tmp_path / "linear", signature=infer_signature(data, model.predict(data)))
    shelf.json("register", str(tmp_path / "linear"), "linear", "--alias", "best")
    return shelf


def test_a_csv_file_gives_a_line_for_each_row(linear: Commandline, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n1\n10\n")

    answer = linear("predict", "linear@best", "--input", str(tmp_path / "in.csv"))

    assert answer.code == 0, answer.err
    header, *values = answer.out.splitlines()
    assert header == "prediction"
    assert [float(value) for value in values] == pytest.approx([2, 20])


@pytest.mark.parametrize(
    "content",
    [
        [{"x": 1}, {"x": 10}],
        {"x": [1, 10]},
        {"dataframe_records": [{"x": 1}, {"x": 10}]},
        {"dataframe_split": {"columns": ["x"], "data": [[1], [10]]}},
    ],
)
def test_json_comes_in_each_of_the_usual_forms(linear: Commandline, content: object) -> None:
    answer = linear("predict", "linear/1", "--input", "-", "--format", "json", "--json", input=json.dumps(content))

    assert answer.code == 0, answer.err
    assert answer.json["predictions"] == pytest.approx([2, 20])


def test_predictions_go_to_a_file(linear: Commandline, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('[{"x": 5}]')

    answer = linear("predict", "linear/1", "--input", str(tmp_path / "in.json"), "--output", str(tmp_path / "out.json"))

    assert (answer.code, answer.out) == (0, "")
    assert json.loads((tmp_path / "out.json").read_text())["predictions"] == pytest.approx([10])


def test_what_does_not_fit_the_signature_is_refused(linear: Commandline) -> None:
    answers = [
        linear("predict", "linear/1", "--input", "-", "--format", form, input=text)
        for form, text in (("csv", "y\n1\n"), ("csv", "x\nabc\n"), ("json", "{"), ("csv", ""))
    ]

    assert [answer.code for answer in answers] == [2, 2, 2, 2]
    assert "'x'" in answers[0].err
    assert "not JSON" in answers[2].err


def test_texts_flags_and_dates_keep_what_they_are(shelf: Commandline, tmp_path: Path) -> None:
    schema = Schema(
        [ColSpec("string", "zip"), ColSpec("boolean", "new"), ColSpec("datetime", "day"), ColSpec("integer", "n")]
    )
    pyfunc.save_model(tmp_path / "echo", python_model=Echo(), signature=ModelSignature(inputs=schema))
    shelf.json("register", str(tmp_path / "echo"), "echo")
    text = "zip,new,day,n\n00123,true,2026-03-01,7\n"

    out = shelf("predict", "echo/1", "--input", "-", "--format", "csv", input=text)
    rows = shelf("predict", "echo/1", "--input", "-", "--format", "csv", "--json", input=text).json["predictions"]

    assert out.out == "zip,new,day,n\n00123,True,2026-03-01,7\n"
    assert rows == [{"zip": "00123", "new": True, "day": "2026-03-01 00:00:00", "n": 7}]


def test_a_pickle_that_is_no_version_needs_trust(shelf: Commandline, tmp_path: Path) -> None:
    pyfunc.save_model(tmp_path / "echo", python_model=Echo())
    shelf.json("register", str(tmp_path / "echo"), "echo")
    call = ("predict", str(tmp_path / "echo"), "--input", "-", "--format", "csv")

    refused, trusted = shelf(*call, input="a\n1\n"), shelf(*call, "--trust", input="a\n1\n")

    assert refused.code == 5
    assert (trusted.code, trusted.out) == (0, "a\n1\n")


def test_the_quickstart_leaves_a_shelf_to_look_at(shelf: Commandline) -> None:
    told = shelf("quickstart")
    again = shelf.json("quickstart")

    assert told.code == 0, told.err
    assert again == {"uri": shelf.uri, "model": "tumours", "alias": "production"}
    assert shelf.json("show", "tumours")["aliases"]["production"] >= 1
    assert shelf("doctor").code == 0
