"""What a filter means: fields, comparisons and the tree that joins them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TypeAlias


class Kind(StrEnum):
    """Where a field's value lives."""

    ATTRIBUTE = "attribute"
    TAG = "tag"
    PARAM = "param"
    METRIC = "metric"
    DATASET = "dataset"


class FieldType(Enum):
    """What an attribute holds, which settles the operators and values it takes."""

    TEXT = "text"
    TEXTS = "texts"  # any number of texts, such as the aliases of a version; cannot be ordered by
    NUMBER = "whole number"


class Op(StrEnum):
    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    NOT_LIKE = "NOT LIKE"
    NOT_ILIKE = "NOT ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Field:
    """A field by kind and key: an attribute's own name, never an alias of it; a tag's, param's or metric's key."""

    kind: Kind
    key: str


Scalar: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field held against a value.

    The value is a tuple for IN and NOT IN, None for IS NULL and IS NOT NULL, else one scalar: float for a metric, int
    for a number (float when it has a fraction or is beyond 64 bits), str for everything else. A metric against NaN
    (`=` and `!=` only) asks whether the metric is NaN.

    A field without a value satisfies IS NULL and nothing else, `!=` and the NOT forms included. A field with several
    values (datasets, `FieldType.TEXTS`) satisfies a comparison when one of its values does. A metric that is NaN
    satisfies, of the comparisons with a number, only `!=` and NOT IN.
    """

    field: Field
    op: Op
    value: Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class And:
    """All of them hold. Without conditions, as from an empty filter, it holds for everything."""

    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Everything that the condition does not match: `NOT tags.a = 'x'` matches where there is no tag `a`, too."""

    condition: "Condition"


Condition: TypeAlias = Comparison | And | Or | Not


@dataclass(frozen=True, slots=True)
class Order:
    """A key to order by. `dataset` (name, and digest or "") picks those points of a logged model's metric."""

    field: Field
    descending: bool
    dataset: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields that a search over one entity knows: attributes, other names for them, and further kinds."""

    attributes: Mapping[str, FieldType]
    aliases: Mapping[str, str] = field(default_factory=dict)
    kinds: frozenset[Kind] = frozenset({Kind.TAG})
