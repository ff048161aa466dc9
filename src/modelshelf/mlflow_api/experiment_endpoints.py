"""Experiments: create, find, rename, tag, search, delete and restore."""

from modelshelf.domain.errors import AlreadyExists
from modelshelf.domain.sources import STORE_SCHEME, store_path
from modelshelf.domain.tracking import View
from modelshelf.mlflow_api import filters, wire
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import INT64, NEEDED, TEXT, TEXTS, Field, Kind, fields, objects
from modelshelf.mlflow_api.model_endpoints import TAG, tags_of
from modelshelf.mlflow_api.paging import Paging, page_of
from modelshelf.mlflow_api.routing import Body, Endpoint
from modelshelf.services.registry import Registry

VIEWS = {"ACTIVE_ONLY": View.ACTIVE, "DELETED_ONLY": View.DELETED, "ALL": View.ALL}
VIEW = Field(Kind.CHOICE, choices={"ACTIVE_ONLY": 1, "DELETED_ONLY": 2, "ALL": 3}, default="ACTIVE_ONLY")
_PAGE = Paging(default=0, holds=50_000, at_most=50_000)


def create(registry: Registry, body: Body) -> Body:
    """Make an experiment."""
    location = _location(body.get("artifact_location", ""))
    made = registry.tracking.create_experiment(body["name"], location=location, tags=tags_of(body))
    return {"experiment_id": made.id}


def _location(uri: str) -> str:
    """The folder of the store that a URI names. Elsewhere nobody could seal or verify what a client puts there."""
    if not uri:
        return ""
    scheme, _, path = uri.partition(":")
    if scheme != STORE_SCHEME or not path.startswith("/") or path.startswith("//"):
        raise Refusal.invalid(
            f"invalid artifact_location {uri[:200]!r}: files are kept in this registry's own store; leave it out, or "
            f"name a folder in the store, like {STORE_SCHEME}:/team-a"
        )
    return store_path(uri).text


def get(registry: Registry, body: Body) -> Body:
    """One experiment, a deleted one too."""
    return {"experiment": wire.experiment(registry.tracking.experiment(body["experiment_id"]))}


def get_by_name(registry: Registry, body: Body) -> Body:
    """One experiment by its name, a deleted one too."""
    return {"experiment": wire.experiment(registry.tracking.experiment_by_name(body["experiment_name"]))}


def update(registry: Registry, body: Body) -> Body:
    """Give it another name."""
    try:
        registry.tracking.rename_experiment(body["experiment_id"], body["new_name"])
    except AlreadyExists as error:
        raise Refusal("BAD_REQUEST", error.message) from None
    return {}


def delete(registry: Registry, body: Body) -> Body:
    """Mark it deleted, with its runs."""
    registry.tracking.delete_experiment(body["experiment_id"])
    return {}


def restore(registry: Registry, body: Body) -> Body:
    """Undo that."""
    registry.tracking.restore_experiment(body["experiment_id"])
    return {}


def set_tag(registry: Registry, body: Body) -> Body:
    """Set one tag."""
    registry.tracking.tag_experiment(body["experiment_id"], body["key"], body.get("value", ""))
    return {}


def delete_tag(registry: Registry, body: Body) -> Body:
    """Remove one tag."""
    registry.tracking.untag_experiment(body["experiment_id"], body["key"])
    return {}


def search(registry: Registry, body: Body) -> Body:
    """A page of experiments."""
    text = body.get("filter", "")
    filters.checked(text, filters.SEARCHED_EXPERIMENTS)
    order = filters.checked_order(dict.fromkeys(body.get("order_by", ())), filters.SEARCHED_EXPERIMENTS)
    page = page_of(
        body,
        _PAGE,
        lambda limit, token: registry.tracking.search_experiments(
            text, order_by=order, limit=limit, page_token=token, view=VIEWS[body["view_type"]]
        ),
    )
    return page.answer("experiments", wire.experiment)


def search_datasets(registry: Registry, body: Body) -> Body:
    """The datasets that runs of some experiments used."""
    found = registry.tracking.dataset_uses(body.get("experiment_ids", []))
    return {"dataset_summaries": [wire.dataset_use(use) for use in found]} if found else {}


_ONE = fields(experiment_id=NEEDED)
_SEARCH = fields(max_results=INT64, page_token=TEXT, filter=TEXT, order_by=TEXTS, view_type=VIEW)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/mlflow/experiments/create",
        create,
        fields(name=NEEDED, artifact_location=TEXT, tags=objects(TAG)),
    ),
    Endpoint("GET", "/mlflow/experiments/get", get, _ONE),
    Endpoint("GET", "/mlflow/experiments/get-by-name", get_by_name, fields(experiment_name=NEEDED)),
    Endpoint("POST", "/mlflow/experiments/update", update, fields(experiment_id=NEEDED, new_name=NEEDED)),
    Endpoint("POST", "/mlflow/experiments/delete", delete, _ONE),
    Endpoint("POST", "/mlflow/experiments/restore", restore, _ONE),
    Endpoint(
        "POST",
        "/mlflow/experiments/set-experiment-tag",
        set_tag,
        fields(experiment_id=NEEDED, key=NEEDED, value=TEXT),
    ),
    Endpoint("POST", "/mlflow/experiments/delete-experiment-tag", delete_tag, fields(experiment_id=NEEDED, key=NEEDED)),
    Endpoint("POST", "/mlflow/experiments/search", search, _SEARCH),
    Endpoint("GET", "/mlflow/experiments/search", search, _SEARCH),
    Endpoint("POST", "/mlflow/experiments/search-datasets", search_datasets, fields(experiment_ids=TEXTS)),
)
