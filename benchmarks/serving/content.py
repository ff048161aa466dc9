"""What both registries hold before they are measured: the same models, versions, tags, aliases and runs.

Needs the standard library only, as the Python of either side reads it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

START_MS = 1_700_000_000_000
VERSIONS_OF_A_MODEL = 50
TEAMS = 20
ALIAS = "champion"
EXPERIMENT = "0"
_WORDS = ("churn", "fraud", "price", "demand", "credit", "search", "vision", "speech", "router", "ranker")


@dataclass(frozen=True, slots=True)
class Version:
    model: str
    number: int
    run: str
    at_ms: int
    source: str
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Run:
    id: str
    name: str
    at_ms: int
    metrics: tuple[tuple[str, float], ...]
    params: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """Fifty versions to a model; the alias `champion` of each model points at its newest."""

    versions: int
    runs: int

    @property
    def models(self) -> int:
        return max(1, self.versions // VERSIONS_OF_A_MODEL)

    def model(self, index: int) -> str:
        return f"{_WORDS[index % len(_WORDS)]}-{index}-model"

    def model_names(self) -> list[str]:
        return [self.model(index) for index in range(self.models)]

    def run_id(self, index: int) -> str:
        return f"{random.Random(index % self.runs).randrange(16**32):032x}"

    def commit(self, index: int) -> str:
        return f"{random.Random(index + 7_000_000).randrange(16**20):020x}"

    def numbers(self, model: int) -> int:
        """How many versions a model has."""
        return self.versions // self.models + (1 if model < self.versions % self.models else 0)

    def all_versions(self) -> Iterator[Version]:
        """In the order of their creation: each model gets its next version in turn."""
        for index in range(self.versions):
            model = index % self.models
            yield Version(
                model=self.model(model),
                number=index // self.models + 1,
                run=self.run_id(index),
                at_ms=START_MS + index * 500,
                source=f"s3://bucket/{index // 100}/{index}",
                tags=(("team", f"team-{index % TEAMS}"), ("commit", self.commit(index))),
            )

    def all_runs(self) -> Iterator[Run]:
        for index in range(self.runs):
            chance = random.Random(index + 1_000_000)
            yield Run(
                id=self.run_id(index),
                name=f"run-{index}",
                at_ms=START_MS + index * 1000,
                metrics=(("auc", chance.random()), ("loss", chance.random())),
                params=(("lr", f"0.{index % 10}"), ("seed", str(index))),
            )
