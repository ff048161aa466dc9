"""Webhooks: who is told of which events, and how often and when a delivery is tried."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from modelshelf.domain.errors import Invalid
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.names import alias_name, bounded, did_you_mean
from modelshelf.domain.patterns import matches, model_pattern

WEBHOOKS_LIMIT = 200
EVENTS_LIMIT = 100
DESCRIPTION_LIMIT = 10_000
TRIES_LIMIT = 30
DEFAULT_TRIES = 10
FIRST_DELAY_MS = 5_000
LONGEST_DELAY_MS = 60 * 60 * 1000
PAUSE_AFTER_MS = 60 * 60 * 1000
PAUSE_AFTER_FAILURES = 10
KEPT_MS = 30 * 24 * 60 * 60 * 1000
"""Deliveries that are done with are forgotten after 30 days; the events are not."""
NEVER_MS = 2**62
"""When a lane is due whose webhook is paused."""
EXCERPT_LIMIT = 1_024
STANDARD, CLOUDEVENTS, CHAT = "standard", "cloudevents", "chat"
FORMATS = (STANDARD, CLOUDEVENTS, CHAT)
TEST_EVENT = "webhook.test"

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class WebhookState(StrEnum):
    """Whether deliveries leave; a paused webhook keeps its place in the events."""

    ACTIVE = "active"
    PAUSED = "paused"


class DeliveryState(StrEnum):
    """What became of a delivery; dead: its last try failed."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of what, how. The secret is no part of it: `signed` tells whether there is one."""

    id: str
    name: str
    url: str
    events: tuple[str, ...]
    """Names of events, or patterns of them: `alias.moved`, `request.*`, `*`."""
    model: str
    """A pattern of model names; `*` is all, and events that are about no model."""
    alias: str
    """Only events about this alias; empty for all."""
    format: str
    signed: bool
    tries: int
    """How often a delivery is tried before it is dead."""
    created_ms: int
    created_by: str
    updated_ms: int
    description: str = ""
    state: WebhookState = WebhookState.ACTIVE
    paused_because: str = ""
    failures: int = 0
    """Tries that failed since the last one that did not."""
    failing_since_ms: int | None = None
    position: int = 0
    """The last event that was looked at for it."""

    def wants(self, name: str, event: Event) -> bool:
        """Whether an event, which it knows by this name, is for it."""
        if not any(matches(pattern, name) for pattern in self.events):
            return False
        if self.alias and event.data.get("alias") != self.alias:
            return False
        about = model_of(event.subject)
        return self.model == "*" if about is None else matches(self.model, about)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook, and how its last try went."""

    id: int
    webhook: str
    message: str
    """The webhook-id header: the same at every try."""
    event: str
    subject: str
    position: int
    """Of the event in the ledger."""
    state: DeliveryState
    tries: int
    created_ms: int
    tried_ms: int | None = None
    finished_ms: int | None = None
    status: int | None = None
    """What the receiver answered; None where it answered nothing."""
    latency_ms: int | None = None
    excerpt: str = ""
    """The beginning of what it answered."""
    error: str = ""
    """Why the last try failed."""


@dataclass(frozen=True, slots=True)
class TestedWebhook:
    """How a test call went."""

    delivered: bool
    status: int | None
    latency_ms: int
    excerpt: str
    error: str


def webhook_id(random: bytes) -> str:
    """A new id, of 16 random bytes."""
    return str(UUID(bytes=random, version=4))


def known_id(text: object) -> str:
    """An id as it was given; what can't be one names no webhook."""
    return text if isinstance(text, str) and _ID.fullmatch(text) else ""


def message_id(webhook: str, position: int) -> str:
    """The id of an event's message to a webhook: the same at every try, and told to no other webhook."""
    return str(UUID(bytes=hashlib.sha256(f"{webhook}/{position}".encode()).digest()[:16], version=4))


def webhook_name(text: object) -> str:
    """A webhook's name; several may have the same."""
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise Invalid(
            f"invalid webhook name {str(text)[:200]!r}: it must be 1 to 63 letters, digits and '.', '_', '-', and "
            "begin and end with a letter or digit",
            field="name",
        )
    return text


def event_names() -> tuple[str, ...]:
    """Every event there is."""
    return tuple(str(value) for key, value in vars(EventName).items() if key.isupper())


def event_patterns(texts: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Names and patterns of events, checked against those there are. Raises Invalid for what means none of them."""
    if isinstance(texts, str):
        raise Invalid("events must be a list of names, e.g. ['alias.moved']", field="events")
    found = tuple(dict.fromkeys(texts))
    if not 1 <= len(found) <= EVENTS_LIMIT:
        raise Invalid(f"a webhook is told of 1 to {EVENTS_LIMIT} kinds of events, not {len(found)}", field="events")
    for pattern in found:
        if not isinstance(pattern, str) or len(pattern) > EVENTS_LIMIT:
            raise Invalid("events must be a list of names, e.g. ['alias.moved']", field="events")
        if not any(matches(pattern, name) for name in known):
            raise Invalid(
                f"there is no event {pattern!r}{did_you_mean(pattern, known)}; docs/reference/events.md lists them, "
                "and alias.* or * means several",
                field="events",
            )
    return found


def model_filter(text: object) -> str:
    return model_pattern(text)


def alias_filter(text: object) -> str:
    return "" if text == "" else alias_name(text)


def description(text: object) -> str:
    return bounded(text, "webhook's description", DESCRIPTION_LIMIT)


def tries(count: object) -> int:
    """How often a delivery is tried."""
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= TRIES_LIMIT:
        raise Invalid(f"a delivery is tried 1 to {TRIES_LIMIT} times, not {count!r}", field="tries")
    return count


def model_of(subject: str) -> str | None:
    """The name of the model that an event is about."""
    kind, _, rest = subject.partition("/")
    return rest.partition("/")[0] if kind == "models" and rest else None


def version_of(subject: str) -> int | None:
    """The number of the version that an event is about."""
    parts = subject.split("/")
    return int(parts[2]) if len(parts) == 3 and parts[0] == "models" and parts[2].isdecimal() else None


def retry_delay_ms(failed: int, *, chance: float, asked_ms: int = 0) -> int:
    """How long to wait after so many failed tries: twice as long each time, of which up to half is left to chance.

    `chance` is between 0 and 1; `asked_ms` is what the receiver asked for.
    """
    longest = min(FIRST_DELAY_MS * 2 ** (failed - 1), LONGEST_DELAY_MS)
    return min(max(int(longest * (1 - chance / 2)), asked_ms), LONGEST_DELAY_MS)


def keeps_failing(failures: int, failing_since_ms: int | None, now_ms: int) -> bool:
    """Whether to leave a receiver alone: for an hour no try has succeeded."""
    if failing_since_ms is None or failures < PAUSE_AFTER_FAILURES:
        return False
    return now_ms - failing_since_ms >= PAUSE_AFTER_MS
