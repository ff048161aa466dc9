"""Runs: start, log, finish, delete and restore."""

from collections.abc import Mapping, Sequence

from modelshelf.database import gates, logged_models, run_links, tracking
from modelshelf.database import metrics as metric_rows
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.batches import (
    RUN_NAME_TAG,
    check_batch,
    check_inputs,
    check_step,
    check_tags,
    refuse_changes,
    run_name,
)
from modelshelf.domain.errors import AlreadyExists, Invalid, NotFound
from modelshelf.domain.events import EventName
from modelshelf.domain.names import bounded, did_you_mean
from modelshelf.domain.pages import Page, page_start
from modelshelf.domain.pages import page_token as make_token
from modelshelf.domain.run_names import random_name
from modelshelf.domain.tracking import (
    DatasetInput,
    Lifecycle,
    MetricPoint,
    ModelOutput,
    Run,
    RunStatus,
    run_status,
)
from modelshelf.services import automatic
from modelshelf.services.experiments import Experiments

HISTORY_LIMIT = 25_000
USER_LIMIT = 256
LINKS_PER_CALL = 1_000


class Runs(Experiments):
    """Executions of training code. What they log makes no events: there would be too many."""

    def start_run(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        user: str | None = None,
        started_ms: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Run:
        """Start a run: RUNNING, by the actor and from now on unless told otherwise.

        Its name is the given one, else the tag `mlflow.runName`, else a random one; the tag and the name stay the same.
        Raises NotFound or Conflict where the experiment is missing or deleted, Invalid for two different names.
        """
        self._actor.require(Permission.WRITE)
        now_ms, checked = self._clock(), check_tags(tags or {})
        given = run_name(name, checked) or random_name(self._entropy(8))
        with self._database.write() as tx:
            experiment = self._writable_experiment(tx, experiment_id)
            run = Run(
                id=self._entropy(16).hex(),
                experiment_id=experiment.id,
                name=given,
                user=self._actor.name if user is None else bounded(user, "user", USER_LIMIT),
                status=RunStatus.RUNNING,
                started_ms=now_ms if started_ms is None else self._instant(started_ms, "start"),
                tags={**checked, RUN_NAME_TAG: given},
                location=experiment.location,
            )
            tracking.insert_run(tx, run)
            data = {"experiment_id": run.experiment_id, "name": run.name}
            self._append(tx, EventName.RUN_CREATED, f"runs/{run.id}", data, now_ms)
        return run

    def run(self, run_id: str) -> Run:
        """A run with all that it logged, the latest point of each metric, deleted ones too. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return self._run(tx, run_id)

    def update_run(
        self,
        run_id: str,
        *,
        status: RunStatus | str | None = None,
        ended_ms: int | None = None,
        name: str | None = None,
    ) -> Run:
        """Change what is given; an empty name changes nothing. Raises NotFound, Conflict where the run is deleted."""
        self._actor.require(Permission.WRITE)
        now_ms, wanted = self._clock(), None if status is None else run_status(status)
        ended_ms = None if ended_ms is None else self._instant(ended_ms, "end")
        checked = check_tags({RUN_NAME_TAG: name}) if name else {}
        with self._database.write() as tx:
            before = self._writable_run(tx, run_id)
            tracking.update_run(tx, run_id, status=wanted, ended_ms=ended_ms)
            tracking.set_run_tags(tx, run_id, checked)
            if wanted is not None and wanted.is_final and wanted is not before.status:
                data = {"status": wanted.value, "name": name or before.name}
                self._append(tx, EventName.RUN_FINISHED, f"runs/{run_id}", data, now_ms)
            return self._run(tx, run_id)

    def log_metrics(self, run_id: str, points: Sequence[MetricPoint]) -> None:
        """Log up to 1,000 points; infinities become ±1.7976931348623157e308, NaN stays, a repeated point counts once.

        A point that names a logged model is logged for that model as well. Raises as `log_batch` does.
        """
        self.log_batch(run_id, metrics=points)

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log up to 100 params, at most 6,000 characters of each. Raises Invalid where one has another value."""
        self.log_batch(run_id, params=params)

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set up to 100 tags, at most 8,000 characters of each; `mlflow.runName` renames the run."""
        self.log_batch(run_id, tags=tags)

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log all or nothing: up to 1,000 metrics, 100 params, 100 tags, 1,000 in all.

        Raises NotFound for an unknown run or logged model, Conflict where the run is deleted, Invalid for a bad key or
        value, too many of them, or a param that has another value already.
        """
        self._actor.require(Permission.WRITE)
        points, checked_params, checked_tags = check_batch(metrics, params or {}, tags or {})
        with self._database.write() as tx:
            self._writable_run(tx, run_id)
            if checked_params:
                refuse_changes(tracking.add_params(tx, run_id, checked_params), checked_params, run_id=run_id)
            if points:
                self._add_points(tx, run_id, points)
            if checked_tags:
                tracking.set_run_tags(tx, run_id, checked_tags)
            marked = gates.mark_run(tx, run_id, now_ms=self._clock())
        automatic.follow(self._database, self._blobs, self._clock, marked)

    @staticmethod
    def _add_points(tx: Transaction, run_id: str, points: Sequence[MetricPoint]) -> None:
        metric_rows.add_points(tx, run_id, points)
        of_models = [point for point in points if point.logged_model]
        if not of_models:
            return
        missing = logged_models.missing_models(tx, sorted({point.logged_model for point in of_models}))
        if missing:
            raise NotFound(f"no logged model with the id {missing[0]!r}; log the model first", model_id=missing[0])
        metric_rows.add_model_points(tx, run_id, of_models)

    def untag_run(self, run_id: str, key: str) -> None:
        """Remove a tag. Raises NotFound where there is none, Conflict where the run is deleted."""
        self._actor.require(Permission.WRITE)
        with self._database.write() as tx:
            self._writable_run(tx, run_id)
            if not tracking.delete_run_tag(tx, run_id, key):
                near = did_you_mean(key, self._run(tx, run_id).tags)
                raise NotFound(f"the run {run_id} has no tag {key!r}{near}", run_id=run_id, key=key)

    def metric_history(
        self, run_id: str, key: str, *, limit: int = HISTORY_LIMIT, page_token: str | None = None
    ) -> Page[MetricPoint]:
        """The points of a metric by time, then step, then value; at most 25,000 at once.

        A run or a metric that is not there has no points. Raises Invalid for a limit below 1 or a foreign token.
        """
        self._actor.require(Permission.READ)
        if limit < 1:
            raise Invalid(f"the limit must be at least 1, not {limit}", limit=limit)
        query, size = ["metric history", run_id, key], min(limit, HISTORY_LIMIT)
        start = page_start(page_token, query=query, kinds=(int, int, float, int))
        after = None if start is None else (start[0], start[1], start[2], start[3])
        with self._database.read() as tx:
            found = metric_rows.history(tx, run_id, key, after=after, limit=size + 1)
        points = tuple(found[:size])
        more = len(found) > size
        return Page(points, make_token(metric_rows.place_of(points[-1]), query=query) if more else None)

    def log_inputs(self, run_id: str, *, datasets: Sequence[DatasetInput] = (), models: Sequence[str] = ()) -> None:
        """Link a run to datasets and to logged models (by their ids) that it used.

        An experiment has one dataset of a name and digest: its first description stays, and the first tags of a link.
        """
        self._actor.require(Permission.WRITE)
        checked, ids = check_inputs(datasets), self._model_ids(models)
        with self._database.write() as tx:
            experiment_id = self._writable_run(tx, run_id).experiment_id
            run_links.add_datasets(tx, experiment_id, [used.dataset for used in checked])
            for used in checked:
                run_links.link_dataset(tx, run_id, experiment_id, used)
            run_links.add_model_inputs(tx, run_id, ids)

    def log_outputs(self, run_id: str, models: Sequence[ModelOutput]) -> None:
        """Link a run to logged models that it made. Raises AlreadyExists where one of them is linked already."""
        self._actor.require(Permission.WRITE)
        self._model_ids([output.model_id for output in models])
        for output in models:
            check_step(output.step)
        with self._database.write() as tx:
            self._writable_run(tx, run_id)
            for output in models:
                if not run_links.add_model_output(tx, run_id, output):
                    raise AlreadyExists(
                        f"the logged model {output.model_id} is an output of the run {run_id} already",
                        run_id=run_id,
                        model_id=output.model_id,
                    )

    def delete_run(self, run_id: str) -> None:
        """Mark a run deleted; again does nothing. Raises NotFound."""
        self._actor.require(Permission.DELETE)
        self._set_run_lifecycle(run_id, Lifecycle.DELETED, EventName.RUN_DELETED)

    def restore_run(self, run_id: str) -> None:
        """Undo a delete; again does nothing. Raises NotFound."""
        self._actor.require(Permission.WRITE)
        self._set_run_lifecycle(run_id, Lifecycle.ACTIVE, EventName.RUN_RESTORED)

    def _set_run_lifecycle(self, run_id: str, lifecycle: Lifecycle, event: str) -> None:
        now_ms = self._clock()
        with self._database.write() as tx:
            head = tracking.run_head(tx, run_id)
            if head is None:
                raise self._no_run(run_id)
            if tracking.set_run_lifecycle(tx, run_id, lifecycle, now_ms=now_ms):
                data = {"experiment_id": head.experiment_id, "name": head.name}
                self._append(tx, event, f"runs/{run_id}", data, now_ms)

    def _run(self, tx: Transaction, run_id: str) -> Run:
        found = tracking.run_by_id(tx, run_id)
        if found is None:
            raise self._no_run(run_id)
        return found

    @staticmethod
    def _model_ids(models: Sequence[str]) -> list[str]:
        if len(models) > LINKS_PER_CALL:
            raise Invalid(f"{len(models):,} models at once; the limit is {LINKS_PER_CALL:,}", limit=LINKS_PER_CALL)
        return sorted({bounded(model_id, "logged model's id", USER_LIMIT) for model_id in models})

    @staticmethod
    def _instant(time_ms: int, what: str) -> int:
        if not -(2**63) <= time_ms < 2**63:
            raise Invalid(
                f"the {what} must be milliseconds since the epoch, in 64 bits, not {time_ms}", time_ms=time_ms
            )
        return time_ms
