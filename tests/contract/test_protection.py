"""Protected aliases and stages: who may move them, whatever the road."""

import json

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import AlreadyExists, Forbidden, Invalid, NotFound, Protected, VersionInUse
from modelshelf.domain.protection import Movers
from modelshelf.services.protection import refusal
from modelshelf.services.registry import Registry
from query_plans import Recording
from shelves import AsActor


@pytest.fixture(autouse=True)
def _shelf(registry: Registry) -> None:
    """The model fraud with two versions, the first of them in production, and some people."""
    for name, role in [("carol", "contributor"), ("paula", "approver"), ("bob", "reader")]:
        registry.access.create_user(name, role=role, password=None)
    registry.catalog.create_model("fraud")
    for _ in range(3):
        registry.catalog.create_version("fraud", source="s3://bucket/fraud")
    registry.governance.set_alias("fraud", "production", 1)


@pytest.fixture
def carol(as_actor: AsActor) -> Registry:
    """A contributor: may edit everything that is not protected."""
    return as_actor("carol", Role.CONTRIBUTOR)


@pytest.fixture
def paula(as_actor: AsActor) -> Registry:
    """An approver."""
    return as_actor("paula", Role.APPROVER)


def test_who_may_edit_a_model_may_not_thereby_move_its_production_alias(
    registry: Registry, carol: Registry, paula: Registry
) -> None:
    registry.governance.protect("fraud", alias="production", roles=["approver"])

    with pytest.raises(Protected, match="fraud@production is protected: carol may not move it") as refused:
        carol.governance.set_alias("fraud", "production", 2)

    assert refused.value.details["allowed"] == ["role:approver"]
    carol.governance.set_alias("fraud", "staging", 2)
    paula.governance.set_alias("fraud", "production", 2)
    assert registry.catalog.model("fraud").aliases == {"production": 2, "staging": 2}


def test_every_way_of_moving_a_protected_alias_is_refused_and_told_in_the_ledger(
    registry: Registry, carol: Registry
) -> None:
    registry.governance.set_alias("fraud", "production", 2)
    registry.governance.protect("*", alias="production", roles=["approver"])
    governance = carol.governance

    for move in (
        lambda: governance.set_alias("fraud", "production", 3),
        lambda: governance.promote("fraud", 3, alias="production"),
        lambda: governance.rollback("fraud", "production"),
        lambda: governance.clear_alias("fraud", "production"),
    ):
        with pytest.raises(Protected):
            move()

    refusals = [event for event in registry.events.after(0) if event.name == "move.refused"]
    assert [(event.actor, event.data["code"]) for event in refusals] == [("carol", "protected")] * 4
    assert registry.catalog.model("fraud").aliases == {"production": 2}


def test_an_alias_that_is_not_there_yet_is_protected_too(registry: Registry, carol: Registry) -> None:
    registry.governance.protect("fraud-*", alias="champion", users=["paula"])
    carol.catalog.create_model("fraud-eu")
    carol.catalog.create_version("fraud-eu", source="s3://bucket/fraud")

    with pytest.raises(Protected):
        carol.governance.set_alias("fraud-eu", "champion", 1)

    assert registry.catalog.model("fraud-eu").aliases == {}


def test_a_protected_stage_is_neither_entered_nor_left(registry: Registry, carol: Registry, paula: Registry) -> None:
    registry.governance.protect("fraud", stage="production", roles=["approver"])
    paula.governance.set_stage("fraud", 1, "Production")

    with pytest.raises(Protected, match="stage Production of fraud is protected"):
        carol.governance.promote("fraud", 2, stage="Production")
    with pytest.raises(Protected):
        carol.governance.set_stage("fraud", 1, "Archived")

    carol.governance.set_stage("fraud", 2, "Staging")
    paula.governance.promote("fraud", 2, stage="Production")
    stages = [registry.catalog.version("fraud", number).stage for number in (1, 2)]
    assert stages == ["Archived", "Production"]


def test_versions_and_models_with_a_protected_alias_are_deleted_by_those_who_may_move_it(
    registry: Registry, carol: Registry, paula: Registry
) -> None:
    registry.governance.protect("fraud", alias="production", roles=["approver"])

    with pytest.raises(Protected):
        carol.catalog.delete_version("fraud", 1, force=True)
    with pytest.raises(Protected):
        carol.catalog.delete_model("fraud", force=True)

    names = [event.name for event in registry.events.after(0)]
    assert names[-2:] == ["version.delete_refused", "model.delete_refused"]
    with pytest.raises(VersionInUse):
        paula.catalog.delete_version("fraud", 1)
    carol.catalog.delete_version("fraud", 3)
    paula.catalog.delete_model("fraud", force=True)
    assert registry.catalog.search_models().items == ()


def test_a_version_in_a_protected_stage_is_not_deleted_by_others(registry: Registry, carol: Registry) -> None:
    registry.governance.set_stage("fraud", 2, "Production")
    registry.governance.protect("fraud", stage="Production", roles=["admin"])

    with pytest.raises(Protected):
        carol.catalog.delete_version("fraud", 2, force=True)
    with pytest.raises(Protected):
        carol.catalog.delete_model("fraud", force=True)

    assert registry.catalog.version("fraud", 2).number == 2


