"""Requests for promotion: asked for, discussed, approved by others, and carried out."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from modelshelf.database import gates
from modelshelf.domain.access import Role
from modelshelf.domain.errors import (
    AliasMoved,
    AlreadyExists,
    Conflict,
    Forbidden,
    GateFailed,
    Invalid,
    NotFound,
    Protected,
    ShelfError,
)
from modelshelf.domain.gates import Approvals, Gate, defined
from modelshelf.domain.governance import Cause
from modelshelf.domain.requests import COMMENT_LIMIT, COMMENTS_LIMIT, PromotionRequest, RequestState
from modelshelf.services.registry import Registry
from shelves import START_MS, AsActor, Clock

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _shelf(registry: Registry) -> None:
    """The model fraud with three versions, the first of them in production, and some people."""
    people = [("alice", "admin"), ("carol", "contributor"), ("paula", "approver"), ("peter", "approver")]
    for name, role in [*people, ("bob", "reader")]:
        registry.access.create_user(name, role=role, password=None)
    registry.catalog.create_model("fraud")
    for _ in range(3):
        registry.catalog.create_version("fraud", source="s3://bucket/fraud")
    registry.governance.set_alias("fraud", "production", 1)


@pytest.fixture
def carol(as_actor: AsActor) -> Registry:
    """A contributor, who asks."""
    return as_actor("carol", Role.CONTRIBUTOR)


@pytest.fixture
def paula(as_actor: AsActor) -> Registry:
    """An approver."""
    return as_actor("paula", Role.APPROVER)


@pytest.fixture
def peter(as_actor: AsActor) -> Registry:
    """Another approver."""
    return as_actor("peter", Role.APPROVER)


@pytest.fixture
def opened(carol: Registry) -> PromotionRequest:
    """Carol's request to put version 2 into production."""
    return carol.governance.open_request("fraud", 2, alias="production", reason="better on last week")


def _put(embedded: Registry, gate: Gate) -> None:
    with embedded._database.write() as tx:
        gates.put(tx, gate)


def _four_eyes(embedded: Registry) -> None:
    """A gate that asks for two approvals."""
    _put(embedded, defined("four-eyes", model="fraud", alias="production", approvals=Approvals(2, Role.APPROVER)))


def _events(registry: Registry) -> list[tuple[str, str]]:
    about = [event for event in registry.events.after(0) if event.name.startswith("request.")]
    return [(event.name, event.actor) for event in about]


def _production(registry: Registry) -> int | None:
    return registry.catalog.model("fraud").aliases.get("production")


def test_with_the_approval_of_another_the_alias_moves_and_the_ledger_leads_to_both(
    registry: Registry, paula: Registry, opened: PromotionRequest
) -> None:
    approved = paula.governance.approve_request(opened.id, reason="looks right")

    move = registry.governance.history("fraud", alias="production")[0]
    assert (approved.state, approved.move, approved.closed_by) == (RequestState.PROMOTED, move.id, "paula")
    assert (move.before, move.after, move.actor, move.cause) == (1, 2, "paula", Cause.PROMOTION)
    assert move.reason == f"request {opened.id} of carol: better on last week"
    assert [(each.person, each.reason) for each in approved.approvals] == [("paula", "looks right")]
    assert _events(registry) == [
        ("request.opened", "carol"),
        ("request.approved", "paula"),
        ("request.fulfilled", "paula"),
    ]
    fulfilled = registry.events.after(0)[-1]
    assert (fulfilled.subject, fulfilled.data["author"], fulfilled.data["move"]) == (
        f"requests/{opened.id}",
        "carol",
        move.id,
    )


def test_a_stage_can_be_asked_for_and_the_version_that_held_it_is_archived(
    registry: Registry, carol: Registry, paula: Registry
) -> None:
    registry.governance.set_stage("fraud", 1, "Production")
    opened = carol.governance.open_request("fraud", 3, stage="production")

    paula.governance.approve_request(opened.id)

    assert (opened.slot.value, opened.name, opened.before) == ("stage", "Production", 1)
    assert [registry.catalog.version("fraud", number).stage.value for number in (1, 3)] == ["Archived", "Production"]


