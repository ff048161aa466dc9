"""Moves of aliases and stages: each one judged, appended to the ledger with its actor and reason, and then true."""

import sys

from modelshelf.database import catalog, governance
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import Conflict, Invalid, ShelfError
from modelshelf.domain.governance import AliasPosition, Cause, Move, rollback_target
from modelshelf.domain.names import REASON_LIMIT, alias_name, bounded, metric_key, stage_name, version_number
from modelshelf.services import refusals
from modelshelf.services.governance_part import GovernancePart
from modelshelf.services.judging import Better
from modelshelf.services.mover import ANYTHING, Intent, Mover, move_alias_in, move_stage_in

__all__ = ["ANYTHING", "Moving", "move_alias_in", "move_stage_in"]


class Moving(GovernancePart):
    """The one road on which aliases and stages move."""

    def alias_position(self, model: str, alias: str) -> AliasPosition:
        """Where an alias points, and by which move it came there. Raises NotFound."""
        self._actor.require(Permission.READ)
        alias = alias_name(alias)
        with self._database.read() as tx:
            found = governance.alias_position(tx, model, alias)
            if found is None:
                model_id = catalog.model_id(tx, model)
                raise (
                    refusals.no_model(tx, model) if model_id is None else refusals.no_alias(tx, model, model_id, alias)
                )
            return found

    def set_alias(
        self,
        model: str,
        alias: str,
        version: int,
        *,
        reason: str = "",
        if_current: int | None = ANYTHING,
        if_last_move: int | None = None,
    ) -> Move:
        """Point an alias at a version. `if_current` refuses (AliasMoved) unless that is what it points at now.

        `if_last_move` refuses likewise unless it came there by that move and no other since.
        Raises Invalid for a bad alias, NotFound for an unknown model or version, GateFailed where a gate refuses and
        Protected where others only may move it. A refusal is in the ledger too.
        """
        self._actor.require(Permission.MOVE)
        number, checked = version_number(version), bounded(reason, "reason", REASON_LIMIT)
        return self._move(
            Intent(
                model,
                Cause.SET,
                checked,
                alias=alias_name(alias),
                version=number,
                if_current=if_current,
                if_last_move=if_last_move,
            )
        )

    def promote(
        self,
        model: str,
        version: int,
        *,
        alias: str | None = None,
        stage: str | None = None,
        reason: str = "",
        if_current: int | None = ANYTHING,
        if_better: str | None = None,
        confidence: float | None = None,
    ) -> Move:
        """Move an alias, or else a stage, to a version; the version that held the stage is archived.

        Name exactly one of `alias` and `stage`. `if_current` refuses (AliasMoved) unless that version is there now.
        `if_better` names a metric: the version's newest evaluation by it, against exactly the version that is there
        now, has to show an improvement, its interval of at least the given `confidence`. Raises GateFailed, with the
        clauses and what they saw, where that or a gate refuses.
        """
        if (alias is None) == (stage is None):
            raise Invalid("name either an alias or a stage to promote to, and not both")
        self._actor.require(Permission.MOVE)
        return self._move(
            Intent(
                model,
                Cause.PROMOTION,
                bounded(reason, "reason", REASON_LIMIT),
                alias=None if alias is None else alias_name(alias),
                stage=None if stage is None else stage_name(stage),
                version=version_number(version),
                if_current=if_current,
                archive=True,
                better=better_by(if_better, confidence),
            )
        )

    def set_stage(
        self, model: str, version: int, stage: str, *, archive_existing: bool = False, reason: str = ""
    ) -> Move:
        """Move a version to None, Staging, Production or Archived; those in the same stage are archived, if asked."""
        self._actor.require(Permission.MOVE)
        number, target = version_number(version), stage_name(stage)
        checked = bounded(reason, "reason", REASON_LIMIT)
        return self._move(Intent(model, Cause.SET, checked, version=number, stage=target, archive=archive_existing))

    def clear_alias(self, model: str, alias: str, *, reason: str = "", if_last_move: int | None = None) -> Move | None:
        """Take an alias away; None where it was not there. Raises NotFound for an unknown model.

        `if_last_move` refuses (AliasMoved) unless it came where it is by that move and no other since.
        No gate is asked.
        """
        self._actor.require(Permission.MOVE)
        reason, alias = bounded(reason, "reason", REASON_LIMIT), alias_name(alias)
        intent = Intent(model, Cause.SET, reason, alias=alias, if_last_move=if_last_move)
        with self._database.write() as tx:
            mover = self._mover(tx)
            model_id, now_ms = mover.lock(model)
            before = governance.alias_target(tx, model_id, alias)
            refusal = mover.moved_since(intent) or (mover.protected(intent) if before is not None else None)
            if refusal is None:
                return None if before is None else mover.append(intent, model_id, before, now_ms)
            mover.refuse(intent, model_id, now_ms, refusal)
        raise refusal

    def rollback(self, model: str, alias: str, *, reason: str = "") -> Move:
        """Move an alias back to whatever it pointed at before. Raises Conflict where there is nothing to go back to.

        No gate is asked: a version that was there once can always come back. Protected names stay protected.
        """
        self._actor.require(Permission.MOVE)
        intent = Intent(model, Cause.ROLLBACK, bounded(reason, "reason", REASON_LIMIT), alias=alias_name(alias))
        with self._database.write() as tx:
            mover = self._mover(tx)
            model_id, now_ms = mover.lock(model)
            past = governance.moves_of_alias(tx, model_id, alias)
            if not past:
                raise refusals.no_alias(tx, model, model_id, alias)
            refusal = mover.protected(intent)
            if refusal is None:
                try:
                    return self._append_rollback(mover, intent, model_id, past, now_ms)
                except Conflict as error:
                    refusal = Conflict(f"cannot roll back {model}@{alias}: {error.message}", model=model, alias=alias)
            mover.refuse(intent, model_id, now_ms, refusal)
        raise refusal

    def history(self, model: str, *, alias: str | None = None, limit: int = 1000) -> list[Move]:
        """The moves of a model's aliases and stages, the newest first; also of a deleted or a renamed model.

        Raises NotFound where no model ever had the name.
        """
        self._actor.require(Permission.READ)
        limit = max(limit, 1)
        with self._database.read() as tx:
            ids = catalog.model_ids_ever(tx, model)
            if not ids:
                raise refusals.no_model(tx, model)
            current = catalog.model_id(tx, model)
            wanted = current if current is not None else ids[0]
            if alias is not None:
                return governance.moves_of_alias(tx, wanted, alias_name(alias))[::-1][:limit]
            return governance.moves_of_model(tx, wanted, before_id=sys.maxsize, limit=limit)

    @staticmethod
    def _append_rollback(mover: Mover, intent: Intent, model_id: int, past: list[Move], now_ms: int) -> Move:
        numbers = [move.after for move in past if isinstance(move.after, int)]
        gone = set(numbers) - governance.existing(mover.tx, model_id, numbers)
        target = rollback_target(past, gone=gone)
        before = governance.alias_target(mover.tx, model_id, str(intent.alias))
        rolled = Intent(intent.model, intent.cause, intent.reason, alias=intent.alias, version=target)
        return mover.append(rolled, model_id, before, now_ms)

    def _move(self, intent: Intent) -> Move:
        with self._database.write() as tx:
            answer = self._mover(tx).move(intent)
        if isinstance(answer, ShelfError):
            raise answer
        return answer

    def _mover(self, tx: Transaction) -> Mover:
        return Mover(tx, self._blobs, self._actor, self._clock)


def better_by(metric: str | None, confidence: float | None) -> Better | None:
    """The caller's wish for an improvement, checked."""
    if metric is None:
        if confidence is not None:
            raise Invalid("confidence belongs to if_better: name the metric that has to be better", field="confidence")
        return None
    if confidence is not None and not 0.5 <= confidence < 1:
        raise Invalid(f"the confidence must be from 0.5 to below 1, not {confidence}", field="confidence")
    return Better(metric_key(metric), confidence)
