"""Reads for pages, and sessions of browsers, on both databases."""

import math

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from modelshelf.domain.overviews import Axis
from modelshelf.domain.tracking import MetricPoint
from modelshelf.services.registry import Registry
from shelves import Clock


def _version(registry: Registry, model: str, value: float | None = None) -> None:
    run_id = ""
    if value is not None:
        run_id = registry.tracking.start_run("0").id
        registry.tracking.log_metrics(run_id, [MetricPoint("auc", value, 1)])
    registry.catalog.create_version(model, source="s3://bucket/x", run_id=run_id)


def test_the_last_move_of_each_alias_tells_who_and_why(embedded: Registry) -> None:
    model, other = embedded.catalog.create_model("churn"), embedded.catalog.create_model("fraud")
    for name in ("churn", "churn", "fraud"):
        _version(embedded, name)
    embedded.governance.set_alias("churn", "production", 1, reason="first")
    embedded.governance.set_alias("churn", "production", 2, reason="second")
    embedded.governance.set_alias("churn", "gone", 1)
    embedded.governance.clear_alias("churn", "gone")
    embedded.governance.set_alias("fraud", "champion", 1)

    moves = embedded.overviews.alias_moves([model.id, other.id])

    assert [(move.model, move.alias, move.after, move.reason) for move in moves] == [
        ("churn", "production", 2, "second"),
        ("fraud", "champion", 1, ""),
    ]


def test_a_trend_has_a_bucket_a_version_and_tells_nan(embedded: Registry) -> None:
    embedded.catalog.create_model("churn")
    for value in (0.5, None, math.nan, 0.7):
        _version(embedded, "churn", value)

    trend = embedded.overviews.trend("churn", "auc")

    assert trend.axis is Axis.VERSION
    assert [(each.first, each.low, each.nans) for each in trend.buckets] == [(1, 0.5, 0), (3, None, 1), (4, 0.7, 0)]


def test_many_points_become_few_buckets_that_keep_the_extremes(embedded: Registry) -> None:
    run = embedded.tracking.start_run("0")
    for start in range(0, 5_000, 1_000):
        points = [MetricPoint("loss", math.sin(step), 1, step) for step in range(start, start + 1_000)]
        embedded.tracking.log_metrics(run.id, points)
    embedded.tracking.log_metrics(run.id, [MetricPoint("loss", 99.0, 1, 2_500), MetricPoint("loss", math.nan, 1, 7)])

    curve = embedded.overviews.curves([run.id], "loss")[run.id]

    assert len(curve.buckets) < 300
    assert (curve.points, curve.axis) == (5_002, Axis.STEP)
    assert max(each.high for each in curve.buckets if each.high is not None) == 99.0
    assert sum(each.nans for each in curve.buckets) == 1
    assert [each.first for each in curve.buckets] == sorted(each.first for each in curve.buckets)


def test_points_of_one_step_run_along_time(embedded: Registry) -> None:
    run = embedded.tracking.start_run("0")
    embedded.tracking.log_metrics(run.id, [MetricPoint("cpu", at / 10, 1_000 + at) for at in range(10)])

    curve = embedded.overviews.curves([run.id, "unknown"], "cpu")

    assert (curve[run.id].axis, curve[run.id].points) == (Axis.TIME, 10)
    assert curve["unknown"].buckets == ()


def test_extreme_steps_and_values_are_drawn_as_well(embedded: Registry) -> None:
    run = embedded.tracking.start_run("0")
    points = [MetricPoint("x", 1.7e308, 1, -(2**62)), MetricPoint("x", -1.7e308, 1, 2**62), MetricPoint("x", 0, 1, 0)]
    embedded.tracking.log_metrics(run.id, points)

    curve = embedded.overviews.curves([run.id], "x")[run.id]

    assert [each.first for each in curve.buckets] == [-(2**62), 0, 2**62]