def test_nobody_approves_their_own_request_not_with_a_token_either(
    registry: Registry, as_actor: AsActor, opened: PromotionRequest
) -> None:
    registry.access.set_role("carol", "approver")
    by_token = as_actor("paula/laptop", Role.APPROVER).governance.open_request("fraud", 3, alias="production")

    for name in ("carol", "carol/ci"):
        with pytest.raises(Forbidden, match="nobody approves their own"):
            as_actor(name, Role.ADMIN).governance.approve_request(opened.id)
    for name in ("paula", "paula/laptop", "paula/other"):
        with pytest.raises(Forbidden, match="nobody approves their own"):
            as_actor(name, Role.ADMIN).governance.approve_request(by_token.id)

    assert registry.governance.request(opened.id).request.approvals == ()
    assert _production(registry) == 1


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("bob", Role.READER),
        ("dave", Role.CONTRIBUTOR),
        ("anonymous", Role.ADMIN),
        ("system", Role.ADMIN),
        ("policy:better", Role.ADMIN),
        ("local:root", Role.ADMIN),
    ],
)
def test_only_approvers_who_have_shown_who_they_are_approve(
    registry: Registry, as_actor: AsActor, opened: PromotionRequest, name: str, role: Role
) -> None:
    with pytest.raises(Forbidden):
        as_actor(name, role).governance.approve_request(opened.id)

    assert registry.governance.request(opened.id).request.approvals == ()


def test_the_anonymous_and_policies_ask_for_nothing_and_readers_neither(registry: Registry, as_actor: AsActor) -> None:
    for name, role in [("anonymous", Role.ADMIN), ("policy:better", Role.ADMIN), ("bob", Role.READER)]:
        with pytest.raises(Forbidden):
            as_actor(name, role).governance.open_request("fraud", 2, alias="production")

    assert registry.governance.requests().items == ()


def test_on_a_shelf_without_users_nothing_can_be_asked_for(registry: Registry, carol: Registry) -> None:
    for user in registry.access.users():
        registry.access.delete_user(user.name)

    with pytest.raises(Forbidden, match="without users"):
        carol.governance.open_request("fraud", 2, alias="production")


def test_a_gate_asks_for_several_people_and_a_second_token_is_no_second_person(
    registry: Registry,
    embedded: Registry,
    as_actor: AsActor,
    paula: Registry,
    peter: Registry,
    opened: PromotionRequest,
) -> None:
    _four_eyes(embedded)

    first = paula.governance.approve_request(opened.id)
    with pytest.raises(AlreadyExists, match="paula has approved"):
        as_actor("paula/phone", Role.APPROVER).governance.approve_request(opened.id)
    waiting = registry.governance.request(opened.id)
    second = peter.governance.approve_request(opened.id)

    assert (first.state, first.refusal) == (RequestState.OPEN, "")
    assert [(need.given, need.count, need.gate) for need in waiting.needs] == [(1, 2, "four-eyes")]
    assert second.state is RequestState.PROMOTED
    assert _production(registry) == 2


def test_who_gets_the_name_of_a_deleted_user_does_not_get_their_approvals(
    registry: Registry, embedded: Registry, paula: Registry, opened: PromotionRequest
) -> None:
    _four_eyes(embedded)
    paula.governance.approve_request(opened.id)
    registry.access.delete_user("paula")
    registry.access.create_user("paula", role="approver", password=None)

    found = registry.governance.request(opened.id)
    approved = paula.governance.approve_request(opened.id)

    assert (found.request.approvals, [need.given for need in found.needs]) == ((), [0])
    assert [each.person for each in approved.approvals] == ["paula"]
    assert approved.state is RequestState.OPEN


def test_approvals_count_by_what_their_people_are_when_the_last_one_comes(
    registry: Registry,
    embedded: Registry,
    paula: Registry,
    peter: Registry,
    as_actor: AsActor,
    opened: PromotionRequest,
) -> None:
    _four_eyes(embedded)
    paula.governance.approve_request(opened.id)
    registry.access.delete_user("paula")

    waiting = peter.governance.approve_request(opened.id)

    assert waiting.state is RequestState.OPEN
    assert as_actor("alice", Role.ADMIN).governance.approve_request(opened.id).state is RequestState.PROMOTED


