"""Gates as they are written in files: a mapping of plain values to a gate, and back."""

from collections.abc import Mapping
from typing import Any, Final

from modelshelf.domain.access import Role, role_name
from modelshelf.domain.errors import Invalid
from modelshelf.domain.gates import Approvals, Clause, Gate, defined
from modelshelf.domain.names import did_you_mean

_KEYS: Final = ("name", "model", "alias", "stage", "clauses", "auto", "approvals", "description")
_CLAUSE_KEYS: Final = ("expression", "name", "message")
_APPROVAL_KEYS: Final = ("count", "role")


def gate_of(document: object) -> Gate:
    """The gate that a document says; what its clauses say is not looked at. Raises Invalid, naming the key."""
    told = _mapping(document, "a gate", _KEYS)
    auto = told.get("auto", False)
    if not isinstance(auto, bool):
        raise Invalid(f"auto must be true or false, not {auto!r}", field="auto")
    return defined(
        told.get("name"),
        model=told.get("model"),
        alias=told.get("alias"),
        stage=told.get("stage"),
        clauses=_clauses(told.get("clauses")),
        auto=auto,
        approvals=None if told.get("approvals") is None else _approvals(told["approvals"]),
        description=told.get("description") or "",
    )


def document_of(gate: Gate) -> dict[str, Any]:
    """A gate as a document, without what is not said."""
    said: dict[str, Any] = {"name": gate.name, "model": gate.model, gate.slot.value: gate.target}
    if gate.clauses:
        said["clauses"] = [_clause_document(clause) for clause in gate.clauses]
    if gate.auto:
        said["auto"] = True
    if gate.approvals is not None:
        said["approvals"] = {"count": gate.approvals.count, "role": gate.approvals.role.value}
    if gate.description:
        said["description"] = gate.description
    return said


def as_arguments(gate: Gate) -> dict[str, Any]:
    """A gate as the arguments, beside its name, of `define_gate` and `test_gate`."""
    return {
        "model": gate.model,
        "alias": gate.alias,
        "stage": gate.stage.value if gate.stage else None,
        "clauses": gate.clauses,
        "auto": gate.auto,
        "approvals": gate.approvals,
        "description": gate.description,
    }


def _clause_document(clause: Clause) -> str | dict[str, str]:
    if not clause.name and not clause.message:
        return clause.expression
    told = {"expression": clause.expression, "name": clause.name, "message": clause.message}
    return {key: text for key, text in told.items() if text}


def _clauses(told: object) -> list[Clause | str]:
    if told is None:
        return []
    if not isinstance(told, list):
        raise Invalid(f"clauses must be a list of expressions, not {told!r}", field="clauses")
    return [each if isinstance(each, str) else _clause(each) for each in told]


def _clause(told: object) -> Clause:
    keys = _mapping(told, "a clause", _CLAUSE_KEYS)
    texts = {key: keys.get(key, "") for key in _CLAUSE_KEYS}
    for key, text in texts.items():
        if not isinstance(text, str):
            raise Invalid(f"the {key} of a clause must be a text, not {text!r}", field=key)
    return Clause(**texts)


def _approvals(told: object) -> Approvals:
    if isinstance(told, int) and not isinstance(told, bool):
        return Approvals(told)
    keys = _mapping(told, "approvals", _APPROVAL_KEYS)
    count = keys.get("count")
    if not isinstance(count, int) or isinstance(count, bool):
        raise Invalid(f"the count of approvals must be a whole number, not {count!r}", field="approvals")
    return Approvals(count, role_name(keys["role"]) if "role" in keys else Role.APPROVER)


def _mapping(told: object, what: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise Invalid(f"{what} must have {', '.join(known)}; found {type(told).__name__}", field=what)
    for key in told:
        if key not in known:
            near = did_you_mean(str(key), known) or f"; it has {', '.join(known)}"
            raise Invalid(f"{what} has no {key!r}{near}", field=str(key))
    return told
