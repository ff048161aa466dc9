"""Deleting models and versions, as forms: with the name to be typed, and force where aliases still point there."""

from collections.abc import Sequence

from modelshelf.domain.errors import Invalid
from modelshelf.ui import links
from modelshelf.ui.actions import Change, Done, Input, Step, action
from modelshelf.ui.exchange import Asked, Routes

_KEPT = "The ledger keeps the history. The number is never given again."


def _guards(expected: str, aliases: Sequence[str]) -> tuple[Input, ...]:
    typed = Input("typed", f"Type {expected} to go on", required=True, hint="so that nothing is deleted by accident")
    if not aliases:
        return (typed,)
    shown = ", ".join(f"@{alias}" for alias in aliases)
    return (typed, Input("force", f"Delete it although {shown} will point nowhere", "check", "yes"))


def _require_typed(asked: Asked, expected: str) -> None:
    if asked.field("typed").strip() != expected:
        raise Invalid(f"what was typed is not {expected}; nothing was deleted")


def version_going(asked: Asked) -> Step:
    """Tell what goes with it."""
    name, number = asked.parts["name"], asked.number("number")
    version = asked.registry.catalog.version(name, number)
    ends = [Change(f"@{alias}", f"version {number}", "nothing") for alias in version.aliases]
    return Step(
        f"Delete version {number} of {name}?",
        f"Delete version {number}",
        links.version(name, number),
        _KEPT,
        inputs=_guards(f"{name} {number}", version.aliases),
        changes=(Change(f"version {number}", f"there, in stage {version.stage.value}", "deleted"), *ends),
        is_dangerous=True,
        needs="delete",
    )


def delete_version(asked: Asked) -> Done:
    """Delete it."""
    name, number = asked.parts["name"], asked.number("number")
    _require_typed(asked, f"{name} {number}")
    asked.registry.catalog.delete_version(name, number, force=asked.field("force") == "yes")
    return Done(links.model(name), f"Version {number} of {name} has been deleted.")


def model_going(asked: Asked) -> Step:
    """Tell what goes with it."""
    name = asked.parts["name"]
    model = asked.registry.catalog.model(name)
    ends = [Change(f"@{alias}", f"version {number}", "nothing") for alias, number in model.aliases.items()]
    return Step(
        f"Delete {name} with all its versions?",
        f"Delete {name}",
        links.model(name),
        "All of its versions go. The ledger keeps the history.",
        inputs=_guards(name, list(model.aliases)),
        changes=(Change(name, "there, with its versions", "deleted"), *ends),
        is_dangerous=True,
        needs="delete",
    )


def delete_model(asked: Asked) -> Done:
    """Delete it."""
    name = asked.parts["name"]
    _require_typed(asked, name.strip())
    asked.registry.catalog.delete_model(name, force=asked.field("force") == "yes")
    return Done("/models", f"{name} has been deleted.")


ROUTES: Routes = {
    **action("/models/{name}/delete", model_going, delete_model),
    **action("/models/{name}/versions/{number}/delete", version_going, delete_version),
}