def test_a_gate_that_fails_at_the_last_moment_leaves_the_request_open_with_the_reason(
    registry: Registry, embedded: Registry, carol: Registry, paula: Registry, opened: PromotionRequest
) -> None:
    _put(embedded, defined("checked", model="fraud", alias="production", clauses=['candidate.tags.checked == "yes"']))

    approved = paula.governance.approve_request(opened.id)
    with pytest.raises(GateFailed):
        carol.governance.carry_out_request(opened.id)
    registry.catalog.tag_version("fraud", 2, "checked", "yes")
    done = carol.governance.carry_out_request(opened.id)

    assert approved.state is RequestState.OPEN
    assert "checked" in approved.refusal
    assert (done.state, done.refusal) == (RequestState.PROMOTED, "")
    assert registry.governance.history("fraud", alias="production")[0].actor == "carol"
    assert ("request.refused", "paula") in _events(registry)


def test_approving_a_move_of_a_protected_alias_takes_somebody_who_may_make_it(
    registry: Registry, carol: Registry, paula: Registry, peter: Registry, opened: PromotionRequest
) -> None:
    registry.governance.protect("fraud", alias="production", users=["peter"])

    approved = paula.governance.approve_request(opened.id)
    with pytest.raises(Protected):
        carol.governance.carry_out_request(opened.id)
    done = peter.governance.carry_out_request(opened.id)

    assert (approved.state, len(approved.approvals)) == (RequestState.OPEN, 1)
    assert "those who may are peter" in approved.refusal
    assert (done.state, done.closed_by) == (RequestState.PROMOTED, "peter")
    assert _production(registry) == 2


def test_a_request_without_its_approvals_is_not_carried_out(registry: Registry, opened: PromotionRequest) -> None:
    with pytest.raises(Conflict, match="still needs approvals: 1 of approvers"):
        registry.governance.carry_out_request(opened.id)

    assert _production(registry) == 1


def test_what_moved_meanwhile_is_shown_and_refused_only_where_that_was_asked_for(
    registry: Registry, carol: Registry, paula: Registry, opened: PromotionRequest
) -> None:
    careful = carol.governance.open_request("fraud", 3, alias="production", if_current=1)
    paula.governance.approve_request(opened.id)

    details = registry.governance.request(careful.id)
    refused = paula.governance.approve_request(careful.id)

    assert (details.request.before, details.current) == (1, 2)
    assert refused.state is RequestState.OPEN
    assert "points at version 2, not at 1" in refused.refusal
    with pytest.raises(AliasMoved):
        paula.governance.carry_out_request(careful.id)
    assert _production(registry) == 2


def test_the_same_is_asked_for_once(registry: Registry, carol: Registry, opened: PromotionRequest) -> None:
    with pytest.raises(AlreadyExists, match=f"request {opened.id} asks for version 2 of fraud@production") as refused:
        carol.governance.open_request("fraud", 2, alias="production")

    assert refused.value.details["request"] == opened.id
    carol.governance.open_request("fraud", 3, alias="production")
    carol.governance.open_request("fraud", 2, alias="staging")
    carol.governance.withdraw_request(opened.id)
    assert carol.governance.open_request("fraud", 2, alias="production").id > opened.id
    assert len(registry.governance.requests("fraud", state="open").items) == 3


def test_what_cannot_be_asked_for_is_refused(carol: Registry, clock: Clock) -> None:
    ask = carol.governance.open_request

    with pytest.raises(Invalid, match="either an alias or a stage"):
        ask("fraud", 2)
    with pytest.raises(Invalid, match="either an alias or a stage"):
        ask("fraud", 2, alias="a", stage="Staging")
    with pytest.raises(Invalid, match="reserved"):
        ask("fraud", 2, alias="latest")
    with pytest.raises(Invalid, match="no instant to come"):
        ask("fraud", 2, alias="production", expires_ms=clock.now)
    with pytest.raises(Invalid, match="limit is 10,000"):
        ask("fraud", 2, alias="production", reason="x" * 10_001)
    with pytest.raises(NotFound, match="no version 9"):
        ask("fraud", 9, alias="production")
    with pytest.raises(NotFound, match="did you mean 'fraud'"):
        ask("frauds", 1, alias="production")
    with pytest.raises(Conflict, match="is fraud@production already"):
        ask("fraud", 1, alias="production")


