"""The client's methods about experiments, runs and what they log."""

from collections.abc import Mapping, Sequence
from typing import Any

from modelshelf.domain.batches import unique_params
from modelshelf.domain.errors import NotFound
from modelshelf.domain.tracking import MetricPoint, ModelOutput
from modelshelf.sdk import entities, translation
from modelshelf.sdk.active import now_ms
from modelshelf.sdk.active_model import get_active_model_id
from modelshelf.sdk.client_part import ClientPart
from modelshelf.sdk.experiments import location_in_store, texts
from modelshelf.sdk.runs import note_outputs, number, parent_of

UNKNOWN_USER = "unknown"


class RunMethods(ClientPart):
    """Experiments and runs, each named by its id."""

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Make an experiment and answer its id. Raises AlreadyExists where the name is taken."""
        location = location_in_store(artifact_location)
        return self._shelf.tracking.create_experiment(name, location=location, tags=texts(tags)).id

    def get_experiment(self, experiment_id: str) -> entities.Experiment:
        """An experiment by its id, deleted ones too. Raises NotFound."""
        return translation.experiment(self._shelf.tracking.experiment(str(experiment_id)))

    def get_experiment_by_name(self, name: str) -> entities.Experiment | None:
        """An experiment by its name, deleted ones too; None where there is none."""
        try:
            return translation.experiment(self._shelf.tracking.experiment_by_name(name))
        except NotFound:
            return None

    def search_experiments(
        self,
        view_type: int = entities.ViewType.ACTIVE_ONLY,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> entities.PagedList[entities.Experiment]:
        """A page of experiments, the newest first unless ordered otherwise. Raises InvalidFilter."""
        page = self._shelf.tracking.search_experiments(
            filter_string or "",
            view=translation.view(view_type),
            order_by=list(order_by or ()),
            limit=1000 if max_results is None else max_results,
            page_token=page_token,
        )
        return translation.page(page, translation.experiment)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an experiment another name. Raises NotFound, AlreadyExists."""
        self._shelf.tracking.rename_experiment(str(experiment_id), new_name)

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and its runs deleted. Raises NotFound."""
        self._shelf.tracking.delete_experiment(str(experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        """Undo a delete. Raises NotFound."""
        self._shelf.tracking.restore_experiment(str(experiment_id))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment."""
        self._shelf.tracking.tag_experiment(str(experiment_id), key, str(value))

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment. Raises NotFound where there is none."""
        self._shelf.tracking.untag_experiment(str(experiment_id), key)

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> entities.Run:
        """Start a run without making it the active one; `start_time` in milliseconds, now if left out."""
        given = texts(tags)
        found = self._shelf.tracking.start_run(
            str(experiment_id),
            name=run_name or None,
            user=given.get("mlflow.user", UNKNOWN_USER),
            started_ms=start_time,
            tags=given,
        )
        return translation.run(found)

    def get_run(self, run_id: str) -> entities.Run:
        """A run with all that it logged, deleted ones too. Raises NotFound."""
        return translation.run(self._shelf.tracking.run(run_id))

    def get_parent_run(self, run_id: str) -> entities.Run | None:
        """The run below which a run was started; None if there is none. Raises NotFound."""
        return parent_of(self._shelf, run_id)

    def search_runs(
        self,
        experiment_ids: Sequence[str] | str,
        filter_string: str = "",
        run_view_type: int = entities.ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> entities.PagedList[entities.Run]:
        """A page of the runs of some experiments, the newest first unless ordered otherwise. Raises InvalidFilter."""
        ids = [experiment_ids] if isinstance(experiment_ids, str | int) else experiment_ids
        page = self._shelf.tracking.search_runs(
            [str(each) for each in ids],
            filter_string or "",
            view=translation.view(run_view_type),
            order_by=list(order_by or ()),
            limit=max_results,
            page_token=page_token,
        )
        return translation.page(page, translation.run)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change a run's status or name. Raises NotFound."""
        if status is not None or name is not None:
            self._shelf.tracking.update_run(run_id, status=status, name=name)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run: FINISHED and now, unless told otherwise. Raises NotFound."""
        self._shelf.tracking.update_run(run_id, status=status or "FINISHED", ended_ms=end_time or now_ms())

    def delete_run(self, run_id: str) -> None:
        """Mark a run deleted. Raises NotFound."""
        self._shelf.tracking.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        """Undo a delete. Raises NotFound."""
        self._shelf.tracking.restore_run(run_id)

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> None:
        """Log one measured value; `timestamp` in milliseconds, now if left out."""
        point = MetricPoint(
            key=key,
            value=number(key, value),
            time_ms=now_ms() if timestamp is None else timestamp,
            step=step or 0,
            logged_model=model_id or get_active_model_id() or "",
            dataset_name=dataset_name or "",
            dataset_digest=dataset_digest or "",
        )
        self._shelf.tracking.log_metrics(run_id, [point])

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log a param, as text. Raises Invalid where it has another value."""
        self._shelf.tracking.log_params(run_id, {key: str(value)})
        return value

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[entities.Metric] = (),
        params: Sequence[entities.Param] = (),
        tags: Sequence[entities.RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """Log all of it or nothing: up to 1,000 metrics, 100 params, 100 tags. Raises Invalid, NotFound."""
        self._shelf.tracking.log_batch(
            run_id,
            metrics=translation.points(metrics),
            params=unique_params((param.key, str(param.value)) for param in params),
            tags={tag.key: str(tag.value) for tag in tags},
        )

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> None:
        """Set a tag of a run, as text."""
        self._shelf.tracking.tag_run(run_id, {key: str(value)})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of a run. Raises NotFound where there is none."""
        self._shelf.tracking.untag_run(run_id, key)

    def get_metric_history(self, run_id: str, key: str) -> list[entities.Metric]:
        """All points of a metric by time, then step; none for a metric that is not there."""
        found: list[entities.Metric] = []
        token: str | None = None
        while True:
            page = self._shelf.tracking.metric_history(run_id, key, page_token=token)
            found.extend(translation.metric(point) for point in page.items)
            token = page.next_token
            if not token:
                return found

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[entities.DatasetInput] | None = None,
        models: Sequence[entities.LoggedModelInput] | None = None,
    ) -> None:
        """Record datasets and logged models that a run used."""
        self._shelf.tracking.log_inputs(
            run_id,
            datasets=[translation.dataset_input(used) for used in datasets or ()],
            models=[used.model_id for used in models or ()],
        )

    def log_outputs(self, run_id: str, models: Sequence[entities.LoggedModelOutput]) -> None:
        """Record logged models that a run made. Raises AlreadyExists where one is recorded already."""
        self._shelf.tracking.log_outputs(run_id, [ModelOutput(made.model_id, made.step) for made in models])
        note_outputs(run_id, models)
