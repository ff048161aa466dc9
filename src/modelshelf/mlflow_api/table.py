"""All of MLflow's routes."""

from modelshelf.mlflow_api import (
    artifact_endpoints,
    direct_endpoints,
    experiment_endpoints,
    logged_model_endpoints,
    metric_endpoints,
    model_endpoints,
    run_endpoints,
    server_endpoints,
    version_endpoints,
    webhook_endpoints,
)
from modelshelf.mlflow_api.routing import Route

ROUTES: tuple[Route, ...] = (
    *model_endpoints.ENDPOINTS,
    *version_endpoints.ENDPOINTS,
    *experiment_endpoints.ENDPOINTS,
    *run_endpoints.ENDPOINTS,
    *metric_endpoints.ENDPOINTS,
    *logged_model_endpoints.ENDPOINTS,
    *artifact_endpoints.ENDPOINTS,
    *direct_endpoints.ENDPOINTS,
    *server_endpoints.ENDPOINTS,
    *webhook_endpoints.ENDPOINTS,
)