def test_a_request_is_discussed_within_limits(registry: Registry, carol: Registry, opened: PromotionRequest) -> None:
    registry.governance.comment_request(opened.id, "what of the 3rd quarter?")
    carol.governance.comment_request(opened.id, "the same")

    with pytest.raises(Invalid, match="the comment is 10,000,000 characters long; the limit is 10,000"):
        carol.governance.comment_request(opened.id, "x" * 10_000_000)
    with pytest.raises(Invalid, match="says nothing"):
        carol.governance.comment_request(opened.id, " \n")

    comments = registry.governance.request(opened.id).comments
    assert [(each.actor, each.text) for each in comments] == [
        ("alice", "what of the 3rd quarter?"),
        ("carol", "the same"),
    ]
    assert _events(registry)[1:] == [("request.commented", "alice"), ("request.commented", "carol")]


def test_a_request_holds_so_many_comments_and_no_more(embedded: Registry, opened: PromotionRequest) -> None:
    for number in range(COMMENTS_LIMIT):
        embedded.governance.comment_request(opened.id, f"{number}".ljust(COMMENT_LIMIT, "x"))

    with pytest.raises(Conflict, match="200 comments"):
        embedded.governance.comment_request(opened.id, "one more")

    assert len(embedded.governance.request(opened.id).comments) == COMMENTS_LIMIT


def test_a_rejected_request_is_over(registry: Registry, paula: Registry, peter: Registry, carol: Registry) -> None:
    opened = carol.governance.open_request("fraud", 2, alias="production")

    rejected = paula.governance.reject_request(opened.id, reason="too slow")

    assert (rejected.state, rejected.closed_by, rejected.closing) == (RequestState.REJECTED, "paula", "too slow")
    for change in (
        peter.governance.approve_request,
        peter.governance.reject_request,
        carol.governance.withdraw_request,
        carol.governance.carry_out_request,
    ):
        with pytest.raises(Conflict, match="is rejected and not open any more"):
            change(opened.id)
    assert _production(registry) == 1


def test_contributors_reject_nothing(carol: Registry, opened: PromotionRequest) -> None:
    with pytest.raises(Forbidden):
        carol.governance.reject_request(opened.id)


def test_a_request_is_withdrawn_by_its_author_or_an_administrator(
    registry: Registry, carol: Registry, paula: Registry, as_actor: AsActor, opened: PromotionRequest
) -> None:
    another = carol.governance.open_request("fraud", 3, alias="production")

    with pytest.raises(Forbidden, match="only they, or an administrator"):
        paula.governance.withdraw_request(opened.id)

    assert as_actor("carol/ci", Role.CONTRIBUTOR).governance.withdraw_request(opened.id).closed_by == "carol/ci"
    assert registry.governance.withdraw_request(another.id).state is RequestState.WITHDRAWN


def test_a_request_whose_time_is_over_counts_as_expired_before_anybody_notes_it(
    registry: Registry, carol: Registry, paula: Registry, clock: Clock
) -> None:
    opened = carol.governance.open_request("fraud", 2, alias="production", expires_ms=START_MS + HOUR_MS)
    forever = carol.governance.open_request("fraud", 3, alias="production")
    clock.tick(HOUR_MS)

    assert registry.governance.request(opened.id).request.state is RequestState.EXPIRED
    assert [each.id for each in registry.governance.requests(state="expired").items] == [opened.id]
    assert [each.id for each in registry.governance.requests(state="open").items] == [forever.id]
    with pytest.raises(Conflict, match="has expired"):
        paula.governance.approve_request(opened.id)
    with pytest.raises(Conflict, match="is expired and not open any more"):
        paula.governance.approve_request(opened.id)
    assert ("request.expired", "paula") in _events(registry)
    assert _production(registry) == 1


def test_the_server_notes_what_has_expired(registry: Registry, carol: Registry, clock: Clock) -> None:
    carol.governance.open_request("fraud", 2, alias="production", expires_ms=START_MS + HOUR_MS)
    carol.governance.open_request("fraud", 3, alias="production", expires_ms=START_MS + 2 * HOUR_MS)
    clock.tick(HOUR_MS)

    noted = [registry.governance.expire_requests() for _ in range(2)]

    assert noted == [1, 0]
    assert _events(registry)[2:] == [("request.expired", "alice")]
    carol.governance.open_request("fraud", 2, alias="production")


