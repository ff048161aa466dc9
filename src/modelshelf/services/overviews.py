"""Reads that pages need in one go: facts of many things at once, curves, timelines, and the past."""

import sys
from collections.abc import Sequence
from typing import Final, TypeVar

from modelshelf.database import catalog, overviews, tracking, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.governance import Move
from modelshelf.domain.overviews import Curve, PastModel
from modelshelf.domain.tracking import Run
from modelshelf.services import refusals
from modelshelf.services.oversight import Oversight

T = TypeVar("T")

MOST_AT_ONCE: Final = 1_000
MOST_BUCKETS: Final = 240
_NO_MOVES = frozenset({"model", "version", "experiment", "run", "logged_model", "user", "token", "webhook"})


def _names_of_moves() -> tuple[str, ...]:
    names = (value for key, value in vars(EventName).items() if key.isupper())
    return tuple(name for name in names if name.partition(".")[0] not in _NO_MOVES)


class Overviews(Oversight):
    """Reads only; what changes anything is in the other areas."""

    def alias_moves(self, model_ids: Sequence[int]) -> list[Move]:
        """The move that brought each alias of some models where it is, by model and alias."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return overviews.alias_moves(tx, _few(model_ids))

    def alias_history(self, model_id: int, alias: str, *, limit: int = 500) -> list[Move]:
        """The latest moves of an alias, the newest first."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return overviews.moves_of_alias(tx, model_id, alias, limit=min(limit, MOST_AT_ONCE))

    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Those of some runs that there are, whole, by id."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return {run.id: run for run in tracking.runs_by_ids(tx, list(dict.fromkeys(_few(run_ids))))}

    def trend(self, name: str, key: str) -> Curve:
        """A metric over the versions of a model, in at most 240 buckets or so. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return overviews.trend(tx, self._id(tx, name), key, most=MOST_BUCKETS)

    def curves(self, run_ids: Sequence[str], key: str) -> dict[str, Curve]:
        """A metric of some runs over their steps, each in at most 240 buckets or so."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return {run_id: overviews.curve(tx, run_id, key, most=MOST_BUCKETS) for run_id in _few(run_ids)}

    def timeline(
        self, name: str, *, before: int | None = None, until_ms: int | None = None, limit: int = 50
    ) -> list[Event]:
        """What happened to a model's aliases and stages, refusals too, the newest first.

        `before` is the position behind which a page ended. Raises NotFound where no model ever had the name.
        """
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            ids = catalog.model_ids_ever(tx, name)
            if not ids:
                raise refusals.no_model(tx, name)
            return overviews.events_of_model(
                tx,
                ids,
                _names_of_moves(),
                before=sys.maxsize if before is None else before,
                until_ms=until_ms,
                limit=min(limit, MOST_AT_ONCE),
            )

    def model_at(self, name: str, at_ms: int) -> PastModel:
        """A model as it was at an instant. Raises NotFound where no model had the name then."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            model_id = catalog.model_id_at(tx, name, at_ms)
            created_ms = None if model_id is None else overviews.created_ms(tx, model_id)
            if model_id is None or created_ms is None or created_ms > at_ms:
                raise NotFound(
                    f"no model {name!r} was there at that moment, or it has been deleted since", model=name, at_ms=at_ms
                )
            description, tags = overviews.texts_at(tx, model_id, at_ms)
            newest = versions.newest(tx, model_id, before_ms=at_ms)
            gone = overviews.deleted_versions(tx, model_id, after_ms=at_ms)
            return PastModel(
                id=model_id,
                name=name,
                at_ms=at_ms,
                created_ms=created_ms,
                description=description,
                tags=tags,
                aliases=tuple(overviews.alias_moves_at(tx, model_id, at_ms)),
                stages=overviews.stages_at(tx, model_id, at_ms),
                newest=newest,
                deleted_since=tuple(gone),
            )

    def versions_at(self, model_id: int, at_ms: int, *, below: int | None = None, limit: int) -> list[ModelVersion]:
        """The versions that were there at an instant and still are, the newest first, below a number."""
        self._actor.require(Permission.READ)
        below = sys.maxsize if below is None else below
        with self._database.read() as tx:
            ids = overviews.version_ids_until(tx, model_id, until_ms=at_ms, below=below, limit=min(limit, MOST_AT_ONCE))
            return versions.versions_by_ids(tx, ids)

    @staticmethod
    def _id(tx: Transaction, name: str) -> int:
        found = catalog.model_id(tx, name)
        if found is None:
            raise refusals.no_model(tx, name)
        return found


def _few(things: Sequence[T]) -> Sequence[T]:
    if len(things) > MOST_AT_ONCE:
        raise Invalid(f"{len(things):,} at once; the limit is {MOST_AT_ONCE:,}", limit=MOST_AT_ONCE)
    return things
