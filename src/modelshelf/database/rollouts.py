"""Rows of rollouts, and of the reports that have not been counted yet."""

import json
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.rollouts import Plan, Report, Rollout, RolloutState
from modelshelf.domain.verdicts import Evidence, Verdict

_COLUMNS = """
    id, model_id,
    COALESCE(
        (SELECT m.name FROM registered_models m WHERE m.id = rollouts.model_id AND rollouts.ended_ms IS NULL), model
    ) AS model,
    alias, stable, target, plan, state, step, salt, started_ms, started_by, step_ms, reason,
    ended_ms, why, verdict
"""
"""One that is under way goes by what its model is called now, one that is over by what it was called then."""


def insert(tx: Transaction, rollout: Rollout, *, started_as: Role) -> int:
    """Begin a rollout; its id."""
    row = tx.one(
        """
        INSERT INTO rollouts
            (model_id, model, alias, stable, target, plan, state, step, salt, started_ms, started_by, started_as,
             step_ms, reason, why, evidence)
        VALUES
            (:model_id, :model, :alias, :stable, :target, :plan, :state, :step, :salt, :started_ms, :started_by,
             :started_as, :step_ms, :reason, :why, :evidence)
        RETURNING id
        """,
        model_id=rollout.model_id,
        model=rollout.model,
        alias=rollout.alias,
        stable=rollout.stable,
        target=rollout.target,
        plan=_json(rollout.plan),
        state=rollout.state.value,
        step=rollout.step,
        salt=rollout.salt,
        started_ms=rollout.started_ms,
        started_by=rollout.started_by,
        started_as=started_as.value,
        step_ms=rollout.step_ms,
        reason=rollout.reason,
        why=rollout.why,
        evidence=_json(Evidence()),
    )
    assert row is not None
    return int(row["id"])


def rollout(tx: Transaction, rollout_id: int) -> Rollout | None:
    """A rollout by its id."""
    row = tx.one(f"SELECT {_COLUMNS} FROM rollouts WHERE id = :id", id=rollout_id)
    return _rollout(row) if row else None


def live(tx: Transaction, model_id: int, alias: str) -> Rollout | None:
    """The rollout that is under way behind an alias."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM rollouts WHERE model_id = :model_id AND alias = :alias AND ended_ms IS NULL",
        model_id=model_id,
        alias=alias,
    )
    return _rollout(row) if row else None


def live_of_model(tx: Transaction, model_id: int) -> list[Rollout]:
    """All that are under way for a model."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM rollouts WHERE model_id = :model_id AND ended_ms IS NULL ORDER BY id",
        model_id=model_id,
    )
    return [_rollout(row) for row in rows]


def live_steps(tx: Transaction, ids: Collection[int]) -> dict[int, int]:
    """The steps in which those of some rollouts are that are under way, by their ids."""
    rows = tx.all(
        f"""
        SELECT id, step FROM rollouts
        WHERE id IN (SELECT value FROM {arrays.numbers(tx, "ids")}) AND ended_ms IS NULL
        """,
        ids=json.dumps(sorted(ids)),
    )
    return {row["id"]: row["step"] for row in rows}


def all_live(tx: Transaction) -> list[Rollout]:
    """All that are under way."""
    return [_rollout(row) for row in tx.all(f"SELECT {_COLUMNS} FROM rollouts WHERE ended_ms IS NULL ORDER BY id")]


def of_models(tx: Transaction, model_ids: Sequence[int], *, before: int, limit: int) -> list[Rollout]:
    """The latest rollouts of a model, by any of the ids that its name has had, the newest first, below an id."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM rollouts
        WHERE model_id IN (SELECT value FROM {arrays.numbers(tx, "ids")}) AND id < :before
        ORDER BY id DESC LIMIT :limit
        """,
        ids=json.dumps(list(model_ids)),
        before=before,
        limit=limit,
    )
    return [_rollout(row) for row in rows]


def starter(tx: Transaction, rollout_id: int) -> Actor:
    """Who started a rollout, as what they were then."""
    row = tx.one("SELECT started_by, started_as FROM rollouts WHERE id = :id", id=rollout_id)
    assert row is not None
    return Actor(row["started_by"], Role(row["started_as"]))


def put_step(tx: Transaction, rollout_id: int, *, step: int, clock_ms: int) -> None:
    """Begin a step."""
    tx.execute(
        "UPDATE rollouts SET step = :step, step_ms = :clock_ms, step_requests = 0 WHERE id = :id",
        id=rollout_id,
        step=step,
        clock_ms=clock_ms,
    )


