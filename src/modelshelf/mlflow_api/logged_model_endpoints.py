"""Logged models: create, get, finalize, tag, search and delete."""

from dataclasses import replace

from modelshelf.domain.errors import AlreadyExists
from modelshelf.domain.search import Field as SearchField
from modelshelf.domain.search import Kind as SearchKind
from modelshelf.domain.search import Order, parse_order
from modelshelf.domain.searchable import LOGGED_MODELS
from modelshelf.domain.tracking import LoggedModelStatus
from modelshelf.mlflow_api import filters, wire
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import INT32, NEEDED, SWITCH, TEXT, Field, Kind, fields, objects
from modelshelf.mlflow_api.model_endpoints import TAG, tags_of
from modelshelf.mlflow_api.paging import Paging, page_of
from modelshelf.mlflow_api.routing import Body, Endpoint
from modelshelf.services.registry import Registry

_STATUSES = {name: status for status, name in wire.LOGGED_MODEL_STATUSES.items()}
_STATUS_NUMBERS = {
    "LOGGED_MODEL_STATUS_UNSPECIFIED": 0,
    "LOGGED_MODEL_PENDING": 1,
    "LOGGED_MODEL_READY": 2,
    "LOGGED_MODEL_UPLOAD_FAILED": 3,
}
_ATTRIBUTES = replace(LOGGED_MODELS.fields, kinds=frozenset())
_PAGE = Paging(default=50, holds=50_000, at_least=None)


def params_of(body: Body) -> dict[str, str]:
    """The params in a body."""
    return {param.get("key", ""): param.get("value", "") for param in body.get("params", ())}


def create(registry: Registry, body: Body) -> Body:
    """Make a logged model, PENDING."""
    made = registry.tracking.create_logged_model(
        body["experiment_id"],
        name=body.get("name") or None,
        run_id=body.get("source_run_id", ""),
        model_type=body.get("model_type", ""),
        tags=tags_of(body),
        params=params_of(body),
    )
    return {"model": wire.logged_model(made)}


def get(registry: Registry, body: Body) -> Body:
    """One logged model."""
    return {"model": wire.logged_model(registry.tracking.logged_model(body["logged_model"]))}


def finalize(registry: Registry, body: Body) -> Body:
    """Say how the upload of its files went."""
    if body["model_id"] != body["logged_model"]:
        raise Refusal.invalid("the parameter 'model_id' is not the model of the path")
    status = _STATUSES.get(body["status"], LoggedModelStatus.UNSPECIFIED)
    return {"model": wire.logged_model(registry.tracking.finalize_logged_model(body["logged_model"], status))}


def delete(registry: Registry, body: Body) -> Body:
    """Mark it deleted."""
    registry.tracking.delete_logged_model(body["logged_model"])
    return {}


def set_tags(registry: Registry, body: Body) -> Body:
    """Set several tags."""
    registry.tracking.tag_logged_model(body["logged_model"], tags_of(body))
    return {}


def delete_tag(registry: Registry, body: Body) -> Body:
    """Remove one tag."""
    registry.tracking.untag_logged_model(body["logged_model"], body["tag_key"])
    return {}


def log_params(registry: Registry, body: Body) -> Body:
    """Add params."""
    try:
        registry.tracking.log_model_params(body["logged_model"], params_of(body))
    except AlreadyExists as error:
        raise Refusal("BAD_REQUEST", error.message) from None
    return {}


def search(registry: Registry, body: Body) -> Body:
    """A page of logged models."""
    text = body.get("filter", "")
    filters.checked(text, filters.SEARCHED_LOGGED_MODELS)
    datasets = [(given.get("dataset_name", ""), given.get("dataset_digest", "")) for given in body.get("datasets", ())]
    if not all(name for name, _ in datasets):
        raise Refusal.missing("dataset_name")
    order = [_order(given) for given in body.get("order_by", ())]
    page = page_of(
        {**body, "max_results": body.get("max_results") or _PAGE.default},
        _PAGE,
        lambda limit, token: registry.tracking.search_logged_models(
            body["experiment_ids"], text, datasets=datasets, order_by=order, limit=limit, page_token=token
        ),
    )
    return page.answer("models", wire.logged_model)


def _order(given: Body) -> Order:
    name, dataset, digest = given.get("field_name", ""), given.get("dataset_name", ""), given.get("dataset_digest", "")
    descending = not given.get("ascending", False)
    if not name.startswith("metrics."):
        field = parse_order([name], _ATTRIBUTES)[0].field
        return Order(field, descending)
    if digest and not dataset:
        raise Refusal.invalid("order_by has a dataset_digest without a dataset_name")
    field = SearchField(SearchKind.METRIC, name.removeprefix("metrics."))
    return Order(field, descending, (dataset, digest) if dataset else None)


_DATASET = fields(dataset_name=TEXT, dataset_digest=TEXT)
_ORDER_BY = fields(field_name=TEXT, ascending=Field(Kind.SWITCH), dataset_name=TEXT, dataset_digest=TEXT)
_ONE = "/mlflow/logged-models/{logged_model}"

ENDPOINTS = (
    Endpoint(
        "POST",
        "/mlflow/logged-models",
        create,
        fields(
            experiment_id=NEEDED,
            name=TEXT,
            model_type=TEXT,
            source_run_id=TEXT,
            params=objects(TAG),
            tags=objects(TAG),
        ),
    ),
    Endpoint(
        "POST",
        "/mlflow/logged-models/search",
        search,
        fields(
            experiment_ids=Field(Kind.TEXT, many=True, required=True),
            filter=TEXT,
            datasets=objects(_DATASET),
            max_results=INT32,
            order_by=objects(_ORDER_BY),
            page_token=TEXT,
        ),
    ),
    Endpoint("GET", _ONE, get, fields(allow_deleted=SWITCH)),
    Endpoint(
        "PATCH",
        _ONE,
        finalize,
        fields(model_id=NEEDED, status=Field(Kind.CHOICE, choices=_STATUS_NUMBERS, required=True)),
    ),
    Endpoint("DELETE", _ONE, delete),
    Endpoint("PATCH", f"{_ONE}/tags", set_tags, fields(tags=objects(TAG))),
    Endpoint("DELETE", f"{_ONE}/tags/{{tag_key}}", delete_tag),
    Endpoint("POST", f"{_ONE}/params", log_params, fields(model_id=NEEDED, params=objects(TAG))),
)
