"""Requests for promotion as forms: open one, comment on it, approve, reject, withdraw, carry it out."""

from modelshelf.domain.catalog import RegisteredModel
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import REASON_LIMIT, Stage, alias_name, stage_name, version_number
from modelshelf.domain.requests import COMMENT_LIMIT, PromotionRequest, RequestDetails, RequestState
from modelshelf.ui import links
from modelshelf.ui.actions import Change, Choice, Done, Input, Step, action
from modelshelf.ui.exchange import Asked, Routes

_DAY_MS = 24 * 60 * 60 * 1000
_MOST_DAYS = 365
_REASON = Input("reason", "Why", "area", hint="It is kept with the request.", limit=REASON_LIMIT)


def _pointed(version: int | None) -> str:
    return "" if version is None else f"version {version}"


def _target(asked: Asked) -> str:
    """Where the version is to go: `@alias`, or the name of a stage."""
    other = asked.given("other")
    return f"@{other.removeprefix('@')}" if other else asked.given("to")


def asking(asked: Asked) -> Step:
    """Ask where to; then tell what is asked for."""
    name, target = asked.parts["name"], _target(asked)
    model = asked.registry.catalog.model(name)
    number = asked.registry.catalog.version(name, version_number(asked.given("version"))).number
    back, kept = links.version(name, number), {"version": str(number)}
    if not target:
        return Step(
            f"Request a promotion of version {number} of {name}",
            "Continue",
            back,
            "Others look at it and approve or reject it; the move is made with the last approval that it needs.",
            (
                Input("to", "To", "choice", choices=_targets(model)),
                Input("other", "Or to another alias", hint="letters, digits, _ and -; it is made if it is not there"),
            ),
            kept=kept,
            is_final=False,
        )
    if target.startswith("@"):
        alias = alias_name(target[1:])
        change = Change(f"@{alias}", _pointed(model.aliases.get(alias)), f"version {number}")
    else:
        before = asked.registry.catalog.version(name, number).stage.value
        change = Change(f"version {number}", f"stage {before}", f"stage {stage_name(target).value}")
    return Step(
        f"Request that {target} of {name} becomes version {number}?",
        "Open the request",
        back,
        "Nothing moves yet: this will change once it is approved.",
        inputs=(
            Input("reason", "Why", "area", hint="What should those know who decide?", limit=REASON_LIMIT),
            Input("days", "Ends by itself after", hint="days; empty for never", limit=4),
        ),
        changes=(change,),
        kept={**kept, "to": target},
    )


def _targets(model: RegisteredModel) -> tuple[Choice, ...]:
    aliases = dict.fromkeys(("production", *model.aliases))
    found = [
        Choice(f"@{alias}", f"@{alias}", f"now {_pointed(model.aliases.get(alias)) or 'nothing'}") for alias in aliases
    ]
    return (*found, *(Choice(stage.value, f"Stage {stage.value}") for stage in Stage if stage is not Stage.NONE))


def open_request(asked: Asked) -> Done:
    """Open it."""
    name, target = asked.parts["name"], _target(asked)
    made = asked.registry.governance.open_request(
        name,
        version_number(asked.given("version")),
        alias=target[1:] if target.startswith("@") else None,
        stage=None if target.startswith("@") else target,
        reason=asked.field("reason"),
        expires_ms=_end(asked),
    )
    return Done(links.request(made.id), f"Request {made.id} is open.")


def _end(asked: Asked) -> int | None:
    days = asked.field("days").strip()
    if not days:
        return None
    if not (days.isascii() and days.isdigit() and 0 < int(days) <= _MOST_DAYS):
        raise Invalid(f"it ends after 1 to {_MOST_DAYS} days, or never; {days!r} is none of these", field="days")
    return asked.now_ms + int(days) * _DAY_MS


def _details(asked: Asked) -> RequestDetails:
    return asked.registry.governance.request(asked.number("request"))


def _title(found: PromotionRequest) -> str:
    return f"request {found.id}: {found.target} becomes version {found.version}"


