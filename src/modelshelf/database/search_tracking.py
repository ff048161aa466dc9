"""Where the fields of experiments, runs and logged models are."""

from modelshelf.database.search_entities import Column, Entity, Lookup, Side, Walk, numbers_by_key, own, texts_by_key
from modelshelf.domain.search import Kind
from modelshelf.domain.searchable import EXPERIMENTS as SEARCHABLE_EXPERIMENTS
from modelshelf.domain.searchable import LOGGED_MODELS as SEARCHABLE_LOGGED_MODELS
from modelshelf.domain.searchable import RUNS as SEARCHABLE_RUNS

EXPERIMENTS = Entity(
    searchable=SEARCHABLE_EXPERIMENTS,
    rows="experiments r",
    id="r.id",
    attributes={
        "experiment_id": Column("r.id", lookup=own("experiments", "id")),
        "name": Column("r.name", lookup=own("experiments", "name")),
        "created": Column("r.created_ms", lookup=own("experiments", "created_ms")),
        "updated": Column("r.updated_ms", lookup=own("experiments", "updated_ms")),
    },
    sides={Kind.TAG: texts_by_key("experiment_tags", "experiment_id", "r.id")},
    walks={
        "experiment_id": Walk("r.id", "experiments r"),
        "name": Walk("r.name", "experiments r"),
        "created": Walk("r.created_ms", "experiments r"),
        "updated": Walk("r.updated_ms", "experiments r"),
    },
)


def _dataset(column: str, indexed: str, *, cut: bool) -> Side:
    value = f"d.{column}"
    return Side(
        "run_datasets e CROSS JOIN datasets d",
        "e.run_id = r.id AND d.id = e.dataset_id",
        value,
        lookup=Lookup(
            "datasets d CROSS JOIN run_datasets e", "e.run_id", value, indexed, cut, joined="e.dataset_id = d.id"
        ),
    )


_CONTEXT = "d.key = 'mlflow.data.context'"

RUNS = Entity(
    searchable=SEARCHABLE_RUNS,
    rows="runs r",
    id="r.id",
    attributes={
        "run_id": Column("r.id", lookup=own("runs", "id")),
        "run_name": Column("r.name", lookup=own("runs", "name", cut=True)),
        "status": Column("r.status"),
        "start_time": Column("r.started_ms", lookup=own("runs", "started_ms")),
        "end_time": Column("r.ended_ms", nullable=True, lookup=own("runs", "ended_ms")),
        "duration": Column("(r.ended_ms - r.started_ms)", nullable=True),
        "user_id": Column("r.user_name", lookup=own("runs", "user_name", cut=True)),
        "experiment_id": Column("r.experiment_id", lookup=own("runs", "experiment_id")),
        "artifact_uri": Column(
            "('mlflow-artifacts:/' || CAST(r.experiment_id AS TEXT) || '/' || r.id || '/artifacts')"
        ),
    },
    sides={
        Kind.TAG: texts_by_key("run_tags", "run_id", "r.id", trigrams="run_tag_trigrams"),
        Kind.PARAM: texts_by_key("run_params", "run_id", "r.id"),
        Kind.METRIC: numbers_by_key(
            "run_metrics", "run_id", "r.id", walk=Walk("d.value", "run_metrics d", "runs r", "r.id = d.run_id")
        ),
    },
    datasets={
        "name": _dataset("name", "substr(d.name, 1, 200)", cut=True),
        "digest": _dataset("digest", "d.digest", cut=False),
        "context": Side(
            "run_datasets e CROSS JOIN run_dataset_tags d",
            f"e.run_id = r.id AND d.run_dataset_id = e.id AND {_CONTEXT}",
            "d.value",
            lookup=Lookup(
                "run_dataset_tags d CROSS JOIN run_datasets e",
                "e.run_id",
                "d.value",
                "substr(d.value, 1, 200)",
                cut=True,
                joined=f"e.id = d.run_dataset_id AND {_CONTEXT}",
            ),
        ),
    },
    walks={"start_time": Walk("r.started_ms", "runs r"), "run_id": Walk("r.id", "runs r")},
)

LOGGED_MODELS = Entity(
    searchable=SEARCHABLE_LOGGED_MODELS,
    rows="logged_models r",
    id="r.id",
    attributes={
        "model_id": Column("r.id", lookup=own("logged_models", "id")),
        "name": Column("r.name", lookup=own("logged_models", "name", cut=True)),
        "model_type": Column("NULLIF(r.model_type, '')", nullable=True),
        "status": Column("r.status"),
        "run_id": Column("NULLIF(r.run_id, '')", nullable=True, lookup=own("logged_models", "run_id")),
        "created": Column("r.created_ms", lookup=own("logged_models", "created_ms")),
        "updated": Column("r.updated_ms", lookup=own("logged_models", "updated_ms")),
        "experiment_id": Column("r.experiment_id", lookup=own("logged_models", "experiment_id")),
    },
    sides={
        Kind.TAG: texts_by_key("logged_model_tags", "model_id", "r.id"),
        Kind.PARAM: texts_by_key("logged_model_params", "model_id", "r.id"),
        Kind.METRIC: numbers_by_key(
            "logged_model_metrics", "model_id", "r.id", latest="d.time_ms DESC, d.step DESC, d.run_id"
        ),
    },
    walks={
        "created": Walk("r.created_ms", "logged_models r"),
        "updated": Walk("r.updated_ms", "logged_models r"),
        "model_id": Walk("r.id", "logged_models r"),
    },
)
