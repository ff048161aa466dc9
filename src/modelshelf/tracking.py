"""The client and the choice of shelves, under the names that programs written for MLflow import them by."""

from modelshelf.sdk.client import MlflowClient
from modelshelf.sdk.session import (
    get_registry_uri,
    get_tracking_uri,
    is_tracking_uri_set,
    set_registry_uri,
    set_tracking_uri,
)

__all__ = [
    "MlflowClient",
    "get_registry_uri",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "set_registry_uri",
    "set_tracking_uri",
]
