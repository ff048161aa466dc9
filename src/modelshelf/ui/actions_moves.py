"""Moves of aliases and stages as forms: promote, roll back, take an alias away."""

from modelshelf.domain.catalog import RegisteredModel
from modelshelf.domain.errors import AliasMoved, Conflict, NotFound
from modelshelf.domain.governance import Move, rollback_target
from modelshelf.domain.names import REASON_LIMIT, Stage, alias_name, stage_name, version_number
from modelshelf.services.mover import ANYTHING
from modelshelf.ui import links
from modelshelf.ui.actions import Change, Choice, Done, Input, Step, action
from modelshelf.ui.exchange import Asked, Routes
from modelshelf.ui.listing import among

_NOWHERE = "nothing"
_SEEN = "seen"
_MOST_MOVES = 500
_MOST_SHOWN = 100


def _reason(*, hint: str, required: bool = False) -> Input:
    return Input("reason", "Why", "area", hint=hint, required=required, limit=REASON_LIMIT)


def _pointed(version: int | None) -> str:
    return _NOWHERE if version is None else f"version {version}"


def _seen(asked: Asked) -> int | None:
    """What the viewer was told that the alias or stage holds now; ANYTHING where they were told nothing."""
    text = asked.field(_SEEN)
    if text == _NOWHERE:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else ANYTHING


def _target(asked: Asked) -> str:
    """Where a version is to go: `@alias`, or the name of a stage."""
    other = asked.given("other")
    return f"@{other.removeprefix('@')}" if other else asked.given("to")


def _version(asked: Asked) -> int:
    return version_number(asked.given("version"))


def promotion(asked: Asked) -> Step:
    """Ask where to; then tell what leaves and what comes."""
    name, target = asked.parts["name"], _target(asked)
    model = asked.registry.catalog.model(name)
    version = asked.registry.catalog.version(name, _version(asked))
    back, kept = links.version(name, version.number), {"version": str(version.number)}
    if not target:
        return Step(
            f"Promote version {version.number} of {name}",
            "Continue",
            back,
            "Nothing changes yet: the next page shows exactly what would.",
            (
                Input("to", "To", "choice", choices=_targets(model)),
                Input("other", "Or to another alias", hint="letters, digits, _ and -; it is made if it is not there"),
            ),
            kept=kept,
            is_final=False,
            needs="move",
        )
    if target.startswith("@"):
        return _alias_step(model, version.number, alias_name(target[1:]), back)
    return _stage_step(asked, model, version.number, stage_name(target), back)


def _targets(model: RegisteredModel) -> tuple[Choice, ...]:
    aliases = dict.fromkeys(("production", *model.aliases))
    found = [Choice(f"@{alias}", f"@{alias}", f"now {_pointed(model.aliases.get(alias))}") for alias in aliases]
    return (*found, *(Choice(stage.value, f"Stage {stage.value}") for stage in Stage if stage is not Stage.NONE))


def _alias_step(model: RegisteredModel, number: int, alias: str, back: str) -> Step:
    now = model.aliases.get(alias)
    return Step(
        f"Move @{alias} of {model.name} to version {number}?",
        f"Move @{alias} to version {number}",
        back,
        inputs=(_reason(hint="It is kept in the history, for whoever asks in a year."),),
        changes=(Change(f"@{alias}", _pointed(now), _pointed(number)),),
        kept={
            "version": str(number),
            "to": f"@{alias}",
            _SEEN: _NOWHERE if now is None else str(now),
        },
        warning=f"@{alias} points at version {number} already." if now == number else "",
        needs="move",
    )


def _stage_step(asked: Asked, model: RegisteredModel, number: int, stage: Stage, back: str) -> Step:
    version = asked.registry.catalog.version(model.name, number)
    others = _holders(asked, model.name, stage, but=number)
    leaving = [Change(f"version {each}", f"stage {stage.value}", "stage Archived") for each in others]
    return Step(
        f"Move version {number} of {model.name} to {stage.value}?",
        f"Move version {number} to {stage.value}",
        back,
        "Any other version in the stage is archived." if stage is not Stage.ARCHIVED else "",
        inputs=(_reason(hint="It is kept in the history, for whoever asks in a year."),),
        changes=(Change(f"version {number}", f"stage {version.stage.value}", f"stage {stage.value}"), *leaving),
        kept={"version": str(number), "to": stage.value},
        needs="move",
    )


