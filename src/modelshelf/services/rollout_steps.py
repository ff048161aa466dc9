"""Stepping rollouts: reports come in, are counted, and move a rollout on, or back.

Of all servers that share a shelf the one with the lease steps. The lease spares the others the work; what keeps a step
from being taken twice is the lock of the model, under which everything is read again.
"""

from collections.abc import Sequence

from modelshelf.database import access, governance, leases, rollouts
from modelshelf.database.database import Transaction
from modelshelf.domain.access import ANONYMOUS, Actor, Permission, lesser
from modelshelf.domain.errors import Invalid
from modelshelf.domain.rollouts import Report, Rollout, RolloutState, checked_report
from modelshelf.domain.verdicts import Finding, Judged, Verdict
from modelshelf.services import rollout_ends
from modelshelf.services.rollout_changes import Change, finish, give_up, pause
from modelshelf.services.rollout_part import RolloutPart

LEASE = "rollouts"
LEASE_MS = 20_000
"""How long a server that steps rollouts may be silent before another one takes over."""

AHEAD_MS = 10 * LEASE_MS
"""A lease that lasts longer was taken by a clock that was ahead: nobody waits for its end."""

REPORTS_LIMIT = 1_000
"""Reports in one request."""

AT_ONCE = 2_000
"""Reports of one rollout that are counted in one transaction."""


class Stepping(RolloutPart):
    """What becomes of reports, and what a server does with rollouts by itself."""

    def report(self, reports: Sequence[Report]) -> int:
        """Tell what became of requests that a rollout sent to its versions; how many reports were of use.

        Those about a rollout that is over, or that never was, or about a step that it has not come to, are dropped.
        Raises Invalid for numbers that can't be.
        """
        self._actor.require(Permission.WRITE)
        if len(reports) > REPORTS_LIMIT:
            raise Invalid(f"{len(reports)} reports at once; the limit is {REPORTS_LIMIT}", limit=REPORTS_LIMIT)
        checked = [checked_report(each) for each in reports]
        with self._database.read() as tx:
            steps = rollouts.live_steps(tx, {each.rollout for each in checked})
        wanted = [each for each in checked if 0 <= each.step <= steps.get(each.rollout, -1)]
        if wanted:
            with self._database.write() as tx:
                rollouts.add_reports(tx, wanted, now_ms=self._clock())
        return len(wanted)

    def step_rollouts(self, holder: str) -> bool:
        """Count what was reported and take the steps that are due, if this process is the one that does.

        The server calls it all the time; of all processes that do one holds the lease. Whether it is this one. One
        rollout that can't be stepped holds back no other; its error is raised behind them.
        """
        self._actor.require(Permission.ADMINISTER)
        if not self._holds_lease(holder):
            return False
        failure: Exception | None = None
        for rollout_id in self._worth_a_look():
            try:
                with self._database.write() as tx:
                    self._step(tx, rollout_id)
            except Exception as error:  # the others go on; it is raised below
                failure = failure or error
        if failure is not None:
            raise failure
        return True

    def leave_steps(self, holder: str) -> None:
        """Let another process step rollouts at once, since this one ends."""
        self._actor.require(Permission.ADMINISTER)
        with self._database.write() as tx:
            leases.release(tx, LEASE, holder)

    def _holds_lease(self, holder: str) -> bool:
        now_ms = self._clock()
        with self._database.read() as tx:
            held = leases.lease(tx, LEASE)
        left_ms = held.until_ms - now_ms if held is not None else 0
        if held is not None and held.holder == holder and LEASE_MS // 2 < left_ms <= LEASE_MS:
            return True
        if held is not None and held.holder != holder and 0 < left_ms <= AHEAD_MS:
            return False
        with self._database.write() as tx:
            if held is not None and left_ms > AHEAD_MS:
                leases.release(tx, LEASE, held.holder)
            return leases.take(tx, LEASE, holder, now_ms=now_ms, until_ms=now_ms + LEASE_MS)

    def _worth_a_look(self) -> list[int]:
        """Rollouts that were reported on, or whose step has had its time. Reports that came too late are dropped."""
        now_ms = self._clock()
        with self._database.read() as tx:
            live = rollouts.all_live(tx)
            reported = rollouts.reported(tx)
        if reported - {each.id for each in live}:
            with self._database.write() as tx:
                rollouts.drop_late_reports(tx)
        return [each.id for each in live if each.id in reported or _is_timely(each, now_ms)]

    def _step(self, tx: Transaction, rollout_id: int) -> None:
        """Count what was reported, and do what follows: roll back, go on, finish, or nothing yet."""
        found, clock_ms = rollouts.rollout(tx, rollout_id), self._clock()
        now_ms = governance.lock_model_id(tx, found.model_id, clock_ms) if found is not None else None
        rollout = rollouts.rollout(tx, rollout_id)
        if rollout is None or not rollout.state.is_live:
            return
        if now_ms is None:
            state, why = RolloutState.ABORTED, "the model was deleted"
            rollout_ends.end(tx, rollout, state, actor=self._actor.name, now_ms=clock_ms, why=why)
            return
        verdict, requests, is_whole = _counted(tx, rollout)
        if verdict.finding is Finding.WORSE:
            self._roll_back(tx, rollout, verdict, now_ms)
        elif rollout.state is RolloutState.RUNNING and clock_ms < rollout.step_ms:
            rollouts.put_step_time(tx, rollout.id, clock_ms=clock_ms)  # the clock was set back: the step begins again
        elif _is_timely(rollout, clock_ms) and is_whole and requests >= rollout.plan.min_requests:
            self._go_on(tx, rollout, now_ms, clock_ms)

    def _roll_back(self, tx: Transaction, rollout: Rollout, verdict: Verdict, now_ms: int) -> None:
        worse = [each for each in verdict.metrics if each.finding is Finding.WORSE]
        why = "found worse: " + ", ".join(map(_said, worse))
        data = {each.metric: {"old": each.old, "new": each.new, "p": each.p_worse} for each in worse}
        give_up(Change(tx, self._actor, now_ms, why), rollout, RolloutState.ROLLED_BACK, metrics=data)

    def _go_on(self, tx: Transaction, rollout: Rollout, now_ms: int, clock_ms: int) -> None:
        """Take the next step. All of the copies is a step like others; all of the traffic is where the alias moves."""
        plan, step = rollout.plan, rollout.step + 1
        if step < len(plan.steps) and (plan.steps[step] < 100 or plan.shadow):
            rollouts.put_step(tx, rollout.id, step=step, clock_ms=clock_ms)
            rollout_ends.move_weight(
                tx,
                rollout,
                rollout.weight,
                plan.steps[step],
                actor=self._actor.name,
                now_ms=now_ms,
                reason=f"step {step + 1} of {len(plan.steps)}",
            )
            return
        starter = _today(tx, rollouts.starter(tx, rollout.id))
        if starter is None or not starter.may(Permission.MOVE):
            why = f"{rollout.started_by}, who started it, may not move aliases any more; somebody else has to finish it"
            pause(Change(tx, self._actor, now_ms, why), rollout, clock_ms=clock_ms)
            return
        done = Change(tx, starter, now_ms, "all steps done")
        refusal = finish(done, rollout, blobs=self._blobs, clock=self._clock)
        if refusal is not None:
            pause(Change(tx, self._actor, now_ms, refusal.message), rollout, clock_ms=clock_ms)


