"""The client's methods about versions of registered models."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelshelf.domain.artifacts import Manifest
from modelshelf.domain.catalog import ModelVersion as Version
from modelshelf.domain.errors import AlreadyExists, Invalid, NotFound
from modelshelf.domain.names import Stage, version_number
from modelshelf.domain.sources import OutsideSource, parse_source
from modelshelf.sdk import transfers, translation
from modelshelf.sdk.client_part import ClientPart
from modelshelf.sdk.entities import PagedList
from modelshelf.sdk.experiments import texts
from modelshelf.sdk.locations import Shelves, find, local_path
from modelshelf.sdk.model_entities import ModelVersion


class VersionMethods(ClientPart):
    """Numbered versions; a number may be given as text."""

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int = 300,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Make the next version of a model that is there; its files are those at the source now, sealed.

        The source is `runs:/ID/PATH`, `models:/...`, a place in the store, or a local folder; a bucket makes an
        unsealed version. It is complete when the call returns. Raises NotFound for the model, the run or the files.
        """
        manifest = self._manifest(source)
        found = self._registry.catalog.create_version(
            name,
            source="" if local_path(source) is not None else source,
            manifest=manifest,
            run_id=run_id or "",
            run_link=run_link or "",
            logged_model=model_id or "",
            description=description or "",
            tags=texts(tags),
        )
        return translation.model_version(found)

    def _manifest(self, source: str) -> Manifest | None:
        """The files of a source that the registry can't read by itself; None where it can, or nobody should."""
        local = local_path(source)
        if local is not None:
            return transfers.upload_tree(self._registry, transfers.files_in(local))
        if self._shelf is self._registry or isinstance(parse_source(source), OutsideSource):
            return None
        location = find(source, Shelves(self._shelf, self._registry))
        if location.registry is self._registry:
            return None
        with TemporaryDirectory() as scratch:
            folder = Path(scratch, "files")
            transfers.fetch(location.registry, location.manifest, folder)
            return transfers.upload_tree(self._registry, transfers.files_in(folder))

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Make a version of another model, made if it is not there, with the same files, tags and description.

        The source is `models:/NAME/3`, `models:/NAME@alias`, `.../latest` or a stage. Raises NotFound, Invalid.
        """
        if not src_model_uri.startswith("models:/"):
            raise Invalid(f"cannot copy {src_model_uri!r}: name a version by models:/NAME/3 or models:/NAME@ALIAS")
        source = self._registry.catalog.resolve(src_model_uri).version
        with suppress(AlreadyExists):
            self._registry.catalog.create_model(dst_name)
        copy = self._registry.catalog.create_version(
            dst_name,
            source=source.uri if source.sealed else source.source,
            run_id=source.run_id,
            run_link=source.run_link,
            logged_model=source.logged_model,
            description=source.description,
            tags=source.tags,
        )
        return translation.model_version(copy)

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """One version. Raises NotFound."""
        return translation.model_version(self._version(name, version))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of versions, the last changed first unless ordered otherwise. Raises InvalidFilter."""
        page = self._registry.catalog.search_versions(
            filter_string or "", order_by=list(order_by or ()), limit=max_results, page_token=page_token
        )
        return translation.page(page, translation.model_version)

    def update_model_version(self, name: str, version: str | int, description: str | None = None) -> ModelVersion:
        """Set a version's description; None takes it away. Raises NotFound."""
        found = self._registry.catalog.describe_version(name, version_number(version), description or "")
        return translation.model_version(found)

    def transition_model_version_stage(
        self, name: str, version: str | int, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Move a version to None, Staging, Production or Archived, and archive the others there if asked."""
        self._registry.governance.set_stage(
            name, version_number(version), stage, archive_existing=archive_existing_versions
        )
        return translation.model_version(self._version(name, version))

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Delete a version, and aliases that point at it; its number is never given again. Raises NotFound."""
        self._registry.catalog.delete_version(name, version_number(version), force=True)

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag, as text, of a version, or of the newest one in a stage. Raises NotFound."""
        self._registry.catalog.tag_version(name, self._number(name, version, stage), _given(key), str(value))

    def delete_model_version_tag(
        self, name: str, version: str | int | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Remove a tag of a version, or of the newest one in a stage, if it is there. Raises NotFound."""
        self._registry.catalog.untag_version(name, self._number(name, version, stage), _given(key))

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """The URI under which `download_artifacts` gets the version's files; the source, where they lie outside."""
        found = self._version(name, version)
        return found.uri if found.sealed else found.source

    def get_model_version_stages(self, name: str, version: str | int) -> list[str]:
        """The stages that there are."""
        return [stage.value for stage in Stage]

    def _version(self, name: str, version: str | int) -> Version:
        return self._registry.catalog.version(name, version_number(version))

    def _number(self, name: str, version: str | int | None, stage: str | None) -> int:
        if (version is None) == (stage is None):
            raise Invalid("name exactly one of version and stage")
        if stage is None:
            return version_number(version)
        found = self._registry.catalog.latest_versions(name, [stage])
        if not found:
            raise NotFound(f"{name!r} has no version in stage {stage}", model=name, stage=stage)
        return found[0].number


def _given(key: str | None) -> str:
    if key is None:
        raise Invalid("name the tag: key=")
    return key
