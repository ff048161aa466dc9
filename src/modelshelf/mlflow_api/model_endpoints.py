"""Registered models: create, get, rename, describe, tag, search, delete, and their aliases."""

import re

from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import NotFound
from modelshelf.domain.names import model_name
from modelshelf.mlflow_api import filters, wire
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import MODEL, NEEDED, TEXT, TEXTS, Field, Kind, fields, objects
from modelshelf.mlflow_api.paging import Paging, page_of
from modelshelf.mlflow_api.routing import Body, Endpoint
from modelshelf.mlflow_api.versions_asked import number_of
from modelshelf.services.registry import Registry

TAG = fields(key=TEXT, value=TEXT)
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)
_PAGE = Paging(default=100, holds=1_000, at_least=None)


def tags_of(body: Body) -> dict[str, str]:
    """The tags in a body; of a key given twice the last one counts."""
    return {tag.get("key", ""): tag.get("value", "") for tag in body.get("tags", ())}


def create(registry: Registry, body: Body) -> Body:
    """Make a model."""
    made = registry.catalog.create_model(body["name"], description=body.get("description", ""), tags=tags_of(body))
    return {"registered_model": wire.registered_model(made)}


def get(registry: Registry, body: Body) -> Body:
    """One model."""
    return {"registered_model": wire.registered_model(registry.catalog.model(body["name"]))}


def rename(registry: Registry, body: Body) -> Body:
    """Give it another name, or none but the one it has."""
    if model_name(body["new_name"]) == body["name"]:
        return get(registry, body)
    renamed = registry.catalog.rename_model(body["name"], body["new_name"])
    return {"registered_model": wire.registered_model(renamed)}


def update(registry: Registry, body: Body) -> Body:
    """Set its description."""
    described = registry.catalog.describe_model(body["name"], body.get("description", ""))
    return {"registered_model": wire.registered_model(described)}


def delete(registry: Registry, body: Body) -> Body:
    """Delete it with all its versions; clients of MLflow expect that aliases are no hindrance."""
    registry.catalog.delete_model(body["name"], force=True)
    return {}


def search(registry: Registry, body: Body) -> Body:
    """A page of models, without prompts unless the filter asks for them."""
    text = filters.without_prompts(body.get("filter", ""), filters.MODELS)
    order = filters.checked_order(body.get("order_by", ()), filters.MODELS)
    page = page_of(
        body,
        _PAGE,
        lambda limit, token: registry.catalog.search_models(text, order_by=order, limit=limit, page_token=token),
    )
    return page.answer("registered_models", wire.registered_model)


def latest_versions(registry: Registry, body: Body) -> Body:
    """The newest version of each stage."""
    found = registry.catalog.latest_versions(body["name"], body.get("stages", ()))
    return {"model_versions": [wire.model_version(version) for version in found]} if found else {}


def set_tag(registry: Registry, body: Body) -> Body:
    """Set one tag."""
    registry.catalog.tag_model(body["name"], body["key"], body.get("value", ""))
    return {}


def delete_tag(registry: Registry, body: Body) -> Body:
    """Remove one tag, if it is there."""
    registry.catalog.untag_model(body["name"], body["key"])
    return {}


def set_alias(registry: Registry, body: Body) -> Body:
    """Point an alias at a version."""
    registry.governance.set_alias(body["name"], body["alias"], number_of(body))
    return {}


def delete_alias(registry: Registry, body: Body) -> Body:
    """Take an alias away, if it is there."""
    if _RESERVED.fullmatch(body["alias"]):
        registry.catalog.model(body["name"])
        return {}
    registry.governance.clear_alias(body["name"], body["alias"])
    return {}


def version_by_alias(registry: Registry, body: Body) -> Body:
    """The version an alias points at. An alias that is not there is an invalid value to MLflow, a model is missing."""
    if body["alias"].lower() == "latest":
        return {"model_version": wire.model_version(_newest(registry, body["name"]))}
    try:
        found = registry.catalog.version_by_alias(body["name"], body["alias"])
    except NotFound as error:
        if "alias" in error.details:
            raise Refusal.invalid(f"Registered model alias {body['alias']} not found.") from None
        raise
    return {"model_version": wire.model_version(found)}


def _newest(registry: Registry, name: str) -> ModelVersion:
    found = registry.catalog.latest_versions(name)
    if not found:
        raise Refusal("RESOURCE_DOES_NOT_EXIST", f"the model {name!r} has no versions yet")
    return max(found, key=lambda version: version.number)


_NAMED = fields(name=MODEL)
_TAGGED = fields(name=MODEL, key=NEEDED, value=TEXT)
_ALIASED = fields(name=MODEL, alias=NEEDED)
_LATEST = fields(name=MODEL, stages=TEXTS)
_SEARCH = fields(filter=TEXT, max_results=Field(Kind.INT64, at_most=_PAGE.holds), order_by=TEXTS, page_token=TEXT)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/mlflow/registered-models/create",
        create,
        fields(name=MODEL, tags=objects(TAG), description=TEXT),
        quick=True,
    ),
    Endpoint("GET", "/mlflow/registered-models/get", get, _NAMED, quick=True),
    Endpoint("POST", "/mlflow/registered-models/rename", rename, fields(name=MODEL, new_name=MODEL)),
    Endpoint("PATCH", "/mlflow/registered-models/update", update, fields(name=MODEL, description=TEXT)),
    Endpoint("DELETE", "/mlflow/registered-models/delete", delete, _NAMED),
    Endpoint("GET", "/mlflow/registered-models/search", search, _SEARCH),
    Endpoint("POST", "/mlflow/registered-models/get-latest-versions", latest_versions, _LATEST),
    Endpoint("GET", "/mlflow/registered-models/get-latest-versions", latest_versions, _LATEST),
    Endpoint("POST", "/mlflow/registered-models/set-tag", set_tag, _TAGGED, quick=True),
    Endpoint("DELETE", "/mlflow/registered-models/delete-tag", delete_tag, fields(name=MODEL, key=NEEDED)),
    Endpoint(
        "POST",
        "/mlflow/registered-models/alias",
        set_alias,
        fields(name=MODEL, alias=NEEDED, version=NEEDED),
        quick=True,
    ),
    Endpoint("DELETE", "/mlflow/registered-models/alias", delete_alias, _ALIASED, quick=True),
    Endpoint("GET", "/mlflow/registered-models/alias", version_by_alias, _ALIASED, quick=True),
)
