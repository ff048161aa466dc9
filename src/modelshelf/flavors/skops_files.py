"""Files in the skops format, of which only reviewed types are loaded without trust.

What may be loaded is decided by the list in `sklearn_trust`, never by a list that came with the model.
"""

import io
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from modelshelf.domain.errors import Invalid, Untrusted
from modelshelf.flavors import skops_reader
from modelshelf.flavors.restoring import unpickling

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Stored:
    """A model on disk: its file, the format, what it needs, and the types that plain skops would refuse."""

    file: str
    format: str
    modules: frozenset[str]
    untrusted_by_skops: tuple[str, ...] = ()


def dump(obj: Any, path: Path, *, also: Collection[str]) -> Stored:
    """Writes the object; raises Invalid, and writes nothing, if skops cannot hold it or a type is not reviewed."""
    import skops.io

    try:
        data = _dumps(obj)
        types = tuple(skops.io.get_untrusted_types(data=data))
    except Exception as fault:
        raise Invalid(f"skops cannot hold the model: {fault}", argument="serialization_format") from fault
    schema = skops_reader.schema_of(data)
    strange = sorted(skops_reader.unreviewed(schema) - set(also))
    if strange:
        raise Invalid(
            f"the types {strange[:_SHOWN]} are not reviewed: list them in skops_trusted_types, "
            "or leave serialization_format out to save with cloudpickle",
            argument="skops_trusted_types",
            types=strange,
        )
    path.write_bytes(data)
    return Stored(path.name, "skops", frozenset(skops_reader.modules_of(schema)), types)


def _dumps(obj: Any) -> bytes:
    """What `skops.io.dumps` writes, with its description on one line.

    skops indents it, which is most of its time (the encoder falls back from C to Python) and half of the file for a
    forest of 100 trees. Readers don't mind.
    """
    import skops
    import skops.io

    try:
        from skops.io._utils import SaveContext, get_state
    except ImportError:  # not skops's public surface: another release may have moved it
        return bytes(skops.io.dumps(obj))
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        context = SaveContext(zip_file=archive)
        state = get_state(obj, context)
        context.clear_memo()
        state.update(protocol=context.protocol, _skops_version=skops.__version__)
        archive.writestr("schema.json", json.dumps(state))
    return buffer.getvalue()


def load(folder: Path, file: Path, *, trusted: bool) -> Any:
    """The object in the file; raises Untrusted, naming the types, if not all are reviewed and nobody vouches."""
    # Read once: what is checked is what is loaded.
    data = file.read_bytes()
    try:
        return unpickling(folder, file, lambda: skops_reader.read(data))
    except skops_reader.NotReviewed as fault:
        if not trusted:
            raise Untrusted(
                f"{file}: it has types or content that are not reviewed ({fault.names[:_SHOWN]}), which may run any "
                "code when loaded; load it with trust=True if you trust where it comes from",
                path=str(file),
                types=fault.names,
            ) from fault
    return unpickling(folder, file, lambda: _load_all(data))


def _load_all(data: bytes) -> Any:
    """Whatever the file has, with skops itself: for callers who vouch for it."""
    import skops.io

    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
