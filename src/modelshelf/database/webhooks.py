"""Rows of webhooks."""

import json
from collections.abc import Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.webhooks import NEVER_MS, Webhook, WebhookState

_COLUMNS = """
    id, name, description, url, events, model, alias, format, secret <> '' AS signed, tries, state, paused_because,
    failures, failing_since_ms, position, created_ms, created_by, updated_ms
"""


def insert(tx: Transaction, webhook: Webhook, *, secret: str) -> None:
    """Add a webhook; the secret is encrypted, or empty. Its position is that of the newest event."""
    tx.execute(
        """
        INSERT INTO webhooks (
            id, name, description, url, events, model, alias, format, secret, tries, state, paused_because, failures,
            position, created_ms, created_by, updated_ms
        )
        VALUES (
            :id, :name, :description, :url, :events, :model, :alias, :format, :secret, :tries, :state, :paused_because,
            0, (SELECT COALESCE(MAX(position), 0) FROM events), :created_ms, :created_by, :updated_ms
        )
        """,
        id=webhook.id,
        created_ms=webhook.created_ms,
        created_by=webhook.created_by,
        secret=secret,
        **_changeable(webhook),
    )


def update(tx: Transaction, webhook: Webhook) -> None:
    """Change all that can be changed but the secret."""
    tx.execute(
        """
        UPDATE webhooks
        SET name = :name, description = :description, url = :url, events = :events, model = :model, alias = :alias,
            format = :format, tries = :tries, state = :state, paused_because = :paused_because, updated_ms = :updated_ms
        WHERE id = :id
        """,
        id=webhook.id,
        **_changeable(webhook),
    )


def _changeable(webhook: Webhook) -> dict[str, object]:
    return {
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "events": json.dumps(webhook.events),
        "model": webhook.model,
        "alias": webhook.alias,
        "format": webhook.format,
        "tries": webhook.tries,
        "state": webhook.state.value,
        "paused_because": webhook.paused_because,
        "updated_ms": webhook.updated_ms,
    }


def set_secret(tx: Transaction, webhook_id: str, secret: str) -> None:
    tx.execute("UPDATE webhooks SET secret = :secret WHERE id = :id", id=webhook_id, secret=secret)


def secret(tx: Transaction, webhook_id: str) -> str:
    """The secret as it is stored."""
    row = tx.one("SELECT secret FROM webhooks WHERE id = :id", id=webhook_id)
    return row["secret"] if row else ""


def webhook(tx: Transaction, webhook_id: str) -> Webhook | None:
    row = tx.one(f"SELECT {_COLUMNS} FROM webhooks WHERE id = :id", id=webhook_id)
    return _webhook(row) if row else None


def lock(tx: Transaction, webhook_id: str) -> Webhook | None:
    """A webhook whose row stays as it is until the commit."""
    row = tx.one(f"UPDATE webhooks SET name = name WHERE id = :id RETURNING {_COLUMNS}", id=webhook_id)
    return _webhook(row) if row else None


def webhooks(tx: Transaction, *, limit: int, before: tuple[int, str] | None = None) -> list[Webhook]:
    """The newest first, behind one with this time and id."""
    where = "" if before is None else "WHERE (created_ms, id) < (:before_ms, :before_id)"
    before_ms, before_id = before or (0, "")
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM webhooks {where} ORDER BY created_ms DESC, id DESC LIMIT :limit",
        limit=limit,
        before_ms=before_ms,
        before_id=before_id,
    )
    return [_webhook(row) for row in rows]


def count(tx: Transaction) -> int:
    row = tx.one("SELECT COUNT(*) AS webhooks FROM webhooks")
    return row["webhooks"] if row else 0


def ids_named(tx: Transaction, name: str) -> list[str]:
    """The ids of those with a name, of which there may be several."""
    return [row["id"] for row in tx.all("SELECT id FROM webhooks WHERE name = :name ORDER BY id LIMIT 3", name=name)]


def names(tx: Transaction) -> list[str]:
    return [row["name"] for row in tx.all("SELECT name FROM webhooks ORDER BY name")]


