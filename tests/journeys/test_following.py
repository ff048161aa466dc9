"""Following an alias: the model that is right now, swapped in the background, kept where the new one is no good."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import modelshelf
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import Invalid, NotFound, SignatureMismatch
from modelshelf.domain.rollouts import RolloutState
from modelshelf.flavors.schema import ColSpec, Schema
from modelshelf.flavors.signature import ModelSignature
from modelshelf.sdk import session, watching
from modelshelf.sdk.following import Follower
from modelshelf.sdk.live import FollowerState
from modelshelf.services.registry import Registry
from served import ServedShelves
from shelves import Clock, open_shelf

ROWS = pd.DataFrame({"x": [1.0, 2.0]})
PRODUCTION = "models:/fraud@production"


class Constant(modelshelf.pyfunc.PythonModel):
    """Answers one number, or fails while it is loaded or asked."""

    def __init__(self, number: int, *, fails: str = "") -> None:
        self.number, self.fails = number, fails

    def load_context(self, context: Any) -> None:
        if self.fails == "loading":
            raise RuntimeError("no such GPU")

    def predict(self, model_input: pd.DataFrame) -> list[int]:
        if self.fails == "predicting":
            raise RuntimeError("division by zero")
        return [self.number] * len(model_input)


@pytest.fixture(params=["database", "server"])
def shelf(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Registry]:
    """The shelf that the SDK talks to, in this process or over HTTP; events are told within a moment."""
    monkeypatch.setattr(watching, "NEAR_POLL_SECONDS", 0.02)
    monkeypatch.setattr(watching, "REPORT_SECONDS", 0.05)
    with open_shelf(f"sqlite:///{tmp_path}/shelf.db", tmp_path, clock) as opened:
        if request.param == "database":
            session._open[f"sqlite:///{tmp_path}/shelf.db", os.getpid()] = opened
            session.set_tracking_uri(f"sqlite:///{tmp_path}/shelf.db")
            yield opened
        else:
            server: ServedShelves = request.getfixturevalue("served")
            with server.serve(opened) as url:
                session.set_tracking_uri(url)
                yield opened
                session.registry().close()
        while modelshelf.active_run():
            modelshelf.end_run()
        session._open.clear()
        session.set_tracking_uri("")


def log(number: int, *, columns: tuple[str, ...] = ("x",), fails: str = "") -> None:
    signature = ModelSignature(inputs=Schema([ColSpec("double", name) for name in columns]))
    model = Constant(number, fails=fails)
    modelshelf.pyfunc.log_model(
        name="model",
        python_model=model,
        signature=signature,
        registered_model_name="fraud",
        pip_requirements=["modelshelf"],
    )


@pytest.fixture
def fraud(shelf: Registry) -> Registry:
    log(1)
    log(2)
    shelf.governance.set_alias("fraud", "production", 1)
    return shelf


@pytest.fixture
def follower(fraud: Registry) -> Iterator[Follower]:  # noqa: ARG001 - there has to be something to follow
    with modelshelf.follow(PRODUCTION) as followed:
        yield followed


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds, for a while."""
    ends = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends, "it did not come to hold"
        threading.Event().wait(0.005)


def test_the_new_version_answers_after_the_alias_has_moved(fraud: Registry, follower: Follower) -> None:
    before = follower.predict(ROWS)

    fraud.governance.set_alias("fraud", "production", 2)
    until(lambda: follower.version == 2)

    assert (before, follower.predict(ROWS)) == ([1, 1], [2, 2])
    assert (follower.stale_since, follower.last_error) == (None, "")


