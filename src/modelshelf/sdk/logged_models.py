"""Logged models: made, described and measured beside the runs that made them."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from modelshelf.domain.errors import Invalid
from modelshelf.sdk import session, translation
from modelshelf.sdk.active import going_or_none
from modelshelf.sdk.active_model import get_active_model_id, last_logged_model_id, note_logged_model, put_active_model
from modelshelf.sdk.experiments import active_experiment_id, texts
from modelshelf.sdk.model_entities import LoggedModel, LoggedModelStatus
from modelshelf.sdk.origin import source_tags
from modelshelf.sdk.search import search_logged_models

EXTERNAL_TAG = "mlflow.model.isExternal"


def get_logged_model(model_id: str) -> LoggedModel:
    """A logged model with all that was measured on it. Raises NotFound."""
    return translation.logged_model(session.tracking().tracking.logged_model(model_id))


def last_logged_model() -> LoggedModel | None:
    """The model that this thread logged last, as it is now; None if it logged none."""
    model_id = last_logged_model_id()
    return get_logged_model(model_id) if model_id else None


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a logged model without files, PENDING until `finalize_logged_model`; of the run going on, if one is."""
    run = going_or_none()
    shelf = run.shelf if run else session.tracking()
    owner = source_run_id or (run.run_id if run else "")
    within = experiment_id or (run.run.info.experiment_id if run else active_experiment_id())
    found = shelf.tracking.create_logged_model(
        str(within),
        name=name,
        run_id=owner,
        model_type=model_type or "",
        tags={**source_tags(), **texts(tags)},
        params=texts(params),
    )
    note_logged_model(found.id)
    return translation.logged_model(found)


def create_external_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a logged model whose files are elsewhere, so that it can be measured and compared; it is READY at once."""
    marked = {**texts(tags), EXTERNAL_TAG: "true"}
    made = initialize_logged_model(name, source_run_id, marked, params, model_type, experiment_id)
    return finalize_logged_model(made.model_id, LoggedModelStatus.READY)


def finalize_logged_model(model_id: str, status: str | LoggedModelStatus) -> LoggedModel:
    """Say how it went: READY or FAILED. Raises NotFound."""
    return translation.logged_model(session.tracking().tracking.finalize_logged_model(model_id, str(status)))


def set_logged_model_tags(model_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of a logged model. Raises NotFound."""
    session.tracking().tracking.tag_logged_model(model_id, texts(tags))


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Remove a tag of a logged model. Raises NotFound where there is none."""
    session.tracking().tracking.untag_logged_model(model_id, key)


def log_model_params(params: Mapping[str, Any], model_id: str | None = None) -> None:
    """Add params of a logged model, the active one if none is named. Raises AlreadyExists where one is there."""
    wanted = model_id or get_active_model_id()
    if wanted is None:
        raise Invalid("name the model: model_id=, or make one the active model with set_active_model")
    session.tracking().tracking.log_model_params(wanted, texts(params))


class ActiveModel:
    """The model that metrics belong to now; as a context manager only within the block."""

    def __init__(self, model: LoggedModel) -> None:
        self._model, self._before = model, put_active_model(model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        put_active_model(self._before)


def set_active_model(*, name: str | None = None, model_id: str | None = None) -> ActiveModel:
    """Make a logged model the one that metrics belong to, by id, or by name: the newest, made if there is none."""
    if model_id is not None:
        found = get_logged_model(model_id)
        if name is not None and found.name != name:
            raise Invalid(f"the logged model {model_id} is called {found.name!r}, not {name!r}", model_id=model_id)
        return ActiveModel(found)
    if name is None:
        raise Invalid("name the model: name= or model_id=")
    quoted = name.replace("'", "''")
    known = search_logged_models(filter_string=f"name = '{quoted}'", max_results=1, output_format="list")
    return ActiveModel(known[0] if known else create_external_model(name))
