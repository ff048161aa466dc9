"""Webhooks: make, look at, change, pause, test, delete. All of it is for administrators."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from modelshelf.database import events, webhooks
from modelshelf.database.database import Transaction
from modelshelf.domain import signatures
from modelshelf.domain import webhooks as rules
from modelshelf.domain.access import Permission
from modelshelf.domain.errors import Conflict, Invalid, NotFound
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.names import REASON_LIMIT, bounded, did_you_mean
from modelshelf.domain.pages import Page, page_start, page_token
from modelshelf.domain.targets import target
from modelshelf.domain.webhooks import FORMATS, STANDARD, TEST_EVENT, TestedWebhook, Webhook, WebhookState
from modelshelf.services import webhook_messages
from modelshelf.services.deliveries import Deliveries

PAGE_LIMIT = 1000
_QUERY = "webhooks"
_BY_HAND = "paused by hand"


class Webhooks(Deliveries):
    """Who is told of which events. A `webhook` is named by its id, or by its name where only one has it."""

    def create_webhook(
        self,
        name: str,
        url: str,
        *,
        events: Sequence[str],
        model: str = "*",
        alias: str = "",
        format: str = STANDARD,
        secret: str = "",
        description: str = "",
        tries: int = rules.DEFAULT_TRIES,
        paused: bool = False,
    ) -> Webhook:
        """Tell a URL of events from now on.

        `events` are names or patterns (`alias.moved`, `request.*`, `*`), `model` is a pattern of model names, `alias`
        the one that events have to be about; empty is any. `format` is `standard`, `cloudevents` or `chat`. `secret`,
        `whsec_` and base64, signs the deliveries; it is kept encrypted and never told again, and empty leaves them
        unsigned. Raises Invalid, also for a URL that will never be connected to.
        """
        self._actor.require(Permission.ADMINISTER)
        made = self._new(name, url, events=self._checked_events(events, self._checked_format(format)), format=format)
        made = replace(
            made,
            model=rules.model_filter(model),
            alias=rules.alias_filter(alias),
            signed=bool(secret),
            description=rules.description(description),
            tries=rules.tries(tries),
            state=WebhookState.PAUSED if paused else WebhookState.ACTIVE,
            paused_because=_BY_HAND if paused else "",
        )
        return self._added(made, self._checked_secret(secret, format))

    def _new(self, name: str, url: str, *, events: tuple[str, ...], format: str) -> Webhook:
        now_ms = self._clock()
        return Webhook(
            id=rules.webhook_id(self._entropy(16)),
            name=rules.webhook_name(name),
            url=self._checked_url(url),
            events=events,
            model="*",
            alias="",
            format=format,
            signed=False,
            tries=rules.DEFAULT_TRIES,
            created_ms=now_ms,
            created_by=self._actor.name,
            updated_ms=now_ms,
        )

    def _added(self, made: Webhook, secret: str) -> Webhook:
        with self._database.exclusive("positions") as tx:
            self._settle(tx)
            if webhooks.count(tx) >= rules.WEBHOOKS_LIMIT:
                raise Conflict(
                    f"there are {rules.WEBHOOKS_LIMIT} webhooks, which is the limit; delete those out of use"
                )
            webhooks.insert(tx, made, secret=self._encrypted(tx, made.id, secret))
            self._note(tx, EventName.WEBHOOK_CREATED, made, _told(made), made.created_ms)
            return self._webhook(tx, made.id)

    def webhooks(self, *, limit: int = 100, page_token: str | None = None) -> Page[Webhook]:
        """The webhooks, the newest first."""
        self._actor.require(Permission.ADMINISTER)
        limit = min(max(limit, 1), PAGE_LIMIT)
        start = page_start(page_token, query=_QUERY, kinds=(int, str))
        before = (start[0], start[1]) if start else None
        with self._database.read() as tx:
            found = webhooks.webhooks(tx, limit=limit + 1, before=before)
        page = tuple(found[:limit])
        return Page(page, _page_token(page[-1]) if len(found) > limit else None)

    def webhook(self, webhook: str) -> Webhook:
        """One webhook. Raises NotFound; Conflict for a name that several have."""
        self._actor.require(Permission.ADMINISTER)
        with self._database.read() as tx:
            return self._webhook(tx, webhook)

    def update_webhook(
        self,
        webhook: str,
        *,
        name: str | None = None,
        url: str | None = None,
        events: Sequence[str] | None = None,
        model: str | None = None,
        alias: str | None = None,
        secret: str | None = None,
        description: str | None = None,
        tries: int | None = None,
    ) -> Webhook:
        """Change what is given; an empty secret leaves deliveries unsigned. Raises NotFound, Invalid."""
        self._actor.require(Permission.ADMINISTER)
        now_ms = self._clock()
        given: dict[str, Any] = {
            "name": None if name is None else rules.webhook_name(name),
            "url": None if url is None else self._checked_url(url),
            "model": None if model is None else rules.model_filter(model),
            "alias": None if alias is None else rules.alias_filter(alias),
            "description": None if description is None else rules.description(description),
            "tries": None if tries is None else rules.tries(tries),
        }
        with self._database.write() as tx:
            before = self._locked_webhook(tx, webhook)
            changes = {field: value for field, value in given.items() if value is not None}
            if events is not None:
                changes["events"] = self._checked_events(events, before.format)
            after = replace(before, updated_ms=now_ms, **changes)
            webhooks.update(tx, after)
            if secret is not None:
                checked = self._checked_secret(secret, before.format)
                webhooks.set_secret(tx, before.id, self._encrypted(tx, before.id, checked))
            self._note(tx, EventName.WEBHOOK_UPDATED, after, _changes(before, after, secret is not None), now_ms)
            return self._webhook(tx, before.id)

    def pause_webhook(self, webhook: str, *, reason: str = "") -> Webhook:
        """Let nothing leave until it is resumed; it keeps its place in the events."""
        self._actor.require(Permission.ADMINISTER)
        reason, now_ms = bounded(reason, "reason", REASON_LIMIT), self._clock()
        with self._database.write() as tx:
            found = self._locked_webhook(tx, webhook)
            webhooks.pause(tx, found.id, because=reason or _BY_HAND, now_ms=now_ms)
            self._note(tx, EventName.WEBHOOK_PAUSED, found, {"name": found.name, "reason": reason or _BY_HAND}, now_ms)
            return self._webhook(tx, found.id)

    def resume_webhook(self, webhook: str, *, skip: bool = False) -> Webhook:
        """Let deliveries leave again, with the events since it was paused; `skip` leaves out those not yet queued."""
        self._actor.require(Permission.ADMINISTER)
        now_ms = self._clock()
        with self._database.exclusive("positions") as tx:
            found = self._locked_webhook(tx, webhook)
            if skip and found.state is WebhookState.PAUSED:
                self._settle(tx)
                webhooks.skip(tx, found.id)
            webhooks.resume(tx, found.id, now_ms=now_ms)
            self._note(tx, EventName.WEBHOOK_RESUMED, found, {"name": found.name, "skipped": skip}, now_ms)
            return self._webhook(tx, found.id)

    def delete_webhook(self, webhook: str) -> None:
        """Delete a webhook, and what waits for it. Raises NotFound."""
        self._actor.require(Permission.ADMINISTER)
        now_ms = self._clock()
        with self._database.write() as tx:
            found = self._locked_webhook(tx, webhook)
            webhooks.delete(tx, found.id)
            self._note(tx, EventName.WEBHOOK_DELETED, found, {"name": found.name}, now_ms)

    def test_webhook(self, webhook: str, *, event: str = "") -> TestedWebhook:
        """Send a message at once, also where it is paused, and tell how it went; it is not tried again.

        It is an event `webhook.test`, or in another project's dialect an example of `event`, which is left out the
        first that the webhook is told of. Raises NotFound, Invalid.
        """
        self._actor.require(Permission.ADMINISTER)
        now_ms, message_id = self._clock(), rules.webhook_id(self._entropy(16))
        outlet = self._sending()
        with self._database.read() as tx:
            found = self._webhook(tx, webhook)
            stored, source = webhooks.secret(tx, found.id), webhook_messages.source(tx)
        about = Event(TEST_EVENT, self._actor.name, now_ms, f"webhooks/{found.id}", {"webhook": found.name})
        made = webhook_messages.example(outlet, found, about, event, id=message_id, source=source)
        answered = webhook_messages.post(outlet, self._keys, found, stored, made, now_ms=now_ms)
        return TestedWebhook(answered.accepted, answered.status, answered.latency_ms, answered.excerpt, answered.error)

    @staticmethod
    def _settle(tx: Transaction) -> None:
        """Let what happened before have its positions: a new webhook isn't told of it."""
        if events.waiting(tx):
            events.assign_positions(tx)

    def _checked_url(self, url: str) -> str:
        found = target(url)
        if self._outlet is not None:
            self._outlet.sender.refuse(found)
        return url

    def _checked_format(self, format: str) -> str:
        known = [*FORMATS, *(self._outlet.dialects if self._outlet else ())]
        if format not in known:
            raise Invalid(
                f"unknown format {format!r}{did_you_mean(str(format), known)}: the formats are {', '.join(known)}",
                field="format",
            )
        return format

    def _checked_events(self, wanted: Sequence[str], format: str) -> tuple[str, ...]:
        dialect = self._outlet.dialects.get(format) if self._outlet else None
        return rules.event_patterns(wanted, dialect.names if dialect else rules.event_names())

    @staticmethod
    def _checked_secret(secret: str, format: str) -> str:
        if not secret:
            return ""
        return signatures.secret(secret) if format in FORMATS else signatures.any_secret(secret)

    def _encrypted(self, tx: Transaction, webhook_id: str, secret: str) -> str:
        if not secret:
            return ""
        self._keys.claim(tx)
        return self._keys.encrypt(secret.encode(), context=webhook_messages.context(webhook_id))

    def _locked_webhook(self, tx: Transaction, reference: str) -> Webhook:
        locked = webhooks.lock(tx, self._webhook(tx, reference).id)
        if locked is None:
            raise NotFound(f"no webhook {reference!r}", webhook=reference)
        return locked

    def _note(self, tx: Transaction, name: str, webhook: Webhook, data: dict[str, Any], now_ms: int) -> None:
        events.append(tx, Event(name, self._actor.name, now_ms, f"webhooks/{webhook.id}", data))


def _page_token(last: Webhook) -> str:
    return page_token((last.created_ms, last.id), query=_QUERY)


def _told(made: Webhook) -> dict[str, Any]:
    """What the ledger tells of a webhook: of its URL, which may hold a secret, only where it leads."""
    return {
        "name": made.name,
        "origin": target(made.url).origin,
        "events": list(made.events),
        "model": made.model,
        "alias": made.alias,
        "format": made.format,
        "signed": made.signed,
    }


def _changes(before: Webhook, after: Webhook, has_new_secret: bool) -> dict[str, Any]:
    changed = [
        field.name
        for field in fields(Webhook)
        if field.name != "updated_ms" and getattr(before, field.name) != getattr(after, field.name)
    ]
    return {
        "name": after.name,
        "changed": [*changed, *(["secret"] if has_new_secret else [])],
        "origin": target(after.url).origin,
    }
