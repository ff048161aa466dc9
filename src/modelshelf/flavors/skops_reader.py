"""Reads files in the skops format without skops: only reviewed types, and only content that is sound.

Importing skops imports all of scikit-learn and takes half a second; a model is loaded more often than it is saved.
The whole file is judged before the first object is made.
"""

import functools
import importlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelshelf.flavors import sklearn_trust, skops_soundness

SCHEMA = "schema.json"
PROTOCOL = 2
_LARGEST_PLAIN = 1 << 30
_LARGEST_RATIO = 100
_DICTS = {"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}
_NUMPY_SCALARS = {
    f"numpy.{name}"
    for name in (
        *("bool", "bool_", "str_", "bytes_", "datetime64", "timedelta64", "complex64", "complex128"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "longdouble"),
    )
}
# Columns are selected by kinds of numbers too; these cannot be made at all.
_ABSTRACT = {f"numpy.{name}" for name in ("generic", "number", "integer", "signedinteger", "floating", "character")}
_TYPES = {f"builtins.{name}" for name in ("str", "int", "float", "bool", "object")} | _NUMPY_SCALARS | _ABSTRACT
State = Mapping[str, Any]


class NotReviewed(Exception):
    """The file has types or content that nobody reviewed; `names` says which."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def read(data: bytes) -> Any:
    """The object in the file. Raises NotReviewed before anything is made, ValueError and its like if it is broken."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _check_size(archive, len(data))
        schema = json.loads(archive.read(SCHEMA))
        strange = sorted(unreviewed(schema))
        if strange:
            raise NotReviewed(strange)
        try:
            return _Builder(archive).build(schema)
        except skops_soundness.Unsound as fault:
            raise NotReviewed([str(fault)]) from fault


def schema_of(data: bytes) -> State:
    """The description of the object that a file has."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema: State = json.loads(archive.read(SCHEMA))
        return schema


def _check_size(archive: zipfile.ZipFile, packed: int) -> None:
    size = sum(each.file_size for each in archive.infolist())
    if size > max(_LARGEST_PLAIN, _LARGEST_RATIO * packed):
        raise ValueError(f"its content would unpack to {size} bytes")


def unreviewed(schema: State) -> set[str]:
    """The names in a file's description that are not on the reviewed list, or not used as what they are."""
    found = set() if schema.get("protocol") == PROTOCOL else {f"protocol {schema.get('protocol')}"}
    judged: dict[tuple[Any, ...], bool] = {}
    for state in _states(schema):
        key = (state["__loader__"], state["__module__"], state["__class__"])
        if key not in judged:
            check = _CHECKS.get(key[0])
            judged[key] = check is not None and check(state)
        if not judged[key] or (key[0] == "DictNode" and not _has_faithful_keys(state)):
            found.add(_name(state))
    return found


def _states(schema: Any) -> Iterator[State]:
    """Every description of an object inside the description."""
    pending = [schema]
    while pending:
        each = pending.pop()
        if isinstance(each, list):
            pending.extend(each)
        elif isinstance(each, dict):
            if "__loader__" in each:
                yield each
            pending.extend(value for value in each.values() if isinstance(value, dict | list))


def modules_of(schema: State) -> set[str]:
    """The modules that the described object comes from."""
    return {str(state["__module__"]) for state in _states(schema)}


def _name(state: State) -> str:
    return f"{state.get('__module__')}.{state.get('__class__')}"


def _is_plain(*names: str) -> Callable[[State], bool]:
    return lambda state: _name(state) in names


def _is_array(state: State) -> bool:
    return _name(state) == "numpy.ndarray" or _name(state) in _NUMPY_SCALARS


def _is_type(state: State) -> bool:
    return _name(state) in _TYPES


def _has_faithful_keys(state: State) -> bool:
    """Keys are written as text, and every text but the empty one makes a true flag."""
    return all("bool" not in kind["__class__"] for kind in state["key_types"]["content"])


def _is_object(state: State) -> bool:
    return _name(state) in sklearn_trust.OBJECTS


def _is_function(state: State) -> bool:
    if _name(state) in sklearn_trust.FUNCTIONS:
        return True
    if state["__module__"] not in sklearn_trust.UFUNC_MODULES:
        return False
    import numpy as np

    return isinstance(getattr(importlib.import_module(state["__module__"]), state["__class__"], None), np.ufunc)


def _is_partial(state: State) -> bool:
    held = state.get("content", {}).get("func", {})
    return _name(state) == "functools.partial" and _name(held) == sklearn_trust.PARTIAL_OF


_CHECKS: dict[str, Callable[[State], bool]] = {
    "JsonNode": lambda _state: True,
    "DictNode": lambda state: _name(state) in _DICTS,
    "ListNode": _is_plain("builtins.list"),
    "TupleNode": lambda state: _name(state) == "builtins.tuple" or _name(state) in sklearn_trust.TUPLES,
    "SetNode": _is_plain("builtins.set"),
    "SliceNode": _is_plain("builtins.slice"),
    "BytesNode": _is_plain("builtins.bytes"),
    "BytearrayNode": _is_plain("builtins.bytearray"),
    "TypeNode": _is_type,
    "FunctionNode": _is_function,
    "PartialNode": _is_partial,
    "ObjectNode": _is_object,
    "NdArrayNode": _is_array,
    "MaskedArrayNode": _is_plain("numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"),
    "DTypeNode": _is_plain("numpy.dtype"),
    "RandomStateNode": _is_plain("numpy.random.mtrand.RandomState"),
    "RandomGeneratorNode": _is_plain("numpy.random._generator.Generator"),
    "SparseMatrixNode": lambda state: _name(state) in sklearn_trust.OBJECTS and "sparse" in _name(state),
    "TreeNode": _is_plain("sklearn.tree._tree.Tree"),
    "LossNode": lambda state: _name(state) in sklearn_trust.LOSSES,
}


def _cells(items: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """The cells of nested lists in order; the lists must have the shape, so a small file makes no huge array."""
    cells, expected = items, math.prod(shape[:1])
    for length in shape[1:]:
        cells = [cell for row in cells for cell in row]
        expected *= length
    if len(cells) != expected or not shape:
        raise ValueError(f"an array of shape {shape} has {len(cells)} items")
    return cells


def _function(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


class _Builder:
    """Makes the objects of one file; objects that several others share are made once."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._made: dict[Any, Any] = {}

    def build(self, state: State) -> Any:
        key = state.get("__id__")
        if key is not None and key in self._made:
            return self._made[key]
        made = getattr(self, f"_{state['__loader__']}")(state)
        if key is not None:
            self._made[key] = made
        return made

    def _kind(self, state: State) -> Any:
        return getattr(importlib.import_module(state["__module__"]), state["__class__"])

    def _items(self, state: State) -> list[Any]:
        return [self.build(each) for each in state["content"]]

    def _JsonNode(self, state: State) -> Any:  # noqa: N802 — named after the nodes of the format
        return json.loads(state["content"])

    def _DictNode(self, state: State) -> Any:  # noqa: N802
        kinds = self.build(state["key_types"])
        made = self._kind(state)()
        for kind, (key, value) in zip(kinds, state["content"].items(), strict=True):
            made[kind(key)] = self.build(value)
        return made

    def _ListNode(self, state: State) -> Any:  # noqa: N802
        return self._items(state)

    def _TupleNode(self, state: State) -> Any:  # noqa: N802
        items = self._items(state)
        return tuple(items) if _name(state) == "builtins.tuple" else self._kind(state)(*items)

    def _SetNode(self, state: State) -> Any:  # noqa: N802
        return set(self._items(state))

    def _SliceNode(self, state: State) -> Any:  # noqa: N802
        content = state["content"]
        return slice(content["start"], content["stop"], content["step"])

    def _BytesNode(self, state: State) -> Any:  # noqa: N802
        return self._archive.read(state["file"])

    def _BytearrayNode(self, state: State) -> Any:  # noqa: N802
        return bytearray(self._archive.read(state["file"]))

    def _TypeNode(self, state: State) -> Any:  # noqa: N802
        return self._kind(state)

    def _FunctionNode(self, state: State) -> Any:  # noqa: N802
        return self._kind(state)

    def _PartialNode(self, state: State) -> Any:  # noqa: N802
        content = state["content"]
        function, arguments, options = (self.build(content[part]) for part in ("func", "args", "kwds"))
        # The file names its parts by ids, so what was made may be something else than what was described.
        known = function is _function(sklearn_trust.PARTIAL_OF) and sklearn_trust.PARTIAL_OPTIONS.issuperset(options)
        if not known or arguments or self.build(content["namespace"]):
            raise NotReviewed(["functools.partial"])
        return functools.partial(function, **options)

    def _ObjectNode(self, state: State) -> Any:  # noqa: N802
        kind = self._kind(state)
        made = kind.__new__(kind)
        attributes = None if state.get("content") is None else self.build(state["content"])
        if attributes is None:
            return made
        skops_soundness.check(_name(state), attributes)
        if hasattr(made, "__setstate__"):
            made.__setstate__(attributes)
        else:
            made.__dict__.update(attributes)
        return made

    def _NdArrayNode(self, state: State) -> Any:  # noqa: N802
        import numpy as np

        if state["type"] == "numpy":
            values = np.load(io.BytesIO(self._archive.read(state["file"])), allow_pickle=False)
            return values if state["__class__"] == "ndarray" else self._kind(state)(values)
        shape = self.build(state["shape"])
        cells = _cells(self._items(state), shape)
        made = np.empty(len(cells), dtype=object)
        for position, cell in enumerate(cells):
            made[position] = cell
        return made.reshape(shape)

    def _MaskedArrayNode(self, state: State) -> Any:  # noqa: N802
        import numpy as np

        content = state["content"]
        return np.ma.MaskedArray(self.build(content["data"]), self.build(content["mask"]))

    def _DTypeNode(self, state: State) -> Any:  # noqa: N802
        return self.build(state["content"]).dtype

    def _RandomStateNode(self, state: State) -> Any:  # noqa: N802
        import numpy as np

        made = np.random.RandomState()
        made.set_state(self.build(state["content"]))
        return made

    def _RandomGeneratorNode(self, state: State) -> Any:  # noqa: N802
        import numpy as np

        content = self.build(state["content"]["bit_generator"])
        if content["bit_generator"] not in sklearn_trust.BIT_GENERATORS:
            raise NotReviewed([f"numpy.random.{content['bit_generator']}"])
        seeds = np.random.SeedSequence(**self.build(state["content"]["seed_seq"]))
        source = getattr(np.random, content["bit_generator"])(seeds)
        source.state = content
        return np.random.Generator(source)

    def _SparseMatrixNode(self, state: State) -> Any:  # noqa: N802
        from scipy.sparse import load_npz

        data = self._archive.read(state["file"])
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            _check_size(inner, len(data))
        made = load_npz(io.BytesIO(data))
        # Compiled code follows the indexes of a sparse matrix without looking.
        made.check_format(full_check=True)
        return made

    def _TreeNode(self, state: State) -> Any:  # noqa: N802
        arguments = self.build(state["__reduce__"]["args"])
        attributes = self.build(state["content"])
        skops_soundness.check_tree(arguments, attributes)
        made = self._kind(state)(*arguments)
        made.__setstate__(attributes)
        return made

    def _LossNode(self, state: State) -> Any:  # noqa: N802
        made = self._kind(state)(*self.build(state["__reduce__"]["args"]))
        attributes = self.build(state["content"])
        if attributes:
            made.__setstate__(attributes)
        return made
