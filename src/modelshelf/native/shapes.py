"""What an operation takes and answers, read from the signature of the method that it calls."""

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec

from modelshelf.blobs.store import DirectUpload, Stored
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import alias_name, tag_key, version_number
from modelshelf.domain.tracking import MetricPoint, experiment_number
from modelshelf.native.operations import Operation
from modelshelf.services.access import Access
from modelshelf.services.artifacts import Artifacts
from modelshelf.services.catalog import Catalog
from modelshelf.services.events import Events
from modelshelf.services.governance import Governance
from modelshelf.services.rollouts import Rollouts
from modelshelf.services.tracking import Tracking

AREAS: Mapping[str, type] = {
    "catalog": Catalog,
    "tracking": Tracking,
    "artifacts": Artifacts,
    "governance": Governance,
    "rollouts": Rollouts,
    "events": Events,
    "access": Access,
}
_UNIONS = frozenset({typing.Union, types.UnionType})
_NOT_SENT = frozenset({"self", "progress"})


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob that is in the store; the size is in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class UploadUrls:
    """An upload past the server: the n-th part is sent with PUT to the n-th URL; `id` names it from then on."""

    id: str
    urls: tuple[str, ...]


_TOLD: Mapping[Any, Any] = {Stored: StoredBlob, DirectUpload: UploadUrls}
"""What is told as an object though it is a tuple."""

_MEANT = {told: meant for meant, told in _TOLD.items()}


def as_told(answer: Any) -> Any:
    """An answer as it is told."""
    kind = _TOLD.get(type(answer))
    return kind(*answer) if kind else answer


def as_meant(told: Any) -> Any:
    """What was told, as the method would have answered it."""
    kind = _MEANT.get(type(told))
    return kind(*(getattr(told, name) for name in told.__slots__)) if kind else told


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method; `default` is `inspect.Parameter.empty` where it has to be given."""

    name: str
    type: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Shape:
    """A method as the wire sees it."""

    signature: inspect.Signature
    parameters: Mapping[str, Parameter]
    answer: Any
    says: str
    """The method's docstring."""
    has_points: bool
    """Whether metric points are sent, whose values may be NaN."""

    def bind(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call by their names, without those left out. Raises TypeError as the method would."""
        bound = self.signature.bind(*arguments, **named).arguments
        return {name: value for name, value in bound.items() if name not in _NOT_SENT}


@lru_cache(maxsize=256)
def shape(operation: Operation) -> Shape:
    """The shape of an operation's method."""
    return shape_of(getattr(AREAS[operation.area], operation.method))


def shape_of(method: Callable[..., Any]) -> Shape:
    """The shape of a method of a class, without its `self`."""
    hints = typing.get_type_hints(method)
    signature = inspect.signature(method)
    own = [parameter for name, parameter in signature.parameters.items() if name != "self"]
    parameters = {
        each.name: Parameter(each.name, _sendable(hints[each.name]), each.default)
        for each in own
        if each.name not in _NOT_SENT
    }
    return Shape(
        signature=signature.replace(parameters=own),
        parameters=parameters,
        answer=_TOLD.get(hints["return"], hints["return"]),
        says=inspect.getdoc(method) or "",
        has_points=any(_mentions(each.type, MetricPoint) for each in parameters.values()),
    )


WHOLE: Final = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that both databases can hold."""


def _sendable(hint: Any) -> Any:
    """What the wire takes for a parameter: a list for any number of values, whole numbers of 64 bits, and a text where
    a name of an enumeration would do as well, as the method itself tells the two apart.
    """
    if hint is int:
        return WHOLE
    if typing.get_origin(hint) is Iterable:
        return types.GenericAlias(list, typing.get_args(hint))
    kinds = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else ()
    if not kinds:
        return hint
    kept = [kind for kind in kinds if str not in kinds or not (isinstance(kind, type) and issubclass(kind, Enum))]
    return typing.Union[tuple(map(_sendable, kept))]  # noqa: UP007 - put together at run time


def without_none(hint: Any) -> Any:
    """What is left of an optional type where None can't be written, as in a query."""
    if typing.get_origin(hint) not in _UNIONS:
        return hint
    return typing.Union[tuple(kind for kind in typing.get_args(hint) if kind is not types.NoneType)]  # noqa: UP007


def _mentions(hint: Any, wanted: type) -> bool:
    if hint is wanted:
        return True
    if is_dataclass(hint) and isinstance(hint, type):
        return any(_mentions(inner, wanted) for inner in typing.get_type_hints(hint).values())
    return any(_mentions(inner, wanted) for inner in typing.get_args(hint))


def is_list(hint: Any) -> bool:
    """Whether a parameter takes several values."""
    return typing.get_origin(hint) in {Sequence, Iterable, list, tuple}


def text_for_path(value: object, parameter: Parameter) -> str:
    """A parameter as a part of a path. Raises Invalid, where it can in the registry's own words, for other types."""
    if isinstance(value, str) or (parameter.type == WHOLE and type(value) is int):
        return str(value)
    name = parameter.name
    if name in _CHECKED:
        _CHECKED[name](value)
    wanted = "a whole number" if parameter.type == WHOLE else "a text"
    raise Invalid(f"invalid {name} {value!r}: it must be {wanted}", field=name)


_CHECKED: Mapping[str, Callable[[object], object]] = {
    "alias": alias_name,
    "experiment_id": experiment_number,
    "key": tag_key,
    "number": version_number,
    "version": version_number,
}
"""Rules of the domain, by the names that parameters in paths have."""
