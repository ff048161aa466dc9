"""Reading in an index's order, stride by stride: where the reading stands, and the rows of the next stride."""

from collections.abc import Sequence
from dataclasses import replace

from modelshelf.database.search_entities import Entity, Side, Walk
from modelshelf.database.search_order import Term, behind
from modelshelf.database.search_predicates import Binder
from modelshelf.domain.search import Kind, Order, Scalar


class Strides:
    """All rows before `at` are read, and those that equal it too, unless they are still to come as the tie.

    The first `constant` terms are the same in all rows of the index, which has the next, the leading term, in order.
    `complete` tells that the index has all the rows; if not, what it lacks comes behind them in the order.
    """

    def __init__(self, walk: Walk, terms: Sequence[Term], after: Sequence[Scalar] | None, *, constant: int = 0) -> None:
        self._walk, self.terms, self.constant = walk, list(terms), constant
        self._place = list(after)[constant:] if after else None
        self._at = self._place[0] if self._place else None
        self.ended, self.complete = False, constant == 0
        self.keyed = ""

    @property
    def leading(self) -> Term:
        return self.terms[self.constant]

    @property
    def rows(self) -> str:
        return self._walk.rows

    @property
    def first(self) -> str:
        return self._walk.first

    def tie(self, binder: Binder) -> str:
        """The rows with the order value of the place to start behind, but behind it: at first only, else nothing."""
        place, rest = self._place, self.terms[self.constant + 1 :]
        self._place = None
        if not place or not rest:
            return ""
        same = f"{self.leading.sql} = {binder.bind(place[0])}"
        return f"{self._walk.joined}{self.keyed} AND {same} AND {behind(binder, rest, place[1:])}"

    def stretch(self, binder: Binder, end: Scalar | None, *, joined: bool = True) -> str:
        """The rows behind those that were read, up to and with `end`."""
        before, after = (">", "<") if self.leading.descending else ("<", ">")
        parts = f"{self._walk.joined if joined else 'TRUE'}{self.keyed}"
        if self._at is not None:
            parts += f" AND {self.leading.sql} {after} {binder.bind(self._at)}"
        elif self.constant:
            parts += f" AND {self.leading.sql} IS NOT NULL"
        return parts if end is None else f"{parts} AND {self.leading.sql} {before}= {binder.bind(end)}"

    def advance(self, end: Scalar | None) -> None:
        """All up to and with `end` is read now; None: all there is."""
        self._at, self.ended = end, end is None


def start(
    binder: Binder, entity: Entity, orders: Sequence[Order], terms: Sequence[Term], after: Sequence[Scalar] | None
) -> Strides | None:
    """The reading in the order's index behind a place, if an index has the order."""
    walk = entity.walks.get(terms[0].attribute)
    if walk is not None:
        return Strides(walk, terms, after)
    place = entity.place(orders[0].field)
    if not isinstance(place, Side) or place.walk is None or orders[0].field.kind is not Kind.METRIC:
        return None
    if after and after[0] != 0:
        return None  # behind all that have a value
    known = [replace(terms[0], sql="0"), replace(terms[1], sql=place.walk.leading)]
    strides = Strides(place.walk, [*known, *terms[2:]], after, constant=1)
    strides.keyed = f" AND {place.key} = {binder.bind(orders[0].field.key)}"
    return strides
