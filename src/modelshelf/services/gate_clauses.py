"""Clauses of gates in the Common Expression Language: compiled against what they can speak of, and run within bounds.

The runtime allows 10,000 steps of loops in an evaluation; what else could take long, `domain/gate_bounds.py` refuses.
"""

import math
import re
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from modelshelf.domain.errors import Invalid, MissingPackage
from modelshelf.domain.gate_bounds import check_bounds
from modelshelf.domain.gate_language import FIELDS, Reference, check_keys, fault, near_field, references, value_at
from modelshelf.domain.gates import Clause, ClauseResult

if TYPE_CHECKING:
    from cel_expr_python import cel

LOOPS_PER_GATE: Final = 20
SECONDS: Final = 2.0
"""How long the clauses of one judgement may take; those that are left then fail."""
SEEN_LIMIT: Final = 200
"""Characters of a text that are kept as seen."""
NOTHING_TO_COMPARE: Final = "nothing to compare with: no version is there yet"

_ENVIRONMENT: Final = """
name: gates
stdlib:
  exclude_macros: [map, filter]
  exclude_functions:
    - name: "_+_"
      overloads: [{id: add_string}, {id: add_list}, {id: add_bytes}]
variables:
"""
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_NO_OVERLOAD = re.compile(r"found no matching overload for '(\S+)' applied to '\((.*)\)'")
_KEY = re.compile(r'Key not found in map : "?(.*?)"?$')


def check(clauses: Sequence[Clause]) -> None:
    """Raise Invalid, with number and place, for a clause that does not compile, is no condition, or has no bound."""
    loops = 0
    for number, clause in enumerate(clauses, start=1):
        try:
            loops += check_bounds(clause.expression)
            _compiled(clause.expression)
            check_keys(clause.expression)
        except Invalid as error:
            error.message = f"clause {number}, {error.message}" if "line" in error.details else error.message
            raise Invalid(error.message, number=number, **error.details) from None
    if loops > LOOPS_PER_GATE:
        raise Invalid(f"the clauses have {loops} of all() and exists(); the limit is {LOOPS_PER_GATE} a gate")


def run(clauses: Sequence[Clause], evidence: Mapping[str, Any]) -> tuple[ClauseResult, ...]:
    """What came of each clause. One that is neither true nor false, whatever the cause, fails and says why."""
    if not clauses:
        return ()
    paths = {path for clause in clauses for path in _mentioned(clause.expression)}
    activation = _environment().Activation({path: _typed(evidence, path) for path in paths})
    ends = time.monotonic() + SECONDS
    return tuple(_result(clause, evidence, activation, ends) for clause in clauses)


def _result(clause: Clause, evidence: Mapping[str, Any], activation: "cel.Activation", ends: float) -> ClauseResult:
    spoken = _spoken(clause.expression)
    if not evidence.get("has_current") and _compares(spoken):
        return ClauseResult(clause.expression, True, clause.name, NOTHING_TO_COMPARE, _seen(spoken, evidence))
    note = _fault_of(clause.expression, activation, spoken, evidence) if time.monotonic() < ends else _TOO_LATE
    said = " - ".join(part for part in (note, clause.message) if part)
    passed = note is None
    return ClauseResult(clause.expression, passed, clause.name, "" if passed else said, _seen(spoken, evidence))


_TOO_LATE: Final = f"not looked at: the clauses before it took longer than {SECONDS:.0f} s"


def _fault_of(
    expression: str, activation: "cel.Activation", spoken: Sequence[Reference], evidence: Mapping[str, Any]
) -> str | None:
    """Why a clause fails, empty where there is no more to say than that it is false; None where it passes."""
    try:
        value = _compiled(expression).eval(activation)
        answer = value.value()
    except Invalid as error:
        return error.message
    except Exception as error:  # whatever the runtime says, the clause did not pass
        text = str(error)
        return "it goes through too many elements" if "budget" in text else _short(text)
    if isinstance(answer, bool):
        return None if answer else ""
    return _explained(_short(str(answer)), spoken, evidence)


def _explained(text: str, spoken: Sequence[Reference], evidence: Mapping[str, Any]) -> str:
    """A key that is not there, by the name that the clause gives it."""
    found = _KEY.search(text)
    if found is None:
        return text
    for reference in spoken:
        if found[1] in reference.keys and not _present(reference, evidence):
            return f"{reference} {_absence(reference, evidence)}"
    return f"there is no {found[1]}"


