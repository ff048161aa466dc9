"""Events as lines that a person reads: what happened, from where to where, by whom, and why."""

from dataclasses import dataclass
from typing import Any

from modelshelf.domain.events import Event, EventName
from modelshelf.ui.exchange import Asked


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `kind` picks the mark in front of it, `version` is what it links to."""

    event: Event
    kind: str
    what: str
    before: str = ""
    after: str = ""
    reason: str = ""
    version: int | None = None


def entries(
    asked: Asked, name: str, *, limit: int, before: int | None = None, until_ms: int | None = None
) -> list[Entry]:
    """The latest of a model."""
    asked.registry.events.settle()
    found = asked.registry.overviews.timeline(name, before=before, until_ms=until_ms, limit=limit)
    return [entry(event) for event in found]


def entry(event: Event) -> Entry:
    """An event of any kind; one that is not known here is told by its name."""
    data = event.data
    reason = _text(data.get("reason"))
    if event.name in {EventName.ALIAS_MOVED, EventName.ALIAS_CLEARED}:
        cause = str(data.get("cause", ""))
        kind = {"rollback": "rollback", "promotion": "promotion"}.get(cause, "moved")
        after = data.get("after")
        return Entry(
            event,
            "cleared" if after is None else kind,
            f"@{data.get('alias')}",
            _version(data.get("before")),
            _version(after),
            reason or ("" if cause in {"set", "promotion", "rollback"} else cause),
            after if isinstance(after, int) else None,
        )
    if event.name == EventName.STAGE_MOVED:
        number = data.get("version")
        what = f"Version {number}"
        cause = str(data.get("cause", ""))
        why = reason or ("another version took the stage" if cause == "archived" else "")
        kind = "promotion" if cause == "promotion" else "moved"
        version = number if isinstance(number, int) else None
        return Entry(event, kind, what, _text(data.get("before")), _text(data.get("after")), why, version)
    if event.name == EventName.MOVE_REFUSED:
        alias, stage = data.get("alias"), data.get("stage")
        what = f"@{alias}" if alias else _text(stage)
        why = " — ".join(text for text in (reason, _text(data.get("refusal"))) if text)
        return Entry(event, "refused", what, "", _version(data.get("version")), why)
    words = event.name.replace(".", " ").replace("_", " ")
    return Entry(event, "other", words[:1].upper() + words[1:], "", "", reason or _text(data.get("text")))


def _version(number: Any) -> str:
    return "nothing" if number is None else f"version {number}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
