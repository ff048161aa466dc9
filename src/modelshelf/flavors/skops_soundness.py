"""Content that compiled code follows without checking: indexes of trees, of neighbour trees and of splines.

A crafted file could make it read or write outside of the arrays. These checks run on the state, before it is set.
"""

from collections.abc import Callable, Mapping
from typing import Any

# Sets of categories are 256 bits, in words of 32.
_BITSET_WORDS = 8


class Unsound(Exception):
    """The state of a type could make compiled code leave its arrays."""


def check(name: str, state: Any) -> None:
    """Raises Unsound if the state does not fit the type, or an estimator does not fit the trees it owns."""
    special = _CHECKS.get(name)
    if special is not None:
        special(state)
    if isinstance(state, Mapping):
        _check_owner(name, state)


def _need(holds: Any, why: str) -> None:
    if not holds:
        raise Unsound(why)


def check_tree(arguments: Any, state: Any) -> None:
    """A decision tree: children come after their parent, features are inside of a row."""
    import numpy as np

    name = "sklearn.tree._tree.Tree"
    _need(isinstance(arguments, tuple) and len(arguments) == 3 and isinstance(state, Mapping), name)
    features, nodes, count = arguments[0], state.get("nodes"), state.get("node_count")
    _need(isinstance(nodes, np.ndarray) and nodes.ndim == 1 and nodes.dtype.names is not None, f"{name}: nodes")
    _need({"left_child", "right_child", "feature"} <= set(nodes.dtype.names), f"{name}: nodes")
    _need(type(count) is int and count == len(nodes) > 0, f"{name}: node_count")
    _need(isinstance(state.get("max_depth"), int), f"{name}: max_depth")
    _need(isinstance(features, int | np.integer) and features > 0, f"{name}: n_features")
    inner = _check_children(nodes, "left_child", "right_child", nodes["left_child"] == -1, name)
    _need(_within(nodes["feature"][inner], 0, features), f"{name}: feature")


def _check_children(nodes: Any, left: str, right: str, leaf: Any, name: str) -> Any:
    """Children of inner nodes lie behind them, so every walk ends; returns which nodes are inner ones."""
    import numpy as np

    inner = ~leaf
    places = np.arange(len(nodes))
    for side in (left, right):
        children = nodes[side][inner].astype(np.int64)
        _need(_within(children, 0, len(nodes)) and (children > places[inner]).all(), f"{name}: {side}")
    return inner


def _within(values: Any, low: int, high: Any) -> bool:
    return values.size == 0 or bool(values.min() >= low and values.max() < high)


def _check_predictor(state: Any) -> None:
    """A tree of histogram gradient boosting; its features are compared with its owner's afterwards."""
    import numpy as np

    name = "TreePredictor"
    _need(isinstance(state, Mapping), name)
    nodes = state.get("nodes")
    _need(isinstance(nodes, np.ndarray) and nodes.ndim == 1 and len(nodes) > 0, f"{name}: nodes")
    _need(nodes.dtype.names is not None and {"left", "right", "feature_idx", "is_leaf"} <= set(nodes.dtype.names), name)
    inner = _check_children(nodes, "left", "right", nodes["is_leaf"] != 0, name)
    split = inner & (nodes["is_categorical"] != 0)
    for bits in ("raw_left_cat_bitsets", "binned_left_cat_bitsets"):
        sets = state.get(bits)
        _need(isinstance(sets, np.ndarray) and sets.dtype == np.uint32 and sets.ndim == 2, f"{name}: {bits}")
        _need(sets.shape[1] == _BITSET_WORDS and _within(nodes["bitset_idx"][split], 0, len(sets)), f"{name}: {bits}")
    _need(nodes["feature_idx"][inner].size == 0 or nodes["feature_idx"][inner].min() >= 0, f"{name}: feature_idx")


def _check_neighbours(state: Any) -> None:
    """KDTree and BallTree: points of a leaf are rows of the data, and every inner node has its two children."""
    import numpy as np

    name = "neighbour tree"
    _need(isinstance(state, tuple) and len(state) >= 13, name)
    data, order, nodes, bounds = state[:4]
    _need(all(isinstance(each, np.ndarray) for each in (data, order, nodes, bounds)), name)
    _need(data.ndim == 2 and bounds.ndim == 3 and order.shape == data.shape[:1], f"{name}: shapes")
    _need(_within(order, 0, len(data)), f"{name}: order of the rows")
    _need(nodes.ndim == 1 and bounds.shape[1:] == (len(nodes), data.shape[1]), f"{name}: bounds")
    starts, ends = nodes["idx_start"], nodes["idx_end"]
    _need(_within(starts, 0, len(data) + 1) and _within(ends, 0, len(data) + 1), f"{name}: rows of a node")
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    _need(inner.size == 0 or 2 * int(inner.max()) + 2 < len(nodes), f"{name}: children")
    _need(state[6] == len(nodes), f"{name}: number of nodes")
    weights = state[12]
    _need(weights is None or (isinstance(weights, np.ndarray) and weights.shape == order.shape), f"{name}: weights")


