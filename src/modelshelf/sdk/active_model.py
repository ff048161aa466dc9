"""The logged model that metrics belong to when nobody names another, and the one that was logged last."""

import threading

from modelshelf.sdk.model_entities import LoggedModel


class _Active(threading.local):
    model: LoggedModel | None = None
    logged: str | None = None


_active = _Active()


def get_active_model_id() -> str | None:
    """The id of this thread's active model; None where none was set."""
    return _active.model.model_id if _active.model else None


def clear_active_model() -> None:
    """From now on metrics belong to no model unless told otherwise."""
    _active.model = None


def put_active_model(model: LoggedModel | None) -> LoggedModel | None:
    """Make a model the active one; the one that was before."""
    before, _active.model = _active.model, model
    return before


def note_logged_model(model_id: str) -> None:
    """Remember that this thread logged a model."""
    _active.logged = model_id


def last_logged_model_id() -> str | None:
    """The id of the model that this thread logged last."""
    return _active.logged
