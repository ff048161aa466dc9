"""How MLflow's webhooks tell events: its names for them, its payloads, its headers."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from modelshelf.domain.events import Event, EventName
from modelshelf.domain.webhook_messages import Message, encoded
from modelshelf.domain.webhooks import model_of, version_of
from modelshelf.mlflow_api.filters import PROMPT_TAG
from modelshelf.services.outlet import Dialect

FORMAT = "mlflow"
SIGNED_AS = {"id": "X-MLflow-Delivery-Id", "time": "X-MLflow-Timestamp", "signature": "X-MLflow-Signature"}
_PROMPT_TYPE = "_mlflow_prompt_type"
_PROMPT_TEXT = "mlflow.prompt.text"
_OF_MODELS = {
    EventName.MODEL_CREATED: "registered_model.created",
    EventName.VERSION_CREATED: "model_version.created",
    EventName.VERSION_TAGGED: "model_version_tag.set",
    EventName.VERSION_UNTAGGED: "model_version_tag.deleted",
    EventName.ALIAS_MOVED: "model_version_alias.created",
    EventName.ALIAS_CLEARED: "model_version_alias.deleted",
}
_OF_PROMPTS = {
    EventName.MODEL_CREATED: "prompt.created",
    EventName.VERSION_CREATED: "prompt_version.created",
    EventName.MODEL_TAGGED: "prompt_tag.set",
    EventName.MODEL_UNTAGGED: "prompt_tag.deleted",
    EventName.VERSION_TAGGED: "prompt_version_tag.set",
    EventName.VERSION_UNTAGGED: "prompt_version_tag.deleted",
    EventName.ALIAS_MOVED: "prompt_alias.created",
    EventName.ALIAS_CLEARED: "prompt_alias.deleted",
}
_ELSEWHERE = "budget_policy.exceeded"
"""MLflow's clients may ask for it; it never happens here."""

Data = dict[str, Any]


def _named(event: Event) -> Data:
    return {"name": model_of(event.subject)}


def _versioned(event: Event) -> Data:
    return {**_named(event), "version": str(version_of(event.subject))}


def _model_created(event: Event) -> Data:
    tags, description = event.data.get("tags", {}), event.data.get("description", "")
    return {**_named(event), "tags": tags, "description": description}


def _prompt_created(event: Event) -> Data:
    created = _model_created(event)
    return {**created, "tags": _without(created["tags"], PROMPT_TAG, _PROMPT_TYPE)}


def _version_created(event: Event) -> Data:
    return {
        **_versioned(event),
        "source": event.data.get("source", ""),
        "run_id": event.data.get("run_id") or None,
        "tags": event.data.get("tags", {}),
        "description": event.data.get("description") or None,
    }


def _prompt_version_created(event: Event) -> Data:
    tags = event.data.get("tags", {})
    return {
        **_versioned(event),
        "template": tags.get(_PROMPT_TEXT),
        "tags": _without(tags, PROMPT_TAG, _PROMPT_TYPE, _PROMPT_TEXT),
        "description": event.data.get("description") or None,
    }


def _tag_set(event: Event) -> Data:
    about = _named(event) if version_of(event.subject) is None else _versioned(event)
    return {**about, "key": event.data["key"], "value": event.data["value"]}


def _tag_deleted(event: Event) -> Data:
    about = _named(event) if version_of(event.subject) is None else _versioned(event)
    return {**about, "key": event.data["key"]}


def _alias_created(event: Event) -> Data:
    return {**_named(event), "alias": event.data["alias"], "version": str(event.data["after"])}


def _alias_deleted(event: Event) -> Data:
    return {**_named(event), "alias": event.data["alias"]}


_DATA: Mapping[str, Callable[[Event], Data]] = {
    "registered_model.created": _model_created,
    "model_version.created": _version_created,
    "model_version_tag.set": _tag_set,
    "model_version_tag.deleted": _tag_deleted,
    "model_version_alias.created": _alias_created,
    "model_version_alias.deleted": _alias_deleted,
    "prompt.created": _prompt_created,
    "prompt_version.created": _prompt_version_created,
    "prompt_tag.set": _tag_set,
    "prompt_tag.deleted": _tag_deleted,
    "prompt_version_tag.set": _tag_set,
    "prompt_version_tag.deleted": _tag_deleted,
    "prompt_alias.created": _alias_created,
    "prompt_alias.deleted": _alias_deleted,
}
_TAG = {"key": "example_key", "value": "example_value"}
_EXAMPLES: Mapping[str, Data] = {
    "created": {"tags": {"example_key": "example_value"}, "description": "An example"},
    "set": _TAG,
    "deleted": {"key": "example_key"},
}


class MlflowDialect:
    """MLflow's names are `entity.action`; those about prompts are models with a tag."""

    names = (*_DATA, _ELSEWHERE)
    model_tags = frozenset({PROMPT_TAG})

    def name(self, event: Event, tags: Mapping[str, str]) -> str:
        own = event.data.get("tags", {}) if event.name == EventName.MODEL_CREATED else {}
        is_prompt = {**tags, **own}.get(PROMPT_TAG, "").lower() == "true"
        return (_OF_PROMPTS if is_prompt else _OF_MODELS).get(event.name, "")

    def message(self, name: str, event: Event, *, id: str) -> Message:
        return _message(name, _DATA[name](event), id=id, time_ms=event.time_ms)

    def example(self, name: str, *, id: str, now_ms: int) -> Message:
        return _message(name, _example(name), id=id, time_ms=now_ms)


DIALECTS: Mapping[str, Dialect] = {FORMAT: MlflowDialect()}


def _message(name: str, data: Data, *, id: str, time_ms: int) -> Message:
    entity, _, action = name.partition(".")
    moment = datetime.fromtimestamp(time_ms / 1000, tz=UTC).isoformat(timespec="microseconds")
    body = {"entity": entity, "action": action, "timestamp": moment, "data": data}
    return Message(id, encoded(body), signed_as=SIGNED_AS)


def _example(name: str) -> Data:
    entity, _, action = name.partition(".")
    if name == _ELSEWHERE:
        return {"budget_policy_id": "example", "budget_unit": "USD", "budget_amount": 100.0, "current_spend": 105.5}
    about: Data = {"name": f"example_{entity.removesuffix('_tag').removesuffix('_alias').removesuffix('_version')}"}
    if "version" in entity and not entity.endswith("_alias"):
        about["version"] = "1"
    if entity.endswith("_alias"):
        return {**about, "alias": "example_alias", **({"version": "1"} if action == "created" else {})}
    if entity == "model_version":
        about |= {"source": "models:/m-1", "run_id": None}
    if entity == "prompt_version":
        about["template"] = "Hello {{name}}!"
    return {**about, **_EXAMPLES[action]}


def _without(tags: Mapping[str, str], *keys: str) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key not in keys}