def test_who_wants_to_know_is_told_of_each_swap(fraud: Registry) -> None:
    seen: list[FollowerState] = []
    with modelshelf.follow(PRODUCTION, on_swap=seen.append):
        fraud.governance.set_alias("fraud", "production", 2)
        until(lambda: len(seen) == 2)

    assert [state.version for state in seen] == [1, 2]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"fails": "loading"}, "no such GPU"),
        ({"columns": ("x", "y")}, "needs the input 'y'"),
    ],
)
def test_the_old_version_stays_where_the_new_one_is_no_good(
    fraud: Registry, follower: Follower, bad: dict[str, Any], says: str
) -> None:
    log(3, **bad)

    fraud.governance.set_alias("fraud", "production", 3)
    until(lambda: follower.stale_since is not None)

    assert follower.predict(ROWS) == [1, 1]
    assert says in follower.last_error
    fraud.governance.set_alias("fraud", "production", 2)
    until(lambda: follower.version == 2)
    assert (follower.stale_since, follower.last_error) == (None, "")


def test_another_signature_passes_where_it_is_wanted(fraud: Registry) -> None:
    log(3, columns=("x", "y"))
    with modelshelf.follow(PRODUCTION, any_signature=True) as follower:
        fraud.governance.set_alias("fraud", "production", 3)
        until(lambda: follower.version == 3)

        with pytest.raises(SignatureMismatch):
            follower.predict(ROWS)


@pytest.mark.parametrize("uri", ["models:/fraud/1", "models:/fraud@production?at=2026-01-01T00:00:00Z"])
def test_what_does_not_move_is_not_followed(uri: str) -> None:
    with pytest.raises(Invalid, match="does not move"):
        modelshelf.follow(uri)


@pytest.mark.usefixtures("fraud")
def test_an_alias_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(NotFound, match="nowhere"):
        modelshelf.follow("models:/fraud@nowhere")


def test_a_stage_can_be_followed_too(fraud: Registry) -> None:
    fraud.governance.set_stage("fraud", 1, "Production")
    with modelshelf.follow("models:/fraud/Production") as follower:
        fraud.governance.set_stage("fraud", 2, "Production")
        until(lambda: follower.version == 2)


def step(shelf: Registry) -> None:
    shelf.acting_as(Actor("system", Role.ADMIN)).rollouts.step_rollouts("server")


def test_a_rollout_splits_by_key_and_stays_with_it(fraud: Registry, follower: Follower) -> None:
    step(fraud)
    fraud.rollouts.start("fraud", 2, alias="production", steps=[50])
    until(lambda: follower.state.target == 2)

    answers = {f"user {number}": follower.predict(ROWS.head(1), key=f"user {number}") for number in range(100)}

    assert {tuple(answer) for answer in answers.values()} == {(1,), (2,)}
    assert answers == {key: follower.predict(ROWS.head(1), key=key) for key in answers}
    assert follower.version == 1


def test_a_version_that_fails_is_reported_and_rolled_back(fraud: Registry, follower: Follower) -> None:
    log(3, fails="predicting")
    step(fraud)
    rollout = fraud.rollouts.start("fraud", 3, alias="production", steps=[50])
    until(lambda: follower.state.target == 3)

    failures = 0
    for number in range(200):
        try:
            follower.predict(ROWS, key=str(number))
        except RuntimeError:
            failures += 1

    assert failures > 50
    until(lambda: step(fraud) or fraud.rollouts.rollout(rollout.id).state is RolloutState.ROLLED_BACK)
    until(lambda: follower.state.target is None)
    assert follower.predict(ROWS, key="0") == [1, 1]


def test_what_requests_were_worth_is_told_by_their_ids(fraud: Registry, follower: Follower) -> None:
    step(fraud)
    rollout = fraud.rollouts.start("fraud", 2, alias="production", steps=[50])
    until(lambda: follower.state.target == 2)
    answers = [follower.answer(ROWS, key=str(number)) for number in range(400)]

    assert all(follower.tell(each.request_id, 10.0 - 5 * (each.version == 2) + n % 3) for n, each in enumerate(answers))

    until(lambda: step(fraud) or fraud.rollouts.rollout(rollout.id).state is RolloutState.ROLLED_BACK)
    assert "outcome" in fraud.rollouts.rollout(rollout.id).why
    assert not follower.tell("made up", 1.0)


