"""The runs that are going on: each thread has a stack of its own, whose top is what gets logged to."""

import atexit
import contextlib
import os
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from modelshelf.domain import tracking
from modelshelf.domain.errors import Conflict, Invalid, ShelfError
from modelshelf.sdk import session, translation
from modelshelf.sdk.entities import Run, RunStatus
from modelshelf.sdk.experiments import active_experiment_id, texts
from modelshelf.sdk.origin import USER_TAG, origin_tags
from modelshelf.services.registry import Registry

PARENT_TAG = "mlflow.parentRunId"
NOTE_TAG = "mlflow.note.content"


@dataclass(frozen=True, slots=True)
class ActiveRun(Run):
    """A run that is going on; as a context manager it ends with the block, FAILED if an exception leaves it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if any(each.run.info.run_id == self.info.run_id for each in _stack()):
            end_run("FINISHED" if kind is None else "FAILED")


@dataclass(frozen=True, slots=True)
class Going:
    """A run on the stack: where it is kept, and what is known to be linked to it already."""

    run: ActiveRun
    uri: str
    shelf: Registry
    root: str
    pid: int = field(default_factory=os.getpid)
    models: set[str] = field(default_factory=set)
    datasets: set[tuple[str, str]] = field(default_factory=set)

    @property
    def run_id(self) -> str:
        return self.run.info.run_id

    def models_of_step(self, step: int) -> list[str]:
        """The models that the run made at a step: metrics of that step are theirs too."""
        return [made.model_id for made in self.run.outputs.model_outputs if made.step == step]


class _Stacks(threading.local):
    def __init__(self) -> None:
        self.going: list[Going] = []
        self.last: tuple[str, str] | None = None
        """The tracking URI and the id of the run that ended last."""


_stacks = _Stacks()
_unfinished: dict[str, Going] = {}
"""Of all threads, also of those that ended without ending their runs."""
_resumed: list[str] = []
"""The run that the environment names is resumed once."""


def _stack() -> list[Going]:
    """The runs of this thread; a forked process begins without those of its parent."""
    if _stacks.going and _stacks.going[-1].pid != os.getpid():
        _stacks.going = []
    return _stacks.going


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run, or resume the one with `run_id`; from now on it is what this thread logs to.

    A new run gets tags that tell where it comes from (user, source, git commit, libraries). `nested=True` starts it
    below the run that is going on. Raises Conflict where a run is going on and `nested` is not set, NotFound for an
    unknown run or experiment, Conflict for a deleted one.
    """
    if _stack() and not nested:
        raise Conflict(
            f"the run {_stack()[0].run_id} is going on already; end it with end_run(), or pass nested=True to start "
            "another one below it",
            run_id=_stack()[0].run_id,
        )
    if log_system_metrics:
        warnings.warn(
            "system metrics are not recorded; log_system_metrics=True has no effect", UserWarning, stacklevel=2
        )
    wanted = run_id or _run_of_environment()
    shelf, given = session.tracking(), _with_description(tags, description)
    if wanted:
        found = _resume(shelf, wanted, run_name, given)
    else:
        found = _start(shelf, experiment_id, run_name, _parent(shelf, parent_run_id), given)
    return _push(shelf, found)


def _run_of_environment() -> str:
    named = session.settings().run_id
    if not named or named in _resumed:
        return ""
    _resumed.append(named)
    return named


def _with_description(tags: Mapping[str, Any] | None, description: str | None) -> dict[str, str]:
    given = texts(tags)
    if not description:
        return given
    if NOTE_TAG in given:
        raise Invalid(f"the run has two descriptions, an argument and the tag {NOTE_TAG}; give one")
    return {**given, NOTE_TAG: description}


def _resume(shelf: Registry, run_id: str, name: str | None, tags: dict[str, str]) -> tracking.Run:
    found = shelf.tracking.update_run(run_id, status=tracking.RunStatus.RUNNING, name=name)
    if not tags:
        return found
    shelf.tracking.tag_run(run_id, tags)
    return shelf.tracking.run(run_id)


def _parent(shelf: Registry, parent_run_id: str | None) -> str | None:
    current = _stack()[-1].run_id if _stack() else None
    if parent_run_id is None:
        return current
    if current not in {None, parent_run_id}:
        raise Invalid(
            f"parent_run_id is {parent_run_id}, but the run going on is {current}; end it first with end_run()",
            run_id=current,
        )
    if shelf.tracking.run(parent_run_id).lifecycle is not tracking.Lifecycle.ACTIVE:
        raise Conflict(
            f"the run {parent_run_id} is deleted; restore it, or leave parent_run_id out", run_id=parent_run_id
        )
    return parent_run_id


def _start(
    shelf: Registry, experiment_id: str | None, name: str | None, parent: str | None, tags: dict[str, str]
) -> tracking.Run:
    all_tags = {**origin_tags(), **tags, **({PARENT_TAG: parent} if parent else {})}
    chosen = active_experiment_id() if experiment_id is None else str(experiment_id)
    return shelf.tracking.start_run(chosen, name=name or None, user=all_tags[USER_TAG], tags=all_tags)


def _push(shelf: Registry, found: tracking.Run) -> ActiveRun:
    shown = translation.run(found)
    run = ActiveRun(shown.info, shown.data, shown.inputs, shown.outputs)
    going = Going(run, session.get_tracking_uri(), shelf, found.artifact_root)
    going.models.update(found.model_inputs, (made.model_id for made in found.outputs))
    going.datasets.update((used.dataset.name, used.dataset.digest) for used in found.inputs)
    _unfinished[found.id] = going
    _stack().append(going)
    return run


def end_run(status: str | int = "FINISHED") -> None:
    """End the run that is going on in this thread, if one is: FINISHED, FAILED or KILLED."""
    name = RunStatus.to_string(status) if isinstance(status, int) else str(status)
    final = tracking.run_status(name)
    if not _stack():
        return
    going = _stack()[-1]
    try:
        _end(going, final)
    finally:
        _stack().remove(going)
        _stacks.last = going.uri, going.run_id


def _end(going: Going, status: tracking.RunStatus) -> None:
    _unfinished.pop(going.run_id, None)
    try:
        going.shelf.tracking.update_run(going.run_id, status=status, ended_ms=now_ms())
    except KeyboardInterrupt:  # who interrupts wants the run to be ended as well; a second time gets through
        going.shelf.tracking.update_run(going.run_id, status=status, ended_ms=now_ms())
        raise


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@atexit.register
def _end_all() -> None:
    """A program that ends leaves no run behind that seems to go on; a forked one leaves those of its parent alone."""
    for going in reversed(list(_unfinished.values())):
        if going.pid == os.getpid():
            with contextlib.suppress(ShelfError):
                _end(going, tracking.RunStatus.FINISHED)


def active_run() -> ActiveRun | None:
    """The run that is going on in this thread; what it logs later is not in it, `get_run` tells that."""
    return _stack()[-1].run if _stack() else None


def last_active_run() -> Run | None:
    """The run that is going on in this thread, else the one that ended last, as it is now; None if none was started."""
    if _stack():
        return _stack()[-1].run
    if _stacks.last is None:
        return None
    uri, run_id = _stacks.last
    return translation.run(session.opened(uri).tracking.run(run_id))


def going() -> Going:
    """The run to log to; one is started where none is going on."""
    if not _stack():
        start_run()
    return _stack()[-1]


def going_or_none() -> Going | None:
    """The run to log to, if one is going on."""
    return _stack()[-1] if _stack() else None