def delete(tx: Transaction, webhook_id: str) -> None:
    """Delete a webhook, and what it has under way; done deliveries are forgotten in their time."""
    tx.execute("DELETE FROM webhooks WHERE id = :id", id=webhook_id)
    tx.execute("DELETE FROM delivery_lanes WHERE webhook = :id", id=webhook_id)
    tx.execute("DELETE FROM deliveries WHERE webhook = :id AND state = 'waiting'", id=webhook_id)


def skip(tx: Transaction, webhook_id: str) -> None:
    """Leave out the events that were not looked at yet."""
    tx.execute(
        "UPDATE webhooks SET position = (SELECT COALESCE(MAX(position), 0) FROM events) WHERE id = :id", id=webhook_id
    )


def behind(tx: Transaction) -> list[Webhook]:
    """The active webhooks for which events were not looked at yet, those with the oldest first."""
    rows = tx.all(
        f"""
        SELECT {_COLUMNS} FROM webhooks
        WHERE state = 'active' AND position < (SELECT COALESCE(MAX(position), 0) FROM events)
        ORDER BY position, id
        """
    )
    return [_webhook(row) for row in rows]


def advance(tx: Transaction, webhook_id: str, *, before: int, after: int) -> bool:
    """Note that events were looked at; False where somebody else has done so, or it was paused, meanwhile."""
    changed = tx.execute(
        "UPDATE webhooks SET position = :after WHERE id = :id AND position = :before AND state = 'active'",
        id=webhook_id,
        before=before,
        after=after,
    )
    return changed == 1


def note_success(tx: Transaction, webhook_id: str) -> None:
    tx.execute(
        "UPDATE webhooks SET failures = 0, failing_since_ms = NULL WHERE id = :id AND failures > 0", id=webhook_id
    )


def note_failure(tx: Transaction, webhook_id: str, *, now_ms: int) -> Webhook | None:
    """Count a failed try; the webhook with it, locked."""
    row = tx.one(
        f"""
        UPDATE webhooks SET failures = failures + 1, failing_since_ms = COALESCE(failing_since_ms, :now_ms)
        WHERE id = :id RETURNING {_COLUMNS}
        """,
        id=webhook_id,
        now_ms=now_ms,
    )
    return _webhook(row) if row else None


def pause(tx: Transaction, webhook_id: str, *, because: str, now_ms: int) -> None:
    """Let nothing leave: lanes that nobody holds are not due before it is resumed."""
    tx.execute(
        "UPDATE webhooks SET state = 'paused', paused_because = :because, updated_ms = :now_ms WHERE id = :id",
        id=webhook_id,
        because=because,
        now_ms=now_ms,
    )
    tx.execute(
        "UPDATE delivery_lanes SET due_ms = :never_ms WHERE webhook = :id AND holder = ''",
        id=webhook_id,
        never_ms=NEVER_MS,
    )


def resume(tx: Transaction, webhook_id: str, *, now_ms: int) -> None:
    """Let deliveries leave again, those that wait at once."""
    tx.execute(
        """
        UPDATE webhooks
        SET state = 'active', paused_because = '', failures = 0, failing_since_ms = NULL, updated_ms = :now_ms
        WHERE id = :id
        """,
        id=webhook_id,
        now_ms=now_ms,
    )
    tx.execute(
        "UPDATE delivery_lanes SET due_ms = :now_ms WHERE webhook = :id AND holder = ''",
        id=webhook_id,
        now_ms=now_ms,
    )


def model_tags(tx: Transaction, model_ids: Sequence[int], keys: Sequence[str]) -> dict[int, dict[str, str]]:
    """Of some models, those tags that have one of these keys."""
    rows = tx.all(
        f"""
        SELECT model_id, key, value FROM model_tags
        WHERE model_id IN (SELECT value FROM {arrays.numbers(tx, "ids")})
            AND key IN (SELECT value FROM {arrays.texts(tx, "keys")})
        """,
        ids=json.dumps(list(model_ids)),
        keys=json.dumps(list(keys)),
    )
    found: dict[int, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["model_id"], {})[row["key"]] = row["value"]
    return found


def _webhook(row: Row) -> Webhook:
    fields = {**row, "events": tuple(json.loads(row["events"])), "signed": bool(row["signed"])}
    return Webhook(**{**fields, "state": WebhookState(row["state"])})
