"""A declaration becomes what a shelf has, by ordinary calls: on every kind of shelf, in this process and over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelshelf.cli.applying import carry_out, live, planned, require_possible
from modelshelf.domain.access import Role
from modelshelf.domain.declared import Section, declaration_of, document_of
from modelshelf.domain.errors import Conflict, Forbidden, Invalid, NotFound
from modelshelf.domain.signatures import secret_text
from modelshelf.services.registry import Registry
from shelves import AsActor

VARIABLES = {"CI_SECRET": secret_text(bytes(range(32)))}
DOCUMENT: dict[str, Any] = {
    "gates": [
        {
            "name": "better",
            "model": "fraud*",
            "alias": "production",
            "clauses": ["candidate.metrics.auc >= 0.8", {"expression": "candidate.sealed", "message": "seal it"}],
            "approvals": {"count": 2, "role": "approver"},
        },
        {"name": "checked", "model": "*", "stage": "Staging", "clauses": ["candidate.sealed"], "auto": True},
    ],
    "protected": [{"model": "fraud*", "alias": "production", "roles": ["approver"], "users": ["alice"]}],
    "webhooks": [
        {"name": "ci", "url": "https://ci.example/x", "events": ["alias.moved"], "secret_env": "CI_SECRET"},
        {
            "name": "team",
            "url": "https://chat.example/x",
            "events": ["alias.*", "stage.moved"],
            "format": "chat",
            "signed": False,
        },
    ],
}


@pytest.fixture(autouse=True)
def _people(registry: Registry) -> None:
    registry.access.create_user("alice", role="admin", password=None)


def apply(
    registry: Registry, document: object, *, prune: bool = False, variables: Mapping[str, str] = VARIABLES
) -> list[tuple[str, str]]:
    """Make a shelf what a document says; what was done."""
    found = planned(registry, declaration_of(document), prune=prune, renew=False)
    require_possible(found, variables)
    return [(change.action.value, change.name) for change in carry_out(registry, found, variables)]


def test_what_is_declared_is_made_and_the_second_time_nothing_is(registry: Registry) -> None:
    made = apply(registry, DOCUMENT)

    again = apply(registry, DOCUMENT, prune=True)

    assert [action for action, _ in made] == ["create"] * 5
    assert again == []
    assert [gate.name for gate in registry.governance.gates()] == ["better", "checked"]
    assert registry.governance.protections()[0].movers.names() == ("role:approver", "alice")
    assert [(each.name, each.signed) for each in registry.events.webhooks().items] == [("team", False), ("ci", True)]


def test_each_change_is_an_event_by_whoever_applies(registry: Registry, embedded: Registry) -> None:
    apply(registry, DOCUMENT)
    apply(registry, {"gates": [], "protected": [], "webhooks": []}, prune=True)

    told = [event for event in embedded.events.after(0, limit=100) if not event.name.startswith("user.")]
    assert {event.actor for event in told} == {"alice"}
    assert [event.name for event in told] == [
        "gate.defined",
        "gate.defined",
        "protection.set",
        "webhook.created",
        "webhook.created",
        "webhook.deleted",
        "webhook.deleted",
        "protection.removed",
        "gate.deleted",
        "gate.deleted",
    ]


def test_only_what_differs_is_changed_and_the_webhook_stays_the_same_one(registry: Registry) -> None:
    apply(registry, DOCUMENT)
    before = registry.events.webhook("ci")
    changed = {"webhooks": [{**DOCUMENT["webhooks"][0], "model": "fraud*", "events": ["stage.moved"]}]}

    done = apply(registry, changed, variables={})

    after = registry.events.webhook("ci")
    assert done == [("change", "ci")]
    assert (after.id, after.model, after.events, after.signed) == (before.id, "fraud*", ("stage.moved",), True)
    assert [gate.name for gate in registry.governance.gates()] == ["better", "checked"]


def test_an_export_differs_from_its_shelf_in_nothing(registry: Registry) -> None:
    apply(registry, DOCUMENT)

    exported = document_of(live(registry))

    assert planned(registry, declaration_of(exported), prune=True, renew=False).changes == ()


def test_a_failure_in_the_middle_tells_what_was_made_and_what_was_not(registry: Registry) -> None:
    document = {**DOCUMENT, "protected": [{**DOCUMENT["protected"][0], "users": ["nobody"]}]}

    with pytest.raises(NotFound, match="no user 'nobody'") as stopped:
        apply(registry, document)

    assert stopped.value.details["failed"] == "create protected name @production of fraud*"
    assert stopped.value.details["made"] == ["create gate better", "create gate checked"]
    assert stopped.value.details["not_tried"] == ["create webhook ci", "create webhook team"]
    registry.access.create_user("nobody", role="reader", password=None)
    assert [name for _, name in apply(registry, document)] == ["@production of fraud*", "ci", "team"]


@pytest.mark.parametrize("variables", [{}, {"CI_SECRET": "too short"}])
def test_what_would_fail_for_a_secret_fails_before_anything_is_changed(
    registry: Registry, variables: dict[str, str]
) -> None:
    with pytest.raises(Invalid, match="CI_SECRET") as refused:
        apply(registry, DOCUMENT, variables=variables)

    assert "too short" not in refused.value.message
    assert registry.governance.gates() == []


def test_a_clause_that_does_not_compile_is_found_by_the_plan(registry: Registry) -> None:
    wrong = {"gates": [{**DOCUMENT["gates"][0], "clauses": ["candidate.metrcs.auc > 0.8"]}]}

    with pytest.raises(Invalid, match=r"gate better: .*metrcs"):
        planned(registry, declaration_of(wrong), prune=False, renew=False)


def test_a_format_that_can_not_be_changed_is_refused_before_anything_is(registry: Registry) -> None:
    apply(registry, DOCUMENT)
    document = {"gates": [], "webhooks": [{**DOCUMENT["webhooks"][0], "format": "cloudevents"}]}

    with pytest.raises(Conflict, match="format standard, and that can't be changed"):
        apply(registry, document, prune=True)

    assert len(registry.governance.gates()) == 2


def test_a_reader_sees_what_differs_of_gates_and_may_change_nothing(as_actor: AsActor) -> None:
    bob, gates = as_actor("bob", Role.READER), {"gates": DOCUMENT["gates"]}

    assert len(planned(bob, declaration_of(gates), prune=False, renew=False).changes) == 2
    with pytest.raises(Forbidden, match="could not create gate better"):
        apply(bob, gates)
    with pytest.raises(Forbidden):
        live(bob, (Section.WEBHOOKS,))


def test_webhooks_that_clients_of_mlflow_made_are_left_to_them(registry: Registry) -> None:
    registry.events.create_webhook("ci", "https://x.example", events=["prompt.created"], format="mlflow")
    registry.events.create_webhook("old", "https://x.example", events=["alias.moved"])

    done = apply(registry, {"webhooks": [DOCUMENT["webhooks"][0]]}, prune=True)

    assert done == [("create", "ci"), ("remove", "old")]
    assert [webhook.format for webhook in registry.events.webhooks().items] == ["standard", "mlflow"]
    assert [webhook["name"] for webhook in document_of(live(registry))["webhooks"]] == ["ci"]
