"""Webhooks as forms: make, change, pause, resume, test and delete one, and send a delivery again."""

import secrets

from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import REASON_LIMIT
from modelshelf.domain.signatures import secret_text
from modelshelf.domain.webhooks import DEFAULT_TRIES, DESCRIPTION_LIMIT, FORMATS, Webhook
from modelshelf.ui import links
from modelshelf.ui.actions import Change, Choice, Done, Input, Step, action
from modelshelf.ui.exchange import Asked, Routes

_ADMIN = "administer"
_LONGEST_URL = 2000
_HINT_OF_NEW = "It signs what is sent. Copy it now: it is never shown again. Empty leaves it unsigned."
_HINT_OF_KEPT = "Leave it empty to keep the one it has."
_HINTS = {"standard": "Standard Webhooks", "cloudevents": "CloudEvents 1.0", "chat": "a text, for Slack and the like"}
_FIELDS = ("name", "url", "events", "model", "alias", "format", "tries", "description")


def _events(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _tries(asked: Asked) -> int:
    text = asked.given("tries")
    if text and not (text.isascii() and text.isdigit() and len(text) < 4):
        raise Invalid(f"{text[:50]!r} is not a number of tries", field="tries")
    return int(text) if text else DEFAULT_TRIES


def _inputs(asked: Asked, found: Webhook | None) -> tuple[Input, ...]:
    def value(name: str, otherwise: str) -> str:
        return asked.one(name) or otherwise

    formats = tuple(Choice(name, name, _HINTS.get(name, "")) for name in FORMATS)
    own = _HINT_OF_KEPT if found else _HINT_OF_NEW
    return (
        Input("name", "Name", value=value("name", found.name if found else ""), required=True, limit=63),
        Input("url", "URL", value=value("url", found.url if found else ""), required=True, limit=_LONGEST_URL),
        Input(
            "events",
            "Events",
            "area",
            value("events", "\n".join(found.events) if found else "alias.moved\nrequest.*"),
            "names or patterns, one a line: alias.moved, request.*, *",
            required=True,
        ),
        Input("model", "Models", value=value("model", found.model if found else "*"), hint="a name or a pattern"),
        Input("alias", "Only about this alias", value=value("alias", found.alias if found else "")),
        *(() if found else (Input("format", "Format", "choice", choices=formats),)),
        Input("secret", "Secret", value="" if found else secret_text(secrets.token_bytes(32)), hint=own),
        Input("tries", "Tries", value=value("tries", str(found.tries if found else DEFAULT_TRIES)), limit=3),
        Input(
            "description",
            "Description",
            "area",
            value("description", found.description if found else ""),
            limit=DESCRIPTION_LIMIT,
        ),
    )


def _changes(asked: Asked, found: Webhook | None) -> tuple[Change, ...]:
    now = {
        "name": found.name if found else "",
        "url": found.url if found else "",
        "events": "\n".join(found.events) if found else "",
        "model": found.model if found else "",
        "alias": found.alias if found else "",
        "format": found.format if found else "",
        "tries": str(found.tries) if found else "",
        "description": found.description if found else "",
    }
    after = {name: asked.field(name).strip() for name in _FIELDS}
    after["events"], after["tries"] = "\n".join(_events(after["events"])), str(_tries(asked))
    if found:
        after["format"] = found.format
    lines = [Change(name, now[name], after[name]) for name in _FIELDS if now[name] != after[name]]
    secret = Change("secret", "one" if found and found.signed else "", "another one" if found else "one")
    return (*lines, secret) if asked.field("secret").strip() else tuple(lines)


def _kept(asked: Asked) -> dict[str, str]:
    return {name: asked.field(name).strip() for name in (*_FIELDS, "secret")}


def _again(asked: Asked, path: str) -> str:
    """The form with what was filled in, but for the secret."""
    return links.filled(path, {name: asked.field(name).strip() for name in _FIELDS})


def making(asked: Asked) -> Step:
    """Ask for all of it; then tell who will be told of what."""
    asked.registry.events.webhooks(limit=1)
    if asked.method == "GET":
        lead = "Nothing leaves yet: the next page shows what will be made."
        return Step("New webhook", "Continue", "/webhooks", lead, _inputs(asked, None), is_final=False, needs=_ADMIN)
    return Step(
        f"Make the webhook {asked.field('name').strip()}?",
        "Make it",
        _again(asked, "/webhook-new"),
        "It is told of events from now on.",
        changes=_changes(asked, None),
        kept=_kept(asked),
        needs=_ADMIN,
    )


def make(asked: Asked) -> Done:
    """Make it."""
    made = asked.registry.events.create_webhook(
        asked.field("name").strip(),
        asked.field("url").strip(),
        events=_events(asked.field("events")),
        model=asked.field("model").strip() or "*",
        alias=asked.field("alias").strip(),
        format=asked.field("format") or FORMATS[0],
        secret=asked.field("secret").strip(),
        description=asked.field("description").strip(),
        tries=_tries(asked),
    )
    return Done(links.webhook(made.id), f"The webhook {made.name} is there. Send it a test.")


def _webhook(asked: Asked) -> Webhook:
    return asked.registry.events.webhook(asked.parts["webhook"])


def changing(asked: Asked) -> Step:
    """Ask for what is to be different; then tell what that is."""
    found = _webhook(asked)
    back = links.webhook(found.id)
    if asked.method == "GET":
        return Step(
            f"Change the webhook {found.name}",
            "Continue",
            back,
            inputs=_inputs(asked, found),
            is_final=False,
            needs=_ADMIN,
        )
    changes = _changes(asked, found)
    return Step(
        f"Change the webhook {found.name}?",
        "Change it",
        _again(asked, links.webhook(found.id, "/change")),
        changes=changes,
        kept=_kept(asked),
        warning="" if changes else "Nothing of it is different.",
        needs=_ADMIN,
    )


def change(asked: Asked) -> Done:
    """Change it."""
    found = _webhook(asked)
    secret = asked.field("secret").strip()
    asked.registry.events.update_webhook(
        found.id,
        name=asked.field("name").strip(),
        url=asked.field("url").strip(),
        events=_events(asked.field("events")),
        model=asked.field("model").strip() or "*",
        alias=asked.field("alias").strip(),
        description=asked.field("description").strip(),
        tries=_tries(asked),
        secret=secret or None,
    )
    return Done(links.webhook(found.id), f"The webhook {found.name} has been changed.")


def pausing(asked: Asked) -> Step:
    """Tell what stays behind."""
    found = _webhook(asked)
    return Step(
        f"Pause the webhook {found.name}?",
        "Pause it",
        links.webhook(found.id),
        "It keeps its place in the events: what happens meanwhile is sent once it is resumed.",
        (Input("reason", "Why", "area", limit=REASON_LIMIT),),
        (Change("deliveries", found.state.value, "paused"),),
        needs=_ADMIN,
    )


def pause(asked: Asked) -> Done:
    """Pause it."""
    found = asked.registry.events.pause_webhook(_webhook(asked).id, reason=asked.field("reason"))
    return Done(links.webhook(found.id), f"The webhook {found.name} is paused.")


def resuming(asked: Asked) -> Step:
    """Tell what leaves."""
    found = _webhook(asked)
    return Step(
        f"Resume the webhook {found.name}?",
        "Resume it",
        links.webhook(found.id),
        inputs=(Input("skip", "Leave out what happened while it was paused", "check", "yes"),),
        changes=(Change("deliveries", found.state.value, "active"),),
        needs=_ADMIN,
    )


def resume(asked: Asked) -> Done:
    """Resume it."""
    found = asked.registry.events.resume_webhook(_webhook(asked).id, skip=asked.field("skip") == "yes")
    return Done(links.webhook(found.id), f"The webhook {found.name} is active.")


def testing(asked: Asked) -> Step:
    """Tell where a message goes."""
    found = _webhook(asked)
    return Step(
        f"Send {found.name} a test?",
        "Send the test",
        links.webhook(found.id),
        f"One message goes to {found.url} at once, and is not tried again. Nothing in the shelf changes.",
        needs=_ADMIN,
    )


def test(asked: Asked) -> Done:
    """Send it, and tell how it went."""
    found = _webhook(asked)
    tried = asked.registry.events.test_webhook(found.id)
    if tried.delivered:
        return Done(links.webhook(found.id), f"The test arrived: {tried.status} after {tried.latency_ms} ms.")
    why = tried.error or f"it answered {tried.status}"
    return Done(links.webhook(found.id), f"The test failed: {why}"[:400])


def deleting(asked: Asked) -> Step:
    """Tell what goes with it."""
    found = _webhook(asked)
    return Step(
        f"Delete the webhook {found.name}?",
        f"Delete {found.name}",
        links.webhook(found.id),
        "What waits to be sent to it goes as well.",
        changes=(Change(found.name, f"tells {found.url}", "deleted"),),
        is_dangerous=True,
        needs=_ADMIN,
    )


def delete(asked: Asked) -> Done:
    """Delete it."""
    found = _webhook(asked)
    asked.registry.events.delete_webhook(found.id)
    return Done("/webhooks", f"The webhook {found.name} has been deleted.")


def _delivery(asked: Asked) -> int:
    text = asked.given("delivery")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(f"{text[:50]!r} is not the number of a delivery", field="delivery")
    return int(text)


def sending(asked: Asked) -> Step:
    """Tell what is sent again."""
    found, number = _webhook(asked), _delivery(asked)
    return Step(
        f"Send delivery {number} again?",
        "Send it again",
        links.webhook(found.id),
        f"It goes to {found.url} with the same id, so that a receiver who has it can tell.",
        changes=(Change(f"delivery {number}", "as it is", "waiting, with all its tries"),),
        kept={"delivery": str(number)},
        needs=_ADMIN,
    )


def send_again(asked: Asked) -> Done:
    """Send it again."""
    found = asked.registry.events.redeliver(_delivery(asked))
    return Done(links.webhook(found.webhook), f"Delivery {found.id} is on its way again.")


_WEBHOOK = "/webhooks/{webhook}"
ROUTES: Routes = {
    **action("/webhook-new", making, make),
    **action(f"{_WEBHOOK}/change", changing, change),
    **action(f"{_WEBHOOK}/pause", pausing, pause),
    **action(f"{_WEBHOOK}/resume", resuming, resume),
    **action(f"{_WEBHOOK}/test", testing, test),
    **action(f"{_WEBHOOK}/delete", deleting, delete),
    **action(f"{_WEBHOOK}/redeliver", sending, send_again),
}