def test_what_has_expired_can_be_asked_for_again_at_once(registry: Registry, carol: Registry, clock: Clock) -> None:
    carol.governance.open_request("fraud", 2, alias="production", expires_ms=START_MS + HOUR_MS)
    clock.tick(HOUR_MS)

    carol.governance.open_request("fraud", 2, alias="production")

    assert [each.state.value for each in registry.governance.requests().items] == ["open", "expired"]


def test_a_request_ends_with_its_version_and_with_its_model(
    registry: Registry, carol: Registry, opened: PromotionRequest
) -> None:
    another = carol.governance.open_request("fraud", 3, stage="Staging")

    registry.catalog.delete_version("fraud", 2)
    registry.catalog.delete_model("fraud", force=True)

    closed = [registry.governance.request(each.id).request for each in (opened, another)]
    assert [each.state.value for each in closed] == ["superseded", "superseded"]
    assert [each.closing for each in closed] == ["version 2 was deleted", "the model was deleted"]
    assert [each.id for each in registry.governance.requests("fraud").items] == [another.id, opened.id]
    assert [name for name, _ in _events(registry)[2:]] == ["request.superseded"] * 2


def test_a_request_for_what_another_move_brought_about_is_superseded(
    registry: Registry, paula: Registry, opened: PromotionRequest
) -> None:
    moved = registry.governance.set_alias("fraud", "production", 2)

    closed = paula.governance.approve_request(opened.id)

    assert (closed.state, closed.closing) == (RequestState.SUPERSEDED, "version 2 came there by another move")
    assert registry.governance.history("fraud", alias="production")[0] == moved


def test_a_request_goes_with_its_model_to_another_name(
    registry: Registry, paula: Registry, opened: PromotionRequest
) -> None:
    registry.catalog.rename_model("fraud", "fraud-eu")

    assert registry.governance.request(opened.id).request.model == "fraud-eu"
    paula.governance.approve_request(opened.id)
    assert registry.catalog.model("fraud-eu").aliases == {"production": 2}


def test_requests_come_in_pages_the_newest_first(registry: Registry, carol: Registry) -> None:
    carol.catalog.create_model("churn")
    carol.catalog.create_version("churn", source="s3://bucket/churn")
    made = [carol.governance.open_request("churn", 1, alias=f"alias-{number}").id for number in range(5)]
    carol.governance.open_request("fraud", 2, alias="production")

    pages, token = [], None
    while token or not pages:
        page = registry.governance.requests("churn", state="open", limit=2, page_token=token)
        pages.append([each.id for each in page.items])
        token = page.next_token

    assert pages == [made[4:2:-1], made[2:0:-1], made[:1]]
    first = registry.governance.requests("churn", limit=2)
    with pytest.raises(Invalid, match="belongs to another query"):
        registry.governance.requests("fraud", limit=2, page_token=first.next_token)
    with pytest.raises(Invalid, match="a request is open, promoted"):
        registry.governance.requests(state="done")
    with pytest.raises(Invalid, match="1 to 1,000 requests"):
        registry.governance.requests(limit=0)
    with pytest.raises(NotFound):
        registry.governance.requests("nobody")


def test_a_request_that_is_not_there_is_not_found(registry: Registry) -> None:
    for change in (
        registry.governance.request,
        registry.governance.approve_request,
        registry.governance.carry_out_request,
        registry.governance.reject_request,
        registry.governance.withdraw_request,
    ):
        with pytest.raises(NotFound, match="no request 77"):
            change(77)
    with pytest.raises(NotFound, match="no request 77"):
        registry.governance.comment_request(77, "hello")


def test_two_who_approve_at_once_promote_once(
    registry: Registry, paula: Registry, peter: Registry, opened: PromotionRequest
) -> None:
    moves = len(registry.governance.history("fraud"))

    def approve(by: Registry) -> str:
        try:
            return by.governance.approve_request(opened.id).state.value
        except Conflict as refused:
            return refused.code

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(approve, [paula, peter]))

    assert outcomes == ["conflict", "promoted"]
    assert len(registry.governance.history("fraud")) == moves + 1
    assert len(registry.governance.request(opened.id).request.approvals) == 1


