"""Webhooks as MLflow's clients know them: make, list, get, update, delete, test."""

from typing import Any

from modelshelf.domain.errors import NotFound
from modelshelf.domain.webhooks import TestedWebhook, Webhook, WebhookState
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import NEEDED, TEXT, Field, Fields, Kind, fields, objects
from modelshelf.mlflow_api.paging import Paging, page_of
from modelshelf.mlflow_api.routing import Body, Endpoint
from modelshelf.mlflow_api.webhook_dialect import FORMAT, MlflowDialect
from modelshelf.services.registry import Registry

_ENTITIES = (
    *("ENTITY_UNSPECIFIED", "REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS", "PROMPT"),
    *("PROMPT_VERSION", "PROMPT_TAG", "PROMPT_VERSION_TAG", "PROMPT_ALIAS", "BUDGET_POLICY"),
)
_ACTIONS = ("ACTION_UNSPECIFIED", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED")
_STATUSES = {"ACTIVE": 1, "DISABLED": 2}
_PAGE = Paging(default=100, holds=1_000, at_least=0, at_most=1_000)


def create(registry: Registry, body: Body) -> Body:
    """Make a webhook that is told MLflow's events in MLflow's words."""
    made = registry.events.create_webhook(
        body["name"],
        body["url"],
        events=_events(body),
        format=FORMAT,
        secret=body.get("secret", ""),
        description=body.get("description", ""),
        paused=body.get("status") == "DISABLED",
    )
    return {"webhook": _webhook(made)}


def listing(registry: Registry, body: Body) -> Body:
    """A page of webhooks, also of those that were made elsewhere and can be told in MLflow's words."""
    asked = {**body, "max_results": body.get("max_results") or _PAGE.default}
    page = page_of(asked, _PAGE, lambda limit, token: registry.events.webhooks(limit=limit, page_token=token))
    return page.answer("webhooks", _webhook)


def get(registry: Registry, body: Body) -> Body:
    """One webhook."""
    return {"webhook": _webhook(_found(registry, body))}


def update(registry: Registry, body: Body) -> Body:
    """Change the fields that are given; most that are empty count as left out."""
    found = _found(registry, body)
    changed = registry.events.update_webhook(
        found.id,
        name=body.get("name") or None,
        url=body.get("url") or None,
        events=_events(body) if body.get("events") else None,
        secret=body.get("secret"),
        description=body.get("description"),
    )
    status = body.get("status")
    if status == "DISABLED" and found.state is WebhookState.ACTIVE:
        changed = registry.events.pause_webhook(found.id)
    elif status == "ACTIVE" and found.state is WebhookState.PAUSED:
        changed = registry.events.resume_webhook(found.id, skip=True)
    return {"webhook": _webhook(changed)}


def delete(registry: Registry, body: Body) -> Body:
    """Delete a webhook."""
    registry.events.delete_webhook(_found(registry, body).id)
    return {}


def test(registry: Registry, body: Body) -> Body:
    """Send an example at once."""
    found = _found(registry, body)
    event = _name(body["event"]) if body.get("event") else ""
    tested = registry.events.test_webhook(found.id, event=event if found.format == FORMAT else "")
    return {"result": _result(tested)}


def _found(registry: Registry, body: Body) -> Webhook:
    """The webhook with an id; its name is no name for MLflow."""
    asked = body["webhook_id"]
    found = registry.events.webhook(asked)
    if found.id != asked:
        raise NotFound(f"no webhook has the id {asked!r}", webhook=asked)
    return found


def _events(body: Body) -> list[str]:
    if not body["events"]:
        raise Refusal.invalid("Invalid value [] for parameter 'events': a webhook is told of at least one")
    return sorted({_name(event) for event in body["events"]})


def _name(event: Body) -> str:
    for part in ("entity", "action"):
        if part not in event:
            raise Refusal.missing(f"event.{part}")
    name = f"{event['entity'].lower()}.{event['action'].lower()}"
    if name not in MlflowDialect.names:
        raise Refusal.invalid(f"Invalid event {name!r}: the events are {', '.join(MlflowDialect.names)}")
    return name


def _webhook(found: Webhook) -> dict[str, Any]:
    written: dict[str, Any] = {"webhook_id": found.id, "name": found.name}
    if found.description:
        written["description"] = found.description
    return {
        **written,
        "url": found.url,
        "events": [_event(name) for name in found.events if name in MlflowDialect.names],
        "status": "ACTIVE" if found.state is WebhookState.ACTIVE else "DISABLED",
        "creation_timestamp": found.created_ms,
        "last_updated_timestamp": found.updated_ms,
    }


def _event(name: str) -> dict[str, str]:
    entity, _, action = name.upper().partition(".")
    return {"entity": entity, "action": action}


def _result(tested: TestedWebhook) -> dict[str, Any]:
    result: dict[str, Any] = {"success": tested.delivered}
    if tested.status is None:
        return {**result, "error_message": tested.error}
    return {**result, "response_status": tested.status, "response_body": tested.excerpt}


def _choice(*words: str) -> Field:
    return Field(Kind.CHOICE, choices={word: number for number, word in enumerate(words)})


_EVENT: Fields = fields(entity=_choice(*_ENTITIES), action=_choice(*_ACTIONS))
_STATUS = Field(Kind.CHOICE, choices=_STATUSES)
_PLACE = "/mlflow/webhooks/{webhook_id}"

ENDPOINTS = (
    Endpoint(
        "POST",
        "/mlflow/webhooks",
        create,
        fields(
            name=NEEDED,
            description=TEXT,
            url=NEEDED,
            events=objects(_EVENT, required=True),
            secret=TEXT,
            status=_STATUS,
        ),
    ),
    Endpoint("GET", "/mlflow/webhooks", listing, fields(max_results=Field(Kind.INT32), page_token=TEXT)),
    Endpoint("GET", _PLACE, get),
    Endpoint(
        "PATCH",
        _PLACE,
        update,
        fields(
            name=TEXT,
            description=TEXT,
            url=TEXT,
            events=objects(_EVENT),
            secret=TEXT,
            status=_STATUS,
        ),
    ),
    Endpoint("DELETE", _PLACE, delete),
    Endpoint("POST", f"{_PLACE}/test", test, fields(event=Field(Kind.MESSAGE, shape=_EVENT))),
)
