"""A model that is always the one its alias names: loaded in the background, swapped when it is ready."""

import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from modelshelf.domain.errors import Invalid, NotFound, ShelfError, SignatureMismatch, Unavailable
from modelshelf.domain.fleet import Heartbeat
from modelshelf.domain.names import ModelUri
from modelshelf.domain.rollouts import Route, request_id
from modelshelf.flavors.compatibility import breaks
from modelshelf.flavors.pyfunc_model import PyFuncModel
from modelshelf.sdk import last_known, session
from modelshelf.sdk.live import Answered, FollowerState, Live, Loaded
from modelshelf.sdk.loading import load_pyfunc
from modelshelf.sdk.outcomes import OutcomeTally
from modelshelf.sdk.watching import watch

RETRY_SECONDS = 5.0
LONGEST_RETRY = 300.0
CLOSING_SECONDS = 5.0
SHADOWS_WAITING = 100
"""Copies for a shadow that wait at most; more are dropped, so that no caller waits for a shadow."""

_log = logging.getLogger("modelshelf.following")


class Follower:
    """A model behind `models:/NAME@ALIAS` (or a stage) that follows it. `predict` never waits for a new version.

    The old version stays where the new one can't be loaded, is not what its digest says, or has a signature by which
    callers of the old one would break (`any_signature=True` lets it pass). While a rollout is under way each `key` is
    answered by one version, the same one until the rollout has grown beyond it; without a key it is drawn anew.
    `on_swap` is told of each change of versions, in the follower's own thread; `prepare` gets the number and the model
    of a version before it answers, may take its time, and keeps the version out by raising anything.
    A process that was forked follows with threads of its own from its first prediction on.
    """

    def __init__(
        self,
        model_uri: str,
        *,
        trust: bool = False,
        any_signature: bool = False,
        on_swap: Callable[[FollowerState], None] | None = None,
        prepare: Callable[[int, PyFuncModel], Any] | None = None,
        kind: str = "follower",
    ) -> None:
        parsed = ModelUri.parse(model_uri)
        if parsed.at_ms is not None or parsed.logged_model or (parsed.alias is None and parsed.stage is None):
            raise Invalid(f"{model_uri} does not move; follow an alias or a stage: models:/NAME@ALIAS", uri=model_uri)
        self.uri, self.model = model_uri, parsed.name
        self._parsed = parsed
        self._trust, self._any_signature, self._on_swap, self._prepare = trust, any_signature, on_swap, prepare
        self._kind = kind
        self._live: Live | None = None
        self._error = ""
        self._stale_since: float | None = None
        self._begin()

    def _begin(self) -> None:
        """Begin to follow: in the constructor, and again in a forked process, where no thread is left."""
        self._registry, self._id = session.registry(), os.urandom(8).hex()
        self._tally = OutcomeTally()
        self._shadows = ThreadPoolExecutor(1, thread_name_prefix="modelshelf-shadow")
        self._waiting = threading.Semaphore(SHADOWS_WAITING)
        self._wake, self._ending = threading.Event(), threading.Event()
        if self._live is None:
            self._refresh()
        self._is_asleep = False
        _following.add(self)
        self._watch = watch(self._registry, self)
        self._thread = threading.Thread(target=self._run, name="modelshelf-follow", daemon=True)
        self._thread.start()

    def _awake(self) -> None:
        with _waking:
            if self._is_asleep:
                self._begin()

    def predict(self, data: Any, params: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        """The prediction of the version that is right now, as `PyFuncModel.predict` would give it."""
        return self.answer(data, params, key=key).value

    def answer(self, data: Any, params: dict[str, Any] | None = None, *, key: str | None = None) -> Answered:
        """The same with the version that answered, and an id by which `tell` later says what it was worth."""
        return self.serve(lambda loaded: loaded.model.predict(data, params), key=key)

    def serve(self, work: Callable[[Loaded], Any], *, key: str | None = None) -> Answered:
        """The result of some work with the version that is right for a key. The shadow does it again, unheard.

        Work that raises Invalid has found a fault of the caller; anything else counts as a fault of the version.
        Raises Invalid for a key that is too long.
        """
        if self._is_asleep:
            self._awake()
        live = self._live
        assert live is not None
        route = live.route
        if route.target is None:
            return Answered(work(live.stable), route.stable, request_id(route, route.stable, os.urandom(8)))
        drawn = key if key is not None else os.urandom(8).hex()
        copied = live.models.get(route.shadow_for(drawn) or 0)
        loaded = live.choose(drawn)
        began, failed = time.perf_counter(), True
        try:
            value = work(loaded)
            failed = False
        except Invalid:  # the caller's fault, whichever version it is
            failed = False
            raise
        finally:
            self._tally.note(route, loaded.version, seconds=time.perf_counter() - began, failed=failed)
        if copied is not None:
            self._copy(route, copied, work)
        return Answered(value, loaded.version, request_id(route, loaded.version, os.urandom(8)))

    def serve_with(self, version: int, work: Callable[[Loaded], Any]) -> Answered:
        """The result of some work with a certain version: it counts for no rollout, and no shadow does it again.

        Raises NotFound where that version does not answer here.
        """
        loaded = self.loaded(version)
        if loaded is None:
            raise NotFound(f"version {version} of {self.model} does not answer here", version=version)
        route = Route(self.model, self._parsed.alias or "", version)
        return Answered(work(loaded), version, request_id(route, version, os.urandom(8)))

    def loaded(self, version: int | None = None) -> Loaded | None:
        """A version that is loaded, by default the stable one; None where it is not."""
        live = self._live
        assert live is not None
        return live.stable if version is None else live.models.get(version)

    def tell(self, request: str, value: float) -> bool:
        """What a request was worth in the end, of which more is better; whether it counts for a rollout."""
        return self._tally.note_value(request, value)

    @property
    def version(self) -> int | None:
        """The version that answers; during a rollout the stable one."""
        return self.state.version

    @property
    def stale_since(self) -> float | None:
        """Seconds since the epoch since when it could not become what the alias says; None where all is well."""
        return self._stale_since

    @property
    def last_error(self) -> str:
        """Why not, or why not the last time."""
        return self._error

    @property
    def state(self) -> FollowerState:
        """How it is doing."""
        live = self._live
        stable = live.stable if live else None
        target = live.route.target if live and live.route.target in live.models else None
        return FollowerState(
            uri=self.uri,
            version=stable.version if stable else None,
            target=target,
            weight=live.route.weight if live and target else 0.0,
            stale_since=self._stale_since,
            last_error=self._error,
            loaded_at=stable.loaded_ms / 1000 if stable else None,
        )

    @property
    def current(self) -> PyFuncModel:
        """The model that answers now, for its metadata; call `predict` of this follower, not of it."""
        assert self._live is not None
        return self._live.stable.model

    def look(self) -> None:
        """Look soon whether something moved."""
        self._wake.set()

    def heartbeat(self) -> Heartbeat | None:
        """What it runs."""
        live = self._live
        if live is None or self._parsed.alias is None:
            return None
        stable = live.stable
        return Heartbeat(
            loader=self._id,
            host=socket.gethostname(),
            model=self.model,
            alias=self._parsed.alias,
            version=stable.version,
            digest=stable.digest,
            kind=self._kind,
            loaded_ms=stable.loaded_ms,
            stale_since_ms=None if self._stale_since is None else int(self._stale_since * 1000),
            last_error=self._error[:1000] if self._stale_since is not None else "",
        )

    def report(self) -> None:
        """Tell what became of requests during a rollout."""
        self._tally.report(self._registry)

    def close(self) -> None:
        """Follow no more; what was loaded goes on answering. A version that is being loaded is not waited for."""
        self._watch.discard(self)
        self._ending.set()
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSING_SECONDS)
        self._shadows.shutdown(wait=False, cancel_futures=True)
        self.report()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"modelshelf.Follower({self.uri!r}, version={self.version})"

    def _run(self) -> None:
        pause: float | None = None
        while not self._ending.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if self._ending.is_set():
                return
            try:
                self._refresh()
                pause = None
            except Exception as error:  # whatever a model's own code raises
                pause = min(LONGEST_RETRY, RETRY_SECONDS if pause is None else pause * 2)
                self._note(error)

    def _note(self, error: Exception) -> None:
        self._error = error.message if isinstance(error, ShelfError) else f"{type(error).__name__}: {error}"
        self._stale_since = self._stale_since or time.time()
        _log.warning("%s stays at version %s: %s", self.uri, self.version, self._error)

    def _refresh(self) -> None:
        """Become what the alias says. Raises what keeps the stable version from it; a target that fails is noted."""
        route, digest = self._routed()
        before = self._live
        models: dict[int, Loaded] = {}
        models[route.stable] = self._loaded(route.stable, digest, before)
        problem = ""
        if route.target is not None:
            try:
                models[route.target] = self._loaded(route.target, "", before)
            except Exception as error:
                problem = f"version {route.target}, which is rolled out, is not used here: {error}"
                _log.warning("%s: %s", self.uri, problem)
        if self._ending.is_set():  # closed meanwhile: what answers stays
            return
        self._tally.know(route)
        self._live = Live(route, models)
        self._error, self._stale_since = problem, None
        if self._on_swap is not None and (
            before is None or before.route.stable != route.stable or before.models.keys() != models.keys()
        ):
            self._tell_of_swap(self._on_swap)

    def _tell_of_swap(self, on_swap: Callable[[FollowerState], None]) -> None:
        try:
            on_swap(self.state)
        except Exception:  # the version answers all the same
            _log.exception("%s: what was to be told of its versions failed", self.uri)

    def _routed(self) -> tuple[Route, str]:
        """Where the alias leads now, and the manifest there; as it was last known, while nobody can be asked."""
        version, manifest = last_known.resolve(self._registry, self.uri)
        digest = manifest.id if manifest is not None else ""
        route = Route(self.model, self._parsed.alias or "", version.number)
        if self._parsed.alias is None or session.settings().offline:
            return route, digest
        try:
            found = self._registry.rollouts.route(self.model, self._parsed.alias)
        except Unavailable:
            return route, digest
        return (found, digest) if found.stable == version.number else (found, "")

    def _loaded(self, number: int, digest: str, before: Live | None) -> Loaded:
        known = before.models.get(number) if before else None
        if known is not None and (not digest or known.digest == digest):
            return known
        uri = f"models:/{self.model}/{number}"
        _, manifest = last_known.resolve(self._registry, uri)
        model = load_pyfunc(uri, trust=self._trust)
        if before is not None and not self._any_signature:
            current = before.stable.model.metadata.signature
            if problem := breaks(current, model.metadata.signature):
                raise SignatureMismatch(
                    f"version {number} of {self.model} would break its callers: {problem}; follow with "
                    "any_signature=True to let it pass",
                    model=self.model,
                    version=number,
                )
        prepared = self._prepare(number, model) if self._prepare is not None else None
        return Loaded(number, manifest.id if manifest else "", model, time.time_ns() // 1_000_000, prepared)

    def _copy(self, route: Route, loaded: Loaded, work: Callable[[Loaded], Any]) -> None:
        """Send a copy to the shadow, if it keeps up."""
        if not self._waiting.acquire(blocking=False):
            return
        try:
            self._shadows.submit(self._shadowed, route, loaded, work)
        except RuntimeError:  # closed
            self._waiting.release()

    def _shadowed(self, route: Route, loaded: Loaded, work: Callable[[Loaded], Any]) -> None:
        began, failed = time.perf_counter(), True
        try:
            work(loaded)
            failed = False
        except Exception as error:
            _log.info("the shadow, version %d, failed: %s", loaded.version, error)
        finally:
            self._waiting.release()
            self._tally.note(route, loaded.version, seconds=time.perf_counter() - began, failed=failed)


_following: weakref.WeakSet[Follower] = weakref.WeakSet()
_waking = threading.Lock()


def _fall_asleep() -> None:
    """In a forked process, where the threads of the followers stayed behind."""
    global _waking  # noqa: PLW0603 - it may have been held by one of them
    _waking = threading.Lock()
    for each in list(_following):
        each._is_asleep = True  # noqa: SLF001


os.register_at_fork(after_in_child=_fall_asleep)


def follow(model_uri: str, **options: Any) -> Follower:
    """A model that is always the one its alias names: `modelshelf.follow("models:/fraud@production").predict(data)`.

    Options are those of `Follower`. Raises what loading it raises: there is a first version, or an error.
    """
    return Follower(model_uri, **options)