def put_step_time(tx: Transaction, rollout_id: int, *, clock_ms: int) -> None:
    """Let the step begin now."""
    tx.execute("UPDATE rollouts SET step_ms = :clock_ms WHERE id = :id", id=rollout_id, clock_ms=clock_ms)


def pause(tx: Transaction, rollout_id: int, *, why: str, clock_ms: int) -> None:
    """Hold a rollout where it is."""
    tx.execute(
        "UPDATE rollouts SET state = 'paused', why = :why, paused_ms = :clock_ms WHERE id = :id",
        id=rollout_id,
        why=why,
        clock_ms=clock_ms,
    )


def resume(tx: Transaction, rollout_id: int, *, clock_ms: int) -> None:
    """Go on; the step takes as much longer as the pause took."""
    tx.execute(
        """
        UPDATE rollouts
        SET state = 'running', why = '', paused_ms = NULL,
            step_ms = CASE WHEN :clock_ms > paused_ms THEN step_ms + :clock_ms - paused_ms ELSE step_ms END
        WHERE id = :id
        """,
        id=rollout_id,
        clock_ms=clock_ms,
    )


def end(tx: Transaction, rollout_id: int, state: RolloutState, *, why: str, now_ms: int) -> None:
    """End a rollout; what was reported and not counted is of no use any more."""
    tx.execute(
        "UPDATE rollouts SET state = :state, why = :why, ended_ms = :now_ms WHERE id = :id",
        id=rollout_id,
        state=state.value,
        why=why,
        now_ms=now_ms,
    )
    tx.execute("DELETE FROM rollout_reports WHERE rollout = :id", id=rollout_id)


def add_reports(tx: Transaction, reports: Sequence[Report], *, now_ms: int) -> None:
    """Keep reports until they are counted."""
    tx.many(
        "INSERT INTO rollout_reports (rollout, report, received_ms) VALUES (:rollout, :report, :now_ms)",
        [{"rollout": each.rollout, "report": _json(each), "now_ms": now_ms} for each in reports],
    )


def reported(tx: Transaction) -> set[int]:
    """The rollouts with reports that have not been counted."""
    return {row["rollout"] for row in tx.all("SELECT DISTINCT rollout FROM rollout_reports")}


def drop_late_reports(tx: Transaction) -> int:
    """Drop reports that were on their way when their rollout ended; how many."""
    return tx.execute(
        "DELETE FROM rollout_reports WHERE rollout IN (SELECT id FROM rollouts WHERE ended_ms IS NOT NULL)"
    )


def take_reports(tx: Transaction, rollout_id: int, *, limit: int) -> list[Report]:
    """The oldest reports on a rollout that have not been counted; they are gone with this transaction."""
    rows = tx.all(
        "SELECT id, report FROM rollout_reports WHERE rollout = :rollout ORDER BY id LIMIT :limit",
        rollout=rollout_id,
        limit=limit,
    )
    if rows:
        tx.execute(
            f"""
            DELETE FROM rollout_reports
            WHERE rollout = :rollout AND id IN (SELECT value FROM {arrays.numbers(tx, "ids")})
            """,
            rollout=rollout_id,
            ids=json.dumps([row["id"] for row in rows]),
        )
    return [msgspec.json.decode(row["report"], type=Report) for row in rows]


def evidence(tx: Transaction, rollout_id: int) -> tuple[Evidence, int]:
    """What the reports have said so far, and how many requests the new version had in this step."""
    row = tx.one("SELECT evidence, step_requests FROM rollouts WHERE id = :id", id=rollout_id)
    assert row is not None
    return msgspec.json.decode(row["evidence"], type=Evidence), row["step_requests"]


def put_evidence(tx: Transaction, rollout_id: int, found: Evidence, verdict: Verdict, *, step_requests: int) -> None:
    """What the reports say now."""
    tx.execute(
        "UPDATE rollouts SET evidence = :evidence, verdict = :verdict, step_requests = :step_requests WHERE id = :id",
        id=rollout_id,
        evidence=_json(found),
        verdict=_json(verdict),
        step_requests=step_requests,
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _rollout(row: Row) -> Rollout:
    return Rollout(
        id=row["id"],
        model_id=row["model_id"],
        model=row["model"],
        alias=row["alias"],
        stable=row["stable"],
        target=row["target"],
        plan=msgspec.json.decode(row["plan"], type=Plan),
        state=RolloutState(row["state"]),
        step=row["step"],
        salt=row["salt"],
        started_ms=row["started_ms"],
        started_by=row["started_by"],
        step_ms=row["step_ms"],
        reason=row["reason"],
        ended_ms=row["ended_ms"],
        why=row["why"],
        verdict=msgspec.json.decode(row["verdict"], type=Verdict) if row["verdict"] else None,
    )
