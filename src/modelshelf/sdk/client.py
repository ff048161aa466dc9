"""One client for everything: the methods of MLflow's, each a single call of the shelf."""

from modelshelf.sdk.client_artifacts import ArtifactMethods
from modelshelf.sdk.client_logged_models import LoggedModelMethods
from modelshelf.sdk.client_models import ModelMethods
from modelshelf.sdk.client_runs import RunMethods
from modelshelf.sdk.client_versions import VersionMethods


class MlflowClient(RunMethods, ArtifactMethods, LoggedModelMethods, ModelMethods, VersionMethods):
    """Runs, their files, logged models, registered models and versions, each named by its id or name.

    `MlflowClient()` talks to the shelves in force when it is made; `MlflowClient(tracking_uri=..., registry_uri=...)`
    to those given, where a tracking URI alone stands for both.
    """
