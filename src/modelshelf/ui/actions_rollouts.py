"""Rollouts as forms: start one, pause, resume, abort and finish it."""

import math

from modelshelf.domain.catalog import RegisteredModel
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import REASON_LIMIT, alias_name, version_number
from modelshelf.domain.rollouts import CANARY, STEPS, Plan, Rollout, checked_plan
from modelshelf.ui import formatting, links
from modelshelf.ui.actions import Change, Choice, Done, Input, Step, action
from modelshelf.ui.exchange import Asked, Routes

_MINUTE_MS = 60_000
_MINUTES = "10"
_USUAL = "production"
_WHY = Input("reason", "Why", "area", hint="It is kept in the history.", limit=REASON_LIMIT)


def _number(asked: Asked, field: str, otherwise: str) -> float:
    text = asked.given(field) or otherwise
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Invalid(f"{text[:50]!r} is not a number", field=field)
    return found


def _plan(asked: Asked) -> Plan:
    texts = asked.given("steps").replace(",", " ").replace("%", " ").split()
    try:
        steps = tuple(float(text) for text in texts) or STEPS
    except ValueError:
        raise Invalid("the steps are percents, like 5, 25, 50, 100", field="steps") from None
    return checked_plan(
        Plan(
            steps,
            every_ms=int(_number(asked, "minutes", _MINUTES) * _MINUTE_MS),
            min_requests=int(_number(asked, "min_requests", "0")),
            shadow=asked.given("mode") == "shadow",
        )
    )


def starting(asked: Asked) -> Step:
    """Ask behind which alias and how fast; then tell what traffic goes where."""
    name = asked.parts["name"]
    model = asked.registry.catalog.model(name)
    number, alias = asked.given("version"), asked.given("alias")
    back = links.version(name, number) if number else links.model(name, "/rollouts")
    if asked.method == "GET" or not number or not alias:
        return Step(
            f"Roll out a version of {name}",
            "Continue",
            back,
            "Traffic that follows the alias goes over step by step; a version that is found worse is rolled back by "
            "itself. The alias moves at the end.",
            _asked_for(model, number),
            is_final=False,
            needs="move",
        )
    version = asked.registry.catalog.version(name, version_number(number)).number
    plan, alias = _plan(asked), alias_name(alias.removeprefix("@"))
    now = model.aliases.get(alias)
    first, every = plan.steps[0], formatting.duration(plan.every_ms)
    steps = ", ".join(f"{step:g} %" for step in plan.steps)
    kept = {field: asked.given(field) for field in ("version", "alias", "steps", "minutes", "min_requests", "mode")}
    return Step(
        f"Roll out version {version} of {name} behind @{alias}?",
        "Start the rollout",
        back,
        f"Steps of {steps}, each for {every} at least; then @{alias} moves to version {version}, if its gates let it.",
        (_WHY,),
        (
            Change(
                f"copies of @{alias}'s traffic" if plan.shadow else f"traffic of @{alias}",
                "none" if plan.shadow else f"all to version {now}" if now else "",
                f"{first:g} % to version {version}",
            ),
            Change(
                f"@{CANARY}",
                f"version {model.aliases[CANARY]}" if CANARY in model.aliases else "",
                f"version {version}",
            ),
        ),
        kept,
        needs="move",
    )


def _asked_for(model: RegisteredModel, number: str) -> tuple[Input, ...]:
    aliases = [alias for alias in sorted(model.aliases, key=_USUAL.__ne__) if alias != CANARY]
    choices = tuple(Choice(alias, f"@{alias}", f"now version {model.aliases[alias]}") for alias in aliases)
    return (
        Input("version", "Version", value=number, required=True, limit=12),
        Input("alias", "Behind", "choice", choices=choices)
        if choices
        else Input("alias", "Behind the alias", hint="it has to point at a version already", required=True),
        Input("steps", "Steps", value=", ".join(f"{step:g}" for step in STEPS), hint="percent of the traffic, growing"),
        Input("minutes", "Minutes a step", value=_MINUTES, limit=8),
        Input("min_requests", "Requests a step needs", value="0", hint="of the new version", limit=12),
        Input(
            "mode",
            "How",
            "choice",
            choices=(
                Choice("live", "It answers its share"),
                Choice("shadow", "It gets copies, and none of its answers are served"),
            ),
        ),
    )