def _holders(asked: Asked, name: str, stage: Stage, *, but: int) -> list[int]:
    """The versions that leave a stage when another one comes."""
    if stage is Stage.ARCHIVED:
        return []
    filter_ = f"{among('name', name)} AND {among('stage', stage.value)}"
    found = asked.registry.catalog.search_versions(filter_, order_by=["version DESC"], limit=_MOST_SHOWN).items
    return [version.number for version in found if version.number != but]


def promote(asked: Asked) -> Done:
    """Move what the last page told, if it still is what it was then."""
    name, target, number = asked.parts["name"], _target(asked), _version(asked)
    governance, reason = asked.registry.governance, asked.field("reason")
    if target.startswith("@"):
        governance.promote(name, number, alias=target[1:], reason=reason, if_current=_seen(asked))
        return Done(links.model(name), f"{target} of {name} points at version {number} now.")
    governance.promote(name, number, stage=target, reason=reason)
    return Done(links.model(name), f"Version {number} of {name} is in {stage_name(target).value} now.")


def _moves(asked: Asked) -> tuple[str, str, int | None, int | None]:
    """The model, the alias, where it points, and where it was before."""
    name, alias = asked.parts["name"], asked.parts["alias"]
    model = asked.registry.catalog.model(name)
    moves = asked.registry.overviews.alias_history(model.id, alias, limit=_MOST_MOVES)
    if not moves:
        raise NotFound(f"{name!r} has no alias {alias!r}", model=name, alias=alias)
    return name, alias, model.aliases.get(alias), _before(asked, name, moves[::-1])


def _before(asked: Asked, name: str, moves: list[Move]) -> int | None:
    gone: set[int] = set()
    try:
        while True:
            found = rollback_target(moves, gone=gone)
            try:
                asked.registry.catalog.version(name, found)
            except NotFound:
                gone.add(found)
            else:
                return found
    except Conflict:
        return None


def return_(asked: Asked) -> Step:
    """Tell where the alias goes back to."""
    name, alias, now, before = _moves(asked)
    back = links.model(name)
    if before is None:
        raise Conflict(f"there is nothing to roll back @{alias} of {name} to: it pointed at no other version before")
    return Step(
        f"Roll @{alias} of {name} back?",
        f"Roll back to version {before}",
        back,
        inputs=(_reason(hint="What went wrong? It is kept in the history.", required=True),),
        changes=(Change(f"@{alias}", _pointed(now), _pointed(before)),),
        kept={_SEEN: _NOWHERE if now is None else str(now)},
        is_dangerous=True,
        needs="move",
    )


def roll_back(asked: Asked) -> Done:
    """Go back, unless somebody moved the alias since the viewer looked."""
    name, alias, now, _ = _moves(asked)
    seen = _seen(asked)
    if seen not in (ANYTHING, now):
        raise _stale(name, alias, seen, now)
    move = asked.registry.governance.rollback(name, alias, reason=asked.field("reason"))
    return Done(links.model(name), f"@{alias} of {name} is back at version {move.after}.")


def _stale(name: str, alias: str, seen: int | None, now: int | None) -> AliasMoved:
    return AliasMoved(
        f"{name}@{alias} points at {_pointed(now)} by now, and no longer at {_pointed(seen)}: somebody moved it while "
        "you were looking. Below is what would happen now",
        model=name,
        alias=alias,
        current=now,
    )


def removal(asked: Asked) -> Step:
    """Tell what loses its name."""
    name, alias = asked.parts["name"], asked.parts["alias"]
    position = asked.registry.governance.alias_position(name, alias)
    return Step(
        f"Take @{alias} of {name} away?",
        f"Take @{alias} away",
        links.model(name),
        f"Whatever loads models:/{name}@{alias} will find nothing. The history stays, and the alias can be set again.",
        inputs=(_reason(hint="It is kept in the history."),),
        changes=(Change(f"@{alias}", _pointed(position.version), _NOWHERE),),
        kept={"last_move": str(position.move)},
        is_dangerous=True,
        needs="move",
    )


def take_away(asked: Asked) -> Done:
    """Clear the alias, if it came where it is by the move that the viewer saw."""
    name, alias, seen = asked.parts["name"], asked.parts["alias"], asked.field("last_move")
    last = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else None
    asked.registry.governance.clear_alias(name, alias, reason=asked.field("reason"), if_last_move=last)
    return Done(links.model(name), f"@{alias} of {name} points nowhere now.")


ROUTES: Routes = {
    **action("/models/{name}/promote", promotion, promote),
    **action("/models/{name}/aliases/{alias}/rollback", return_, roll_back),
    **action("/models/{name}/aliases/{alias}/clear", removal, take_away),
}
