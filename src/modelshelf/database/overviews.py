"""Rows of several things at once, for pages that show them together."""

import json
from collections.abc import Sequence
from typing import Any

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.database.events import event_of
from modelshelf.database.governance import move_of
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.governance import Move
from modelshelf.domain.overviews import Axis, Bucket, Curve

_MOVE = (
    "m.id, m.model_id, m.model, m.slot, m.alias, m.version, m.before_value, m.after_value, m.time_ms, m.actor, "
    "m.reason, m.cause"
)


def alias_moves(tx: Transaction, model_ids: Sequence[int]) -> list[Move]:
    """The move that brought each alias of some models where it is now."""
    rows = tx.all(
        f"""
        SELECT {_MOVE} FROM aliases a JOIN moves m ON m.id = (
            SELECT MAX(x.id) FROM moves x WHERE x.model_id = a.model_id AND x.alias = a.alias AND x.slot = 'alias'
        )
        WHERE a.model_id IN (SELECT value FROM {arrays.numbers(tx, "ids")})
        ORDER BY a.model_id, a.alias
        """,
        ids=json.dumps(list(model_ids)),
    )
    return [move_of(row) for row in rows]


def alias_moves_at(tx: Transaction, model_id: int, at_ms: int) -> list[Move]:
    """The same of one model at an instant, without those that pointed nowhere then."""
    rows = tx.all(
        f"""
        SELECT {_MOVE} FROM moves m WHERE m.after_value IS NOT NULL AND m.id IN (
            SELECT MAX(id) FROM moves
            WHERE model_id = :model_id AND slot = 'alias' AND time_ms <= :at_ms GROUP BY alias
        )
        ORDER BY m.alias
        """,
        model_id=model_id,
        at_ms=at_ms,
    )
    return [move_of(row) for row in rows]


def stages_at(tx: Transaction, model_id: int, at_ms: int) -> dict[int, str]:
    """The stages of those versions that were in another one than None at an instant."""
    rows = tx.all(
        """
        SELECT version, after_value FROM moves WHERE after_value <> 'None' AND id IN (
            SELECT MAX(id) FROM moves
            WHERE model_id = :model_id AND slot = 'stage' AND time_ms <= :at_ms GROUP BY version
        )
        ORDER BY version
        """,
        model_id=model_id,
        at_ms=at_ms,
    )
    return {row["version"]: row["after_value"] for row in rows}


def moves_of_alias(tx: Transaction, model_id: int, alias: str, *, limit: int) -> list[Move]:
    """The latest moves of an alias, the newest first."""
    rows = tx.all(
        f"""
        SELECT {_MOVE} FROM moves m WHERE m.model_id = :model_id AND m.alias = :alias AND m.slot = 'alias'
        ORDER BY m.id DESC LIMIT :limit
        """,
        model_id=model_id,
        alias=alias,
        limit=limit,
    )
    return [move_of(row) for row in rows]


def events_of_model(
    tx: Transaction, model_ids: Sequence[int], names: Sequence[str], *, before: int, until_ms: int | None, limit: int
) -> list[Event]:
    """The latest events of some kinds about a model, the newest first, below a position and up to an instant."""
    rows = tx.all(
        f"""
        SELECT position, name, actor, time_ms, subject, model_id, data FROM events
        WHERE model_id IN (SELECT value FROM {arrays.numbers(tx, "ids")}) AND position < :before
            AND name IN (SELECT value FROM {arrays.texts(tx, "names")})
            AND (CAST(:until_ms AS BIGINT) IS NULL OR time_ms <= :until_ms)
        ORDER BY position DESC LIMIT :limit
        """,
        ids=json.dumps(list(model_ids)),
        names=json.dumps(list(names)),
        before=before,
        until_ms=until_ms,
        limit=limit,
    )
    return [event_of(row) for row in rows]


def texts_at(tx: Transaction, model_id: int, at_ms: int) -> tuple[str, dict[str, str]]:
    """A model's description and tags at an instant, as its events tell them."""
    names = (EventName.MODEL_CREATED, EventName.MODEL_UPDATED, EventName.MODEL_TAGGED, EventName.MODEL_UNTAGGED)
    rows = tx.all(
        f"""
        SELECT name, data FROM events
        WHERE model_id = :model_id AND time_ms <= :at_ms AND name IN (SELECT value FROM {arrays.texts(tx, "names")})
        ORDER BY id
        """,
        model_id=model_id,
        at_ms=at_ms,
        names=json.dumps(names),
    )
    description, tags = "", {}
    for row in rows:
        data = json.loads(row["data"])
        description = data.get("description", description)
        if row["name"] == EventName.MODEL_CREATED:
            tags.update(data.get("tags", {}))
        elif row["name"] == EventName.MODEL_TAGGED:
            tags[data["key"]] = data["value"]
        elif row["name"] == EventName.MODEL_UNTAGGED:
            tags.pop(data["key"], None)
    return description, tags