def approval(asked: Asked) -> Step:
    """Tell what the approval brings about."""
    details = _details(asked)
    found = details.request
    missing = sum(max(0, need.count - need.given) for need in details.needs)
    last = missing <= 1
    change = Change(found.target, _pointed(details.current), f"version {found.version}")
    if found.stage is not None:
        change = Change(f"version {found.version}", _pointed(details.current), f"stage {found.name}")
    return Step(
        f"Approve {_title(found)}?",
        "Approve and promote" if last else "Approve",
        links.request(found.id),
        "Yours is the last approval that it needs: the gates are judged once more, and if they pass the move is made."
        if last
        else f"It needs {missing - 1} more after yours; nothing moves yet.",
        inputs=(_REASON,),
        changes=(change,) if last else (Change("approvals", f"{len(found.approvals)}", f"{len(found.approvals) + 1}"),),
        needs="approve",
    )


def approve(asked: Asked) -> Done:
    """Agree; where the move is refused all the same, the request's page tells why."""
    number = asked.number("request")
    found = asked.registry.governance.approve_request(number, reason=asked.field("reason"))
    if found.state is RequestState.PROMOTED:
        return Done(links.request(number), f"Approved: {found.target} is version {found.version} now.")
    if found.refusal:
        return Done(links.request(number), "Your approval counts, but the move was refused. The request stays open.")
    return Done(links.request(number), "Your approval counts. It needs more of them.")


def rejection(asked: Asked) -> Step:
    """Tell what is turned down."""
    found = _details(asked).request
    return Step(
        f"Reject {_title(found)}?",
        "Reject the request",
        links.request(found.id),
        "Nothing moves. It can be asked for again.",
        inputs=(_REASON,),
        changes=(Change(f"request {found.id}", found.state.value, RequestState.REJECTED.value),),
        is_dangerous=True,
        needs="approve",
    )


def reject(asked: Asked) -> Done:
    """Turn it down."""
    number = asked.number("request")
    asked.registry.governance.reject_request(number, reason=asked.field("reason"))
    return Done(links.request(number), f"Request {number} has been rejected.")


def withdrawal(asked: Asked) -> Step:
    """Tell what is taken back."""
    found = _details(asked).request
    return Step(
        f"Withdraw {_title(found)}?",
        "Withdraw the request",
        links.request(found.id),
        inputs=(_REASON,),
        changes=(Change(f"request {found.id}", found.state.value, RequestState.WITHDRAWN.value),),
    )


def withdraw(asked: Asked) -> Done:
    """Take it back."""
    number = asked.number("request")
    asked.registry.governance.withdraw_request(number, reason=asked.field("reason"))
    return Done(links.request(number), f"Request {number} has been withdrawn.")


def carrying_out(asked: Asked) -> Step:
    """Tell what will move."""
    details = _details(asked)
    found = details.request
    return Step(
        f"Carry out {_title(found)}?",
        f"Move {found.target} to version {found.version}",
        links.request(found.id),
        "It has its approvals. The gates are judged once more.",
        changes=(Change(found.target, _pointed(details.current), f"version {found.version}"),),
        needs="move",
    )


def carry_out(asked: Asked) -> Done:
    """Make the move."""
    number = asked.number("request")
    found = asked.registry.governance.carry_out_request(number)
    return Done(links.request(number), f"{found.target} is version {found.version} now.")


def commenting(asked: Asked) -> Step:
    """Ask for the text."""
    number = _details(asked).request.id
    text = Input("text", "Comment", "area", required=True, limit=COMMENT_LIMIT)
    return Step(f"Comment on request {number}", "Add the comment", links.request(number), inputs=(text,))


def comment(asked: Asked) -> Done:
    """Say it."""
    number = asked.number("request")
    asked.registry.governance.comment_request(number, asked.field("text"))
    return Done(links.request(number), "Your comment is there.")


_REQUEST = "/promotions/{request}"
ROUTES: Routes = {
    **action("/models/{name}/request", asking, open_request),
    **action(f"{_REQUEST}/approve", approval, approve),
    **action(f"{_REQUEST}/reject", rejection, reject),
    **action(f"{_REQUEST}/withdraw", withdrawal, withdraw),
    **action(f"{_REQUEST}/carry-out", carrying_out, carry_out),
    **action(f"{_REQUEST}/comment", commenting, comment),
}
