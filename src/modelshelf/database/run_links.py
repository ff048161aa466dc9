"""Rows that link runs to datasets, and to the logged models that they used and made."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from modelshelf.database import arrays
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.tracking import Dataset, DatasetInput, DatasetUse, ModelOutput


@dataclass(frozen=True, slots=True)
class Links:
    """The links of several runs, each by the id of its run."""

    inputs: dict[str, list[DatasetInput]] = field(default_factory=dict)
    model_inputs: dict[str, list[str]] = field(default_factory=dict)
    outputs: dict[str, list[ModelOutput]] = field(default_factory=dict)

    def of(self, run_id: str) -> dict[str, Any]:
        """Those of one run, by the names of Run's fields."""
        return {
            "inputs": tuple(self.inputs.get(run_id, ())),
            "model_inputs": tuple(self.model_inputs.get(run_id, ())),
            "outputs": tuple(self.outputs.get(run_id, ())),
        }


def links_by_runs(tx: Transaction, run_ids: Sequence[str]) -> Links:
    """All links of these runs, with three queries: datasets as they were logged, models by their ids."""
    links, ids, among = Links(), json.dumps(list(run_ids)), arrays.texts(tx, "ids")
    for row in tx.all(_dataset_links(tx), ids=ids):
        links.inputs.setdefault(row["run_id"], []).append(_dataset_input(row))
    used = (
        f"SELECT run_id, model_id FROM run_model_inputs WHERE run_id IN (SELECT value FROM {among}) ORDER BY model_id"
    )
    for row in tx.all(used, ids=ids):
        links.model_inputs.setdefault(row["run_id"], []).append(row["model_id"])
    made = f"""
        SELECT run_id, model_id, step FROM run_model_outputs
        WHERE run_id IN (SELECT value FROM {among}) ORDER BY model_id
    """
    for row in tx.all(made, ids=ids):
        links.outputs.setdefault(row["run_id"], []).append(ModelOutput(row["model_id"], row["step"]))
    return links


def _dataset_links(tx: Transaction) -> str:
    tags = arrays.objects(tx, "t.key", "t.value")
    return f"""
        SELECT l.run_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile,
            (SELECT {tags} FROM run_dataset_tags t WHERE t.run_dataset_id = l.id) AS tags
        FROM run_datasets l JOIN datasets d ON d.id = l.dataset_id
        WHERE l.run_id IN (SELECT value FROM {arrays.texts(tx, "ids")})
        ORDER BY l.id
    """


def _dataset_input(row: Row) -> DatasetInput:
    dataset = Dataset(
        name=row["name"],
        digest=row["digest"],
        source_type=row["source_type"],
        source=row["source"],
        schema=row["schema"],
        profile=row["profile"],
    )
    return DatasetInput(dataset, json.loads(row["tags"] or "{}"))


def dataset_uses(tx: Transaction, experiments: Sequence[int], *, context_tag: str, limit: int) -> list[DatasetUse]:
    """The datasets that runs of these experiments used, each once with each part that it played."""
    rows = tx.all(
        f"""
        SELECT DISTINCT d.experiment_id, d.name, d.digest, COALESCE(t.value, '') AS context
        FROM datasets d
        JOIN run_datasets l ON l.dataset_id = d.id
        LEFT JOIN run_dataset_tags t ON t.run_dataset_id = l.id AND t.key = :context_tag
        WHERE d.experiment_id IN (SELECT value FROM {arrays.numbers(tx, "ids")})
        ORDER BY 1, 2, 3, 4
        LIMIT :limit
        """,
        ids=json.dumps(list(experiments)),
        context_tag=context_tag,
        limit=limit,
    )
    return [DatasetUse(str(row["experiment_id"]), row["name"], row["digest"], row["context"]) for row in rows]


def add_datasets(tx: Transaction, experiment_id: str, datasets: Sequence[Dataset]) -> None:
    """Add the datasets that the experiment does not have yet."""
    tx.many(
        """
        INSERT INTO datasets (experiment_id, name, digest, source_type, source, schema, profile)
        VALUES (:experiment_id, :name, :digest, :source_type, :source, :schema, :profile)
        ON CONFLICT (experiment_id, name, digest) DO NOTHING
        """,
        [
            {"experiment_id": int(experiment_id), **asdict(dataset)}
            for dataset in sorted(datasets, key=lambda dataset: (dataset.name, dataset.digest))
        ],
    )


def link_dataset(tx: Transaction, run_id: str, experiment_id: str, used: DatasetInput) -> None:
    """Link a run to a dataset of its experiment; an existing link keeps its tags."""
    link = tx.one(
        """
        INSERT INTO run_datasets (run_id, dataset_id)
        SELECT :run_id, id FROM datasets
        WHERE experiment_id = :experiment_id AND name = :name AND digest = :digest
        ON CONFLICT (run_id, dataset_id) DO NOTHING
        RETURNING id
        """,
        run_id=run_id,
        experiment_id=int(experiment_id),
        name=used.dataset.name,
        digest=used.dataset.digest,
    )
    if link is not None:
        tx.many(
            "INSERT INTO run_dataset_tags (run_dataset_id, key, value) VALUES (:link, :key, :value)",
            [{"link": link["id"], "key": key, "value": value} for key, value in used.tags.items()],
        )


def add_model_inputs(tx: Transaction, run_id: str, model_ids: Sequence[str]) -> None:
    tx.many(
        """
        INSERT INTO run_model_inputs (run_id, model_id) VALUES (:run_id, :model_id)
        ON CONFLICT (run_id, model_id) DO NOTHING
        """,
        [{"run_id": run_id, "model_id": model_id} for model_id in sorted(model_ids)],
    )


def add_model_output(tx: Transaction, run_id: str, output: ModelOutput) -> bool:
    """Add a model that the run made; False where it is there already."""
    return bool(
        tx.execute(
            """
            INSERT INTO run_model_outputs (run_id, model_id, step) VALUES (:run_id, :model_id, :step)
            ON CONFLICT (run_id, model_id) DO NOTHING
            """,
            run_id=run_id,
            model_id=output.model_id,
            step=output.step,
        )
    )
