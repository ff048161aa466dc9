"""Every public method of every area asks for a permission before it touches anything."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import pytest

from modelshelf.domain import access
from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import Forbidden
from modelshelf.services.registry import Registry

_ASK_NOBODY = {
    "access.authenticate_password": "nobody has come in yet: it finds out who is asking",
    "access.authenticate_token": "as above",
    "access.note_uses": "the server notes what it let in; no route leads here",
    "sessions.authenticate": "as above",
    "events.seal": "as below",
    "events.settle": "puts what was committed in order and tells nothing but how much",
    "dispatch.settle": "the same",
}
_OF_THEIR_OWN = {
    "sessions.open": "whoever may read may sign in",
    "sessions.close": "and sign out: it takes the secret of the session",
}
"""Writes that readers may make, since they concern nobody but themselves."""

_NEEDED_TOO = {"governance.promote": {"alias": "x"}}
"""Arguments with a default that some methods can't do without."""


class _Reached(Exception):
    """A method got as far as this."""


class _Untouched:
    """In the place of the database and of the blobs: tells what was to be done with it, and does nothing."""

    dialect = "sqlite"

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        def reached(*_: Any, **__: Any) -> NoReturn:
            raise _Reached(name)

        return reached


def _registry(actor: Actor) -> Registry:
    return Registry(
        _Untouched(),  # type: ignore[arg-type]
        _Untouched(),  # type: ignore[arg-type]
        actor=actor,
        clock=lambda: 1_800_000_000_000,
        entropy=lambda size: b"0" * size,
    )


def _areas() -> list[str]:
    registry = _registry(Actor("nobody", Role.READER))
    public = ((name, value) for name, value in vars(registry).items() if not name.startswith("_"))
    return [name for name, value in public if type(value).__module__.startswith("modelshelf.services")]


def _methods() -> Iterator[str]:
    registry = _registry(Actor("nobody", Role.READER))
    for area in _areas():
        for name, _ in inspect.getmembers(getattr(registry, area), inspect.ismethod):
            if not name.startswith("_"):
                yield f"{area}.{name}"


def _call(registry: Registry, path: str) -> None:
    """Call a method with arguments that are as plain as they can be, as far as it goes."""
    area, _, name = path.partition(".")
    method = getattr(getattr(registry, area), name)
    needed = [
        parameter for parameter in inspect.signature(method).parameters.values() if parameter.default is parameter.empty
    ]
    plain = {parameter.name: _plain(parameter.annotation) for parameter in needed}
    positional = [plain[parameter.name] for parameter in needed if parameter.kind is not parameter.KEYWORD_ONLY]
    named = {parameter.name: plain[parameter.name] for parameter in needed if parameter.kind is parameter.KEYWORD_ONLY}
    result = method(*positional, **named, **_NEEDED_TOO.get(path, {}))
    if inspect.isgenerator(result):
        next(result)
    if isinstance(result, AbstractContextManager):
        result.__enter__()


def _plain(annotation: Any) -> Any:
    if annotation in {str, int, bool}:
        return {str: "x", int: 1, bool: False}[annotation]
    origin = str(annotation)
    if "Mapping" in origin:
        return {}
    return () if any(word in origin for word in ("Iterable", "Sequence", "Collection")) else None


def test_there_are_methods_to_look_at() -> None:
    assert {"catalog", "tracking", "artifacts", "governance", "events", "access"} <= set(_areas())
    assert set(_ASK_NOBODY) <= set(_methods())
    assert len(list(_methods())) > 60


@pytest.mark.parametrize("method", [method for method in _methods() if method not in _ASK_NOBODY])
def test_an_actor_without_permissions_gets_nowhere(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "GRANTS", {})

    with pytest.raises(Forbidden):
        _call(_registry(Actor("nobody", Role.ADMIN)), method)


@pytest.mark.parametrize("method", [each for each in _methods() if each not in {*_ASK_NOBODY, *_OF_THEIR_OWN}])
def test_a_reader_never_gets_as_far_as_a_write(method: str) -> None:
    reached = ""

    try:
        _call(_registry(Actor("nobody", Role.READER)), method)
    except Exception as error:
        reached = str(error) if isinstance(error, _Reached) else ""

    direct = {"start_upload", "finish_upload", "abort_upload"}
    assert reached not in {"write", "exclusive", "put", "put_many", "put_file", "put_files", "touch", "delete", *direct}
