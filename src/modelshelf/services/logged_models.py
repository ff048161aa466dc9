"""Logged models: the models that runs made, before and beside their registration."""

from collections.abc import Mapping

from modelshelf.database import logged_models, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.batches import check_logged_model_entries, check_logged_model_name
from modelshelf.domain.errors import AlreadyExists, NotFound
from modelshelf.domain.events import EventName
from modelshelf.domain.names import bounded, did_you_mean
from modelshelf.domain.run_names import random_name
from modelshelf.domain.tracking import Lifecycle, LoggedModel, LoggedModelStatus, logged_model_status
from modelshelf.services import sealing
from modelshelf.services.runs import Runs

_NEAR_NAMES = 1_000
_TEXT_LIMIT = 1_000


class LoggedModels(Runs):
    """Models by their ids. Tags and params of theirs make no events."""

    def create_logged_model(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        run_id: str = "",
        model_type: str = "",
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> LoggedModel:
        """Make a logged model, PENDING until it is finalized; without a name it gets a random one.

        Raises NotFound or Conflict where the experiment is missing or deleted, Invalid for a bad name. The run may be
        one that this shelf does not know.
        """
        self._actor.require(Permission.WRITE)
        now_ms, named = self._clock(), check_logged_model_name(name) if name else random_name(self._entropy(8))
        checked_params = check_logged_model_entries(params or {}, "param")
        checked_tags = check_logged_model_entries(tags or {}, "tag")
        with self._database.write() as tx:
            experiment = self._writable_experiment(tx, experiment_id)
            model = LoggedModel(
                id=f"m-{self._entropy(16).hex()}",
                experiment_id=experiment.id,
                name=named,
                created_ms=now_ms,
                updated_ms=now_ms,
                model_type=bounded(model_type, "model type", _TEXT_LIMIT),
                run_id=bounded(run_id, "run id", _TEXT_LIMIT),
                params=checked_params,
                tags=checked_tags,
                location=experiment.location,
            )
            logged_models.insert_logged_model(tx, model)
            data = {"experiment_id": model.experiment_id, "run_id": run_id, "name": model.name}
            self._append(tx, EventName.LOGGED_MODEL_CREATED, f"logged_models/{model.id}", data, now_ms)
        return model

    def logged_model(self, model_id: str) -> LoggedModel:
        """A logged model with all that was measured on it. Raises NotFound, for a deleted one too."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            found = self._logged_model(tx, model_id)
        if found.lifecycle is Lifecycle.DELETED:
            raise self._no_logged_model(model_id)
        return found

    def logged_model_of(self, run_id: str, name: str) -> LoggedModel:
        """The newest model that a run logged by this name: what `runs:/RUN_ID/NAME` stands for. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            ids = logged_models.models_of_run(tx, run_id, name)
            if not ids:
                near = did_you_mean(name, logged_models.model_names_of_run(tx, run_id, _NEAR_NAMES))
                raise NotFound(f"the run {run_id} logged no model {name!r}{near}", run_id=run_id, name=name)
            return self._logged_model(tx, ids[0])

    def finalize_logged_model(
        self, model_id: str, status: LoggedModelStatus | str, *, message: str = ""
    ) -> LoggedModel:
        """Say how the upload of its files went: READY or FAILED; any status may follow any other. Raises NotFound."""
        self._actor.require(Permission.WRITE)
        now_ms, wanted = self._clock(), logged_model_status(status)
        message = bounded(message, "status message", _TEXT_LIMIT)
        with self._database.write() as tx:
            if not logged_models.set_model_status(tx, model_id, wanted, message, now_ms=now_ms):
                raise self._no_logged_model(model_id)
            data = {"status": wanted.value}
            self._append(tx, EventName.LOGGED_MODEL_FINALIZED, f"logged_models/{model_id}", data, now_ms)
            if wanted is LoggedModelStatus.READY:
                for version in versions.unsealed_of_logged_model(tx, model_id):
                    sealing.seal(tx, self._blobs, version, actor=self._actor.name, now_ms=now_ms)
            return self._logged_model(tx, model_id)

    def tag_logged_model(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        """Set tags: keys of at most 500, values of at most 100,000 characters. Raises NotFound."""
        self._actor.require(Permission.WRITE)
        checked = check_logged_model_entries(tags, "tag")
        with self._database.write() as tx:
            self._logged_model(tx, model_id)
            logged_models.set_model_tags(tx, model_id, checked)
            return self._logged_model(tx, model_id)

    def untag_logged_model(self, model_id: str, key: str) -> None:
        """Remove a tag. Raises NotFound where there is no such tag."""
        self._actor.require(Permission.WRITE)
        with self._database.write() as tx:
            found = self._logged_model(tx, model_id)
            if not logged_models.delete_model_tag(tx, model_id, key):
                near = did_you_mean(key, found.tags)
                raise NotFound(f"the logged model {model_id} has no tag {key!r}{near}", model_id=model_id, key=key)

    def log_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Add params, all or none. Raises AlreadyExists where one of them is there already, NotFound."""
        self._actor.require(Permission.WRITE)
        checked = check_logged_model_entries(params, "param")
        with self._database.write() as tx:
            self._logged_model(tx, model_id)
            taken = logged_models.add_model_params(tx, model_id, checked)
            if taken:
                raise AlreadyExists(
                    f"the logged model {model_id} has the params {', '.join(taken)} already; params can't be changed",
                    model_id=model_id,
                    keys=taken,
                )

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted; again does nothing. Raises NotFound."""
        self._actor.require(Permission.DELETE)
        now_ms = self._clock()
        with self._database.write() as tx:
            found = self._logged_model(tx, model_id)
            if logged_models.delete_logged_model(tx, model_id, now_ms=now_ms):
                data = {"experiment_id": found.experiment_id, "run_id": found.run_id, "name": found.name}
                self._append(tx, EventName.LOGGED_MODEL_DELETED, f"logged_models/{model_id}", data, now_ms)

    def _logged_model(self, tx: Transaction, model_id: str) -> LoggedModel:
        """Deleted ones too: they keep their files, and may be tagged and finalized still."""
        found = logged_models.logged_model_by_id(tx, model_id)
        if found is None:
            raise self._no_logged_model(model_id)
        return found

    @staticmethod
    def _no_logged_model(model_id: str) -> NotFound:
        return NotFound(
            f"no logged model with the id {model_id!r}; search_logged_models lists those there are", model_id=model_id
        )
