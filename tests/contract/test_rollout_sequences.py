"""Whatever is done to rollouts, in whatever order: the ledger, the aliases and the rollouts say the same."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import ShelfError
from modelshelf.domain.governance import Cause, Slot
from modelshelf.domain.rollouts import CANARY, Report, Rollout
from modelshelf.domain.verdicts import Outcomes
from modelshelf.services.registry import Registry
from shelves import Clock, add_version

OPERATIONS = 60


class Office:
    """Somebody who does anything that comes to mind, and servers that step."""

    def __init__(self, shelf: Registry, clock: Clock, dice: random.Random) -> None:
        self.shelf, self.clock, self.dice = shelf, clock, dice
        self.system = shelf.acting_as(Actor("system", Role.ADMIN)).rollouts
        self.model = "fraud"
        shelf.catalog.create_model("fraud")
        for number in range(4):
            add_version(shelf, "fraud", f"weights {number}".encode())
        shelf.governance.set_alias("fraud", "production", 1)
        self.step()

    def act(self) -> str:
        """Do something; what it was. Refusals are answers."""
        likely: list[tuple[int, Callable[[], object]]] = [
            (8, self.start),
            (8, self.step),
            (5, self.report),
            (2, self.pause),
            (2, self.resume),
            (1, self.abort),
            (1, self.finish),
            (2, self.move),
            (3, self.clear),
            (1, self.rollback),
            (1, self.rename),
            (1, self.delete),
        ]
        (chosen,) = self.dice.choices([each for _, each in likely], [weight for weight, _ in likely])
        try:
            chosen()
        except ShelfError as error:
            return f"{chosen.__name__}: {error.code}"
        return chosen.__name__

    def start(self) -> None:
        steps = self.dice.choice([[5, 50], [20], [100], [10, 30, 60]])
        self.shelf.rollouts.start(
            self.model,
            self.dice.randint(1, 5),
            alias=self.dice.choice(["production", "production", "zeta", "able"]),
            steps=steps,
            every_ms=60_000,
            shadow=self.dice.random() < 0.3,
        )

    def step(self) -> None:
        self.clock.tick(self.dice.choice([100, 30_000, 61_000, -20_000]))
        self.system.step_rollouts(self.dice.choice(["server-1", "server-1", "server-2"]))

    def report(self) -> None:
        errors = self.dice.choice([5, 5, 5, 60])
        rollout = self._any()
        step = self.dice.choice([0, rollout.step, 7])
        self.shelf.rollouts.report([Report(rollout.id, step, Outcomes(100, 5), Outcomes(100, errors))])

    def pause(self) -> None:
        self.shelf.rollouts.pause(self._any().id)

    def resume(self) -> None:
        self.shelf.rollouts.resume(self._any().id)

    def abort(self) -> None:
        self.shelf.rollouts.abort(self._any().id)

    def finish(self) -> None:
        self.shelf.rollouts.finish(self._any().id)

    def move(self) -> None:
        alias = self.dice.choice(["production", "production", "zeta", "able", CANARY])
        self.shelf.governance.set_alias(self.model, alias, self.dice.randint(1, 4))

    def clear(self) -> None:
        self.shelf.governance.clear_alias(self.model, self.dice.choice(["zeta", "able", CANARY, CANARY, CANARY]))

    def rollback(self) -> None:
        self.shelf.governance.rollback(self.model, "production")

    def rename(self) -> None:
        other = "swindle" if self.model == "fraud" else "fraud"
        self.shelf.catalog.rename_model(self.model, other)
        self.model = other

    def delete(self) -> None:
        number = add_version(self.shelf, self.model, b"weights 0")
        gone = self.dice.choice([number, self.dice.randint(2, 4)])
        self.shelf.catalog.delete_version(self.model, gone, force=self.dice.random() < 0.5)

    def _any(self) -> Rollout:
        found = self.shelf.rollouts.rollouts(self.model, limit=2)
        return self.dice.choice(found) if found else self.shelf.rollouts.rollout(0)


def check(shelf: Registry, model: str) -> None:
    """What holds at any time."""
    rollouts = shelf.rollouts.rollouts(model, limit=1000)
    live = [each for each in rollouts if each.state.is_live]
    moves = shelf.governance.history(model, limit=10_000)[::-1]
    aliases = dict(shelf.catalog.model(model).aliases)
    assert len(live) <= 1
    for each in live:
        assert aliases.get(each.alias) == each.stable
        assert aliases.get(CANARY) == each.target
    for alias in {move.alias for move in moves if move.slot is Slot.ALIAS and move.alias}:
        path = [move for move in moves if move.slot is Slot.ALIAS and move.alias == alias]
        assert path[0].before is None
        assert all(one.after == other.before for one, other in pairwise(path)), alias
        assert aliases.get(alias) == path[-1].after
        if alias == CANARY and path[-1].after is not None and not live:
            assert path[-1].cause is not Cause.ROLLOUT
    for alias in {move.alias for move in moves if move.slot is Slot.ROUTE}:
        path = [move for move in moves if move.slot is Slot.ROUTE and move.alias == alias]
        assert path[0].before == "0"
        assert all(one.after == other.before for one, other in pairwise(path)), alias
        weight = next((each.weight for each in live if each.alias == alias), 0.0)
        assert float(path[-1].after or 0) == weight
    assert [move.time_ms for move in moves] == sorted(move.time_ms for move in moves)


@pytest.mark.parametrize("seed", range(8))
def test_ledger_aliases_and_rollouts_agree_after_whatever_was_done(embedded: Registry, clock: Clock, seed: int) -> None:
    office = Office(embedded, clock, random.Random(seed))
    done = []

    for _ in range(OPERATIONS):
        done.append(office.act())

        check(embedded, office.model)

    assert any(name == "start" for name in done), done


def test_after_the_model_is_gone_nothing_is_under_way(embedded: Registry, clock: Clock) -> None:
    for seed in range(100, 104):
        office = Office(embedded, clock, random.Random(seed))
        while office.act() != "start":
            check(embedded, office.model)
        ids = [each.id for each in embedded.rollouts.rollouts(office.model)]

        embedded.catalog.delete_model(office.model, force=True)

        assert not any(embedded.rollouts.rollout(each).state.is_live for each in ids)