def _check_spline(state: Any) -> None:
    import numpy as np

    name = "BSpline"
    _need(isinstance(state, Mapping), name)
    # Older releases of scipy keep knots and coefficients without the underscore.
    knots, weights, degree = state.get("_t", state.get("t")), state.get("_c", state.get("c")), state.get("k")
    _need(isinstance(knots, np.ndarray) and isinstance(weights, np.ndarray) and knots.ndim == 1, name)
    _need(isinstance(degree, int) and 0 <= degree < len(knots) // 2, f"{name}: k")
    _need(weights.ndim >= 1 and len(weights) >= len(knots) - int(degree) - 1, f"{name}: c")


def _check_matrix(_state: Any) -> None:
    # Sparse matrices have a node of their own in the format, whose reader checks them.
    raise Unsound("a sparse matrix as a plain object")


_CHECKS: dict[str, Callable[[Any], None]] = {
    "sklearn.tree._tree.Tree": _check_matrix,
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": _check_predictor,
    "sklearn.neighbors._kd_tree.KDTree": _check_neighbours,
    "sklearn.neighbors._ball_tree.BallTree": _check_neighbours,
    "scipy.interpolate._bsplines.BSpline": _check_spline,
    "scipy.sparse._csr.csr_matrix": _check_matrix,
    "scipy.sparse._csc.csc_matrix": _check_matrix,
    "scipy.sparse._csr.csr_array": _check_matrix,
    "scipy.sparse._csc.csc_array": _check_matrix,
}
_SAME_ROWS = ("sklearn.ensemble._forest.", "sklearn.ensemble._gb.")
_SOME_COLUMNS = ("sklearn.ensemble._iforest.", "sklearn.ensemble._bagging.")


def _check_owner(name: str, state: Mapping[str, Any]) -> None:
    """Trees are given the rows that their owner has checked, so both must expect the same number of features."""
    if name.startswith("sklearn.tree.") and "tree_" in state:
        _need(type(state["tree_"]).__name__ == "Tree", f"{name}: tree_")
        _need(state["tree_"].n_features == state.get("n_features_in_"), f"{name}: n_features_in_")
    members = state.get("estimators_")
    if name.startswith(_SAME_ROWS) and members is not None:
        _check_members(name, state, members)
    if name.startswith(_SOME_COLUMNS) and members is not None:
        widths = [len(each) for each in state.get("estimators_features_", ())]
        _need(widths == [getattr(each, "n_features_in_", None) for each in members], f"{name}: features")
    if "_predictors" in state:
        _check_boosted(name, state)


def _check_members(name: str, state: Mapping[str, Any], members: Any) -> None:
    import numpy as np

    trees = members.ravel().tolist() if isinstance(members, np.ndarray) else list(members)
    _need(all(type(getattr(each, "tree_", None)).__name__ == "Tree" for each in trees), f"{name}: estimators_")
    _need(all(each.n_features_in_ == state.get("n_features_in_") for each in trees), f"{name}: n_features_in_")
    if name.startswith("sklearn.ensemble._gb."):
        _need(members.ndim == 2 and members.shape[1] == state.get("n_trees_per_iteration_"), f"{name}: estimators_")
        _need(all(each.tree_.value.shape[1:] == (1, 1) for each in trees), f"{name}: values")


def _check_boosted(name: str, state: Mapping[str, Any]) -> None:
    features = state.get("n_features_in_")
    _need(isinstance(features, int), f"{name}: n_features_in_")
    if state.get("_preprocessor") is not None:
        _check_preprocessor(name, state["_preprocessor"], features)
    for stage in state["_predictors"]:
        for predictor in stage:
            _need(type(predictor).__name__ == "TreePredictor", f"{name}: _predictors")
            inner = predictor.nodes["is_leaf"] == 0
            _need(_within(predictor.nodes["feature_idx"][inner], 0, features), f"{name}: feature_idx")
            split = inner & (predictor.nodes["is_categorical"] != 0)
            if split.any():
                _check_categories(name, state, predictor.nodes["feature_idx"][split], features)


def _check_categories(name: str, state: Mapping[str, Any], used: Any, features: Any) -> None:
    """Features that split by category have a row of their own in the table of known categories."""
    import numpy as np

    mapper = state.get("_bin_mapper")
    _need(type(mapper).__name__ == "_BinMapper", f"{name}: _bin_mapper")
    marked: Any = getattr(mapper, "is_categorical_", None)
    _need(isinstance(marked, np.ndarray) and marked.dtype.kind in "bu", f"{name}: categories")
    _need(marked.shape == (features,), f"{name}: categories")
    _need((marked[used] != 0).all(), f"{name}: categories")


def _check_preprocessor(name: str, given: Any, features: Any) -> None:
    """It moves the categories to the front: each column goes to one of two steps that keep their number of columns."""
    import numpy as np

    why = f"{name}: a preprocessor of categories"
    _need(type(given).__name__ == "ColumnTransformer", why)
    facts = vars(given)
    _need(facts.get("n_features_in_") == features and facts.get("sparse_output_") is False, why)
    _need(facts.get("transformer_weights") is None, why)
    _need(facts.get("_sklearn_output_config", {}) in ({}, {"transform": "default"}), why)
    steps: Any = facts.get("transformers_")
    _need(isinstance(steps, list) and [each[0] for each in steps[:2]] == ["encoder", "numerical"], why)
    _need(all(step == "remainder" and kind == "drop" for step, kind, _ in steps[2:]), why)
    names: Any = facts.get("feature_names_in_")
    _need(names is None or (len(names) == features and all(isinstance(each, str) for each in names)), why)
    masks = [each[2] for each in steps[:2]]
    _need(all(isinstance(each, np.ndarray) and each.dtype == bool and each.shape == (features,) for each in masks), why)
    _need((masks[0] ^ masks[1]).all(), why)
    places = facts.get("_transformer_to_input_indices", {})
    for (step, kind, mask), wanted in zip(steps[:2], ("OrdinalEncoder", "FunctionTransformer"), strict=True):
        _need(list(places.get(step, ())) == np.flatnonzero(mask).tolist(), why)
        _need(type(kind).__name__ == wanted or not mask.any(), why)
        if wanted == "FunctionTransformer" and mask.any():
            _need(type(kind.func).__name__ == "partial" and not kind.kw_args and not kind.validate, why)
        _need(getattr(kind, "_sklearn_output_config", {}) in ({}, {"transform": "default"}), why)
