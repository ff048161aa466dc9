"""What the parts of the client share: the shelves that it talks to."""

from pathlib import Path

from modelshelf.sdk import session
from modelshelf.services.registry import Registry


class ClientPart:
    """Bound to the URIs in force when it is made, or to those it is given."""

    def __init__(self, tracking_uri: str | Path | None = None, registry_uri: str | Path | None = None) -> None:
        chosen = session.normalized(registry_uri or tracking_uri or session.get_registry_uri())
        self._tracking_uri = session.normalized(tracking_uri or session.get_tracking_uri())
        self._registry_uri = chosen

    @property
    def tracking_uri(self) -> str:
        """Where it logs runs."""
        return self._tracking_uri

    @property
    def _shelf(self) -> Registry:
        return session.opened(self._tracking_uri)

    @property
    def _registry(self) -> Registry:
        return session.opened(self._registry_uri)

    def _root(self, run_id: str) -> str:
        """The folder of the store in which a run's files lie."""
        return self._shelf.tracking.run(run_id).artifact_root

    def _model_root(self, model_id: str) -> str:
        return self._shelf.tracking.logged_model(model_id).artifact_root
