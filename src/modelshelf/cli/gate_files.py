"""Files of gates: YAML with one gate, or with several below `gates`."""

from pathlib import Path

from modelshelf.domain.errors import Invalid
from modelshelf.domain.gate_documents import gate_of
from modelshelf.domain.gates import Gate

_LIMIT = 1024 * 1024


def read(path: Path) -> list[Gate]:
    """The gates of a file. Raises Invalid, naming the file."""
    import yaml

    content = path.read_bytes()
    if len(content) > _LIMIT:
        raise Invalid(f"{path}: it has {len(content):,} bytes; the limit is {_LIMIT:,}", path=str(path))
    try:
        told = yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(f"{path}: it is not YAML that can be read: {error}", path=str(path)) from None
    several = isinstance(told, dict) and set(told) == {"gates"}
    documents = told["gates"] if several else [told]
    if not isinstance(documents, list) or not documents:
        raise Invalid(f"{path}: below gates there must be a list of them", path=str(path))
    try:
        return [gate_of(document) for document in documents]
    except Invalid as error:
        raise Invalid(f"{path}: {error.message}", **{**error.details, "path": str(path)}) from None