def _today(tx: Transaction, actor: Actor) -> Actor | None:
    """Somebody as what they may do today; None for one who is no user any more."""
    users = {each.name: each.role for each in access.users(tx)}
    person = actor.name.partition("/")[0]
    if not users or ":" in person or person == ANONYMOUS:
        return actor
    return Actor(actor.name, lesser(actor.role, users[person])) if person in users else None


def _is_timely(rollout: Rollout, clock_ms: int) -> bool:
    """Whether the step has had its time, or begins in a future that a clock set back has made of the past."""
    passed_ms = clock_ms - rollout.step_ms
    return rollout.state is RolloutState.RUNNING and not 0 <= passed_ms < rollout.plan.every_ms


def _counted(tx: Transaction, rollout: Rollout) -> tuple[Verdict, int, bool]:
    """What is found now, how many requests the new version had in this step, and whether all reports are counted."""
    evidence, requests = rollouts.evidence(tx, rollout.id)
    reports = rollouts.take_reports(tx, rollout.id, limit=AT_ONCE)
    for report in reports:
        evidence = evidence.with_report(report.step, report.old, report.new)
        requests += report.new.requests if report.step == rollout.step else 0
    verdict = evidence.verdict(error_rate=rollout.plan.error_rate)
    if reports:
        rollouts.put_evidence(tx, rollout.id, evidence, verdict, step_requests=requests)
    return verdict, requests, len(reports) < AT_ONCE


def _said(judged: Judged) -> str:
    old, new = ("nothing" if value is None else f"{value:.4g}" for value in (judged.old, judged.new))
    return f"{judged.metric} {old} to {new}"
