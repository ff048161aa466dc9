"""The work of a server that tells webhooks: events become deliveries, and deliveries leave, lane by lane."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from modelshelf.database import deliveries, events, webhooks
from modelshelf.database.database import Transaction
from modelshelf.database.deliveries import Due, Lane
from modelshelf.domain.access import Permission
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.webhooks import (
    EXCERPT_LIMIT,
    KEPT_MS,
    NEVER_MS,
    Delivery,
    DeliveryState,
    Webhook,
    WebhookState,
    keeps_failing,
    message_id,
    retry_delay_ms,
)
from modelshelf.sending.sender import Answered
from modelshelf.services import webhook_messages
from modelshelf.services.deliveries import Deliveries

BATCH = 200
LANES = 8
"""Of one webhook, taken and noted together."""
TRIES_AT_ONCE = 8
PRUNED_AT_ONCE = 500
_GONE = 410


@dataclass(frozen=True, slots=True)
class _Task:
    """One delivery with all that is needed to try it."""

    webhook: Webhook
    delivery: Delivery
    event: Event
    secret: str
    source: str


class Dispatch(Deliveries):
    """Any number of servers do this beside each other. At least once, and in order per webhook and model.

    A lane is taken for longer than a try can last, so nobody else sends from it meanwhile; what a killed server held is
    taken over when its lease ends.
    """

    def _lease_ms(self) -> int:
        """For how long a lane is taken: tries may begin for as long as one may last, and there is as long to spare."""
        return 3 * self._sending().sender.timeout_ms + 1000

    def due(self) -> Due:
        """What there is to do: one short query, so that it may be asked often."""
        self._actor.require(Permission.ADMINISTER)
        with self._database.read() as tx:
            return deliveries.due(tx)

    def is_due(self, found: Due) -> bool:
        """Whether a lane may be taken now."""
        self._actor.require(Permission.ADMINISTER)
        return found.lane_ms is not None and found.lane_ms <= self._clock()

    def spread(self) -> bool:
        """Make deliveries of the next events, for all webhooks that are equally far; whether there may be more.

        The deliveries and the webhook's new position are one transaction: an event is neither lost nor taken twice.
        """
        self._actor.require(Permission.ADMINISTER)
        with self._database.read() as tx:
            behind = webhooks.behind(tx)
            if not behind:
                return False
            position = behind[0].position
            group = sorted((each for each in behind if each.position == position), key=lambda each: each.id)
            batch = events.after(tx, position, BATCH)
            tags = self._tags(tx, group, batch)
        now_ms = self._clock()
        wanted = {each.id: self._wanted(each, batch, tags, now_ms) for each in group}
        with self._database.write() as tx:
            found: list[tuple[Delivery, int]] = []
            for each in group:
                if webhooks.advance(tx, each.id, before=position, after=batch[-1].position or position):
                    found += wanted[each.id]
            deliveries.insert(tx, [made for made, _ in found], [lane for _, lane in found], now_ms=now_ms)
        return len(batch) == BATCH or len(group) < len(behind)

    def take(self, *, full: Collection[str] = (), most: int = LANES) -> list[list[Lane]]:
        """Take lanes that are due, by webhook: of at most so many webhooks, and of none in `full`."""
        self._actor.require(Permission.ADMINISTER)
        now_ms, until_ms = self._clock(), self._clock() + self._lease_ms()
        with self._database.read() as tx:
            due = deliveries.due_lanes(tx, now_ms=now_ms, limit=LANES * most, without=list(full))
        chosen: dict[str, list[Lane]] = {}
        for lane in due:
            if (lane.webhook in chosen or len(chosen) < most) and len(chosen.get(lane.webhook, ())) < LANES:
                chosen.setdefault(lane.webhook, []).append(replace(lane, holder=self._entropy(16).hex()))
        if not chosen:
            return []
        with self._database.write() as tx:
            taken = [
                [each for each in lanes if deliveries.take(tx, each, now_ms=now_ms, until_ms=until_ms)]
                for _, lanes in sorted((webhook, sorted(lanes, key=_place)) for webhook, lanes in chosen.items())
            ]
        return [lanes for lanes in taken if lanes]

    def deliver(self, lanes: Sequence[Lane]) -> list[Lane]:
        """Try what leaves next in lanes of one webhook that were taken; those still held, with more in them.

        Several tries are noted together. None begins when those before took so long that the lease might end.
        """
        self._actor.require(Permission.ADMINISTER)
        with self._database.read() as tx:
            tasks = [self._tasks(tx, lane, max(1, TRIES_AT_ONCE // len(lanes))) for lane in lanes]
        left_ms, done = self._sending().sender.timeout_ms, list[tuple[Lane, list[_Tried]]]()
        for lane, waiting in zip(lanes, tasks, strict=True):
            tried: list[_Tried] = []
            for task in waiting:
                if left_ms < 0 or task.webhook.state is WebhookState.PAUSED or (tried and not tried[-1][1].accepted):
                    break
                answered = self._tried(task)
                left_ms -= answered.latency_ms
                tried.append((task, answered))
            done.append((lane, tried))
        return self._settle_tries(done)

    def release(self, lane: Lane, *, due_ms: int | None = None) -> bool:
        """Give a lane back, due now unless told otherwise."""
        self._actor.require(Permission.ADMINISTER)
        with self._database.write() as tx:
            deliveries.release(tx, lane, due_ms=self._clock() if due_ms is None else due_ms)
        return False

    def prune(self) -> bool:
        """Forget some deliveries that were done with 30 days ago; whether there may be more."""
        self._actor.require(Permission.ADMINISTER)
        before_ms = self._clock() - KEPT_MS
        with self._database.read() as tx:
            if not deliveries.prunable(tx, before_ms=before_ms):
                return False
        with self._database.write() as tx:
            return deliveries.prune(tx, before_ms=before_ms, limit=PRUNED_AT_ONCE) == PRUNED_AT_ONCE

    def _tags(self, tx: Transaction, group: Sequence[Webhook], batch: Sequence[Event]) -> dict[int, dict[str, str]]:
        """Of the models in a batch, the tags that a dialect of these webhooks looks at."""
        dialects = self._sending().dialects
        keys = {key for each in group if each.format in dialects for key in dialects[each.format].model_tags}
        ids = {event.model_id for event in batch if event.model_id is not None}
        return webhooks.model_tags(tx, sorted(ids), sorted(keys)) if keys and ids else {}

    def _wanted(
        self, webhook: Webhook, batch: Sequence[Event], tags: Mapping[int, Mapping[str, str]], now_ms: int
    ) -> list[tuple[Delivery, int]]:
        """The deliveries of a batch to one webhook, each with its lane."""
        dialect = self._sending().dialects.get(webhook.format)
        found: list[tuple[Delivery, int]] = []
        for event in batch:
            lane, position = event.model_id or 0, event.position or 0
            name = dialect.name(event, tags.get(lane, {})) if dialect else event.name
            if name and webhook.wants(name, event):
                made = Delivery(
                    id=0,
                    webhook=webhook.id,
                    message=message_id(webhook.id, position),
                    event=name,
                    subject=event.subject,
                    position=position,
                    state=DeliveryState.WAITING,
                    tries=0,
                    created_ms=now_ms,
                )
                found.append((made, lane))
        return found

    @staticmethod
    def _tasks(tx: Transaction, lane: Lane, limit: int) -> list[_Task]:
        webhook = webhooks.webhook(tx, lane.webhook)
        if webhook is None:
            return []
        secret, source = webhooks.secret(tx, webhook.id), webhook_messages.source(tx)
        return [
            _Task(webhook, each, events.after(tx, each.position - 1, 1)[0], secret, source)
            for each in deliveries.next_in(tx, lane, limit=limit)
        ]

    def _tried(self, task: _Task) -> Answered:
        outlet, delivery = self._sending(), task.delivery
        made = webhook_messages.message(
            outlet, task.webhook, delivery.event, task.event, id=delivery.message, source=task.source
        )
        return webhook_messages.post(outlet, self._keys, task.webhook, task.secret, made, now_ms=self._clock())

    def _settle_tries(self, done: Sequence[tuple[Lane, list["_Tried"]]]) -> list[Lane]:
        """Note how tries went, and what is next. The webhook's row is locked before its lanes', as everywhere."""
        now_ms = self._clock()
        with self._database.write() as tx:
            is_paused = self._note_tries(tx, [each for _, tried in done for each in tried], done[0][0].webhook, now_ms)
            return [lane for lane, tried in done if self._settle_lane(tx, lane, tried, is_paused, now_ms)]

    def _settle_lane(self, tx: Transaction, lane: Lane, tried: list["_Tried"], is_paused: bool, now_ms: int) -> bool:
        """Whether a lane is still held, with more in it."""
        if not deliveries.keep(tx, lane, until_ms=now_ms + self._lease_ms()):
            return False
        due_ms = NEVER_MS if is_paused else None
        for task, answered in tried:
            after = _after_try(task, answered, now_ms)
            deliveries.note_try(tx, after)
            if after.state is DeliveryState.WAITING and due_ms is None:
                due_ms = now_ms + self._delay_ms(after.tries, answered)
        if not deliveries.next_in(tx, lane, limit=1):
            deliveries.close_lane(tx, lane)
            return False
        if due_ms is None:
            return True
        deliveries.release(tx, lane, due_ms=due_ms)
        return False

    def _note_tries(self, tx: Transaction, tried: Sequence["_Tried"], webhook_id: str, now_ms: int) -> bool:
        """Count failures, from the last success on; whether the webhook is paused, or gone."""
        found = webhooks.lock(tx, webhook_id) if any(not answered.accepted for _, answered in tried) else None
        for task, answered in tried:
            if answered.accepted and (task.webhook.failures or found is not None):
                webhooks.note_success(tx, webhook_id)
            elif not answered.accepted and self._note_failure(tx, task, answered, now_ms):
                return True
        current = webhooks.webhook(tx, webhook_id)
        return current is None or current.state is WebhookState.PAUSED

    def _delay_ms(self, failed: int, answered: Answered) -> int:
        chance = int.from_bytes(self._entropy(2), "big") / 65_536
        return retry_delay_ms(failed, chance=chance, asked_ms=answered.retry_after_ms)

    def _note_failure(self, tx: Transaction, task: _Task, answered: Answered, now_ms: int) -> bool:
        """Count a failed try; pauses a webhook that keeps failing or is gone. Whether it is paused now."""
        found = webhooks.note_failure(tx, task.webhook.id, now_ms=now_ms)
        if found is None or found.state is WebhookState.PAUSED:
            return True
        if answered.status == _GONE:
            because = "the receiver answered 410 Gone"
        elif keeps_failing(found.failures, found.failing_since_ms, now_ms):
            because = (
                f"every one of the last {found.failures} tries failed, for over an hour; the last: {answered.error}"
            )
        else:
            return False
        webhooks.pause(tx, found.id, because=because, now_ms=now_ms)
        data = {"name": found.name, "reason": because}
        events.append(tx, Event(EventName.WEBHOOK_PAUSED, self._actor.name, now_ms, f"webhooks/{found.id}", data))
        return True


_Tried: TypeAlias = tuple[_Task, Answered]


def _place(lane: Lane) -> int:
    return lane.lane


def _after_try(task: _Task, answered: Answered, now_ms: int) -> Delivery:
    tries = task.delivery.tries + 1
    state = DeliveryState.DELIVERED if answered.accepted else DeliveryState.WAITING
    if state is DeliveryState.WAITING and tries >= task.webhook.tries:
        state = DeliveryState.DEAD
    return replace(
        task.delivery,
        state=state,
        tries=tries,
        tried_ms=now_ms,
        finished_ms=None if state is DeliveryState.WAITING else now_ms,
        status=answered.status,
        latency_ms=answered.latency_ms,
        excerpt=answered.excerpt[:EXCERPT_LIMIT],
        error=answered.error,
    )
