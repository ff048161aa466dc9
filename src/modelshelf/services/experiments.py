"""Experiments: make, find, rename, tag, delete and restore."""

from collections.abc import Mapping, Sequence

from modelshelf.database import experiments, run_links
from modelshelf.domain.access import Permission
from modelshelf.domain.batches import check_experiment_location, check_experiment_name, check_experiment_tags
from modelshelf.domain.errors import AlreadyExists, Invalid, NotFound
from modelshelf.domain.events import EventName
from modelshelf.domain.names import did_you_mean
from modelshelf.domain.tracking import DatasetUse, Experiment, Lifecycle, experiment_number
from modelshelf.services.tracking_part import TrackingPart

_NEAR_NAMES = 1_000
_MOST_EXPERIMENTS = 20
_MOST_DATASETS = 1_000
_CONTEXT_TAG = "mlflow.data.context"
_NAMES = "experiment names"
"""The lock of all who give names to experiments, so that a name can be looked at before it is taken."""


class Experiments(TrackingPart):
    """Names that gather runs and logged models. The experiment `0`, `Default`, is there from the start."""

    def create_experiment(self, name: str, *, location: str = "", tags: Mapping[str, str] | None = None) -> Experiment:
        """Make an experiment: a name of at most 500 characters, tags of at most 20,000 each.

        The files of its runs and logged models lie below `location`, a folder of the store, or else below one that is
        called by its id. Raises AlreadyExists where the name is taken, be it by a deleted experiment, and Invalid for a
        location that lies in `sealed/` or in the folder of a run or logged model.
        """
        self._actor.require(Permission.WRITE)
        name, checked, now_ms = check_experiment_name(name), check_experiment_tags(tags or {}), self._clock()
        location = check_experiment_location(location)
        with self._database.exclusive(_NAMES) as tx:
            if location and (owner := experiments.owner_of_folder(tx, location.split("/"))):
                raise Invalid(
                    f"the location {location!r} lies in the folder of {owner}; name one that is nobody's own",
                    location=location,
                )
            number = experiments.insert_experiment(tx, name, location=location, now_ms=now_ms)
            if number is None:
                raise self._taken(name)
            experiments.set_experiment_tags(tx, number, checked)
            self._append(tx, EventName.EXPERIMENT_CREATED, f"experiments/{number}", {"name": name}, now_ms)
            return self._experiment(tx, str(number))

    def experiment(self, experiment_id: str) -> Experiment:
        """An experiment by its id, deleted ones too. Raises NotFound, or Invalid where the id is not a whole number."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return self._experiment(tx, experiment_id)

    def experiment_by_name(self, name: str) -> Experiment:
        """An experiment by its name, deleted ones too. Raises NotFound that tells the nearest names."""
        self._actor.require(Permission.READ)
        name = check_experiment_name(name)
        with self._database.read() as tx:
            found = experiments.experiment_by_name(tx, name)
            if found is None:
                near = did_you_mean(name, experiments.experiment_names(tx, _NEAR_NAMES))
                raise NotFound(f"no experiment is called {name!r}{near}", name=name)
            return found

    def dataset_uses(self, experiment_ids: Sequence[str]) -> list[DatasetUse]:
        """The datasets that runs of up to 20 experiments used, each once with each part it played: the first 1,000."""
        self._actor.require(Permission.READ)
        if not 1 <= len(experiment_ids) <= _MOST_EXPERIMENTS:
            raise Invalid(f"name 1 to {_MOST_EXPERIMENTS} experiments, not {len(experiment_ids)}")
        numbers = [number for each in experiment_ids if (number := experiment_number(each)) is not None]
        with self._database.read() as tx:
            return run_links.dataset_uses(tx, numbers, context_tag=_CONTEXT_TAG, limit=_MOST_DATASETS)

    def rename_experiment(self, experiment_id: str, new_name: str) -> Experiment:
        """Give an experiment another name. Raises AlreadyExists where it is taken, Conflict where it is deleted."""
        self._actor.require(Permission.WRITE)
        new_name, now_ms = check_experiment_name(new_name), self._clock()
        with self._database.exclusive(_NAMES) as tx:
            before = self._writable_experiment(tx, experiment_id)
            if not experiments.rename_experiment(tx, int(before.id), new_name, now_ms=now_ms):
                raise self._taken(new_name)
            data = {"before": before.name, "after": new_name}
            self._append(tx, EventName.EXPERIMENT_UPDATED, f"experiments/{before.id}", data, now_ms)
            return self._experiment(tx, before.id)

    def tag_experiment(self, experiment_id: str, key: str, value: str) -> None:
        """Set a tag: a key of at most 250, a value of at most 20,000 characters. Raises Conflict if it is deleted."""
        self._actor.require(Permission.WRITE)
        checked, now_ms = check_experiment_tags({key: value}), self._clock()
        with self._database.write() as tx:
            found = self._writable_experiment(tx, experiment_id)
            experiments.set_experiment_tags(tx, int(found.id), checked)
            data = {"tag": key, "value": value}
            self._append(tx, EventName.EXPERIMENT_UPDATED, f"experiments/{found.id}", data, now_ms)

    def untag_experiment(self, experiment_id: str, key: str) -> None:
        """Remove a tag. Raises NotFound where there is none, Conflict for a deleted experiment."""
        self._actor.require(Permission.WRITE)
        now_ms = self._clock()
        with self._database.write() as tx:
            found = self._writable_experiment(tx, experiment_id)
            if not experiments.delete_experiment_tag(tx, int(found.id), key):
                raise NotFound(
                    f"the experiment {found.name!r} (id {found.id}) has no tag {key!r}{did_you_mean(key, found.tags)}",
                    experiment_id=found.id,
                    key=key,
                )
            data = {"tag": key, "value": None}
            self._append(tx, EventName.EXPERIMENT_UPDATED, f"experiments/{found.id}", data, now_ms)

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and all its runs deleted. Raises NotFound where there is no active one of this id."""
        self._actor.require(Permission.DELETE)
        self._set_lifecycle(experiment_id, Lifecycle.ACTIVE, Lifecycle.DELETED, EventName.EXPERIMENT_DELETED)

    def restore_experiment(self, experiment_id: str) -> None:
        """Undo a delete, for all its runs too. Raises NotFound where there is no deleted one of this id."""
        self._actor.require(Permission.WRITE)
        self._set_lifecycle(experiment_id, Lifecycle.DELETED, Lifecycle.ACTIVE, EventName.EXPERIMENT_RESTORED)

    def _set_lifecycle(self, experiment_id: str, before: Lifecycle, after: Lifecycle, event: str) -> None:
        now_ms = self._clock()
        with self._database.write() as tx:
            found = self._experiment(tx, experiment_id)
            if found.lifecycle is not before:
                raise NotFound(
                    f"no {before.value} experiment with the id {found.id}: {found.name!r} is {found.lifecycle.value}",
                    experiment_id=found.id,
                    lifecycle=found.lifecycle.value,
                )
            runs = experiments.set_experiment_lifecycle(tx, int(found.id), after, now_ms=now_ms)
            self._append(tx, event, f"experiments/{found.id}", {"name": found.name, "runs": runs}, now_ms)

    @staticmethod
    def _taken(name: str) -> AlreadyExists:
        return AlreadyExists(
            f"an experiment {name!r} exists already; take another name, or use it (restored, if it is deleted)",
            name=name,
        )
