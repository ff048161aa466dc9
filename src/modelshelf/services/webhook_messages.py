"""From an event to what a receiver answers: the message in a webhook's format, signed with its secret, and sent."""

from modelshelf.database import shelf
from modelshelf.database.database import Transaction
from modelshelf.domain import webhook_messages as messages
from modelshelf.domain.errors import Invalid, MissingPackage, Unavailable
from modelshelf.domain.events import Event
from modelshelf.domain.targets import target
from modelshelf.domain.webhook_messages import Message
from modelshelf.domain.webhooks import FORMATS, Webhook
from modelshelf.sending.sender import Answered
from modelshelf.services.keys import Keys
from modelshelf.services.outlet import Outlet


def context(webhook_id: str) -> str:
    """What a webhook's secret is encrypted for: it can't be moved to another one."""
    return f"webhook/{webhook_id}"


def source(tx: Transaction) -> str:
    """The shelf, as CloudEvents name where an event comes from."""
    return f"urn:modelshelf:{shelf.setting(tx, 'shelf_id') or 'shelf'}"


def message(outlet: Outlet, webhook: Webhook, name: str, event: Event, *, id: str, source: str) -> Message:
    """An event, which the webhook knows by this name. Raises Unavailable for a dialect that is not spoken here."""
    if webhook.format in FORMATS:
        return messages.message(event, id=id, format=webhook.format, source=source)
    if webhook.format not in outlet.dialects:
        raise Unavailable(f"this program can't send the format {webhook.format!r}; a server of the shelf can")
    return outlet.dialects[webhook.format].message(name, event, id=id)


def example(outlet: Outlet, webhook: Webhook, event: Event, name: str, *, id: str, source: str) -> Message:
    """A test: the event given, or in a dialect an example of the event it calls so."""
    dialect = outlet.dialects.get(webhook.format)
    if dialect is None:
        if name:
            raise Invalid(
                "only webhooks of other projects' formats are tested with examples of their events; leave it out"
            )
        return message(outlet, webhook, event.name, event, id=id, source=source)
    named = name or next((known for known in dialect.names if known in webhook.events), dialect.names[0])
    if named not in dialect.names:
        raise Invalid(f"there is no event {named!r} in the format {webhook.format}", field="event")
    return dialect.example(named, id=id, now_ms=event.time_ms)


def post(outlet: Outlet, keys: Keys, webhook: Webhook, stored: str, made: Message, *, now_ms: int) -> Answered:
    """Send a message once, signed if a secret is stored. What this machine lacks is told as a failed try."""
    try:
        secret = keys.decrypt(stored, context=context(webhook.id)).decode() if stored else ""
        headers = messages.headers(made, secret=secret, seconds=now_ms // 1000)
        return outlet.sender.post(target(webhook.url), headers, made.body)
    except (Unavailable, MissingPackage, Invalid) as error:
        return Answered(None, 0, error=f"not sent: {error.message}")
