"""What clients ask about the server itself, and what this server does not do."""

from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import NEEDED, TEXT, fields, objects
from modelshelf.mlflow_api.routing import REST_3, Body, Endpoint
from modelshelf.services.registry import Registry


def server_info(_registry: Registry, _body: Body) -> Body:
    """What the server can do, as the client asks while it downloads."""
    absent = (
        "workspaces_enabled",
        "trace_archival_enabled",
        "multipart_uploads_enabled",
        "multipart_downloads_enabled",
        "presigned_upload_run_id_supported",
        "presigned_upload_model_id_supported",
    )
    return {"store_type": "SqlStore", **dict.fromkeys(absent, False), "features_enabled": {}}


def not_available(_registry: Registry, _body: Body) -> Body:
    """Part of MLflow's protocol, not of this server."""
    raise Refusal("NOT_IMPLEMENTED", "this registry does not offer that; see its page on compatibility with MLflow")


EVENTS = objects(fields(entity=TEXT, action=TEXT), required=True)
_WEBHOOK = "/mlflow/webhooks/{webhook_id}"

ENDPOINTS = (
    Endpoint("GET", "/mlflow/server-info", server_info, prefixes=REST_3, quick=True),
    Endpoint("POST", "/mlflow/webhooks", not_available, fields(name=NEEDED, url=NEEDED, events=EVENTS)),
    Endpoint("GET", "/mlflow/webhooks", not_available),
    Endpoint("GET", _WEBHOOK, not_available),
    Endpoint("PATCH", _WEBHOOK, not_available),
    Endpoint("DELETE", _WEBHOOK, not_available),
    Endpoint("POST", f"{_WEBHOOK}/test", not_available),
)