def test_a_rename_neither_takes_a_model_out_of_protection_nor_brings_another_one_under_it(
    registry: Registry, carol: Registry, paula: Registry
) -> None:
    registry.governance.protect("fraud*", alias="production", roles=["approver"])
    carol.catalog.create_model("churn")

    with pytest.raises(Protected):
        carol.catalog.rename_model("fraud", "free")
    with pytest.raises(Protected):
        carol.catalog.rename_model("churn", "fraud-2")

    carol.catalog.rename_model("fraud", "fraud-eu")
    assert paula.catalog.rename_model("fraud-eu", "free").aliases == {"production": 1}


def test_what_is_archived_for_another_version_enters_a_stage_too(
    registry: Registry, carol: Registry, paula: Registry
) -> None:
    registry.governance.protect("fraud", stage="Archived", roles=["approver"])
    carol.governance.set_stage("fraud", 1, "Production")

    for move in (
        lambda: carol.governance.promote("fraud", 2, stage="Production"),
        lambda: carol.governance.set_stage("fraud", 2, "Production", archive_existing=True),
    ):
        with pytest.raises(Protected, match="stage Archived of fraud is protected"):
            move()

    carol.governance.set_stage("fraud", 2, "Production")
    paula.governance.promote("fraud", 3, stage="Production")
    assert [registry.catalog.version("fraud", number).stage for number in (1, 2)] == ["Archived", "Archived"]


def test_a_rename_is_no_way_around_a_gate(registry: Registry, carol: Registry, paula: Registry) -> None:
    registry.governance.define_gate("never", model="fraud*", alias="production", clauses=["false"])
    carol.catalog.create_model("churn")

    with pytest.raises(Protected, match="the gate never guards production of fraud"):
        carol.catalog.rename_model("fraud", "free")
    with pytest.raises(Protected, match="only an administrator may; paula is of the role approver"):
        paula.catalog.rename_model("churn", "fraud-2")

    assert carol.catalog.rename_model("fraud", "fraud-eu").name == "fraud-eu"
    assert registry.catalog.rename_model("fraud-eu", "free").name == "free"


def test_where_several_patterns_mean_a_model_all_of_them_have_to_let(
    registry: Registry, paula: Registry, as_actor: AsActor
) -> None:
    registry.governance.protect("*", alias="production", roles=["approver"])
    registry.governance.protect("fraud", alias="production", users=["carol"])

    with pytest.raises(Protected, match="those who may are carol"):
        paula.governance.set_alias("fraud", "production", 2)
    with pytest.raises(Protected, match="as of every model \\*"):
        as_actor("carol", Role.CONTRIBUTOR).governance.set_alias("fraud", "production", 2)

    assert as_actor("carol", Role.ADMIN).governance.set_alias("fraud", "production", 2).after == 2


@pytest.mark.parametrize(
    ("actor", "role", "allowed"),
    [
        ("carol", Role.CONTRIBUTOR, True),
        ("carol/laptop", Role.CONTRIBUTOR, False),
        ("paula", Role.ADMIN, False),
        ("paula/ci", Role.CONTRIBUTOR, True),
        ("paula/ci2", Role.ADMIN, False),
        ("bob/any", Role.CONTRIBUTOR, True),
        ("bob", Role.ADMIN, False),
        ("policy:better", Role.ADMIN, True),
        ("policy:other", Role.ADMIN, False),
        ("local:carol", Role.ADMIN, False),
        ("carolin", Role.CONTRIBUTOR, False),
    ],
)
def test_a_name_lets_exactly_whom_it_names(
    registry: Registry, embedded: Registry, actor: str, role: Role, allowed: bool
) -> None:
    registry.governance.protect(
        "fraud", alias="production", users=["carol"], tokens=["paula/ci", "bob/*"], policies=["better"]
    )

    with embedded._database.read() as tx:
        refused = refusal(tx, Actor(actor, role), "fraud", alias="production")

    assert (refused is None) is allowed


@pytest.mark.parametrize(
    ("actor", "role", "allowed"),
    [
        ("paula", Role.APPROVER, True),
        ("alice", Role.ADMIN, True),
        ("paula/ci", Role.APPROVER, True),
        ("paula/ci", Role.CONTRIBUTOR, False),
        ("local:root", Role.ADMIN, True),
        ("policy:better", Role.ADMIN, False),
        ("anonymous", Role.ADMIN, False),
        ("system", Role.ADMIN, False),
    ],
)
def test_a_role_lets_those_of_it_and_of_higher_ones_but_nobody_without_a_name(
    registry: Registry, embedded: Registry, actor: str, role: Role, allowed: bool
) -> None:
    registry.governance.protect("fraud", alias="production", roles=["approver"])

    with embedded._database.read() as tx:
        refused = refusal(tx, Actor(actor, role), "fraud", alias="production")

    assert (refused is None) is allowed


