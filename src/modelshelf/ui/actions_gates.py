"""Gates and protected names as forms: define and delete a gate, protect a name and end that."""

from modelshelf.domain.errors import NotFound
from modelshelf.domain.gate_documents import as_arguments, document_of
from modelshelf.domain.gates import Gate
from modelshelf.domain.governance import Slot
from modelshelf.domain.protection import ProtectedName
from modelshelf.ui import links
from modelshelf.ui.actions import Change, Choice, Done, Input, Step, action
from modelshelf.ui.exchange import Asked, Routes
from modelshelf.ui.pages_gates import read

_ADMIN = "administer"


def _told(gate: Gate) -> dict[str, str]:
    """What a gate says, by the lines that a confirmation has."""
    document = document_of(gate)
    clauses = "\n".join(clause.expression for clause in gate.clauses)
    approvals = f"{gate.approvals.count} by {gate.approvals.role.value}s" if gate.approvals else ""
    return {
        "guards": f"{gate.slot.value} {gate.target} of {gate.model}",
        "clauses": clauses,
        "approvals": approvals,
        "promotes by itself": "yes" if gate.auto else "",
        "description": str(document.get("description", "")),
    }


def _earlier(asked: Asked, name: str) -> dict[str, str]:
    try:
        return _told(asked.registry.governance.gate(name))
    except NotFound:
        return {}


def defining(asked: Asked) -> Step:
    """Tell what the gate will say, and what it says now."""
    document = asked.field("document")
    gate = read(document)
    before, after = _earlier(asked, gate.name), _told(gate)
    changes = [Change(what, before.get(what, ""), text) for what, text in after.items()]
    return Step(
        f"{'Change' if before else 'Define'} the gate {gate.name}?",
        f"{'Change' if before else 'Define'} {gate.name}",
        links.gate(gate.name) if before else "/gate-trial",
        "From now on a version has to pass it.",
        changes=tuple(change for change in changes if change.before != change.after),
        kept={"document": document},
        warning="" if any(change.before != change.after for change in changes) else "Nothing of it is different.",
        needs=_ADMIN,
    )


def define(asked: Asked) -> Done:
    """Define it, or put it in the place of the one of that name."""
    gate = read(asked.field("document"))
    asked.registry.governance.define_gate(gate.name, **as_arguments(gate))
    return Done(links.gate(gate.name), f"The gate {gate.name} is in force.")


def deleting(asked: Asked) -> Step:
    """Tell what nobody asks for any more."""
    gate = asked.registry.governance.gate(asked.parts["gate"])
    return Step(
        f"Delete the gate {gate.name}?",
        f"Delete {gate.name}",
        links.gate(gate.name),
        "Moves that it would refuse are made from then on. What it decided stays in the history.",
        changes=tuple(Change(what, text, "") for what, text in _told(gate).items() if text),
        is_dangerous=True,
        needs=_ADMIN,
    )


def delete(asked: Asked) -> Done:
    """Delete it."""
    gate = asked.registry.governance.delete_gate(asked.parts["gate"])
    return Done("/gates", f"The gate {gate.name} has been deleted.")


def _names(asked: Asked, field: str) -> list[str]:
    return [name for name in asked.given(field).replace(",", " ").split() if name]


def _found(asked: Asked, pattern: str, slot: Slot, name: str) -> ProtectedName | None:
    known = asked.registry.governance.protections()
    return next((each for each in known if (each.pattern, each.slot, each.name) == (pattern, slot, name)), None)


def protecting(asked: Asked) -> Step:
    """Ask who may move a name; then tell who may now, and who will."""
    pattern = asked.given("pattern")
    if asked.method == "GET":
        return Step(
            "Protect an alias or a stage",
            "Continue",
            "/gates",
            "Only those who are named may move it then, whatever else their role lets them.",
            (
                Input("pattern", "Models", value=pattern, hint="a name, or a pattern: fraud-*, *", required=True),
                Input("slot", "What", "choice", choices=(Choice("alias", "An alias"), Choice("stage", "A stage"))),
                Input("name", "Its name", value=asked.given("name"), required=True),
                Input("roles", "Roles that may move it", hint="approver, admin, ...; those above may as well"),
                Input("users", "Users that may move it", hint="by commas; their tokens only where named below"),
                Input("tokens", "Tokens that may move it", hint="like carol/ci, or carol/* for all of carol's"),
                Input("policies", "Gates that may move it by themselves", hint="names of gates"),
            ),
            is_final=False,
            needs=_ADMIN,
        )
    slot, name = Slot(asked.given("slot")) if asked.given("slot") == "stage" else Slot.ALIAS, asked.given("name")
    before = _found(asked, pattern, slot, name)
    kept = {field: asked.given(field) for field in ("pattern", "slot", "name", "roles", "users", "tokens", "policies")}
    after = [f"role:{role}" for role in _names(asked, "roles")] + [
        *_names(asked, "users"),
        *_names(asked, "tokens"),
        *(f"policy:{each}" for each in _names(asked, "policies")),
    ]
    return Step(
        f"Protect {slot.value} {name} of {pattern}?",
        "Protect it",
        "/gates",
        changes=(Change("who may move it", _movers(before) or "whoever may move aliases", ", ".join(after)),),
        kept=kept,
        needs=_ADMIN,
    )


def _movers(found: ProtectedName | None) -> str:
    return ", ".join(found.movers.names()) if found else ""


def protect(asked: Asked) -> Done:
    """Protect it."""
    slot = asked.given("slot")
    made = asked.registry.governance.protect(
        asked.given("pattern"),
        alias=None if slot == "stage" else asked.given("name"),
        stage=asked.given("name") if slot == "stage" else None,
        roles=_names(asked, "roles"),
        users=_names(asked, "users"),
        tokens=_names(asked, "tokens"),
        policies=_names(asked, "policies"),
    )
    return Done("/gates", f"{made.slot.value.title()} {made.name} of {made.pattern} is protected.")


def unprotecting(asked: Asked) -> Step:
    """Tell who will be able to move it."""
    pattern, name = asked.given("pattern"), asked.given("name")
    slot = Slot.STAGE if asked.given("slot") == "stage" else Slot.ALIAS
    found = _found(asked, pattern, slot, name)
    if found is None:
        raise NotFound(f"{slot.value} {name[:100]!r} is not protected for {pattern[:100]!r}")
    return Step(
        f"End the protection of {slot.value} {name} of {pattern}?",
        "End it",
        "/gates",
        changes=(Change("who may move it", _movers(found), "whoever may move aliases and stages"),),
        kept={"pattern": pattern, "slot": slot.value, "name": name},
        is_dangerous=True,
        needs=_ADMIN,
    )


def unprotect(asked: Asked) -> Done:
    """End it."""
    is_stage, name = asked.given("slot") == "stage", asked.given("name")
    ended = asked.registry.governance.unprotect(
        asked.given("pattern"), alias=None if is_stage else name, stage=name if is_stage else None
    )
    return Done("/gates", f"{ended.slot.value.title()} {ended.name} of {ended.pattern} is not protected any more.")


ROUTES: Routes = {
    ("POST", "/gate-definition"): action("/gate-definition", defining, define)["POST", "/gate-definition"],
    **action("/gates/{gate}/delete", deleting, delete),
    **action("/protections/set", protecting, protect),
    **action("/protections/end", unprotecting, unprotect),
}
"""Defining has no GET: it takes up what was written on the page where gates are tried."""
