"""Changes that people make on pages: a form, a page that says exactly what will change, and the change or its refusal.

An action is two functions. `prepare` looks at what was given so far and answers the next step: one that asks for more,
or the final one, which lists each change with what it changes from. `perform` makes the change, and answers where to go
on and what to say there; whatever it refuses is shown on the final step, brought up to date.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from modelshelf.domain.errors import ShelfError, Unavailable
from modelshelf.native import wire
from modelshelf.ui import cookies
from modelshelf.ui.exchange import Answer, Asked, Page, redirect
from modelshelf.ui.rendering import page

CONFIRMED: Final = "confirmed"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that will be another: what it is, what it is now, and what it is going to be; empty for nothing."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, and what to know about it."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """Something that a person fills in; `kind` is text, area, choice or check."""

    name: str
    label: str
    kind: str = "text"
    value: str = ""
    hint: str = ""
    choices: tuple[Choice, ...] = ()
    required: bool = False
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """A page of an action; the final one has `changes`."""

    title: str
    button: str
    back: str
    """Where to go instead of going on."""
    lead: str = ""
    inputs: tuple[Input, ...] = ()
    changes: tuple[Change, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    """What was given before, and what the viewer has seen: sent along."""
    warning: str = ""
    is_final: bool = True
    is_dangerous: bool = False
    needs: str = "write"
    """The permission without which the step says so instead of offering a button."""


@dataclass(frozen=True, slots=True)
class Done:
    """A change that was made."""

    place: str
    message: str


Prepare: TypeAlias = Callable[[Asked], Step]
Perform: TypeAlias = Callable[[Asked], Done]


def action(path: str, prepare: Prepare, perform: Perform) -> dict[tuple[str, str], Page]:
    """The routes of an action."""

    def show(asked: Asked) -> Answer:
        return _page(asked, prepare(asked))

    def change(asked: Asked) -> Answer:
        if asked.field(CONFIRMED) != "yes":
            return _page(asked, prepare(asked))
        try:
            done = perform(asked)
        except Unavailable:
            raise
        except ShelfError as refusal:
            return _page(asked, prepare(asked), refusal)
        return redirect(done.place, headers=(cookies.flash(done.message),))

    return {("GET", path): show, ("POST", path): change}


def _page(asked: Asked, step: Step, refusal: ShelfError | None = None) -> Answer:
    status = wire.status_of(refusal) if refusal else 200
    return page(asked, "step.html", title=step.title, status=status, step=step, refusal=refusal, confirmed=CONFIRMED)
