"""The client, under the name that programs written for MLflow import it by."""

from modelshelf.sdk.client import MlflowClient

__all__ = ["MlflowClient"]
