"""Starting a rollout: what has to be so, what speaks against it, and its first step."""

from collections.abc import Sequence

from modelshelf.database import governance, leases, rollouts, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import AlreadyExists, Conflict, Invalid, ShelfError
from modelshelf.domain.events import EventName
from modelshelf.domain.gates import Judgement, refusal_of
from modelshelf.domain.governance import Cause
from modelshelf.domain.names import REASON_LIMIT, alias_name, bounded, version_number
from modelshelf.domain.rollouts import CANARY, STEPS, Plan, Rollout, RolloutState, checked_plan
from modelshelf.domain.verdicts import ERROR_RATE
from modelshelf.services import judging, protection, refusals, rollout_ends, sealing
from modelshelf.services.mover import Intent, Mover
from modelshelf.services.rollout_changes import Change, put_canary
from modelshelf.services.rollout_part import RolloutPart
from modelshelf.services.rollout_steps import LEASE, LEASE_MS


class Starting(RolloutPart):
    """How a rollout begins."""

    def start(
        self,
        model: str,
        version: int,
        *,
        alias: str,
        steps: Sequence[float] = STEPS,
        every_ms: int = 600_000,
        min_requests: int = 0,
        error_rate: float = ERROR_RATE,
        shadow: bool = False,
        reason: str = "",
    ) -> Rollout:
        """Send traffic that follows an alias to a version, step by step; the alias itself moves at the end.

        `steps` are percents of the keys, each `every_ms` long and until the new version has answered `min_requests`;
        a version that is found worse is rolled back by itself, one that is as good in at most a share `error_rate` of
        all rollouts. With `shadow` the new version gets copies, and only the old one's answers are served. `@canary`
        names the version meanwhile. Raises NotFound, Conflict where the alias or `@canary` is taken by another rollout
        or by hand, or where no server steps rollouts; GateFailed and Protected as a promotion does.
        """
        self._actor.require(Permission.MOVE)
        number, alias = version_number(version), alias_name(alias)
        plan = checked_plan(Plan(tuple(steps), every_ms, min_requests, error_rate, shadow))
        reason = bounded(reason, "reason", REASON_LIMIT)
        intent = Intent(model, Cause.ROLLOUT, reason, alias=alias, version=number)
        with self._database.write() as tx:
            mover = Mover(tx, self._blobs, self._actor, self._clock)
            model_id, now_ms = mover.lock(model)
            stable = self._startable(tx, intent, model_id)
            refusal, judgement = self._examined(mover, intent, model_id, stable, now_ms)
            if refusal is None:
                wanted = self._wanted(intent, plan, model_id, stable, now_ms)
                return self._begin(Change(tx, self._actor, now_ms, reason), wanted)
            mover.refuse(intent, model_id, now_ms, refusal, judgement)
        raise refusal

    def _startable(self, tx: Transaction, intent: Intent, model_id: int) -> int:
        """The version that the alias points at. Raises what makes a start impossible whoever asks for it."""
        model, alias, number = intent.model, intent.target, intent.version or 0
        if alias == CANARY:
            raise Invalid(f"@{CANARY} names the new version of a rollout; roll out behind another alias", alias=alias)
        stable = governance.alias_target(tx, model_id, alias)
        if stable is None:
            raise refusals.no_alias(tx, model, model_id, alias)
        if governance.stage_of(tx, model_id, number) is None:
            raise refusals.no_version(tx, model, model_id, number)
        if stable == number:
            raise Conflict(f"{model}@{alias} points at version {number} already", model=model, alias=alias)
        self._require_room(tx, model, model_id)
        lease, clock_ms = leases.lease(tx, LEASE), self._clock()
        if lease is None or lease.until_ms <= clock_ms - LEASE_MS:
            raise Conflict(
                "no server is there to step a rollout: run modelshelf server on this shelf, wait a second or two, and "
                "start the rollout again",
                model=model,
            )
        return stable

    @staticmethod
    def _require_room(tx: Transaction, model: str, model_id: int) -> None:
        """One rollout of a model at a time, since `@canary` names one version. Raises AlreadyExists, Conflict."""
        for live in rollouts.live_of_model(tx, model_id):
            raise AlreadyExists(
                f"rollout {live.id} of {model} is under way ({live.alias}: {live.stable} to {live.target}); "
                f"finish or abort it first: modelshelf rollout abort {live.id}",
                rollout=live.id,
            )
        canary = governance.alias_target(tx, model_id, CANARY)
        if canary is not None:
            raise Conflict(
                f"{model}@{CANARY} points at version {canary}; a rollout needs the name: clear it first",
                model=model,
                alias=CANARY,
                current=canary,
            )

    @staticmethod
    def _examined(
        mover: Mover, intent: Intent, model_id: int, stable: int, now_ms: int
    ) -> tuple[ShelfError | None, Judgement | None]:
        """Why the alias may not come to point at the version, not by this actor or not yet; and what the gates said."""
        for name in (intent.target, CANARY):
            if refused := protection.refusal(mover.tx, mover.actor, intent.model, alias=name):
                return refused, None
        assert intent.version is not None
        for name, before in ((intent.target, stable), (CANARY, None)):
            judgement = judging.judge(
                mover.tx,
                mover.blobs,
                actor=mover.actor,
                model_id=model_id,
                model=intent.model,
                slot=intent.slot,
                name=name,
                version=intent.version,
                before=before,
                now_ms=now_ms,
                reason=intent.reason,
            )
            if judgement is not None and not judgement.passed:
                return refusal_of(judgement), judgement
        return None, None

    def _wanted(self, intent: Intent, plan: Plan, model_id: int, stable: int, now_ms: int) -> Rollout:
        return Rollout(
            id=0,
            model_id=model_id,
            model=intent.model,
            alias=intent.target,
            stable=stable,
            target=intent.version or 0,
            plan=plan,
            state=RolloutState.RUNNING,
            step=0,
            salt=self._entropy(8).hex(),
            started_ms=now_ms,
            started_by=self._actor.name,
            step_ms=self._clock(),
            reason=intent.reason,
        )

    def _begin(self, change: Change, wanted: Rollout) -> Rollout:
        tx, actor = change.tx, change.actor
        version = versions.version_of_model_id(tx, wanted.model_id, wanted.target)
        assert version is not None
        sealing.seal(tx, self._blobs, version, actor=actor.name, now_ms=change.now_ms)
        begun = self._rollout(tx, rollouts.insert(tx, wanted, started_as=actor.role))
        put_canary(change, begun, begun.target)
        rollout_ends.record(
            tx,
            EventName.ROLLOUT_STARTED,
            begun,
            actor=actor.name,
            now_ms=change.now_ms,
            steps=list(begun.plan.steps),
            every_ms=begun.plan.every_ms,
            min_requests=begun.plan.min_requests,
            error_rate=begun.plan.error_rate,
            shadow=begun.plan.shadow,
            reason=begun.reason,
        )
        rollout_ends.move_weight(
            tx, begun, 0.0, begun.weight, actor=actor.name, now_ms=change.now_ms, reason=begun.reason
        )
        return begun
