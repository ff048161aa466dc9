"""The skops reader against crafted files: nothing that is not reviewed is made, no index leaves its array."""

import contextlib
import copy
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from modelshelf.domain.errors import InvalidModel, Untrusted
from modelshelf.flavors import skops_files, skops_reader

X, Y = load_iris(return_X_y=True)
FOREST = skops.io.dumps(RandomForestClassifier(2, max_depth=3, random_state=0).fit(X, Y))
SCALED = skops.io.dumps(LogisticRegression(max_iter=500).fit(X, Y))


def rewritten(
    data: bytes,
    schema: Callable[[Any], Any] = lambda each: each,
    member: Callable[[str, bytes], bytes] = lambda _, b: b,
) -> bytes:
    """A copy of a skops file with its description or its members changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(result, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == skops_reader.SCHEMA:
                content = json.dumps(schema(json.loads(content))).encode()
            target.writestr(name, member(name, content))
    return result.getvalue()


def with_attribute(state: dict[str, Any]) -> Callable[[Any], Any]:
    def add(schema: Any) -> Any:
        schema["content"]["content"]["planted"] = state
        schema["content"]["key_types"]["content"].append(
            {"__class__": "str", "__module__": "builtins", "__loader__": "TypeNode", "__id__": 1}
        )
        return schema

    return add


def node(loader: str, module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"__loader__": loader, "__module__": module, "__class__": name, "__id__": 12345, **more}


EMPTY = node("TupleNode", "builtins", "tuple", content=[])


@pytest.mark.parametrize(
    "state",
    [
        node("FunctionNode", "os", "system"),
        node("FunctionNode", "builtins", "eval"),
        node("FunctionNode", "numpy", "load"),
        node("FunctionNode", "numpy", "os"),
        node("TypeNode", "os", "system"),
        node("ObjectNode", "subprocess", "Popen", content=None),
        node("ObjectNode", "sklearn.externals", "anything", content=None),
        node("ConstructorFromReduceNode", "sklearn.linear_model._logistic", "LogisticRegression", content=EMPTY),
        node("ListNode", "sklearn.tree._tree", "Tree", content=[]),
        node("SetNode", "os", "system", content=[]),
        node(
            "MethodNode", "sklearn.linear_model._logistic", "LogisticRegression", content={"func": "fit", "obj": EMPTY}
        ),
        node("OperatorFuncNode", "operator", "methodcaller", attrs=EMPTY),
        node("PartialNode", "functools", "partial", content={}),
        node("NdArrayNode", "os", "system", type="json", content=[], shape=EMPTY),
        node("LossNode", "subprocess", "Popen", content=EMPTY, __reduce__={"args": EMPTY}),
        node("NoSuchNode", "builtins", "dict"),
    ],
    ids=lambda state: f"{state['__loader__']} {state['__class__']}",
)
def test_a_planted_name_is_refused_before_anything_is_made(tmp_path: Path, state: dict[str, Any]) -> None:
    file = tmp_path / "model.skops"
    file.write_bytes(rewritten(SCALED, with_attribute(state)))

    with pytest.raises(Untrusted, match=state["__class__"]):
        skops_files.load(tmp_path, file, trusted=False)


def test_a_dict_cannot_call_a_function_with_its_keys(tmp_path: Path) -> None:
    def plant(schema: Any) -> Any:
        schema["content"]["key_types"]["content"][0] = node("TypeNode", "numpy", "mean")
        return schema

    file = tmp_path / "model.skops"
    file.write_bytes(rewritten(SCALED, plant))

    with pytest.raises(Untrusted, match=r"numpy\.mean"):
        skops_files.load(tmp_path, file, trusted=False)


def test_an_older_protocol_is_no_way_around(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    file.write_bytes(rewritten(SCALED, lambda schema: {**schema, "protocol": 0}))

    with pytest.raises(Untrusted, match="protocol 0"):
        skops_files.load(tmp_path, file, trusted=False)


def changed_arrays(data: bytes, field: str, value: Any) -> bytes:
    """The file with one field of every structured array set to a value."""

    def change(name: str, content: bytes) -> bytes:
        if not name.endswith(".npy"):
            return content
        values = np.load(io.BytesIO(content)).copy()
        if values.dtype.names is None or field not in values.dtype.names:
            return content
        values[field][0] = value
        result = io.BytesIO()
        np.save(result, values)
        return result.getvalue()

    return rewritten(data, member=change)


BOOSTED = skops.io.dumps(HistGradientBoostingClassifier(max_iter=2).fit(X, Y))
NEIGHBOURS = skops.io.dumps(KNeighborsClassifier(algorithm="kd_tree").fit(X, Y))


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        (FOREST, "left_child", 10_000),
        (FOREST, "left_child", 0),
        (FOREST, "right_child", -7),
        (FOREST, "feature", 4),
        (FOREST, "feature", -3),
        (BOOSTED, "left", 10_000),
        (BOOSTED, "right", 0),
        (BOOSTED, "feature_idx", 4),
        (BOOSTED, "is_categorical", 1),
        (NEIGHBOURS, "idx_end", 10_000),
        (NEIGHBOURS, "idx_start", -1),
    ],
)
def test_an_index_out_of_its_array_is_refused(tmp_path: Path, data: bytes, field: str, value: Any) -> None:
    file = tmp_path / "model.skops"
    file.write_bytes(changed_arrays(data, field, value))

    with pytest.raises(Untrusted):
        skops_files.load(tmp_path, file, trusted=False)


def json_value(state: dict[str, Any], value: Any) -> None:
    state["content"] = json.dumps(value)


def test_a_forest_wider_than_its_trees_is_refused(tmp_path: Path) -> None:
    def widen(schema: Any) -> Any:
        json_value(schema["content"]["content"]["n_features_in_"], 2)
        schema["content"]["content"]["n_features_in_"]["__id__"] = 99
        return schema

    file = tmp_path / "model.skops"
    file.write_bytes(rewritten(FOREST, widen))

    with pytest.raises(Untrusted, match="n_features_in_"):
        skops_files.load(tmp_path, file, trusted=False)


def test_a_boosted_model_with_fewer_outputs_than_trees_is_refused(tmp_path: Path) -> None:
    def narrow(schema: Any) -> Any:
        json_value(schema["content"]["content"]["n_trees_per_iteration_"], 1)
        schema["content"]["content"]["n_trees_per_iteration_"]["__id__"] = 99
        return schema

    file = tmp_path / "model.skops"
    file.write_bytes(rewritten(skops.io.dumps(GradientBoostingClassifier(n_estimators=2).fit(X, Y)), narrow))

    with pytest.raises(Untrusted, match="estimators_"):
        skops_files.load(tmp_path, file, trusted=False)


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skops_reader, "_LARGEST_PLAIN", 1 << 16)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(skops_reader.SCHEMA, " " * (1 << 20))
    (tmp_path / "model.skops").write_bytes(bomb.getvalue())

    with pytest.raises(InvalidModel, match="unpack"):
        skops_files.load(tmp_path, tmp_path / "model.skops", trusted=False)


def test_an_array_larger_than_its_items_is_refused(tmp_path: Path) -> None:
    huge = node(
        "TupleNode", "builtins", "tuple", content=[node("JsonNode", "builtins", "str", content="1000000000000")]
    )
    array = node("NdArrayNode", "numpy", "ndarray", type="json", content=[], shape={**huge, "__id__": 5})
    file = tmp_path / "model.skops"
    file.write_bytes(rewritten(SCALED, with_attribute(array)))

    with pytest.raises(InvalidModel, match="shape"):
        skops_files.load(tmp_path, file, trusted=False)


def test_a_file_that_is_no_archive_is_an_invalid_model(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(b"garbage")

    with pytest.raises(InvalidModel, match=r"model\.skops"):
        skops_files.load(tmp_path, tmp_path / "model.skops", trusted=False)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_mangled_description_is_refused_or_loads_but_never_anything_else(tmp_path: Path, data: st.DataObject) -> None:
    schema = skops_reader.schema_of(SCALED)
    places = list(skops_reader._states(schema))
    state: Any = data.draw(st.sampled_from(places))
    key = data.draw(st.sampled_from(sorted(state)))
    state[key] = data.draw(st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none(), max_size=2))
    file = tmp_path / "model.skops"
    file.write_bytes(rewritten(SCALED, lambda _: schema))

    with contextlib.suppress(InvalidModel, Untrusted):
        skops_files.load(tmp_path, file, trusted=False)


CATEGORICAL = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(
    np.c_[np.arange(90) % 3, np.arange(90)].astype(float), np.arange(90) % 3 == 1
)


def spoil_bits(model: Any) -> None:
    model._predictors[0][0].raw_left_cat_bitsets = np.zeros((0, 8), dtype=np.uint32)


def spoil_words(model: Any) -> None:
    model._predictors[0][0].raw_left_cat_bitsets = np.zeros((9, 1), dtype=np.uint32)


def spoil_marks(model: Any) -> None:
    model._bin_mapper.is_categorical_ = np.zeros_like(model._bin_mapper.is_categorical_)


def spoil_columns(model: Any) -> None:
    name, step, _ = model._preprocessor.transformers_[1]
    model._preprocessor.transformers_[1] = (name, step, np.array([False, False]))


def spoil_function(model: Any) -> None:
    model._preprocessor.transformers_[1][1].func = np.sum


@pytest.mark.parametrize("spoil", [spoil_bits, spoil_words, spoil_marks, spoil_columns, spoil_function])
def test_categories_that_leave_their_arrays_are_refused(tmp_path: Path, spoil: Callable[[Any], None]) -> None:
    model = copy.deepcopy(CATEGORICAL)
    spoil(model)
    (tmp_path / "m.skops").write_bytes(skops_files._dumps(model))

    with pytest.raises(Untrusted):
        skops_files.load(tmp_path, tmp_path / "m.skops", trusted=False)
