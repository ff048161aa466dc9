"""Rollouts and the fleet as people type them: on a shelf with a server, and on one without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commandline import Commandline, commandline
from modelshelf.connect import connect
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.fleet import Heartbeat
from modelshelf.domain.rollouts import Report
from modelshelf.domain.verdicts import Outcomes
from modelshelf.services.registry import Registry


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    """A model with three versions, the first in production."""
    with connect(f"sqlite:///{tmp_path}/shelf.db") as found:
        found.catalog.create_model("fraud")
        for _ in range(3):
            found.catalog.create_version("fraud", source="s3://bucket/model")
        found.governance.set_alias("fraud", "production", 1)
        yield found


@pytest.fixture
def run(shelf: Registry) -> Iterator[Commandline]:
    with commandline(shelf.uri) as found:
        yield found


def step(shelf: Registry) -> None:
    """What a server does by itself."""
    shelf.acting_as(Actor("system", Role.ADMIN)).rollouts.step_rollouts("server-1")


START = ("rollout", "start", "fraud", "--to", "2", "--alias", "production")


def test_without_a_server_it_says_what_to_do(run: Commandline) -> None:
    answer = run(*START)

    assert answer.code == 3
    assert "no server is there to step a rollout: run modelshelf server" in answer.err


def test_a_rollout_is_started_shown_held_and_aborted(run: Commandline, shelf: Registry) -> None:
    step(shelf)

    started = run(*START, "--steps", "5,25%,100", "--every", "2h", "--min-requests", "9", "--reason", "better")
    number = str(run.json("rollout", "list", "fraud")["rollouts"][0]["id"])
    shown = run("rollout", "show", number)
    paused = run("rollout", "pause", "fraud", "--reason", "lunch")
    resumed = run("rollout", "resume", number)
    aborted = run("rollout", "abort", "fraud", "--reason", "enough")
    again = run("rollout", "abort", "fraud")

    assert started.out == f"rollout {number} of fraud: production: 1 → 2, running at 5 %\n"
    assert "1 of 3: 5, 25, 100 %" in shown.out
    assert "2h" in shown.out
    assert paused.out == f"rollout {number} of fraud: production: 1 → 2, paused at 5 %, lunch\n"
    assert resumed.out.endswith("running at 5 %\n")
    assert aborted.out.endswith("production: 1 → 2, aborted, enough\n")
    assert (again.code, "is over (aborted)" in again.err) == (3, True)


def test_finish_moves_the_alias(run: Commandline, shelf: Registry) -> None:
    step(shelf)
    run(*START, "--shadow")

    finished = run("rollout", "finish", "fraud")

    assert finished.code == 0
    assert run.json("show", "fraud")["aliases"] == {"production": 2}


def test_what_the_evidence_says_is_shown(run: Commandline, shelf: Registry) -> None:
    step(shelf)
    number = run.json(*START)["rollout"]["id"]
    shelf.rollouts.report([Report(number, 0, Outcomes(2000, 20), Outcomes(2000, 200))])
    step(shelf)

    shown = run("rollout", "show", "fraud")
    record = run.json("rollout", "show", "fraud")["rollout"]
    watched = run("rollout", "show", "fraud", "--watch")

    assert "worse" in shown.out
    assert (record["state"], record["verdict"], record["metrics"][0]["new"]) == ("rolled back", "worse", 0.1)
    assert (watched.code, "rolled back" in watched.out) == (3, True)


def test_a_gate_that_refuses_gives_the_exit_code_of_a_promotion(run: Commandline, shelf: Registry) -> None:
    step(shelf)
    shelf.governance.define_gate("never", model="fraud", alias="production", clauses=["1 > 2"])

    answer = run(*START)

    assert answer.code == 3
    assert "never" in answer.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((*START, "--steps", "five"), 2, "write percents: 5,25,50,100"),
        ((*START, "--steps", "nan"), 2, "must grow"),
        ((*START, "--every", "soon"), 2, "write 30s, 10m, 2h or 1d"),
        ((*START, "--error-rate", "7"), 2, "not between 0 and 1"),
        (("rollout", "show", "fraud"), 4, "has had no rollout"),
        (("rollout", "show", "77"), 4, "no rollout 77"),
        (("rollout", "list", "nobody"), 4, "no registered model"),
        (("fleet", "nobody"), 4, "no registered model"),
    ],
)
def test_what_can_t_be_is_refused_with_the_way_out(
    run: Commandline, shelf: Registry, words: tuple[str, ...], code: int, said: str
) -> None:
    step(shelf)

    answer = run(*words)

    assert answer.code == code, answer.err
    assert said in answer.err


def test_the_fleet_is_told_in_a_sentence(run: Commandline, shelf: Registry) -> None:
    nothing = run("fleet", "fraud")
    shelf.governance.set_alias("fraud", "production", 2)
    shelf.rollouts.beat(
        [Heartbeat(f"l{number}", f"web-{number}", "fraud", "production", 1 if number < 2 else 2) for number in range(5)]
    )

    told = run("fleet", "fraud")
    listed = run("fleet", "fraud", "--all")
    record = run.json("fleet", "fraud")

    assert nothing.out == "no loaders have been heard of lately\n"
    assert "3 of 5 on v2, 2 still on v1: web-0, web-1\n" in told.out
    assert "web-4" not in told.out
    assert "web-4" in listed.out
    assert record["aliases"][0]["wanted"] == [2]
    assert len(record["aliases"][0]["loaders"]) == 5
