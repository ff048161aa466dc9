"""Gates: defined, judged on every road, kept with their evidence; the same in every kind of shelf."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelshelf.domain.access import Role
from modelshelf.domain.errors import Forbidden, GateFailed, Invalid, NotFound
from modelshelf.domain.evaluations import Evaluation
from modelshelf.domain.gates import Approvals, Clause
from modelshelf.domain.governance import Cause
from modelshelf.domain.tracking import MetricPoint
from modelshelf.services.registry import Registry
from shelves import START_MS, AsActor, Clock, add_version

BETTER = "candidate.metrics.auc >= current.metrics.auc - 0.002"
GOOD = "candidate.metrics.auc >= 0.8"


@pytest.fixture
def fraud(registry: Registry) -> Registry:
    """A shelf with the model `fraud`, which has no versions yet."""
    registry.catalog.create_model("fraud")
    return registry


def version_with(
    registry: Registry, *, model: str = "fraud", tags: dict[str, str] | None = None, **metrics: float
) -> int:
    """A version made by a run with these metrics."""
    run = registry.tracking.start_run("0")
    log(registry, run.id, **metrics)
    number = add_version(registry, model)
    return registry.catalog.create_version(
        model, manifest=registry.catalog.manifest(model, number), run_id=run.id, tags=tags or {}
    ).number


def log(registry: Registry, run_id: str, **metrics: float) -> None:
    registry.tracking.log_metrics(run_id, [MetricPoint(key, value, START_MS, 0) for key, value in metrics.items()])


def evaluation(against: int, low: float, high: float, *, confidence: float = 0.95, greater: bool = True) -> Evaluation:
    middle = (low + high) / 2
    return Evaluation(
        "roc_auc", against, 0.9, 0.9 - middle, middle, low, high, confidence, rows=1000, greater_is_better=greater
    )


def test_a_gate_is_defined_read_listed_and_deleted(fraud: Registry) -> None:
    clause = Clause(BETTER, name="no worse", message="train again")

    defined = fraud.governance.define_gate("better", model="fraud-*", alias="production", clauses=[clause, GOOD])

    assert defined.clauses == (clause, Clause(GOOD))
    assert (defined.created_by, defined.created_ms) == ("alice", START_MS)
    assert fraud.governance.gate("better") == defined
    assert fraud.governance.gates() == [defined]
    assert fraud.governance.gates("fraud-eu") == [defined]
    assert fraud.governance.gates("churn") == []
    assert fraud.governance.delete_gate("better") == defined
    with pytest.raises(NotFound, match="no gate 'better'"):
        fraud.governance.gate("better")


def test_defining_again_replaces_and_remembers_who_was_first(fraud: Registry, clock: Clock, as_actor: AsActor) -> None:
    first = fraud.governance.define_gate("better", model="fraud", alias="production", clauses=[GOOD])
    clock.tick()

    second = as_actor("bob", Role.ADMIN).governance.define_gate("better", model="*", stage="production", clauses=[GOOD])

    assert (second.created_by, second.created_ms) == ("alice", first.created_ms)
    assert (second.updated_by, second.updated_ms) == ("bob", clock())
    assert (second.alias, second.target) == (None, "Production")
    assert len(fraud.governance.gates()) == 1


@pytest.mark.usefixtures("fraud")
def test_only_administrators_define_and_delete_gates(as_actor: AsActor) -> None:
    carol = as_actor("carol", Role.APPROVER).governance

    with pytest.raises(Forbidden):
        carol.define_gate("better", model="fraud", alias="production", clauses=[GOOD])
    with pytest.raises(Forbidden):
        carol.delete_gate("better")


def test_a_refused_promotion_tells_each_clause_and_what_it_saw(fraud: Registry) -> None:
    one, two = version_with(fraud, auc=0.9), version_with(fraud, auc=0.85)
    fraud.governance.promote("fraud", one, alias="production")
    fraud.governance.define_gate("better", model="fraud", alias="production", clauses=[BETTER, GOOD])

    with pytest.raises(GateFailed) as refused:
        fraud.governance.promote("fraud", two, alias="production", reason="please")

    assert BETTER in refused.value.message
    assert "candidate.metrics.auc = 0.85, current.metrics.auc = 0.9" in refused.value.message
    failed, passed = refused.value.details["gates"][0]["clauses"]
    assert (failed["passed"], passed["passed"]) == (False, True)
    assert failed["seen"] == {"candidate.metrics.auc": 0.85, "current.metrics.auc": 0.9}
    assert fraud.catalog.model("fraud").aliases == {"production": one}


def test_a_refusal_is_an_event_and_a_decision_with_its_evidence(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.5)
    fraud.governance.define_gate("good", model="*", alias="production", clauses=[GOOD])

    with pytest.raises(GateFailed):
        fraud.governance.set_alias("fraud", "production", number)

    told = fraud.events.latest(limit=1)[0]
    assert (told.name, told.data["code"], told.data["version"]) == ("move.refused", "gate_failed", number)
    assert told.data["gates"][0]["clauses"][0]["seen"] == {"candidate.metrics.auc": 0.5}
    (decision,) = fraud.governance.decisions("fraud").items
    assert (decision.passed, decision.version, decision.move, decision.cause) == (False, number, None, Cause.SET)
    assert decision.evidence["candidate"]["metrics"] == {"auc": 0.5}
    assert fraud.governance.decision(decision.id) == decision


def test_a_promotion_that_passes_is_kept_with_its_evidence_and_its_move(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.9)
    fraud.governance.define_gate("good", model="fraud", alias="production", clauses=[GOOD])

    move = fraud.governance.promote("fraud", number, alias="production")

    (decision,) = fraud.governance.decisions("fraud", version=number).items
    assert (decision.passed, decision.move, decision.gates[0].gate) == (True, move.id, "good")


def test_a_promotion_without_gates_keeps_its_evidence_and_a_plain_set_does_not(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.9)

    fraud.governance.set_alias("fraud", "a", number)
    fraud.governance.promote("fraud", number, alias="b")

    (decision,) = fraud.governance.decisions("fraud").items
    assert (decision.target, decision.gates) == ("b", ())
    assert decision.evidence["candidate"]["metrics"] == {"auc": 0.9}


def test_a_metric_that_was_never_logged_fails_by_its_name(fraud: Registry) -> None:
    number = add_version(fraud, "fraud")
    fraud.governance.define_gate("good", model="fraud", alias="production", clauses=[GOOD])

    with pytest.raises(GateFailed, match=r"candidate\.metrics\.auc was never logged"):
        fraud.governance.promote("fraud", number, alias="production")


def test_a_metric_that_is_nan_fails_and_says_so(fraud: Registry) -> None:
    number = version_with(fraud, auc=math.nan)
    fraud.governance.define_gate("bad", model="fraud", alias="production", clauses=["!(candidate.metrics.auc < 0.8)"])

    with pytest.raises(GateFailed, match=r"candidate\.metrics\.auc is NaN"):
        fraud.governance.promote("fraud", number, alias="production")


def test_the_first_version_has_nothing_to_be_compared_with(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.9)
    fraud.governance.define_gate("better", model="fraud", alias="production", clauses=[BETTER])

    judgement = fraud.governance.judge("fraud", number, alias="production")

    assert judgement.passed
    assert "nothing to compare with" in judgement.gates[0].clauses[0].note


def test_a_clause_that_asks_whether_there_is_a_current_version_is_always_judged(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.5)
    clause = "candidate.metrics.auc > 0.8 && (!has_current || candidate.metrics.auc > current.metrics.auc)"
    fraud.governance.define_gate("better", model="fraud", alias="production", clauses=[clause])

    assert not fraud.governance.judge("fraud", number, alias="production").passed


def test_a_dry_run_moves_nothing_and_records_nothing(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.5)
    fraud.governance.define_gate("good", model="fraud", alias="production", clauses=[GOOD])
    before = fraud.events.latest(limit=1)

    judgement = fraud.governance.judge("fraud", number, alias="production")

    assert (judgement.passed, judgement.failed[0].gate, judgement.before) == (False, "good", None)
    assert fraud.catalog.model("fraud").aliases == {}
    assert fraud.governance.decisions("fraud").items == ()
    assert fraud.events.latest(limit=1) == before


@pytest.mark.parametrize("road", ["set_alias", "promote", "promote to a stage", "set_stage"])
def test_every_road_is_judged(fraud: Registry, road: str) -> None:
    number = version_with(fraud, auc=0.5)
    fraud.governance.define_gate("alias", model="fr*", alias="production", clauses=[GOOD])
    fraud.governance.define_gate("stage", model="*d", stage="Production", clauses=[GOOD])
    moves = {
        "set_alias": lambda: fraud.governance.set_alias("fraud", "production", number),
        "promote": lambda: fraud.governance.promote("fraud", number, alias="production"),
        "promote to a stage": lambda: fraud.governance.promote("fraud", number, stage="production"),
        "set_stage": lambda: fraud.governance.set_stage("fraud", number, "Production"),
    }

    with pytest.raises(GateFailed):
        moves[road]()

    assert fraud.catalog.version("fraud", number).stage.value == "None"
    assert fraud.catalog.model("fraud").aliases == {}


def test_going_back_and_clearing_ask_no_gate(fraud: Registry) -> None:
    one, two = version_with(fraud, auc=0.5), version_with(fraud, auc=0.9)
    for number in (one, two):
        fraud.governance.set_alias("fraud", "production", number)
    fraud.governance.define_gate("good", model="fraud", alias="production", clauses=[GOOD])

    assert fraud.governance.rollback("fraud", "production").after == one
    assert fraud.governance.clear_alias("fraud", "production") is not None


def test_gates_of_other_models_aliases_and_stages_are_not_asked(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.5)
    fraud.governance.define_gate("churn", model="churn*", alias="production", clauses=[GOOD])
    fraud.governance.define_gate("other", model="*", alias="staging", clauses=[GOOD])
    fraud.governance.define_gate("stage", model="*", stage="Production", clauses=[GOOD])

    assert fraud.governance.promote("fraud", number, alias="production").after == number


def test_every_gate_has_to_be_passed(fraud: Registry) -> None:
    number = version_with(fraud, tags={"checked": "true"}, auc=0.9)
    fraud.governance.define_gate("good", model="fraud", alias="production", clauses=[GOOD])
    fraud.governance.define_gate("small", model="*", alias="production", clauses=["candidate.size < 3"])

    judgement = fraud.governance.judge("fraud", number, alias="production")

    assert [(gate.gate, gate.passed) for gate in judgement.gates] == [("good", True), ("small", False)]


@pytest.mark.parametrize(
    "clause",
    [
        'candidate.tags.checked == "true"',
        "candidate.sealed",
        "candidate.size == 7",
        'candidate.lineage.created_by == "alice" && move.actor == "alice"',
        'candidate.lineage.run_id != "" && candidate.lineage.experiment == "Default"',
        'candidate.age < duration("1h") && candidate.version == 2',
        'model.name == "fraud" && !has_current && candidate.stage == "None"',
        'candidate.aliases.all(a, a != "x") && candidate.metrics.exists(m, m == "auc")',
        '"auc" in candidate.metrics && !("recall" in candidate.metrics) && candidate.tags.checked.matches("t.*e")',
    ],
)
def test_clauses_speak_of_all_that_is_known(fraud: Registry, clause: str) -> None:
    number = version_with(fraud, tags={"checked": "true"}, auc=0.9)

    fraud.governance.define_gate("known", model="fraud", alias="production", clauses=[clause])

    assert fraud.governance.promote("fraud", number, alias="production").after == number


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("candidate.metrcs.auc > 0.9", "column 17: there is no candidate.metrcs.auc; did you mean candidate.metrics"),
        ("candidate.metrics.auc > 1", "write whole numbers as decimals here, 1.0 for 1"),
        ("candidate.metrics.auc >", "column 24: Syntax error"),
        ("candidate.metrics.auc", "it is a double, and not true or false"),
        ('candidate.evaluations["a"].difference_lwo > 0.0', "an evaluation has no 'difference_lwo'"),
        ("candidate.requirements.map(r, r) == []", r"map\(\) is not available"),
        ("(" * 30 + "true" + ")" * 30, "nested deeper than 20"),
        ("true" + " && true" * 200, "the limit is 1,000"),
        ("", "clause 1 is empty"),
    ],
)
def test_a_clause_that_cannot_be_is_refused_with_its_place(fraud: Registry, clause: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        fraud.governance.define_gate("wrong", model="fraud", alias="production", clauses=[clause])

    assert fraud.governance.gates() == []


def test_a_place_is_told_as_data(fraud: Registry) -> None:
    with pytest.raises(Invalid) as refused:
        fraud.governance.define_gate("wrong", model="fraud", alias="a", clauses=[GOOD, "true &&\n candidate.x == 1"])

    assert {key: refused.value.details[key] for key in ("number", "line", "column", "position")} == {
        "number": 2,
        "line": 2,
        "column": 11,
        "position": 18,
    }


def test_a_gate_is_for_an_alias_or_a_stage_and_asks_for_something(fraud: Registry) -> None:
    for wrong in ({"alias": "a", "stage": "Staging"}, {}, {"alias": "a", "clauses": []}, {"alias": "v1"}):
        with pytest.raises(Invalid):
            fraud.governance.define_gate("wrong", model="fraud", **{"clauses": [GOOD], **wrong})  # type: ignore[arg-type]


def test_approvals_need_people_who_can_be_told_apart(fraud: Registry, as_actor: AsActor) -> None:
    wanted = Approvals(2, Role.APPROVER)

    with pytest.raises(Forbidden, match="nobody can be told apart"):
        fraud.governance.define_gate("two", model="fraud", alias="production", approvals=wanted)
    fraud.access.create_user("carol", role=Role.APPROVER, password="a long passphrase")
    with pytest.raises(Forbidden, match="nobody can be told apart"):
        as_actor("anonymous", Role.ADMIN).governance.define_gate("two", model="fraud", alias="a", approvals=wanted)

    assert fraud.governance.define_gate("two", model="fraud", alias="a", approvals=wanted).approvals == wanted


def test_a_direct_promotion_cannot_pass_a_gate_that_wants_approvals(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.9)
    fraud.access.create_user("carol", role=Role.APPROVER, password="a long passphrase")
    fraud.governance.define_gate("two", model="fraud", alias="production", approvals=Approvals(2))

    with pytest.raises(GateFailed, match="needs 2 approvals from approvers or above, has 0: open a promotion request"):
        fraud.governance.promote("fraud", number, alias="production")


def test_an_automatic_gate_promotes_when_the_metric_arrives(fraud: Registry) -> None:
    run = fraud.tracking.start_run("0")
    number = fraud.catalog.create_version("fraud", manifest=None, source="s3://bucket/model", run_id=run.id).number
    fraud.governance.define_gate("good", model="fraud", alias="production", clauses=[GOOD], auto=True)

    log(fraud, run.id, auc=0.5)
    assert fraud.catalog.model("fraud").aliases == {}
    log(fraud, run.id, auc=0.9)

    (move,) = fraud.governance.history("fraud")
    assert (move.after, move.actor, move.cause) == (number, "policy:good", Cause.PROMOTION)
    assert move.reason == "passed the gate good"
    assert [decision.passed for decision in fraud.governance.decisions("fraud").items] == [True]


def test_an_automatic_gate_follows_tags_registrations_and_evaluations(fraud: Registry) -> None:
    fraud.governance.define_gate(
        "tagged", model="fraud", stage="Staging", clauses=['candidate.tags.ok == "yes"'], auto=True
    )
    fraud.governance.define_gate(
        "sealed", model="fraud", alias="latest-sealed", clauses=["candidate.sealed"], auto=True
    )
    clause = 'candidate.evaluations["roc_auc"].difference_low > 0.0'
    one, two = add_version(fraud, "fraud"), add_version(fraud, "fraud", b"other")
    fraud.governance.set_alias("fraud", "best", one)
    fraud.governance.define_gate("evaluated", model="fraud", alias="best", clauses=[clause], auto=True)

    fraud.catalog.tag_version("fraud", two, "ok", "yes")
    fraud.governance.log_evaluation("fraud", two, evaluation(one, 0.01, 0.03))

    assert fraud.catalog.version("fraud", two).stage.value == "Staging"
    assert fraud.catalog.model("fraud").aliases == {"best": two, "latest-sealed": two}


def test_the_first_promotion_that_a_clause_could_compare_with_nothing_is_a_persons(fraud: Registry) -> None:
    fraud.governance.define_gate("better", model="fraud", alias="production", clauses=[GOOD, BETTER], auto=True)
    one, two = fraud.tracking.start_run("0"), fraud.tracking.start_run("0")
    for run in (one, two):
        fraud.catalog.create_version("fraud", source="s3://bucket/model", run_id=run.id)

    log(fraud, one.id, auc=0.9)
    assert fraud.catalog.model("fraud").aliases == {}
    fraud.governance.promote("fraud", 1, alias="production")
    log(fraud, two.id, auc=0.95)

    assert fraud.catalog.model("fraud").aliases == {"production": 2}


def test_an_automatic_gate_never_moves_back_nor_repeats_itself(fraud: Registry) -> None:
    fraud.governance.define_gate("ok", model="fraud", alias="live", clauses=['candidate.tags.ok == "yes"'], auto=True)
    one, two = add_version(fraud, "fraud"), add_version(fraud, "fraud", b"other")
    fraud.catalog.tag_version("fraud", two, "ok", "yes")
    fraud.catalog.tag_version("fraud", one, "ok", "yes")
    assert fraud.catalog.model("fraud").aliases == {"live": two}

    fraud.governance.set_alias("fraud", "live", one)
    fraud.catalog.tag_version("fraud", two, "again", "yes")

    assert fraud.catalog.model("fraud").aliases == {"live": one}


def test_an_automatic_gate_counts_the_approvals_of_an_open_request(fraud: Registry, as_actor: AsActor) -> None:
    for name, role in (("carol", Role.CONTRIBUTOR), ("paula", Role.APPROVER)):
        fraud.access.create_user(name, role=role, password=None)
    run = fraud.tracking.start_run("0")
    number = fraud.catalog.create_version("fraud", source="s3://bucket/model", run_id=run.id).number
    fraud.governance.define_gate(
        "agreed", model="fraud", alias="production", clauses=[GOOD], auto=True, approvals=Approvals(1)
    )
    opened = as_actor("carol", Role.CONTRIBUTOR).governance.open_request("fraud", number, alias="production")
    as_actor("paula", Role.APPROVER).governance.approve_request(opened.id)
    assert fraud.catalog.model("fraud").aliases == {}

    log(fraud, run.id, auc=0.9)

    (move,) = fraud.governance.history("fraud")
    assert (move.after, move.actor) == (number, "policy:agreed")
    closed = fraud.governance.request(opened.id).request
    assert (closed.state.value, closed.move) == ("promoted", move.id)


def test_where_the_name_is_protected_the_gate_has_to_be_among_its_policies(fraud: Registry) -> None:
    fraud.access.create_user("paula", role=Role.APPROVER, password=None)
    fraud.governance.protect("fraud", alias="production", users=["paula"])
    fraud.governance.define_gate("ok", model="fraud", alias="production", clauses=["candidate.sealed"], auto=True)

    add_version(fraud, "fraud")
    assert fraud.catalog.model("fraud").aliases == {}
    assert not any(event.name == "move.refused" for event in fraud.events.latest(limit=50))
    fraud.governance.protect("fraud", alias="production", users=["paula"], policies=["ok"])
    number = add_version(fraud, "fraud", b"other")

    assert fraud.catalog.model("fraud").aliases == {"production": number}


def test_evidence_from_many_sides_at_once_makes_one_move(fraud: Registry) -> None:
    run = fraud.tracking.start_run("0")
    number = fraud.catalog.create_version("fraud", source="s3://bucket/model", run_id=run.id).number
    clauses = [f"candidate.metrics.m{each} > 0.5" for each in range(8)]
    fraud.governance.define_gate("all", model="fraud", alias="production", clauses=clauses, auto=True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: log(fraud, run.id, **{f"m{each}": 0.9}), range(8)))
    fraud.governance.look_at_evidence()

    assert [move.after for move in fraud.governance.history("fraud")] == [number]


def test_evaluations_are_kept_and_read(fraud: Registry, clock: Clock) -> None:
    one, two = version_with(fraud, auc=0.8), version_with(fraud, auc=0.9)

    kept = fraud.governance.log_evaluation("fraud", two, evaluation(one, 0.01, 0.03))

    assert (kept.version, kept.actor, kept.created_ms) == (two, "alice", clock())
    assert fraud.governance.evaluations("fraud", two) == [kept]
    assert fraud.governance.evaluations("fraud", one) == []
    assert fraud.events.latest(limit=1)[0].name == "version.evaluated"


@pytest.mark.parametrize("wrong", [{"confidence": 1.5}, {"rows": 0}, {"difference_low": 0.5}, {"metric": ""}])
def test_an_evaluation_that_cannot_be_is_refused(fraud: Registry, wrong: dict[str, float]) -> None:
    one, two = add_version(fraud, "fraud"), add_version(fraud, "fraud")
    given = {
        "metric": "roc_auc", "against": one, "candidate": 0.9, "baseline": 0.8, "difference": 0.1,
        "difference_low": 0.0, "difference_high": 0.2, "confidence": 0.95, "rows": 10, **wrong,
    }  # fmt: skip

    with pytest.raises(Invalid):
        fraud.governance.log_evaluation("fraud", two, Evaluation(**given))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="against itself"):
        fraud.governance.log_evaluation("fraud", two, evaluation(two, 0.1, 0.2))
    with pytest.raises(NotFound):
        fraud.governance.log_evaluation("fraud", two, evaluation(99, 0.1, 0.2))


def test_if_better_asks_for_an_evaluation_against_exactly_what_is_there(fraud: Registry) -> None:
    one, two, three = (add_version(fraud, "fraud", bytes([number])) for number in range(3))
    assert fraud.governance.promote("fraud", one, alias="production", if_better="roc_auc").after == one
    fraud.governance.log_evaluation("fraud", three, evaluation(two, 0.01, 0.03))

    with pytest.raises(GateFailed, match=f"no evaluation of roc_auc against version {one}"):
        fraud.governance.promote("fraud", three, alias="production", if_better="roc_auc")
    fraud.governance.log_evaluation("fraud", three, evaluation(one, -0.01, 0.03))
    with pytest.raises(GateFailed, match=r"the interval of the difference \[-0.01, 0.03\] is not above 0"):
        fraud.governance.promote("fraud", three, alias="production", if_better="roc_auc")
    fraud.governance.log_evaluation("fraud", three, evaluation(one, 0.01, 0.03, confidence=0.9))
    with pytest.raises(GateFailed, match=r"confidence of 0\.9: evaluate again with 0.95"):
        fraud.governance.promote("fraud", three, alias="production", if_better="roc_auc", confidence=0.95)

    assert fraud.governance.promote("fraud", three, alias="production", if_better="roc_auc").after == three


def test_of_errors_less_is_better(fraud: Registry) -> None:
    one, two = add_version(fraud, "fraud"), add_version(fraud, "fraud", b"other")
    fraud.governance.promote("fraud", one, stage="Production")

    fraud.governance.log_evaluation("fraud", two, evaluation(one, -0.03, -0.01, greater=False))

    assert fraud.governance.judge("fraud", two, stage="Production", if_better="roc_auc").passed


def test_confidence_alone_asks_for_nothing(fraud: Registry) -> None:
    with pytest.raises(Invalid, match="name the metric"):
        fraud.governance.promote("fraud", 1, alias="production", confidence=0.95)


def test_a_replay_tells_what_a_gate_would_have_stopped_and_admitted(fraud: Registry, clock: Clock) -> None:
    one, two, three = (version_with(fraud, auc=auc) for auc in (0.7, 0.75, 0.9))
    fraud.governance.promote("fraud", one, alias="production")
    clock.tick()
    fraud.governance.set_alias("fraud", "production", two)
    fraud.governance.define_gate("strict", model="fraud", alias="production", clauses=["candidate.metrics.auc > 0.95"])
    with pytest.raises(GateFailed):
        fraud.governance.promote("fraud", three, alias="production")

    found = fraud.governance.test_gate(
        "new", model="fr*", alias="production", since_ms=START_MS, clauses=["candidate.metrics.auc > 0.72"]
    )

    assert [(each.version, each.rebuilt) for each in found.stopped] == [(one, False)]
    assert [(each.version, each.refused_by) for each in found.admitted] == [(three, ("strict",))]
    assert (found.moves, found.refusals, found.rebuilt, found.whole) == (2, 1, 1, True)
    assert [gate.name for gate in fraud.governance.gates()] == ["strict"]


def test_what_is_rebuilt_is_as_it_was_then(fraud: Registry, clock: Clock) -> None:
    number = add_version(fraud, "fraud")
    clock.tick()
    fraud.catalog.tag_version("fraud", number, "ok", "no")
    fraud.governance.set_alias("fraud", "production", number)
    clock.tick()
    fraud.catalog.tag_version("fraud", number, "ok", "yes")

    found = fraud.governance.test_gate(
        "new", model="fraud", alias="production", since_ms=0, clauses=['candidate.tags.ok == "yes"']
    )

    assert [each.clauses[0].seen for each in found.stopped] == [{"candidate.tags.ok": "no"}]


def test_decisions_come_in_pages(fraud: Registry) -> None:
    number = version_with(fraud, auc=0.9)
    for alias in "abc":
        fraud.governance.promote("fraud", number, alias=alias)

    first = fraud.governance.decisions("fraud", limit=2)
    second = fraud.governance.decisions("fraud", limit=2, page_token=first.next_token)

    assert [decision.target for decision in (*first.items, *second.items)] == ["c", "b", "a"]
    assert second.next_token is None
