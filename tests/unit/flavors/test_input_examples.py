"""Input examples: what is written is what comes back."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from modelshelf.domain.errors import Invalid
from modelshelf.flavors.example import load_example, load_example_params, save_example


@pytest.mark.parametrize("example", [{"a": [1, "x"]}, ["a", "b"], "text", 3, 2.5, True, [{"a": 1}]])
def test_plain_values_come_back(tmp_path: Path, example: Any) -> None:
    assert load_example(tmp_path, save_example(tmp_path, example)) == example


def test_tables_come_back_with_their_names_and_gaps(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]})

    pd.testing.assert_frame_equal(load_example(tmp_path, save_example(tmp_path, frame)), frame)


def test_arrays_come_back(tmp_path: Path) -> None:
    info = save_example(tmp_path, np.array([[1.0, np.nan]]))

    assert info["type"] == "ndarray"
    assert load_example(tmp_path, info)[0][0] == 1.0


def test_named_arrays_and_sparse_matrices_come_back(tmp_path: Path) -> None:
    named = load_example(tmp_path, save_example(tmp_path, {"a": np.array([1, 2])}))
    matrix = load_example(tmp_path, save_example(tmp_path, sp.csr_matrix(np.eye(2))))

    assert named["a"].tolist() == [1, 2]
    assert matrix.toarray().tolist() == [[1, 0], [0, 1]]


def test_params_are_kept_beside_the_data(tmp_path: Path) -> None:
    info = save_example(tmp_path, ([1, 2], {"top": 3}))

    assert (load_example(tmp_path, info), load_example_params(tmp_path, info)) == ([1, 2], {"top": 3})


def test_bytes_and_times_become_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"b": [b"xy"], "t": [dt.date(2020, 1, 2)], "s": [pd.Timestamp("2020-01-02")]})

    result = load_example(tmp_path, save_example(tmp_path, frame))

    assert result.iloc[0].tolist() == ["eHk=\n", "2020-01-02", "2020-01-02T00:00:00"]


def test_an_example_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="input_example"):
        save_example(tmp_path, object())
