"""Versions of registered models: create, get, describe, stage, tag, search, delete, and where to download them."""

from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.names import ModelUri, Stage, stage_name
from modelshelf.domain.sources import store_uri
from modelshelf.mlflow_api import filters, sources, wire
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import MODEL, NEEDED, SWITCH, TEXT, TEXTS, Field, Kind, fields, objects
from modelshelf.mlflow_api.model_endpoints import TAG, tags_of
from modelshelf.mlflow_api.paging import Paging, page_of
from modelshelf.mlflow_api.routing import Body, Endpoint
from modelshelf.mlflow_api.versions_asked import number_of
from modelshelf.services.registry import Registry

_PAGE = Paging(default=200_000, holds=200_000)
_ORDER = ("last_updated_timestamp DESC", "name ASC", "version_number DESC")


def create(registry: Registry, body: Body) -> Body:
    """Register a version, also before its files are there."""
    tags = tags_of(body)
    if tags.get(filters.PROMPT_TAG, "").lower() == "true":
        return {"model_version": wire.model_version(sources.create_prompt(registry, body, tags))}
    origin = sources.origin_of(registry, body)
    made = registry.catalog.create_version_ahead(
        body["name"],
        source=origin.source,
        run_id=origin.run_id,
        run_link=body.get("run_link", ""),
        logged_model=origin.logged_model,
        description=body.get("description", ""),
        tags=tags,
    )
    return {"model_version": wire.model_version(made)}


def get(registry: Registry, body: Body) -> Body:
    """One version."""
    return {"model_version": wire.model_version(registry.catalog.version(body["name"], number_of(body)))}


def update(registry: Registry, body: Body) -> Body:
    """Set its description, if one is given."""
    number = number_of(body)
    if "description" in body:
        found = registry.catalog.describe_version(body["name"], number, body["description"])
    else:
        found = registry.catalog.version(body["name"], number)
    return {"model_version": wire.model_version(found)}


def transition_stage(registry: Registry, body: Body) -> Body:
    """Move it to a stage."""
    name, number = body["name"], number_of(body)
    archive = body.get("archive_existing_versions", False)
    if archive and stage_name(body["stage"]) not in {Stage.STAGING, Stage.PRODUCTION}:
        raise Refusal.invalid("archive_existing_versions goes with the stages Staging and Production only")
    registry.governance.set_stage(name, number, body["stage"], archive_existing=archive)
    return {"model_version": wire.model_version(registry.catalog.version(name, number))}


def delete(registry: Registry, body: Body) -> Body:
    """Delete it; its aliases end with it, as clients of MLflow expect, and the ledger tells so."""
    registry.catalog.delete_version(body["name"], number_of(body), force=True)
    return {}


def search(registry: Registry, body: Body) -> Body:
    """A page of versions, without those of prompts unless the filter asks for them."""
    text = filters.without_prompts(body.get("filter", ""), filters.VERSIONS)
    order = filters.checked_order(body.get("order_by") or _ORDER, filters.VERSIONS)
    page = page_of(
        body,
        _PAGE,
        lambda limit, token: registry.catalog.search_versions(text, order_by=order, limit=limit, page_token=token),
    )
    return page.answer("model_versions", wire.model_version)


def download_uri(registry: Registry, body: Body) -> Body:
    """Where the files are: the sealed ones, or the source of what is not sealed yet."""
    version = registry.catalog.version(body.get("name", ""), number_of(body))
    return {"artifact_uri": _place(registry, version)}


def _place(registry: Registry, version: ModelVersion) -> str:
    if version.manifest is not None:
        return store_uri(f"sealed/{version.manifest.removeprefix('sha256:')}")
    origin = version.origin or version.source
    if ModelUri.is_model_uri(origin):
        uri = ModelUri.parse(origin)
        if uri.logged_model:
            return store_uri(registry.tracking.logged_model(uri.logged_model).artifact_root)
    return origin


def set_tag(registry: Registry, body: Body) -> Body:
    """Set one tag."""
    registry.catalog.tag_version(body["name"], number_of(body), body["key"], body.get("value", ""))
    return {}


def delete_tag(registry: Registry, body: Body) -> Body:
    """Remove one tag, if it is there."""
    registry.catalog.untag_version(body["name"], number_of(body), body["key"])
    return {}


_ONE = fields(name=MODEL, version=NEEDED)
_CREATE = fields(
    name=MODEL, source=NEEDED, run_id=TEXT, tags=objects(TAG), run_link=TEXT, description=TEXT, model_id=TEXT
)
_SEARCH = fields(filter=TEXT, max_results=Field(Kind.INT64, at_most=_PAGE.holds), order_by=TEXTS, page_token=TEXT)
_STAGE = fields(name=MODEL, version=NEEDED, stage=NEEDED, archive_existing_versions=SWITCH)

ENDPOINTS = (
    Endpoint("POST", "/mlflow/model-versions/create", create, _CREATE, quick=True),
    Endpoint("GET", "/mlflow/model-versions/get", get, _ONE, quick=True),
    Endpoint("PATCH", "/mlflow/model-versions/update", update, fields(name=MODEL, version=NEEDED, description=TEXT)),
    Endpoint("POST", "/mlflow/model-versions/transition-stage", transition_stage, _STAGE, quick=True),
    Endpoint("DELETE", "/mlflow/model-versions/delete", delete, _ONE),
    Endpoint("GET", "/mlflow/model-versions/search", search, _SEARCH),
    Endpoint(
        "GET", "/mlflow/model-versions/get-download-uri", download_uri, fields(name=TEXT, version=TEXT), quick=True
    ),
    Endpoint(
        "POST",
        "/mlflow/model-versions/set-tag",
        set_tag,
        fields(name=MODEL, version=NEEDED, key=NEEDED, value=TEXT),
        quick=True,
    ),
    Endpoint("DELETE", "/mlflow/model-versions/delete-tag", delete_tag, fields(name=MODEL, version=NEEDED, key=NEEDED)),
)
