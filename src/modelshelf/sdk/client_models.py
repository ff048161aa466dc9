"""The client's methods about registered models and their aliases."""

from collections.abc import Mapping, Sequence
from typing import Any

from modelshelf.domain.names import version_number
from modelshelf.sdk import translation
from modelshelf.sdk.client_part import ClientPart
from modelshelf.sdk.entities import PagedList
from modelshelf.sdk.experiments import texts
from modelshelf.sdk.model_entities import ModelVersion, RegisteredModel


class ModelMethods(ClientPart):
    """Names that gather versions."""

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Make a registered model. Raises Invalid for a bad name, AlreadyExists where it is taken."""
        found = self._registry.catalog.create_model(name, description=description or "", tags=texts(tags))
        return translation.registered_model(found)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """A registered model with its tags, aliases and the newest version of each stage. Raises NotFound."""
        return translation.registered_model(self._registry.catalog.model(name))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """A page of registered models, by name unless ordered otherwise. Raises InvalidFilter."""
        page = self._registry.catalog.search_models(
            filter_string or "", order_by=list(order_by or ()), limit=max_results, page_token=page_token
        )
        return translation.page(page, translation.registered_model)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a model another name; all that is of it goes with it. Raises NotFound, AlreadyExists."""
        return translation.registered_model(self._registry.catalog.rename_model(name, new_name))

    def update_registered_model(
        self, name: str, description: str | None = None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        """Set a model's description; None takes it away. Raises NotFound."""
        return translation.registered_model(self._registry.catalog.describe_model(name, description or ""))

    def delete_registered_model(self, name: str) -> None:
        """Delete a model with all its versions, aliases or not; the ledger keeps its history. Raises NotFound."""
        self._registry.catalog.delete_model(name, force=True)

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag of a model, as text. Raises NotFound."""
        self._registry.catalog.tag_model(name, key, str(value))

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a model, if it is there. Raises NotFound for the model."""
        self._registry.catalog.untag_model(name, key)

    def set_registered_model_alias(self, name: str, alias: str, version: str | int) -> None:
        """Point an alias at a version, wherever it pointed before. Raises NotFound, Invalid for a bad alias."""
        self._registry.governance.set_alias(name, alias, version_number(version))

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away, if it is there. Raises NotFound for the model."""
        self._registry.governance.clear_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias points at. Raises NotFound."""
        return translation.model_version(self._registry.catalog.resolve(f"models:/{name}@{alias}").version)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version of each of some stages, of all if none is named. Raises NotFound."""
        found = self._registry.catalog.latest_versions(name, list(stages or ()))
        return [translation.model_version(version) for version in found]
