"""Evaluations of versions against one another, as evidence for gates and promotions."""

from dataclasses import asdict, replace

from modelshelf.database import catalog, events, gates, governance
from modelshelf.database import evaluations as rows
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import Invalid
from modelshelf.domain.evaluations import Evaluation, checked
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.names import version_number
from modelshelf.services import automatic, refusals
from modelshelf.services.governance_part import GovernancePart

EVALUATIONS_LIMIT = 1_000


class Evaluations(GovernancePart):
    """How versions did against one another."""

    def log_evaluation(self, model: str, version: int, evaluation: Evaluation) -> Evaluation:
        """Keep how a version did against another one, for clauses and `promote(if_better=)` to look at.

        Raises NotFound for an unknown version, Invalid for numbers that can't be.
        """
        self._actor.require(Permission.WRITE)
        number, now_ms = version_number(version), self._clock()
        kept = replace(checked(evaluation), version=number, created_ms=now_ms, actor=self._actor.name)
        if kept.against == number:
            raise Invalid(f"version {number} can't be evaluated against itself", field="against")
        with self._database.write() as tx:
            model_id = self._model_id(tx, model)
            for each in (number, kept.against):
                self._require_version_of(tx, model, model_id, each)
            rows.insert(tx, model_id, kept)
            data = {key: value for key, value in asdict(kept).items() if key not in {"created_ms", "actor", "version"}}
            subject = f"models/{model}/{number}"
            event = Event(EventName.VERSION_EVALUATED, self._actor.name, now_ms, subject, data, model_id=model_id)
            events.append(tx, event)
            marked = gates.mark_version(tx, model_id, number, now_ms=now_ms)
        automatic.follow(self._database, self._blobs, self._clock, marked)
        return kept

    def evaluations(self, model: str, version: int, *, limit: int = 100) -> list[Evaluation]:
        """The evaluations of a version, the newest first, at most 1,000. Raises NotFound."""
        self._actor.require(Permission.READ)
        if limit < 1:
            raise Invalid(f"the limit must be at least 1, not {limit}", limit=limit)
        number = version_number(version)
        with self._database.read() as tx:
            model_id = self._model_id(tx, model)
            self._require_version_of(tx, model, model_id, number)
            return rows.of_version(tx, model_id, number, limit=min(limit, EVALUATIONS_LIMIT))

    @staticmethod
    def _model_id(tx: Transaction, model: str) -> int:
        found = catalog.model_id(tx, model)
        if found is None:
            raise refusals.no_model(tx, model)
        return found

    @staticmethod
    def _require_version_of(tx: Transaction, model: str, model_id: int, number: int) -> None:
        if governance.stage_of(tx, model_id, number) is None:
            raise refusals.no_version(tx, model, model_id, number)