def test_the_two_last_approvals_at_once_promote_once(
    registry: Registry, embedded: Registry, paula: Registry, peter: Registry, opened: PromotionRequest
) -> None:
    _four_eyes(embedded)
    moves = len(registry.governance.history("fraud"))

    with ThreadPoolExecutor(2) as pool:
        outcomes = pool.map(lambda by: by.governance.approve_request(opened.id).state.value, [paula, peter])

    assert sorted(outcomes) == ["open", "promoted"]
    assert len(registry.governance.history("fraud")) == moves + 1


@pytest.mark.parametrize("_round", range(3))
def test_either_the_approval_or_the_withdrawal_comes_first(
    registry: Registry, carol: Registry, paula: Registry, opened: PromotionRequest, _round: int
) -> None:
    def attempt(change: object) -> str:
        try:
            return change().state.value  # type: ignore[operator]
        except ShelfError as refused:
            return refused.code

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(
            pool.map(
                attempt,
                [
                    lambda: paula.governance.approve_request(opened.id),
                    lambda: carol.governance.withdraw_request(opened.id),
                ],
            )
        )

    state = registry.governance.request(opened.id).request.state.value
    assert outcomes in (["promoted", "conflict"], ["conflict", "withdrawn"])
    assert state in outcomes
    assert _production(registry) == (2 if state == "promoted" else 1)


def test_two_who_ask_for_the_same_at_once_make_one_request(registry: Registry, as_actor: AsActor) -> None:
    def ask(name: str) -> str:
        try:
            return as_actor(name, Role.CONTRIBUTOR).governance.open_request("fraud", 2, alias="production").state.value
        except AlreadyExists as refused:
            return refused.code

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(ask, ["carol", "carol/ci", "paula", "peter"]))

    assert outcomes == ["already_exists"] * 3 + ["open"]
    assert len(registry.governance.requests().items) == 1


def test_a_version_has_an_approval_status_that_is_searched_for(
    registry: Registry, carol: Registry, paula: Registry
) -> None:
    carol.governance.set_approval_status("fraud", 1, "pendingmanualapproval")
    paula.governance.set_approval_status("fraud", 2, "Approved", reason="audited")
    paula.governance.set_approval_status("fraud", 2, "Approved")

    def found(filter: str) -> list[int]:
        return [version.number for version in registry.catalog.search_versions(filter, order_by=["version"]).items]

    assert registry.catalog.version("fraud", 1).approval_status == "PendingManualApproval"
    assert registry.catalog.version("fraud", 3).approval_status == ""
    assert found("approval_status = 'approved'") == [2]
    assert found("model_approval_status != 'Approved'") == [1, 3]
    assert found("approval_status IN ('Approved', 'PendingManualApproval')") == [1, 2]
    event = registry.events.after(0)[-1]
    assert (event.name, event.actor, event.subject) == ("version.approval_set", "paula", "models/fraud/2")
    assert event.data == {"before": "", "after": "Approved", "reason": "audited"}


def test_what_was_decided_about_a_version_is_changed_by_approvers_only(carol: Registry, paula: Registry) -> None:
    paula.governance.set_approval_status("fraud", 1, "Rejected")

    for number, status in [(1, ""), (1, "PendingManualApproval"), (2, "Approved"), (2, "Rejected")]:
        with pytest.raises(Forbidden):
            carol.governance.set_approval_status("fraud", number, status)

    assert paula.governance.set_approval_status("fraud", 1, "").approval_status == ""


def test_an_approval_status_that_is_none_of_the_three_is_refused(registry: Registry) -> None:
    with pytest.raises(Invalid, match="it is PendingManualApproval, Approved, Rejected, or empty"):
        registry.governance.set_approval_status("fraud", 1, "Maybe")
    with pytest.raises(NotFound, match="no version 9"):
        registry.governance.set_approval_status("fraud", 9, "Approved")
    with pytest.raises(NotFound, match="no registered model"):
        registry.governance.set_approval_status("nobody", 1, "Approved")
