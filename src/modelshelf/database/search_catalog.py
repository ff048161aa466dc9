"""Where the fields of registered models and of versions are."""

from dataclasses import replace

from modelshelf.database.search_entities import Column, Entity, Lookup, Side, Walk, numbers_by_key, own, texts_by_key
from modelshelf.domain.search import Kind
from modelshelf.domain.searchable import MODELS as SEARCHABLE_MODELS
from modelshelf.domain.searchable import VERSIONS as SEARCHABLE_VERSIONS

_MODELS, _VERSIONS = "registered_models", "model_versions"

MODELS = Entity(
    searchable=SEARCHABLE_MODELS,
    rows="registered_models m",
    id="m.id",
    attributes={
        "name": Column("m.name", lookup=replace(own(_MODELS, "name"), trigrams="model_name_trigrams")),
        "created": Column("m.created_ms", lookup=own(_MODELS, "created_ms")),
        "updated": Column("m.updated_ms", lookup=own(_MODELS, "updated_ms")),
        "description": Column("m.description"),
        "created_by": Column("m.created_by", lookup=own(_MODELS, "created_by")),
        "alias": Side(
            "aliases d", "d.model_id = m.id", "d.alias", lookup=Lookup("aliases d", "d.model_id", "d.alias", "d.alias")
        ),
        "stage": Side(
            "model_versions d",
            "d.model_id = m.id",
            "d.stage",
            lookup=Lookup("model_versions d", "d.model_id", "d.stage", "d.stage"),
        ),
    },
    sides={Kind.TAG: texts_by_key("model_tags", "model_id", "m.id", trigrams="model_tag_trigrams")},
    walks={
        "name": Walk("m.name", "registered_models m"),
        "created": Walk("m.created_ms", "registered_models m"),
        "updated": Walk("m.updated_ms", "registered_models m"),
    },
)


def _of_run(side: Side) -> Side:
    """What a run logged, as found from its versions."""
    assert side.lookup is not None
    rows = f"{side.lookup.rows} CROSS JOIN model_versions e"
    return replace(side, lookup=replace(side.lookup, rows=rows, id="e.id", joined="e.run_id = d.run_id"))


_RUN_PARAMS = texts_by_key("run_params", "run_id", "v.run_id")
_RUN_METRICS = numbers_by_key(
    "run_metrics",
    "run_id",
    "v.run_id",
    walk=Walk("d.value", "run_metrics d", "model_versions v CROSS JOIN registered_models m", "v.run_id = d.run_id"),
)

VERSIONS = Entity(
    searchable=SEARCHABLE_VERSIONS,
    rows="model_versions v CROSS JOIN registered_models m",
    joined="m.id = v.model_id",
    id="v.id",
    attributes={
        "name": Column(
            "m.name",
            lookup=Lookup(
                "registered_models d CROSS JOIN model_versions e",
                "e.id",
                "d.name",
                "d.name",
                joined="e.model_id = d.id",
                trigrams="model_name_trigrams",
            ),
        ),
        "version": Column("v.number"),
        "alias": Side(
            "aliases d",
            "d.model_id = v.model_id AND d.number = v.number",
            "d.alias",
            lookup=Lookup(
                "aliases d CROSS JOIN model_versions e",
                "e.id",
                "d.alias",
                "d.alias",
                joined="e.model_id = d.model_id AND e.number = d.number",
            ),
        ),
        "stage": Column("v.stage", lookup=own(_VERSIONS, "stage")),
        "approval_status": Column("v.approval_status", lookup=own(_VERSIONS, "approval_status")),
        "run_id": Column("v.run_id", lookup=own(_VERSIONS, "run_id")),
        "source": Column("v.source", lookup=own(_VERSIONS, "source", cut=True)),
        "created": Column("v.created_ms", lookup=own(_VERSIONS, "created_ms")),
        "updated": Column("v.updated_ms", lookup=own(_VERSIONS, "updated_ms")),
        "created_by": Column("v.created_by", lookup=own(_VERSIONS, "created_by")),
        "description": Column("v.description"),
        "size": Column("v.size"),
        "manifest": Column("v.manifest", nullable=True, lookup=own(_VERSIONS, "manifest")),
        "logged_model": Column("v.logged_model", lookup=own(_VERSIONS, "logged_model")),
    },
    sides={
        Kind.TAG: texts_by_key("version_tags", "version_id", "v.id", trigrams="version_tag_trigrams"),
        Kind.PARAM: _of_run(_RUN_PARAMS),
        Kind.METRIC: _of_run(_RUN_METRICS),
    },
    walks={
        "name": Walk("m.name", "registered_models m", "model_versions v"),
        "created": Walk("v.created_ms", "model_versions v", "registered_models m"),
        "updated": Walk("v.updated_ms", "model_versions v", "registered_models m"),
    },
)

WITHIN_MODEL = Walk("v.number", "model_versions v", "registered_models m")
"""The versions of one model in the order of their numbers."""