def _absence(reference: Reference, evidence: Mapping[str, Any]) -> str:
    owner, _, field = reference.field.partition(".")
    if field == "metrics":
        return "is NaN" if reference.keys[0] in evidence.get(owner, {}).get("not_numbers", ()) else "was never logged"
    return "is missing"


def _present(reference: Reference, evidence: Mapping[str, Any]) -> bool:
    return _looked_up(reference, evidence)[0]


def _looked_up(reference: Reference, evidence: Mapping[str, Any]) -> tuple[bool, Any]:
    value = value_at(evidence, reference.field)
    for key in reference.keys:
        if not isinstance(value, Mapping) or key not in value:
            return False, None
        value = value[key]
    return True, value


def _seen(spoken: Sequence[Reference], evidence: Mapping[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for reference in spoken:
        there, value = _looked_up(reference, evidence)
        if there and not (reference.field.startswith("current.") and not evidence.get("has_current")):
            seen[str(reference)] = _abridged(value)
    return seen


def _abridged(value: Any) -> Any:
    if isinstance(value, Mapping | list):
        return f"{len(value)} entries"
    return f"{value[:SEEN_LIMIT]}..." if isinstance(value, str) and len(value) > SEEN_LIMIT else value


def _compares(spoken: Sequence[Reference]) -> bool:
    fields = {reference.field for reference in spoken}
    return "has_current" not in fields and any(
        field.startswith("current.") or field == "candidate.evaluations" for field in fields
    )


@lru_cache(maxsize=2048)
def _spoken(expression: str) -> tuple[Reference, ...]:
    return references(expression)


@lru_cache(maxsize=2048)
def _mentioned(expression: str) -> tuple[str, ...]:
    """The fields that may be needed to evaluate a clause: rather one too many than one too few."""
    return tuple(path for path in FIELDS if all(part in expression for part in path.split(".")))


def _typed(evidence: Mapping[str, Any], path: str) -> Any:
    value, kind = value_at(evidence, path), FIELDS[path]
    if kind == "duration":
        return timedelta(seconds=float(value))
    if kind == "map<string, double>":
        return {key: float(number) for key, number in value.items() if math.isfinite(number)}
    return value


@lru_cache(maxsize=1)
def _environment() -> "cel.Env":
    try:
        from cel_expr_python import cel
    except ImportError:
        raise MissingPackage(
            "gates need the package cel-expr-python to read their clauses: pip install 'modelshelf[gates]'",
            package="cel-expr-python",
        ) from None
    variables = "".join(f'  - {{name: "{name}", type: "{kind}"}}\n' for name, kind in FIELDS.items())
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_ENVIRONMENT + variables))


@lru_cache(maxsize=2048)
def _compiled(expression: str) -> "cel.Expression":
    """A clause, ready to run. Raises Invalid with the place of the fault."""
    check_bounds(expression)
    environment = _environment()
    try:
        compiled = environment.compile(expression)
    except Exception as error:
        raise _unreadable(expression, str(error)) from None
    if (kind := str(compiled.return_type())) != "BOOL":
        raise fault(f"it is a {kind.lower()}, and not true or false", expression, 0)
    return compiled


def _unreadable(expression: str, text: str) -> Invalid:
    found = _ERROR.search(text)
    if found is None:
        return fault(_short(text.partition(": ")[2] or text), expression, 0)
    line, column, said = int(found[1]), int(found[2]), found[3]
    lines = expression.split("\n")
    at = sum(len(before) + 1 for before in lines[: line - 1]) + max(column - 1, 0)
    return fault(_said(_short(said)), expression, min(at, len(expression)))


def _said(text: str) -> str:
    """A compiler's message in our words, with the way out."""
    if found := _UNDECLARED.search(text):
        return f"there is no {found[1]}{near_field(found[1])}"
    if found := _NO_OVERLOAD.search(text):
        operator, kinds = found[1].strip("_"), found[2]
        if operator == "+" and "string" in kinds:
            return "texts can't be put together in clauses; compare them one by one"
        hint = ": write whole numbers as decimals here, 1.0 for 1" if kinds in _MIXED else ""
        return f"{operator} can't be used on ({kinds}){hint}"
    return text.removesuffix(" (in container '')")


_MIXED: Final = frozenset({"double, int", "int, double"})


def _short(text: str) -> str:
    first = text.partition("\n")[0]
    return first if len(first) <= 300 else f"{first[:297]}..."
