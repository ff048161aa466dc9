"""Gates as values: documents, approvals, evaluations, and what a refusal says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.domain.access import Role
from modelshelf.domain.errors import Invalid
from modelshelf.domain.evaluations import Evaluation, checked, judge_better
from modelshelf.domain.gate_documents import as_arguments, document_of, gate_of
from modelshelf.domain.gates import (
    Approval,
    Approvals,
    Clause,
    ClauseResult,
    GateResult,
    Judgement,
    as_data,
    defined,
    from_data,
    judge_approvals,
    refusal_of,
)
from modelshelf.domain.governance import Slot

EVALUATION = Evaluation("auc", 1, 0.9, 0.8, 0.1, 0.05, 0.15, 0.95, rows=100)
_words = st.text("abc def-", min_size=1, max_size=10).filter(lambda text: text.strip() == text)


@given(
    name=st.from_regex(r"[a-z0-9][a-z0-9._\-]{0,20}", fullmatch=True),
    clauses=st.lists(st.builds(Clause, _words, st.just("") | _words, st.just("") | _words), min_size=1, max_size=5),
    auto=st.booleans(),
    approvals=st.none() | st.builds(Approvals, st.integers(1, 20), st.sampled_from([Role.APPROVER, Role.ADMIN])),
)
def test_a_gate_is_the_same_after_a_trip_through_a_document(
    name: str, clauses: list[Clause], auto: bool, approvals: Approvals | None
) -> None:
    gate = defined(name, model="fraud-*", stage="production", clauses=clauses, auto=auto, approvals=approvals)

    assert gate_of(document_of(gate)) == gate
    assert defined(gate.name, **as_arguments(gate)) == gate


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("text", "a gate must have name, model"),
        ({"name": "a", "model": "b", "alias": "c", "clauses": ["true"], "autom": True}, "did you mean 'auto'"),
        ({"name": "a", "model": "b", "alias": "c", "clauses": "true"}, "clauses must be a list"),
        ({"name": "a", "model": "b", "alias": "c", "clauses": [1]}, "a clause must have expression"),
        ({"name": "a", "model": "b", "alias": "c", "clauses": [{"expression": 1}]}, "must be a text"),
        ({"name": "a", "model": "b", "alias": "c", "clauses": ["true"], "auto": "yes"}, "true or false"),
        ({"name": "a", "model": "b", "alias": "c", "approvals": {"count": "2"}}, "whole number"),
        ({"name": "a", "model": "b", "alias": "c", "approvals": 21}, "1 to 20 approvals"),
        ({"name": "A", "model": "b", "alias": "c", "clauses": ["true"]}, "invalid gate name"),
        ({"name": "a", "model": "b/c", "alias": "c", "clauses": ["true"]}, "must not contain '/'"),
        ({"name": "a", "model": "b", "alias": "c", "approvals": {"count": 1, "role": "reader"}}, "readers only read"),
        ({"name": "a", "model": "b", "alias": "c", "clauses": ["true"] * 51}, "the limit is 50"),
    ],
)
def test_a_document_that_is_no_gate_is_refused_by_its_key(wrong: object, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        gate_of(wrong)


def test_a_persons_tokens_are_one_person() -> None:
    given_twice = [Approval("carol", Role.APPROVER), Approval("carol/ci", Role.APPROVER)]

    assert not judge_approvals(Approvals(2), given_twice).passed
    assert judge_approvals(Approvals(2), [*given_twice, Approval("dan", Role.ADMIN)]).passed


def test_a_lower_role_does_not_count() -> None:
    result = judge_approvals(Approvals(1, Role.ADMIN), [Approval("carol", Role.APPROVER)])

    assert (result.passed, result.note) == (False, "needs 1 approval from admins, has 0: open a promotion request")


def test_a_refusal_names_gates_clauses_and_what_they_saw() -> None:
    failed = ClauseResult("a > b", passed=False, note="ask bob", seen={"a": 0.5, "b": "x" * 100})
    gates = (GateResult("good", (ClauseResult("true", passed=True),)), GateResult("bad", (failed,)))
    judgement = Judgement("fraud", 3, Slot.STAGE, "Production", 2, 0, passed=False, gates=gates)

    refusal = refusal_of(judgement)

    assert refusal.message == (
        f"version 3 may not become fraud in Production; gate bad: a > b - saw a = 0.5, b = '{'x' * 76}... - ask bob"
    )
    assert refusal.details["stage"] == "Production"
    assert [from_data(gate) for gate in refusal.details["gates"]] == list(gates)
    assert as_data(gates[1])["passed"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"candidate": float("nan")},
        {"confidence": 0.4},
        {"confidence": 1.0},
        {"rows": 0},
        {"difference_low": 0.2},
        {"metric": "../x"},
        {"dataset_name": "x" * 501},
        {"baseline": True},
    ],
)
def test_an_evaluation_with_impossible_numbers_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Invalid):
        checked(replace(EVALUATION, **wrong))


def test_better_depends_on_the_direction_of_the_metric() -> None:
    loss = replace(EVALUATION, greater_is_better=False)

    assert judge_better("auc", EVALUATION, current=1, confidence=0.95).passed
    assert not judge_better("auc", loss, current=1, confidence=None).passed
    assert not judge_better("auc", EVALUATION, current=1, confidence=0.99).passed
    assert not judge_better("auc", None, current=1, confidence=None).passed
    assert judge_better("auc", None, current=None, confidence=None).passed
