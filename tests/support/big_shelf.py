"""A shelf of any size, written with few statements: what plans and times of searches are measured on."""

import random
import string
from collections.abc import Iterator, Mapping
from typing import Any

from modelshelf.database.database import Database, Transaction

START_MS = 1_700_000_000_000
TEAMS = 20
GIANT = "giant"
"""The model that has every fifth version."""

_STAGES = ("Production", "Staging", "Archived")


def fill(database: Database, *, versions: int, seed: int = 1) -> None:
    """Half as many runs as versions, a tenth of the runs in experiments of their own, the rest in experiment 0.

    One version in fifty has a stage; each has the tags `team` (one of twenty) and `commit` (its own), each run the
    params `lr` (one of ten) and `seed` (its own) and the metrics `auc` and `loss`; one in a thousand is named `rare`.
    """
    chance = random.Random(seed)
    with database.write() as tx:
        _experiments(tx)
        _runs(tx, chance, versions // 2)
        _models(tx, chance, max(2, versions // 50))
    with database.write() as tx:
        _versions(tx, chance, versions)


def _experiments(tx: Transaction) -> None:
    tx.many(
        "INSERT INTO experiments (name, lifecycle, created_ms, updated_ms) VALUES (:name, 'active', :at, :at)",
        [{"name": f"experiment-{number}", "at": START_MS + number} for number in range(10)],
    )


def _runs(tx: Transaction, chance: random.Random, count: int) -> None:
    ids = [f"{chance.randrange(16**32):032x}" for _ in range(count)]
    tx.many(
        """
        INSERT INTO runs (id, experiment_id, name, user_name, status, started_ms, ended_ms, lifecycle)
        VALUES (:id, :experiment, :name, 'ann', :status, :at, :at + 1000, 'active')
        """,
        [
            {
                "id": run,
                "experiment": number % 10 + 1 if number % 10 == 3 else 0,
                "name": "rare" if number % 1000 == 7 else f"run-{number}",
                "status": "FAILED" if number % 500 == 1 else "FINISHED",
                "at": START_MS + number * 1000,
            }
            for number, run in enumerate(ids)
        ],
    )
    _pairs(tx, "run_params", "run_id", _run_params(ids))
    _pairs(tx, "run_tags", "run_id", ((run, "mlflow.user", f"user-{n % 50}") for n, run in enumerate(ids)))
    tx.many(
        "INSERT INTO run_metrics (run_id, key, value, time_ms, step) VALUES (:run, :key, :value, 1, 1)",
        [{"run": run, "key": key, "value": chance.random()} for run in ids for key in ("auc", "loss")],
    )


def _run_params(ids: list[str]) -> Iterator[tuple[str, str, str]]:
    for number, run in enumerate(ids):
        yield run, "lr", f"0.{number % 10}"
        yield run, "seed", str(number)


def _models(tx: Transaction, chance: random.Random, count: int) -> None:
    names = [GIANT, *(f"model-{number}-{_word(chance)}" for number in range(1, count))]
    tx.many(
        """
        INSERT INTO registered_models (id, name, description, created_ms, updated_ms, created_by)
        VALUES (:id, :name, '', :at, :at, 'ann')
        """,
        [{"id": number, "name": name, "at": START_MS + number} for number, name in enumerate(names, 1)],
    )
    _pairs(tx, "model_tags", "model_id", ((n, "team", f"team-{n % TEAMS}") for n in range(1, count + 1)))


def _versions(tx: Transaction, chance: random.Random, count: int) -> None:
    models = max(2, count // 50)
    runs = [row["id"] for row in tx.all("SELECT id FROM runs ORDER BY started_ms")]
    numbers: dict[int, int] = {}
    rows: list[Mapping[str, Any]] = []
    for number in range(1, count + 1):
        model = 1 if number % 5 == 0 else 2 + number % (models - 1)
        numbers[model] = numbers.get(model, 0) + 1
        rows.append(
            {
                "id": number,
                "model": model,
                "number": numbers[model],
                "source": f"s3://bucket/{number // 100}/{number}",
                "run": runs[number // 2 % len(runs)],
                "stage": _STAGES[number // 50 % 3] if number % 50 == 0 else "None",
                "at": START_MS + number * 500,
                "by": "bob" if number % 2_000 == 0 else "ann",
                "approval": "Approved" if number % 2_000 == 0 else "",
            }
        )
    tx.many(
        """
        INSERT INTO model_versions (
            id, model_id, number, size, source, origin, run_id, run_link, logged_model, description, stage,
            created_ms, updated_ms, created_by, approval_status
        ) VALUES (:id, :model, :number, 1000, :source, '', :run, '', '', '', :stage, :at, :at, :by, :approval)
        """,
        rows,
    )
    _pairs(tx, "version_tags", "version_id", _version_tags(chance, count))
    tx.many(
        """
        INSERT INTO aliases (model_id, alias, number, moved_ms, moved_by)
        VALUES (:model, 'champion', :number, 1, 'ann')
        """,
        [{"model": model, "number": number} for model, number in numbers.items()],
    )


def _version_tags(chance: random.Random, count: int) -> Iterator[tuple[int, str, str]]:
    for number in range(1, count + 1):
        yield number, "team", f"team-{number % TEAMS}"
        yield number, "commit", f"{chance.randrange(16**20):020x}"
        if number <= count // 4:
            yield number, "era", "early"


def _pairs(tx: Transaction, table: str, owner: str, entries: Any) -> None:
    tx.many(
        f"INSERT INTO {table} ({owner}, key, value) VALUES (:owner, :key, :value)",
        [{"owner": of, "key": key, "value": value} for of, key, value in entries],
    )


def _word(chance: random.Random) -> str:
    return "".join(chance.choice(string.ascii_lowercase) for _ in range(8))
