"""Rollouts as one area: started, watched, stepped and ended; and which loaders run what (by inheritance)."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from modelshelf.database import catalog, governance, leases, rollouts, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Actor, Permission
from modelshelf.domain.errors import AlreadyExists, Conflict, Invalid, NotFound, ShelfError
from modelshelf.domain.events import EventName
from modelshelf.domain.gates import Judgement, refusal_of
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.names import REASON_LIMIT, alias_name, bounded, version_number
from modelshelf.domain.rollouts import (
    CANARY,
    STEPS,
    Plan,
    Report,
    Rollout,
    RolloutState,
    Route,
    checked_plan,
    checked_report,
)
from modelshelf.domain.verdicts import ERROR_RATE, Finding, Verdict
from modelshelf.services import judging, moves, protection, refusals, rollout_ends, sealing
from modelshelf.services.fleet import Fleet
from modelshelf.services.mover import Intent, Mover

LEASE = "rollouts"
LEASE_MS = 20_000
"""How long a server that steps rollouts may be silent before another one takes over."""

REPORTS_LIMIT = 1_000
"""Reports in one request."""

_AT_ONCE = 2_000


class Rollouts(Fleet):
    """Which versions serve an alias while traffic goes over from one to another."""

    def route(self, model: str, alias: str) -> Route:
        """Which versions serve an alias now, and who gets which. Raises NotFound."""
        self._actor.require(Permission.READ)
        alias = alias_name(alias)
        with self._database.read() as tx:
            model_id = catalog.model_id(tx, model)
            if model_id is None:
                raise refusals.no_model(tx, model)
            stable = governance.alias_target(tx, model_id, alias)
            if stable is None:
                raise refusals.no_alias(tx, model, model_id, alias)
            live = rollouts.live(tx, model_id, alias)
        return live.route if live is not None else Route(model, alias, stable)

    def rollout(self, rollout_id: int) -> Rollout:
        """One rollout by its id, with what was last found. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return self._rollout(tx, rollout_id)

    def rollouts(self, model: str, *, before: int | None = None, limit: int = 100) -> list[Rollout]:
        """The rollouts of a model, the newest first, below an id; also of a deleted or a renamed model."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            ids = catalog.model_ids_ever(tx, model)
            if not ids:
                raise refusals.no_model(tx, model)
            bound = before if before is not None else sys.maxsize
            return rollouts.of_models(tx, ids, before=bound, limit=max(1, min(limit, 1000)))

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
            stable = self._startable(tx, model, model_id, alias, number, now_ms)
            refusal, judgement = self._examined(mover, intent, model_id, stable, now_ms)
            if refusal is None:
                wanted = Rollout(
                    id=0,
                    model_id=model_id,
                    model=model,
                    alias=alias,
                    stable=stable,
                    target=number,
                    plan=plan,
                    state=RolloutState.RUNNING,
                    step=0,
                    salt=self._entropy(8).hex(),
                    started_ms=now_ms,
                    started_by=self._actor.name,
                    step_ms=now_ms,
                    reason=reason,
                )
                return self._begin(tx, wanted)
            mover.refuse(intent, model_id, now_ms, refusal, judgement)
        raise refusal

    def pause(self, rollout_id: int, *, reason: str = "") -> Rollout:
        """Leave the weights as they are until it is resumed. Raises NotFound, Conflict where it is not running."""
        return self._change(rollout_id, RolloutState.RUNNING, reason, self._pause)

    def resume(self, rollout_id: int, *, reason: str = "") -> Rollout:
        """Go on with a paused rollout. Raises NotFound, Conflict where it is not paused."""
        return self._change(rollout_id, RolloutState.PAUSED, reason, self._resume)

    def abort(self, rollout_id: int, *, reason: str = "") -> Rollout:
        """Send everyone back to the old version at once. Raises NotFound, Conflict where it is over."""
        return self._change(rollout_id, None, reason, self._abort)

    def finish(self, rollout_id: int, *, reason: str = "") -> Rollout:
        """Move the alias to the new version now, if its gates let it. Raises NotFound, Conflict, GateFailed."""
        refusal: ShelfError | None = None
        reason = bounded(reason, "reason", REASON_LIMIT)
        self._actor.require(Permission.MOVE)
        with self._database.write() as tx:
            rollout, now_ms = self._locked_rollout(tx, rollout_id)
            refusal = self._finish(tx, rollout, self._actor, now_ms, reason)
            if refusal is None:
                return self._rollout(tx, rollout_id)
        raise refusal

    def report(self, reports: Sequence[Report]) -> int:
        """Tell what became of requests that a rollout sent to its versions; how many reports were of use.

        Those about a rollout that is over, or that never was, are dropped. Raises Invalid for numbers that can't be.
        """
        self._actor.require(Permission.WRITE)
        if len(reports) > REPORTS_LIMIT:
            raise Invalid(f"{len(reports)} reports at once; the limit is {REPORTS_LIMIT}", limit=REPORTS_LIMIT)
        checked = [checked_report(each) for each in reports]
        with self._database.write() as tx:
            live = {each.id for each in rollouts.all_live(tx)}
            wanted = [each for each in checked if each.rollout in live]
            rollouts.add_reports(tx, wanted, now_ms=self._clock())
        return len(wanted)

    def step_rollouts(self, holder: str) -> bool:
        """Count what was reported and take the steps that are due, if this process is the one that does.

        The server calls it all the time; of all processes that do one holds the lease. Whether it is this one.
        """
        self._actor.require(Permission.ADMINISTER)
        now_ms = self._clock()
        with self._database.read() as tx:
            held = leases.lease(tx, LEASE)
            waiting = [each.id for each in rollouts.all_live(tx)]
        is_mine = held is not None and held.holder == holder
        if held is not None and not is_mine and held.until_ms > now_ms:
            return False
        if held is None or not is_mine or held.until_ms - now_ms < LEASE_MS // 2:
            with self._database.write() as tx:
                if not leases.take(tx, LEASE, holder, now_ms=now_ms, until_ms=now_ms + LEASE_MS):
                    return False
        for rollout_id in waiting:
            with self._database.write() as tx:
                self._step(tx, rollout_id)
        return True

    def _startable(self, tx: Transaction, model: str, model_id: int, alias: str, number: int, now_ms: int) -> int:
        """The version that the alias points at. Raises what makes a start impossible whoever asks for it."""
        if alias == CANARY:
            raise Invalid(f"@{CANARY} names the new version of a rollout; roll out behind another alias", alias=alias)
        stable = governance.alias_target(tx, model_id, alias)
        if stable is None:
            raise refusals.no_alias(tx, model, model_id, alias)
        if governance.stage_of(tx, model_id, number) is None:
            raise refusals.no_version(tx, model, model_id, number)
        if stable == number:
            raise Conflict(f"{model}@{alias} points at version {number} already", model=model, alias=alias)
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
        lease = leases.lease(tx, LEASE)
        if lease is None or lease.until_ms <= now_ms - LEASE_MS:
            raise Conflict("no server is there to step a rollout; start one with modelshelf server")
        return stable

    @staticmethod
    def _examined(
        mover: Mover, intent: Intent, model_id: int, stable: int, now_ms: int
    ) -> tuple[ShelfError | None, Judgement | None]:
        """Why the alias may not come to point at the version, not by this actor or not yet; and what the gates said."""
        for name in (intent.target, CANARY):
            if refused := protection.refusal(mover.tx, mover.actor, intent.model, alias=name):
                return refused, None
        assert intent.version is not None
        judgement = judging.judge(
            mover.tx,
            mover.blobs,
            actor=mover.actor,
            model_id=model_id,
            model=intent.model,
            slot=intent.slot,
            name=intent.target,
            version=intent.version,
            before=stable,
            now_ms=now_ms,
            reason=intent.reason,
        )
        return (None if judgement is None or judgement.passed else refusal_of(judgement)), judgement

    def _begin(self, tx: Transaction, wanted: Rollout) -> Rollout:
        version = versions.version_of_model_id(tx, wanted.model_id, wanted.target)
        assert version is not None
        sealing.seal(tx, self._blobs, version, actor=self._actor.name, now_ms=wanted.started_ms)
        rollout_id = rollouts.insert(tx, wanted, started_as=self._actor.role)
        begun = self._rollout(tx, rollout_id)
        self._put_canary(tx, begun, begun.target, self._actor.name, begun.started_ms, begun.reason)
        rollout_ends.record(
            tx,
            EventName.ROLLOUT_STARTED,
            begun,
            actor=self._actor.name,
            now_ms=begun.started_ms,
            steps=list(begun.plan.steps),
            every_ms=begun.plan.every_ms,
            shadow=begun.plan.shadow,
            reason=begun.reason,
        )
        rollout_ends.move_weight(
            tx, begun, 0.0, begun.weight, actor=self._actor.name, now_ms=begun.started_ms, reason=begun.reason
        )
        return begun

    def _step(self, tx: Transaction, rollout_id: int) -> None:
        """Count what was reported, and do what follows: roll back, go on, finish, or nothing yet."""
        found = rollouts.rollout(tx, rollout_id)
        locked = governance.lock_model_id(tx, found.model_id, self._clock()) if found is not None else None
        rollout = rollouts.rollout(tx, rollout_id)
        if rollout is None or not rollout.state.is_live:
            return
        if locked is None:
            now_ms = self._clock()
            rollout_ends.end(
                tx, rollout, RolloutState.ABORTED, actor=self._actor.name, now_ms=now_ms, why="the model was deleted"
            )
            return
        verdict, requests = self._counted(tx, rollout)
        if verdict.finding is Finding.WORSE:
            self._roll_back(tx, rollout, verdict, locked)
        elif rollout.state is RolloutState.RUNNING and self._is_due(rollout, requests, locked):
            self._go_on(tx, rollout, locked)

    def _counted(self, tx: Transaction, rollout: Rollout) -> tuple[Verdict, int]:
        """What is found now, and how many requests the new version had in this step."""
        evidence, requests = rollouts.evidence(tx, rollout.id)
        reports = rollouts.take_reports(tx, rollout.id, limit=_AT_ONCE)
        for report in reports:
            evidence = evidence.with_report(report.step, report.old, report.new)
            requests += report.new.requests if report.step == rollout.step else 0
        verdict = evidence.verdict(error_rate=rollout.plan.error_rate)
        if reports:
            rollouts.put_evidence(tx, rollout.id, evidence, verdict, step_requests=requests)
        return verdict, requests

    @staticmethod
    def _is_due(rollout: Rollout, requests: int, now_ms: int) -> bool:
        return now_ms >= rollout.step_ms + rollout.plan.every_ms and requests >= rollout.plan.min_requests

    def _roll_back(self, tx: Transaction, rollout: Rollout, verdict: Verdict, now_ms: int) -> None:
        worse = [each for each in verdict.metrics if each.finding is Finding.WORSE]
        why = "found worse: " + ", ".join(f"{each.metric} {_shown(each.old)} to {_shown(each.new)}" for each in worse)
        data = {"metrics": {each.metric: {"old": each.old, "new": each.new, "p": each.p_worse} for each in worse}}
        rollout_ends.end(tx, rollout, RolloutState.ROLLED_BACK, actor=self._actor.name, now_ms=now_ms, why=why, **data)
        self._put_canary(tx, rollout, None, self._actor.name, now_ms, why)

    def _go_on(self, tx: Transaction, rollout: Rollout, now_ms: int) -> None:
        step = rollout.step + 1
        if rollout.plan.steps[step] < 100:
            rollouts.put_step(tx, rollout.id, step=step, step_ms=now_ms)
            rollout_ends.move_weight(
                tx,
                rollout,
                rollout.weight,
                rollout.plan.steps[step],
                actor=self._actor.name,
                now_ms=now_ms,
                reason=f"step {step + 1} of {len(rollout.plan.steps)}",
            )
            return
        refusal = self._finish(tx, rollout, rollouts.starter(tx, rollout.id), now_ms, "all steps done")
        if refusal is not None:
            self._pause(tx, rollout, now_ms, refusal.message)

    def _finish(self, tx: Transaction, rollout: Rollout, actor: Actor, now_ms: int, reason: str) -> ShelfError | None:
        """Move the alias, if its gates still let it; why not, where it is refused, which is recorded."""
        why = f"rollout {rollout.id}" + (f": {reason}" if reason else "")
        intent = Intent(rollout.model, Cause.ROLLOUT, why, alias=rollout.alias, version=rollout.target)
        moved = Mover(tx, self._blobs, actor, self._clock).move(replace(intent, if_current=rollout.stable))
        if isinstance(moved, ShelfError):
            return moved
        self._put_canary(tx, rollout, None, actor.name, now_ms, reason)
        rollout_ends.end(tx, rollout, RolloutState.FINISHED, actor=actor.name, now_ms=now_ms, why=reason)
        return None

    def _pause(self, tx: Transaction, rollout: Rollout, now_ms: int, why: str) -> None:
        rollouts.pause(tx, rollout.id, why=why, now_ms=now_ms)
        rollout_ends.record(tx, EventName.ROLLOUT_PAUSED, rollout, actor=self._actor.name, now_ms=now_ms, why=why)

    def _resume(self, tx: Transaction, rollout: Rollout, now_ms: int, why: str) -> None:
        rollouts.resume(tx, rollout.id, now_ms=now_ms)
        rollout_ends.record(tx, EventName.ROLLOUT_RESUMED, rollout, actor=self._actor.name, now_ms=now_ms, why=why)

    def _abort(self, tx: Transaction, rollout: Rollout, now_ms: int, why: str) -> None:
        rollout_ends.end(tx, rollout, RolloutState.ABORTED, actor=self._actor.name, now_ms=now_ms, why=why)
        self._put_canary(tx, rollout, None, self._actor.name, now_ms, why)

    def _change(
        self,
        rollout_id: int,
        wanted: RolloutState | None,
        reason: str,
        change: Callable[[Transaction, Rollout, int, str], None],
    ) -> Rollout:
        self._actor.require(Permission.MOVE)
        reason = bounded(reason, "reason", REASON_LIMIT)
        with self._database.write() as tx:
            rollout, now_ms = self._locked_rollout(tx, rollout_id)
            if refused := protection.refusal(tx, self._actor, rollout.model, alias=rollout.alias):
                raise refused
            if wanted is not None and rollout.state is not wanted:
                raise Conflict(f"rollout {rollout_id} is {rollout.state.value}, not {wanted.value}", rollout=rollout_id)
            change(tx, rollout, now_ms, reason)
            return self._rollout(tx, rollout_id)

    def _locked_rollout(self, tx: Transaction, rollout_id: int) -> tuple[Rollout, int]:
        """A rollout that is under way, its model locked until the commit, and the time of what happens to it."""
        found = self._rollout(tx, rollout_id)
        now_ms = governance.lock_model_id(tx, found.model_id, self._clock())
        rollout = self._rollout(tx, rollout_id)
        if not rollout.state.is_live or now_ms is None:
            raise Conflict(f"rollout {rollout_id} is over ({rollout.state.value})", rollout=rollout_id)
        return rollout, now_ms

    def _rollout(self, tx: Transaction, rollout_id: int) -> Rollout:
        found = rollouts.rollout(tx, rollout_id)
        if found is None:
            raise NotFound(f"no rollout {rollout_id}; modelshelf rollout list MODEL shows those there were")
        return found

    @staticmethod
    def _put_canary(tx: Transaction, rollout: Rollout, after: int | None, actor: str, now_ms: int, reason: str) -> None:
        before = governance.alias_target(tx, rollout.model_id, CANARY)
        if before == after:
            return
        moves.append(
            tx,
            Move(
                model_id=rollout.model_id,
                model=rollout.model,
                slot=Slot.ALIAS,
                alias=CANARY,
                before=before,
                after=after,
                time_ms=now_ms,
                actor=actor,
                reason=reason,
                cause=Cause.ROLLOUT,
            ),
        )


def _shown(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.4g}"