def start(asked: Asked) -> Done:
    """Start it."""
    name, plan = asked.parts["name"], _plan(asked)
    made = asked.registry.rollouts.start(
        name,
        version_number(asked.given("version")),
        alias=asked.given("alias").removeprefix("@"),
        steps=plan.steps,
        every_ms=plan.every_ms,
        min_requests=plan.min_requests,
        shadow=plan.shadow,
        reason=asked.field("reason"),
    )
    return Done(links.rollout(made.id), f"The rollout of version {made.target} behind @{made.alias} has begun.")


def _rollout(asked: Asked) -> Rollout:
    return asked.registry.rollouts.rollout(asked.number("rollout"))


def _share(found: Rollout) -> str:
    what = "of copies" if found.plan.shadow else "of the traffic"
    return f"{found.weight:g} % {what} to version {found.target}"


def pausing(asked: Asked) -> Step:
    """Tell what stays as it is."""
    found = _rollout(asked)
    lead = f"Weights stay where they are: {_share(found)}. A version that is found worse is rolled back all the same."
    change = Change("rollout", found.state.value, "paused")
    return Step("Pause the rollout?", "Pause it", links.rollout(found.id), lead, (_WHY,), (change,), needs="move")


def pause(asked: Asked) -> Done:
    """Pause it."""
    found = asked.registry.rollouts.pause(asked.number("rollout"), reason=asked.field("reason"))
    return Done(links.rollout(found.id), f"The rollout is paused at {found.weight:g} %.")


def resuming(asked: Asked) -> Step:
    """Tell that it goes on."""
    found = _rollout(asked)
    change = Change("rollout", found.state.value, "running")
    return Step("Resume the rollout?", "Resume it", links.rollout(found.id), "", (_WHY,), (change,), needs="move")


def resume(asked: Asked) -> Done:
    """Resume it."""
    found = asked.registry.rollouts.resume(asked.number("rollout"), reason=asked.field("reason"))
    return Done(links.rollout(found.id), "The rollout goes on.")


def aborting(asked: Asked) -> Step:
    """Tell who gets which version then."""
    found = _rollout(asked)
    return Step(
        "Abort the rollout?",
        "Abort it",
        links.rollout(found.id),
        f"Everyone gets version {found.stable} again, at once.",
        (_WHY,),
        (Change(f"@{found.alias}", _share(found), f"all to version {found.stable}"),),
        is_dangerous=True,
        needs="move",
    )


def abort(asked: Asked) -> Done:
    """Abort it."""
    found = asked.registry.rollouts.abort(asked.number("rollout"), reason=asked.field("reason"))
    return Done(links.rollout(found.id), f"The rollout is aborted: everyone gets version {found.stable}.")


def finishing(asked: Asked) -> Step:
    """Tell what moves now."""
    found = _rollout(asked)
    return Step(
        "Finish the rollout now?",
        f"Move @{found.alias} to version {found.target}",
        links.rollout(found.id),
        "The steps that are left are not taken; the gates are judged once more.",
        (_WHY,),
        (Change(f"@{found.alias}", f"version {found.stable}", f"version {found.target}"),),
        needs="move",
    )


def finish(asked: Asked) -> Done:
    """Finish it."""
    found = asked.registry.rollouts.finish(asked.number("rollout"), reason=asked.field("reason"))
    return Done(links.rollout(found.id), f"@{found.alias} points at version {found.target} now.")


_ROLLOUT = "/rollouts/{rollout}"
ROUTES: Routes = {
    **action("/models/{name}/rollouts/start", starting, start),
    **action(f"{_ROLLOUT}/pause", pausing, pause),
    **action(f"{_ROLLOUT}/resume", resuming, resume),
    **action(f"{_ROLLOUT}/abort", aborting, abort),
    **action(f"{_ROLLOUT}/finish", finishing, finish),
}
