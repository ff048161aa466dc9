"""What differs between a declaration and a shelf, field by field, and what is told of secrets."""

from dataclasses import replace
from typing import Any

import pytest

from modelshelf.domain.declared import Declaration, DeclaredWebhook, Live, Section, declaration_of
from modelshelf.domain.differences import Action, Plan, plan
from modelshelf.domain.errors import Conflict
from modelshelf.domain.field_changes import FieldChange
from modelshelf.domain.webhooks import Webhook

GATE = {"name": "better", "model": "fraud*", "alias": "production", "clauses": ["a", "b", "c"]}
PROTECTED = {"model": "fraud*", "alias": "production", "roles": ["approver"], "users": ["bob", "alice"]}
LIVE_WEBHOOK = Webhook(
    id="1",
    name="ci",
    url="https://ci.example/secret-path",
    events=("alias.moved",),
    model="*",
    alias="",
    format="standard",
    signed=True,
    tries=10,
    created_ms=0,
    created_by="alice",
    updated_ms=0,
)
WEBHOOK = DeclaredWebhook(
    "ci", url="https://ci.example/secret-path", events=("alias.moved",), secret_env="CI_SECRET", url_env="CI_URL"
)


def declared(**sections: Any) -> Declaration:
    return declaration_of(sections)


def of_webhook(wanted: DeclaredWebhook | None = WEBHOOK, live: Webhook | None = LIVE_WEBHOOK, **options: bool) -> Plan:
    declaration = Declaration((Section.WEBHOOKS,), webhooks=(wanted,) if wanted else ())
    return plan(declaration, Live(webhooks=(live,) if live else ()), **{"prune": False, **options})


def test_the_same_differs_in_nothing_whatever_the_order_of_people_and_events() -> None:
    wanted = declared(gates=[GATE], protected=[PROTECTED])
    other_order = declared(protected=[{**PROTECTED, "users": ["alice", "bob"]}])

    found = plan(wanted, Live(wanted.gates, other_order.protected), prune=True)

    assert found == Plan()


def test_a_list_is_told_entry_by_entry() -> None:
    wanted, live = declared(gates=[{**GATE, "clauses": ["b", "d", "e"]}]), declared(gates=[GATE])

    found = plan(wanted, Live(live.gates), prune=False)

    assert [(change.action, change.name) for change in found.changes] == [(Action.CHANGE, "better")]
    assert found.changes[0].fields == (
        FieldChange("clauses", "a", None),
        FieldChange("clauses", "c", "d"),
        FieldChange("clauses", None, "e"),
    )


def test_a_name_of_a_clause_is_a_difference() -> None:
    wanted = declared(gates=[{**GATE, "clauses": [{"expression": "a", "name": "one", "message": "try"}, "b", "c"]}])
    live = declared(gates=[GATE])

    found = plan(wanted, Live(live.gates), prune=False)

    assert found.changes[0].fields == (FieldChange("clauses", "a", "a [one]: try"),)


def test_a_gate_that_moves_to_a_stage_tells_both() -> None:
    staged = {key: value for key, value in GATE.items() if key != "alias"}
    wanted, live = declared(gates=[{**staged, "stage": "staging"}]), declared(gates=[GATE])

    found = plan(wanted, Live(live.gates), prune=False)

    assert set(found.changes[0].fields) == {
        FieldChange("stage", None, "Staging"),
        FieldChange("alias", "production", None),
    }


def test_what_the_file_has_not_stays_unless_it_is_pruned_and_is_removed_last() -> None:
    live = declared(gates=[GATE, {**GATE, "name": "older"}], protected=[PROTECTED])
    wanted = declared(gates=[{**GATE, "name": "new"}, GATE])

    left = plan(wanted, Live(live.gates, live.protected), prune=False)
    pruned = plan(wanted, Live(live.gates, live.protected), prune=True)

    assert [(change.action.value, change.name) for change in left.changes] == [("create", "new")]
    assert left.unmanaged == ("gate older",)
    assert [(change.action.value, change.name) for change in pruned.changes] == [("create", "new"), ("remove", "older")]
    assert pruned.unmanaged == ()


def test_a_section_that_the_file_has_not_is_never_pruned() -> None:
    live = declared(gates=[GATE], protected=[PROTECTED])

    found = plan(declared(gates=[GATE]), Live(live.gates, live.protected, (LIVE_WEBHOOK,)), prune=True)

    assert found == Plan()


def test_a_secret_that_is_set_can_not_be_compared_and_is_set_again_where_asked() -> None:
    assert of_webhook().changes == ()
    assert of_webhook().unknown == ("the secret of webhook ci: it has one, which is never told again",)
    renewed = of_webhook(renew=True)
    assert renewed.changes[0].fields == (FieldChange("secret", "set", "from CI_SECRET"),)
    assert renewed.unknown == ()


def test_a_secret_is_set_where_there_is_none_and_taken_away_where_it_is_not_signed() -> None:
    unsigned, plain = replace(LIVE_WEBHOOK, signed=False), replace(WEBHOOK, signed=False, secret_env="")

    assert of_webhook(live=unsigned).changes[0].fields == (FieldChange("secret", "none", "from CI_SECRET"),)
    assert of_webhook(plain).changes[0].fields == (FieldChange("secret", "set", "none"),)
    assert of_webhook(plain, unsigned).changes == ()


@pytest.mark.parametrize(
    ("url", "after"),
    [("https://ci.example/other", "https://ci.example (another path)"), ("https://b.example/x", "https://b.example")],
)
def test_of_urls_only_the_origin_is_told(url: str, after: str) -> None:
    found = of_webhook(replace(WEBHOOK, url=url))

    assert found.changes[0].fields == (FieldChange("url", "https://ci.example", after),)
    assert "secret-path" not in repr(found.changes[0].fields)


def test_a_url_in_a_variable_that_is_not_set_is_unknown() -> None:
    unset = replace(WEBHOOK, url="")

    assert of_webhook(unset).changes == ()
    assert "the URL of webhook ci: CI_URL is not set here" in of_webhook(unset).unknown
    assert of_webhook(unset, None).changes[0].fields[0] == FieldChange("url", None, "from CI_URL")


def test_what_can_not_be_made_so_is_an_obstacle() -> None:
    unnamed = replace(WEBHOOK, secret_env="")

    assert "nothing says with what" in of_webhook(unnamed, None).changes[0].obstacle
    assert "nothing says with what" in of_webhook(unnamed, replace(LIVE_WEBHOOK, signed=False)).changes[0].obstacle
    assert of_webhook(unnamed).changes == ()
    assert "can't be changed" in of_webhook(replace(WEBHOOK, format="cloudevents")).changes[0].obstacle


def test_a_name_that_several_webhooks_have_is_refused_where_it_is_declared() -> None:
    twins = Live(webhooks=(LIVE_WEBHOOK, replace(LIVE_WEBHOOK, id="2")))

    with pytest.raises(Conflict, match=r"2 webhooks are named ci \(1, 2\)"):
        plan(Declaration((Section.WEBHOOKS,), webhooks=(WEBHOOK,)), twins, prune=False)

    assert len(plan(Declaration((Section.WEBHOOKS,)), twins, prune=True).changes) == 2