def test_protected_names_are_listed_changed_and_ended_by_administrators(registry: Registry, paula: Registry) -> None:
    registry.governance.protect("fraud-*", alias="production", roles=["approver"])
    registry.governance.protect("fraud", stage="Production", users=["carol"])
    registry.governance.protect("fraud", stage="Production", users=["carol"], roles=["admin"])

    found = paula.governance.protections()
    ended = registry.governance.unprotect("fraud-*", alias="production")

    assert [(each.pattern, each.name) for each in found] == [("fraud", "Production"), ("fraud-*", "production")]
    assert found[0].movers == Movers(roles=(Role.ADMIN,), users=("carol",))
    assert ended.changed_by == "alice"
    assert [each.name for each in registry.governance.protections("fraud")] == ["Production"]
    assert registry.governance.protections("fraud-eu") == []
    events = [event for event in registry.events.after(0) if event.name.startswith("protection.")]
    assert [(event.data["before"], event.data.get("after")) for event in events] == [
        ([], ["role:approver"]),
        ([], ["carol"]),
        (["carol"], ["role:admin", "carol"]),
        (["role:approver"], None),
    ]


def test_only_administrators_who_are_known_protect_names(
    registry: Registry, paula: Registry, as_actor: AsActor
) -> None:
    with pytest.raises(Forbidden, match="may not administer"):
        paula.governance.protect("fraud", alias="production", users=["paula"])
    with pytest.raises(Forbidden, match="somebody who is known"):
        as_actor("anonymous", Role.ADMIN).governance.protect("fraud", alias="production", roles=["admin"])
    with pytest.raises(Forbidden):
        as_actor("anonymous", Role.ADMIN).governance.unprotect("fraud", alias="production")

    assert registry.governance.protections() == []


def test_on_a_shelf_without_users_nothing_can_be_protected(registry: Registry) -> None:
    for user in registry.access.users():
        registry.access.delete_user(user.name)

    with pytest.raises(Forbidden, match="without users"):
        registry.governance.protect("fraud", alias="production", roles=["approver"])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"alias": "production"}, "at least one role, user, token or policy"),
        ({"roles": ["approver"]}, "either an alias or a stage"),
        ({"alias": "x", "stage": "Production", "roles": ["admin"]}, "either an alias or a stage"),
        ({"alias": "a b", "roles": ["admin"]}, "invalid alias"),
        ({"stage": "None", "roles": ["admin"]}, "begins in the stage None"),
        ({"alias": "x", "roles": ["owner"]}, "unknown role"),
        ({"alias": "x", "users": ["alice/ci"]}, "invalid user name"),
        ({"alias": "x", "users": ["local:root"]}, "invalid user name"),
        ({"alias": "x", "tokens": ["carol"]}, "write it with its user"),
        ({"alias": "x", "tokens": ["carol/a*"]}, "invalid token"),
        ({"alias": "x", "policies": ["\x1b[31m"]}, "invalid policy"),
        ({"alias": "x", "policies": [f"p{number}" for number in range(101)]}, "the limit is 100"),
    ],
)
def test_what_protects_nothing_is_refused(registry: Registry, wanted: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        registry.governance.protect("fraud", **wanted)  # type: ignore[arg-type]

    assert registry.governance.protections() == []


@pytest.mark.parametrize("pattern", ["", " ", "a/b", "a:b", "x" * 2000, "\0"])
def test_a_pattern_that_no_model_can_have_is_refused(registry: Registry, pattern: str) -> None:
    with pytest.raises(Invalid):
        registry.governance.protect(pattern, alias="x", roles=["admin"])


def test_a_user_who_is_not_there_is_a_mistake(registry: Registry) -> None:
    with pytest.raises(NotFound, match="did you mean 'paula'"):
        registry.governance.protect("fraud", alias="production", users=["paul"])
    with pytest.raises(NotFound, match="no user 'nobody'"):
        registry.governance.protect("fraud", alias="production", tokens=["nobody/ci"])


def test_what_is_not_protected_can_not_be_freed(registry: Registry) -> None:
    registry.governance.protect("fraud-*", alias="production", roles=["admin"])

    with pytest.raises(NotFound, match="did you mean 'fraud-\\*'"):
        registry.governance.unprotect("fraud", alias="production")


def test_renaming_onto_a_taken_name_still_says_so(registry: Registry) -> None:
    registry.catalog.create_model("churn")

    with pytest.raises(AlreadyExists):
        registry.catalog.rename_model("churn", "fraud")


def test_a_move_asks_once_by_the_key_whatever_there_is(registry: Registry, embedded: Registry) -> None:
    for number in range(30):
        registry.governance.protect(f"model-{number}", alias="production", roles=["approver"])
        registry.governance.protect("fraud", alias=f"alias-{number}", roles=["approver"])

    with embedded._database.read() as tx:
        recording = Recording(tx)
        assert refusal(recording, Actor("carol", Role.CONTRIBUTOR), "fraud", alias="production") is None

    assert len(recording.asked) == 1
    assert json.dumps(recording.asked[0]).count("protections") >= 1
