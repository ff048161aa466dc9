"""The ledger: who did what and when, each event with the proof that it is in it, and the verification of all of it."""

import sys
from collections.abc import Sequence
from typing import Any, Final

from modelshelf.domain.audit import AuditReport
from modelshelf.domain.errors import Invalid, ShelfError
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.names import instant_ms
from modelshelf.domain.oversight import LedgerPage
from modelshelf.domain.proofs import HEADS_LIMIT, Receipt, TreeHead
from modelshelf.native import turns
from modelshelf.services.registry import Registry
from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.rendering import page

_SIZE = 50
_DAY_MS = 24 * 60 * 60 * 1000
MOST_VERIFIED: Final = 500_000
"""Events that are verified while a browser waits; the command line verifies any number."""
MOST_SEALED: Final = 10_000
"""Events that a page seals to show a head; those of larger shelves are sealed by their duty alone."""
_NAMES: Final = tuple(sorted(value for key, value in vars(EventName).items() if key.isupper()))


def ledger(asked: Asked) -> Answer:
    """The events that fit."""
    fault, found = "", LedgerPage((), None, is_whole=True)
    try:
        found = _found(asked)
    except ShelfError as error:
        fault = error.message
    return page(
        asked,
        "ledger.html",
        title="Ledger",
        status=400 if fault else 200,
        found=found,
        fault=fault,
        kinds=_kinds(),
        names=_NAMES,
        is_filtered=any(asked.one(name) for name in ("actor", "model", "event", "since", "until")),
        head=head(asked.registry),
        heads_limit=HEADS_LIMIT,
    )


def _kinds() -> list[str]:
    return sorted({f"{name.partition('.')[0]}.*" for name in _NAMES})


def _found(asked: Asked) -> LedgerPage:
    asked.registry.events.settle()
    before = asked.one("page")
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise Invalid(f"{before[:50]!r} is not a position in the ledger", field="page")
    return asked.registry.overviews.ledger(
        actor=asked.one("actor"),
        names=_named(asked.one("event")),
        model=asked.one("model"),
        since_ms=_day(asked.one("since")) if asked.one("since") else 0,
        until_ms=_day(asked.one("until")) + _DAY_MS - 1 if asked.one("until") else sys.maxsize,
        before=int(before) if before else None,
        limit=_SIZE,
    )


def _named(text: str) -> Sequence[str]:
    """The events that a name, or a kind such as `alias.*`, means."""
    if not text:
        return ()
    found = [name for name in _NAMES if name == text or (text.endswith(".*") and name.startswith(text[:-1]))]
    if not found:
        raise Invalid(f"there is no event {text[:100]!r}", field="event")
    return found


def _day(text: str) -> int:
    """The beginning of a day, in UTC."""
    return instant_ms(f"{text}T00:00:00Z")


def head(registry: Registry) -> TreeHead | None:
    """The newest signed head; None where there is none, or where too much waits to be sealed."""
    if registry.overviews.shelf_health().unsealed_events > MOST_SEALED:
        return None
    try:
        return registry.events.head()
    except ShelfError:
        return None


def event(asked: Asked) -> Answer:
    """One event, whole, with its receipt."""
    found = asked.registry.overviews.event(asked.number("position"))
    receipt, fault = _receipt(asked.registry, asked.number("position"))
    gates = _gates(found)
    return page(
        asked,
        "event.html",
        title=f"Event {found.position}",
        event=found,
        gates=gates,
        told={key: value for key, value in found.data.items() if key != "gates" or not gates},
        receipt=receipt,
        fault=fault,
    )


def _gates(event: Event) -> list[dict[str, Any]]:
    """What gates saw, where an event tells of that."""
    told = event.data.get("gates")
    if not isinstance(told, list) or not all(isinstance(gate, dict) and "clauses" in gate for gate in told):
        return []
    return told


def _receipt(registry: Registry, position: int) -> tuple[Receipt | None, str]:
    """The proof that an event is in the ledger, or why there is none."""
    if registry.overviews.shelf_health().unsealed_events > MOST_SEALED:
        return None, "Many events wait to be sealed; it comes when they are."
    try:
        return registry.events.receipt(position), ""
    except ShelfError as error:
        return None, error.message


def verify(asked: Asked) -> Answer:
    """Look through the whole ledger, and tell what was found. Nothing changes."""
    report: AuditReport | None = None
    fault = ""
    try:
        if asked.registry.overviews.shelf_health().events > MOST_VERIFIED:
            raise Invalid(
                f"the ledger has more than {MOST_VERIFIED:,} events, too many to wait for in a browser: "
                "modelshelf audit verify looks through them all"
            )
        with turns.LEDGER:
            report = asked.registry.events.verify(against=asked.field("against"))
    except ShelfError as error:
        fault = error.message
    return page(
        asked,
        "verified.html",
        title="Verification",
        status=400 if fault else 200,
        report=report,
        fault=fault,
        head=head(asked.registry),
    )


ROUTES: Routes = {
    ("GET", "/ledger"): ledger,
    ("GET", "/ledger/{position}"): event,
    ("POST", "/ledger-verification"): verify,
}