def deleted_versions(tx: Transaction, model_id: int, *, after_ms: int) -> list[int]:
    """The numbers of the versions that were deleted after an instant."""
    rows = tx.all(
        "SELECT subject FROM events WHERE model_id = :model_id AND name = :name AND time_ms > :after_ms ORDER BY id",
        model_id=model_id,
        name=EventName.VERSION_DELETED,
        after_ms=after_ms,
    )
    return [int(row["subject"].rpartition("/")[2]) for row in rows]


def trend(tx: Transaction, model_id: int, key: str, *, most: int) -> Curve:
    """A metric of the runs that made a model's versions, along the versions' numbers."""
    newest = tx.one("SELECT MAX(number) AS last FROM model_versions WHERE model_id = :model_id", model_id=model_id)
    rows = tx.all(
        _bucketed(
            """
            SELECT v.number AS place, r.value FROM model_versions v
            JOIN run_metrics r ON r.run_id = v.run_id AND r.key = :key
            WHERE v.model_id = :model_id
            """
        ),
        model_id=model_id,
        key=key,
        width=_width(0, (newest and newest["last"]) or 0, most),
    )
    return Curve(key, Axis.VERSION, tuple(map(_bucket, rows)))


def curve(tx: Transaction, run_id: str, key: str, *, most: int) -> Curve:
    """A metric of a run along its steps; along time, where all points are of the same step."""
    range_ = tx.one(
        """
        SELECT MIN(step) AS first_step, MAX(step) AS last_step, MIN(time_ms) AS first_ms, MAX(time_ms) AS last_ms
        FROM metric_points WHERE run_id = :run_id AND key = :key
        """,
        run_id=run_id,
        key=key,
    )
    if range_ is None or range_["first_step"] is None:
        return Curve(key, Axis.STEP)
    is_flat = range_["first_step"] == range_["last_step"] and range_["first_ms"] != range_["last_ms"]
    axis, ends = (Axis.TIME, ("first_ms", "last_ms")) if is_flat else (Axis.STEP, ("first_step", "last_step"))
    column = "time_ms" if is_flat else "step"
    rows = tx.all(
        _bucketed(f"SELECT {column} AS place, value FROM metric_points WHERE run_id = :run_id AND key = :key"),
        run_id=run_id,
        key=key,
        width=_width(range_[ends[0]], range_[ends[1]], most),
    )
    return Curve(key, axis, tuple(map(_bucket, rows)))


def _bucketed(points: str) -> str:
    return f"""
        SELECT MIN(place) AS first, MAX(place) AS last, MIN(value) AS low, MAX(value) AS high,
            COUNT(*) AS points, COUNT(value) AS numbers
        FROM (SELECT place, value, place / :width AS bucket FROM ({points}) AS points) AS placed
        GROUP BY bucket ORDER BY first
    """


def _width(first: int, last: int, most: int) -> int:
    return max(1, -(-(last - first + 1) // most))


def _bucket(row: Row) -> Bucket:
    return Bucket(row["first"], row["last"], row["low"], row["high"], row["points"], row["points"] - row["numbers"])


def version_ids_until(tx: Transaction, model_id: int, *, until_ms: int, below: int, limit: int) -> list[Any]:
    """Ids of the versions that were there at an instant, the newest first, below a number."""
    rows = tx.all(
        """
        SELECT id FROM model_versions
        WHERE model_id = :model_id AND created_ms <= :until_ms AND number < :below
        ORDER BY number DESC LIMIT :limit
        """,
        model_id=model_id,
        until_ms=until_ms,
        below=below,
        limit=limit,
    )
    return [row["id"] for row in rows]


def created_ms(tx: Transaction, model_id: int) -> int | None:
    """When a model was made; None where it is gone."""
    row = tx.one("SELECT created_ms FROM registered_models WHERE id = :model_id", model_id=model_id)
    return row["created_ms"] if row else None
