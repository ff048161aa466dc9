"""The client's methods about logged models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelshelf.sdk import entities, model_entities, run_files, translation
from modelshelf.sdk.client_part import ClientPart
from modelshelf.sdk.experiments import texts


class LoggedModelMethods(ClientPart):
    """Models by their ids, before and beside their registration."""

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> model_entities.LoggedModel:
        """Make a logged model without files, PENDING until it is finalized. Raises NotFound, Invalid."""
        found = self._shelf.tracking.create_logged_model(
            str(experiment_id),
            name=name,
            run_id=source_run_id or "",
            model_type=model_type or "",
            tags=texts(tags),
            params=texts(params),
        )
        return translation.logged_model(found)

    def get_logged_model(self, model_id: str) -> model_entities.LoggedModel:
        """A logged model with all that was measured on it. Raises NotFound."""
        return translation.logged_model(self._shelf.tracking.logged_model(model_id))

    def finalize_logged_model(
        self, model_id: str, status: str | model_entities.LoggedModelStatus
    ) -> model_entities.LoggedModel:
        """Say how it went: READY or FAILED. Raises NotFound."""
        found = self._shelf.tracking.finalize_logged_model(model_id, str(status))
        return translation.logged_model(found)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a logged model. Raises NotFound."""
        self._shelf.tracking.tag_logged_model(model_id, texts(tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag of a logged model. Raises NotFound where there is none."""
        self._shelf.tracking.untag_logged_model(model_id, key)

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Add params of a logged model, all or none. Raises AlreadyExists where one is there already."""
        self._shelf.tracking.log_model_params(model_id, texts(params))

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted. Raises NotFound."""
        self._shelf.tracking.delete_logged_model(model_id)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> entities.PagedList[model_entities.LoggedModel]:
        """A page of the logged models of some experiments, the newest first unless ordered otherwise.

        `datasets` are dicts with `dataset_name` and maybe `dataset_digest`: metrics in the filter count where measured
        on one of them. `order_by` are dicts with `field_name`, and maybe `ascending`, `dataset_name`, `dataset_digest`.
        """
        page = self._shelf.tracking.search_logged_models(
            [str(each) for each in experiment_ids],
            filter_string or "",
            datasets=translation.measured_on(datasets),
            order_by=translation.model_orders(order_by),
            limit=max_results or 100,
            page_token=page_token,
        )
        return translation.page(page, translation.logged_model)

    def log_model_artifact(self, model_id: str, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Store a file of this machine among those of a logged model. Raises NotFound."""
        run_files.put_path(self._shelf, self._model_root(model_id), local_path, artifact_path)

    def log_model_artifacts(self, model_id: str, local_dir: str | Path, artifact_path: str | None = None) -> None:
        """Store what a folder holds among the files of a logged model. Raises NotFound."""
        run_files.put_folder(self._shelf, self._model_root(model_id), local_dir, artifact_path)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[entities.FileInfo]:
        """What lies directly in a folder of a logged model."""
        return run_files.listing(self._shelf, self._model_root(model_id), path)
