"""What a webhook is sent: an event as Standard Webhooks, CloudEvents or a chat would have it, never above a size."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from modelshelf.domain.events import Event, EventName
from modelshelf.domain.signatures import signature, signing_key
from modelshelf.domain.webhooks import CHAT, CLOUDEVENTS, model_of, version_of

BODY_LIMIT = 256 * 1024
"""In bytes; longer texts are cut where a body would be above it."""
TEXT_LIMIT = 1_000
"""In characters, of the texts that are cut."""
SENTENCE_LIMIT = 2_000
JSON = "application/json"
CLOUDEVENTS_JSON = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Message:
    """A body and what it is; `signed_as` names headers that repeat id, time and signature for a dialect."""

    id: str
    body: bytes
    content_type: str = JSON
    signed_as: Mapping[str, str] = field(default_factory=dict)


def message(event: Event, *, id: str, format: str, source: str) -> Message:
    """An event in one of our formats; `source` names the shelf."""
    if format == CHAT:
        return Message(id, encoded({"text": sentence(event)}))
    data = payload_data(event)
    if format == CLOUDEVENTS:
        envelope = {
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": f"modelshelf.{event.name}",
            "subject": event.subject,
            "time": instant(event.time_ms),
            "datacontenttype": JSON,
            "data": data,
        }
        return Message(id, encoded(envelope), CLOUDEVENTS_JSON)
    return Message(id, encoded({"type": event.name, "timestamp": instant(event.time_ms), "data": data}))


def payload_data(event: Event) -> dict[str, Any]:
    """All that an event says, with the model and the version that it is about."""
    about: dict[str, Any] = {"subject": event.subject, "actor": event.actor, "position": event.position}
    model, version = model_of(event.subject), version_of(event.subject)
    if model is not None:
        about["model"] = model
    if version is None and event.name in {EventName.ALIAS_MOVED, EventName.ALIAS_CLEARED}:
        version = event.data.get("after")
        about["version"] = version
    elif version is not None:
        about["version"] = version
    return {**event.data, **about}


def headers(made: Message, *, secret: str, seconds: int) -> dict[str, str]:
    """The headers of one try; an empty secret leaves it unsigned."""
    found = {"Content-Type": made.content_type, "webhook-id": made.id, "webhook-timestamp": str(seconds)}
    names = {"id": "webhook-id", "time": "webhook-timestamp", "signature": "webhook-signature"}
    if secret:
        found[names["signature"]] = signature(signing_key(secret), made.id, seconds, made.body)
    if made.signed_as:
        found[made.signed_as["id"]], found[made.signed_as["time"]] = made.id, str(seconds)
        if secret:  # a dialect takes the secret as it is written, whatever it begins with
            found[made.signed_as["signature"]] = signature(secret.encode(), made.id, seconds, made.body)
    return found


def encoded(value: Mapping[str, Any]) -> bytes:
    """JSON below the limit: where it would be above, long texts in it are cut, and then `data` is left out."""
    whole = _json(value)
    if len(whole) <= BODY_LIMIT:
        return whole
    cut = _json(_cut(value))
    if len(cut) <= BODY_LIMIT:
        return cut
    return _json(_cut({**value, "data": {"truncated": True}}))


def instant(ms: int) -> str:
    """A moment as RFC 3339 has it."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= TEXT_LIMIT else f"{value[:TEXT_LIMIT]}…"
    if isinstance(value, dict):
        return {key: _cut(each) for key, each in value.items()}
    return [_cut(each) for each in value] if isinstance(value, list) else value


def sentence(event: Event) -> str:
    """An event as people say it, for a chat; what users wrote can't mention anybody or make a link."""
    said = _move(event) or f"{event.actor}: {event.name} {event.subject.removeprefix('models/')}"
    reason = event.data.get("reason") or event.data.get("refusal")
    text = f"{said} ({reason})" if isinstance(reason, str) and reason else said
    short = text if len(text) <= SENTENCE_LIMIT else f"{text[:SENTENCE_LIMIT]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _move(event: Event) -> str:
    model, data = model_of(event.subject), event.data
    before, after = data.get("before"), data.get("after")
    if event.name == EventName.ALIAS_MOVED:
        came = f"from version {before} " if before is not None else ""
        return f"{event.actor} moved {model}@{data.get('alias')} {came}to version {after}"
    if event.name == EventName.ALIAS_CLEARED:
        return f"{event.actor} cleared {model}@{data.get('alias')}, which was version {before}"
    if event.name == EventName.STAGE_MOVED:
        return f"{event.actor} moved {model} version {data.get('version')} from {before} to {after}"
    if event.name == EventName.VERSION_CREATED:
        return f"{event.actor} registered {model} version {version_of(event.subject)}"
    if event.name == EventName.MOVE_REFUSED:
        where = f"{model}@{data['alias']}" if data.get("alias") else f"{model} in {data.get('stage')}"
        return f"{event.actor} was refused {where} version {data.get('version')}"
    return ""
