"""Clauses: what they speak of, what is refused as they are written, and how long the worst of the rest may take."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelshelf.domain.errors import Invalid
from modelshelf.domain.gate_bounds import check_bounds
from modelshelf.domain.gate_language import FIELDS, references
from modelshelf.domain.gates import Clause
from modelshelf.services import gate_clauses

EVIDENCE: dict[str, Any] = {
    "candidate": {
        "metrics": {"auc": 0.9, **{f"m{number}": 0.5 for number in range(5_000)}},
        "not_numbers": ["loss"],
        "tags": {"long": "a" * 1_000},
        "requirements": ["a" * 240 + str(number) for number in range(500)],
        "evaluations": {"auc": {"difference_low": 0.1}},
    },
    "current": {"metrics": {"auc": 0.8}, "requirements": ["a" * 240 + str(number) for number in range(500)]},
    "has_current": True,
}
_PIECES = ["candidate", "current", "metrics", ".", "(", ")", "[", "]", '"a"', "'", '"', "all", "in", "0.1", "&&", "x"]


def run(expression: str) -> tuple[bool, str]:
    (result,) = gate_clauses.run([Clause(expression)], EVIDENCE)
    return result.passed, result.note


@pytest.mark.parametrize(
    ("expression", "spoken"),
    [
        ("candidate.metrics.auc > current.metrics['val auc']", ["candidate.metrics.auc", 'current.metrics["val auc"]']),
        ("candidate.tags.a.startsWith('current.metrics.b')", ["candidate.tags.a"]),
        ("has_current // candidate.size\n && model.name != r'candidate.size'", ["has_current", "model.name"]),
        ('candidate.evaluations["auc"].rows > 1.0', ["candidate.evaluations.auc.rows"]),
        ("x.candidate.size > 1", []),
        ("candidate.lineage.user == move.actor", ["candidate.lineage.user", "move.actor"]),
        ("candidate.requirements.all(r, r != '')", ["candidate.requirements"]),
    ],
)
def test_a_clause_tells_what_it_speaks_of(expression: str, spoken: list[str]) -> None:
    assert [str(reference) for reference in references(expression)] == spoken


@pytest.mark.parametrize(
    "expression",
    [
        "candidate.requirements.all(a, candidate.requirements.all(b, candidate.requirements.all(c, true)))",
        "candidate.requirements.all(a, candidate.requirements.all(b, a in candidate.requirements))",
        "candidate.requirements.all(a, candidate.requirements == current.requirements)",
        "[candidate.requirements].all(a, a == a)",
        "{'a': candidate.params}.all(a, true)",
        "candidate.requirements.all(a, a.matches('x'))",
        "candidate.tags.a.matches(candidate.tags.b)",
        "matches(candidate.tags.a, 'x')",
        r"candidate.tags.a.matches('(\\pL{100}){10}')",
        r"candidate.tags.a.matches(r'\pL')",
        r"candidate.tags.a.matches('\x5cpL')",
        "candidate.tags.a.matches('(a{10}){11}')",
        f"candidate.tags.a.matches('{'a' * 201}')",
        " && ".join(["candidate.tags.a.matches('x')"] * 6),
        "candidate.requirements.all(a, " + " && ".join(["a.contains('x')"] * 11) + ")",
        "candidate.requirements.map(a, a).size() > 0",
        "candidate.requirements.filter(a, true).size() > 0",
        "(" * 21 + "true" + ")" * 21,
    ],
)
def test_what_could_take_long_is_refused_as_written(expression: str) -> None:
    with pytest.raises(Invalid, match=r"line 1, column \d+"):
        gate_clauses.check([Clause(expression)])


@pytest.mark.parametrize("expression", ["'a' + 'b' == 'ab'", "[1] + [2] == [1, 2]", "b'a' + b'b' == b'ab'"])
def test_nothing_builds_larger_values(expression: str) -> None:
    with pytest.raises(Invalid):
        gate_clauses.check([Clause(expression)])


@pytest.mark.parametrize(
    "expression",
    [
        "candidate.requirements.all(a, current.requirements.exists(b, a == b && "
        + " && ".join([f"!a.contains('{'a' * 40}b')"] * 9)
        + "))",
        "candidate.metrics.all(a, candidate.metrics[a] > 0.1) && candidate.metrics.all(a, a in candidate.metrics)",
        "candidate.requirements.all(a, a in current.requirements && a in candidate.requirements)",
        " && ".join(["candidate.tags.long.matches('(([^a][^é]){10}){10}|.*')"] * 5),
        " && ".join(["candidate.requirements == current.requirements"] * 15),
    ],
)
def test_the_worst_that_is_allowed_ends_soon(expression: str) -> None:
    gate_clauses.check([Clause(expression)])
    began = time.monotonic()

    run(expression)

    assert time.monotonic() - began < 2


def test_a_loop_without_end_fails_its_clause() -> None:
    expression = "candidate.requirements.all(a, candidate.requirements.all(b, b != 'x'))"

    assert run(expression) == (False, "it goes through too many elements")


def test_a_gate_may_not_have_too_many_loops_in_all() -> None:
    with pytest.raises(Invalid, match="the limit is 20"):
        gate_clauses.check([Clause("candidate.metrics.all(m, m != '')")] * 21)


@pytest.mark.parametrize(
    ("expression", "note"),
    [
        ("candidate.metrics.auc > 0.8", ""),
        ("candidate.metrics.loss < 1.0", "candidate.metrics.loss is NaN"),
        ("!(candidate.metrics.loss < 1.0)", "candidate.metrics.loss is NaN"),
        ('candidate.metrics["val auc"] < 1.0', 'candidate.metrics["val auc"] was never logged'),
        ("candidate.tags.x == 'y'", "candidate.tags.x is missing"),
        ("candidate.evaluations.f1.difference_low > 0.0", "candidate.evaluations.f1.difference_low is missing"),
        ("1 / 0 == 1", "INVALID_ARGUMENT: divide by zero"),
    ],
)
def test_a_clause_that_is_not_true_says_why(expression: str, note: str) -> None:
    assert run(expression)[1] == note


def test_every_declared_field_compiles_and_has_a_value() -> None:
    for field, kind in FIELDS.items():
        looked_up = "size" if kind.startswith(("map", "list")) else "type"
        expression = f"{looked_up}({field}) == {looked_up}({field})"

        gate_clauses.check([Clause(expression)])

        assert run(expression)[0]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_PIECES) | st.characters(codec="utf-8"), max_size=30).map("".join))
def test_whatever_is_written_is_run_or_refused(expression: str) -> None:
    try:
        gate_clauses.check([Clause(expression)])
    except Invalid:
        return

    assert isinstance(run(expression)[0], bool)


@given(st.text(max_size=200) | st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
def test_a_refused_place_lies_in_the_text(expression: str) -> None:
    refused = _refusal(expression)

    assert refused is None or 0 <= refused.details["position"] <= len(expression)


def _refusal(expression: str) -> Invalid | None:
    try:
        check_bounds(expression)
    except Invalid as refused:
        return refused
    return None
