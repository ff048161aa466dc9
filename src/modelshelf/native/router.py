"""From a path to what answers it: a tree of the parts of paths, walked by dictionary look-ups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from modelshelf.domain.errors import Invalid

T = TypeVar("T")


@dataclass(slots=True)
class _Node(Generic[T]):
    """What may follow a part of a path."""

    literals: "dict[str, _Node[T]]" = field(default_factory=dict)
    any: "_Node[T] | None" = None
    here: dict[str, T] = field(default_factory=dict)
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What answers at a path, by verb, and the texts that stand in the places of each."""

    answers: Mapping[str, T]
    texts: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]

    def parts(self, verb: str) -> dict[str, str]:
        """The texts in the path by the names that a verb's parameters have."""
        return dict(zip(self.names[verb], self.texts, strict=True))


class Router(Generic[T]):
    """Routes by verb and path; `{name}` in a path stands for one part of it, also for an empty one."""

    def __init__(self) -> None:
        self._fixed: dict[str, Found[T]] = {}
        self._root: _Node[T] = _Node()

    def add(self, verb: str, path: str, answer: T) -> None:
        """Have a verb on a path answered."""
        node, names = self._root, []
        for part in path.split("/")[1:]:
            if part.startswith("{"):
                node.any = node.any or _Node()
                node = node.any
                names.append(part[1:-1])
            else:
                node = node.literals.setdefault(part, _Node())
        node.here[verb], node.places[verb] = answer, tuple(names)
        if not names:
            self._fixed[path] = Found(node.here, (), node.places)

    def find(self, raw_path: str) -> Found[T] | None:
        """What answers at a path as it came, percent-encoded: so an encoded slash is no border between parts.

        Raises Invalid for a part that is not UTF-8.
        """
        fixed = self._fixed.get(raw_path)
        if fixed is not None:
            return fixed
        node, texts = self._root, []
        for part in raw_path.split("/")[1:]:
            following = node.literals.get(part)
            if following is None:
                following = node.any
                if following is None:
                    return None
                texts.append(_decoded(part))
            node = following
        return Found(node.here, tuple(texts), node.places) if node.here else None


def _decoded(part: str) -> str:
    if "%" not in part:
        return part
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Invalid("the path is not UTF-8 where it is percent-encoded") from None