def test_a_model_is_told_as_it_was(embedded: Registry, clock: Clock) -> None:
    created = embedded.catalog.create_model("churn", description="old", tags={"team": "a", "tier": "1"})
    _version(embedded, "churn")
    _version(embedded, "churn")
    embedded.governance.set_alias("churn", "production", 1, reason="then")
    embedded.governance.set_stage("churn", 2, "Staging")
    then = clock()
    clock.tick(60_000)
    embedded.catalog.describe_model("churn", "new")
    embedded.catalog.tag_model("churn", "team", "b")
    embedded.catalog.untag_model("churn", "tier")
    embedded.governance.clear_alias("churn", "production")
    embedded.governance.set_stage("churn", 2, "None")
    embedded.catalog.delete_version("churn", 2)
    _version(embedded, "churn")

    past = embedded.overviews.model_at("churn", then)

    assert (past.id, past.description, past.tags) == (created.id, "old", {"team": "a", "tier": "1"})
    assert [(move.alias, move.after, move.reason) for move in past.aliases] == [("production", 1, "then")]
    assert (past.stages, past.deleted_since) == ({2: "Staging"}, (2,))
    assert [each.number for each in embedded.overviews.versions_at(past.id, then, limit=10)] == [1]
    with pytest.raises(NotFound):
        embedded.overviews.model_at("churn", created.created_ms - 1)


def test_a_timeline_has_moves_and_refusals_and_nothing_else(embedded: Registry) -> None:
    embedded.catalog.create_model("churn")
    _version(embedded, "churn")
    embedded.governance.set_alias("churn", "production", 1)
    embedded.catalog.tag_model("churn", "a", "b")
    with pytest.raises(NotFound):
        embedded.governance.set_alias("churn", "production", 9)
    embedded.events.settle()

    found = embedded.overviews.timeline("churn")

    assert [event.name for event in found] == ["move.refused", "alias.moved"]
    assert [event.name for event in embedded.overviews.timeline("churn", before=found[0].position)] == ["alias.moved"]


def test_too_much_at_once_is_refused(embedded: Registry) -> None:
    with pytest.raises(Invalid, match="1,000"):
        embedded.overviews.runs([str(number) for number in range(1_001)])


def _ann(registry: Registry, name: str = "ann", role: Role = Role.CONTRIBUTOR) -> Registry:
    return registry.acting_as(Actor(name, role))


def test_a_session_stands_for_its_user_until_it_expires(embedded: Registry, clock: Clock) -> None:
    embedded.access.create_user("ann", role="contributor", password="correct horse")
    secret = _ann(embedded).sessions.open()

    assert embedded.sessions.authenticate(secret).actor == Actor("ann", Role.CONTRIBUTOR)

    embedded.access.set_role("ann", "reader")
    assert embedded.sessions.authenticate(secret).actor == Actor("ann", Role.READER)
    clock.tick(12 * 60 * 60 * 1000)
    with pytest.raises(Unauthenticated, match="expired"):
        embedded.sessions.authenticate(secret)


def test_a_session_ends_with_the_password_or_the_token_that_opened_it(embedded: Registry) -> None:
    embedded.access.create_user("ann", role="contributor", password="correct horse")
    embedded.access.create_token("ann", name="ci", role="reader")
    by_password, by_token = _ann(embedded).sessions.open(), _ann(embedded, "ann/ci", Role.READER).sessions.open()
    assert embedded.sessions.authenticate(by_token).actor == Actor("ann/ci", Role.READER)

    embedded.access.set_password("ann", "another horse")
    with pytest.raises(Unauthenticated):
        embedded.sessions.authenticate(by_password)

    embedded.access.revoke_token("ann", "ci")
    with pytest.raises(Unauthenticated):
        embedded.sessions.authenticate(by_token)


def test_a_session_that_was_closed_is_over(embedded: Registry) -> None:
    embedded.access.create_user("ann", role="reader", password="correct horse")
    secret = _ann(embedded).sessions.open()

    _ann(embedded).sessions.close(secret)

    for other in (secret, "", "x" * 64, "0" * 64):
        with pytest.raises(Unauthenticated):
            embedded.sessions.authenticate(other)


def test_nobody_gets_no_session(embedded: Registry) -> None:
    with pytest.raises(Forbidden):
        _ann(embedded, "anonymous", Role.ADMIN).sessions.open()