def test_a_shadow_is_asked_and_never_heard(fraud: Registry, follower: Follower) -> None:
    log(3, fails="predicting")
    step(fraud)
    rollout = fraud.rollouts.start("fraud", 3, alias="production", steps=[50], shadow=True)
    until(lambda: follower.state.target == 3)

    answers = [follower.predict(ROWS, key=str(number)) for number in range(200)]

    assert answers == [[1, 1]] * 200
    until(lambda: step(fraud) or fraud.rollouts.rollout(rollout.id).state is RolloutState.ROLLED_BACK)


@pytest.mark.usefixtures("follower")
def test_the_fleet_knows_what_a_follower_runs(fraud: Registry) -> None:
    until(lambda: fraud.rollouts.fleet("fraud"))

    (placement,) = fraud.rollouts.fleet("fraud")
    assert placement.summary == "1 of 1 on v1"
    assert placement.loaders[0].beat.digest == fraud.catalog.version("fraud", 1).manifest


def test_many_followers_converge(fraud: Registry) -> None:
    followers = [modelshelf.follow(PRODUCTION) for _ in range(10)]

    fraud.governance.set_alias("fraud", "production", 2)

    until(lambda: all(each.version == 2 for each in followers))
    for each in followers:
        each.close()


def test_a_closed_follower_goes_on_answering_with_what_it_had(fraud: Registry, follower: Follower) -> None:
    step(fraud)
    fraud.rollouts.start("fraud", 2, alias="production", steps=[50], shadow=True)
    until(lambda: follower.state.target == 2)

    follower.close()

    assert [follower.predict(ROWS, key=str(number)) for number in range(50)] == [[1, 1]] * 50


def test_who_is_told_of_a_swap_may_close_the_follower(fraud: Registry) -> None:
    swapped: list[Follower] = []

    def close(state: FollowerState) -> None:
        if state.version == 2:
            swapped.append(follower)
            follower.close()

    follower = modelshelf.follow(PRODUCTION, on_swap=close)
    fraud.governance.set_alias("fraud", "production", 2)

    until(lambda: swapped)
    assert follower.predict(ROWS) == [2, 2]


def test_what_fails_while_it_is_told_of_a_swap_keeps_no_version_out(fraud: Registry) -> None:
    def fail(_: FollowerState) -> None:
        raise RuntimeError("the dashboard is down")

    with modelshelf.follow(PRODUCTION, on_swap=fail) as follower:
        fraud.governance.set_alias("fraud", "production", 2)
        until(lambda: follower.version == 2)

        assert follower.stale_since is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_worth_that_no_report_could_carry_is_refused_at_once(follower: Follower, value: float) -> None:
    with pytest.raises(Invalid, match="what a request was worth"):
        follower.tell("0123456789abcdef-v1-r1-0o", value)


def test_ids_of_rollouts_that_nobody_here_answered_for_are_not_kept(follower: Follower) -> None:
    assert not any(follower.tell(f"0123456789abcdef-v1-r{number}-0o", 1.0) for number in range(100))


def test_a_key_is_as_long_as_may_be_also_for_a_shadow(fraud: Registry, follower: Follower) -> None:
    step(fraud)
    fraud.rollouts.start("fraud", 2, alias="production", steps=[50], shadow=True)
    until(lambda: follower.state.target == 2)

    with pytest.raises(Invalid, match="1024"):
        follower.predict(ROWS, key="x" * 1025)


def test_what_prepares_a_version_may_keep_it_out(fraud: Registry) -> None:
    def prepare(version: int, _: Any) -> None:
        if version == 2:
            raise RuntimeError("too slow")

    with modelshelf.follow(PRODUCTION, prepare=prepare) as follower:
        fraud.governance.set_alias("fraud", "production", 2)
        until(lambda: follower.stale_since is not None)

        assert (follower.version, "too slow" in follower.last_error) == (1, True)


def test_a_watch_that_ends_takes_nobody_along(fraud: Registry) -> None:
    for _ in range(20):
        with modelshelf.follow(PRODUCTION):
            pass
    with modelshelf.follow(PRODUCTION) as follower:
        fraud.governance.set_alias("fraud", "production", 2)

        until(lambda: follower.version == 2)
