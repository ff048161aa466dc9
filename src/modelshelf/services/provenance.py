"""Where a version comes from and what became of it, from both ledgers in one answer."""

from modelshelf.database import catalog, provenance, tracking, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.access import Permission
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import NotFound
from modelshelf.domain.events import Event
from modelshelf.domain.names import ModelUri, Stage
from modelshelf.domain.provenance import Provenance
from modelshelf.services import resolution
from modelshelf.services.events_part import EventsPart

LIMIT = 1_000


class Provenances(EventsPart):
    """Answers about one version."""

    def provenance(self, uri: str) -> Provenance:
        """Who registered a version, when, from which run with which params, where it was then, and all that moved it.

        `uri` is `models:/fraud/3`, `models:/fraud@production` or any other; with `?at=<instant>` the stage and the
        aliases are those of that instant, and otherwise those right after the registration. A version that was deleted
        is still known by its number. Raises NotFound, and Invalid for what is no such URI.
        """
        self._actor.require(Permission.READ)
        parsed = ModelUri.parse(uri)
        self.settle()
        with self._database.read() as tx:
            model_id, number, version = _found(tx, parsed)
            called = provenance.subjects(tx, model_id, number)
            registered = provenance.registration(tx, model_id, called)
            if registered is None:
                raise NotFound(f"no version {number} of {parsed.name!r} was ever registered", uri=uri)
            return _told(tx, parsed, number, version, registered)


def _found(tx: Transaction, uri: ModelUri) -> tuple[int, int, ModelVersion | None]:
    """The model's id, the number, and the version if it is still there."""
    try:
        version = resolution.version_of(tx, uri)
    except NotFound:
        if uri.number is None:
            raise
        for model_id in catalog.model_ids_ever(tx, uri.name):
            registered = provenance.registration(tx, model_id, provenance.subjects(tx, model_id, uri.number))
            if registered is not None and (uri.at_ms is None or registered.time_ms <= uri.at_ms):
                return model_id, uri.number, versions.version_of_model_id(tx, model_id, uri.number)
        raise
    return version.model_id, version.number, version


def _told(tx: Transaction, uri: ModelUri, number: int, version: ModelVersion | None, registered: Event) -> Provenance:
    assert registered.model_id is not None
    model_id = registered.model_id
    then_ms = uri.at_ms if uri.at_ms is not None else registered.time_ms
    moves = provenance.moves_of_version(tx, model_id, number, LIMIT + 1)
    decided = _decisions(tx, model_id, number)
    run_id = version.run_id if version else registered.data.get("run_id", "")
    return Provenance(
        model=version.name if version else registered.subject.split("/")[1],
        number=number,
        registered_by=registered.actor,
        registered_ms=registered.time_ms,
        position=registered.position,
        source=version.source if version else registered.data.get("source", ""),
        run_id=run_id,
        manifest=version.manifest if version else registered.data.get("manifest"),
        version=version,
        run=tracking.run_by_id(tx, run_id) if run_id else None,
        then_ms=then_ms,
        stage_then=Stage(provenance.stage_at(tx, model_id, number, then_ms) or Stage.NONE),
        aliases_then=provenance.aliases_at(tx, model_id, number, then_ms),
        moves=tuple(moves[:LIMIT]),
        decisions=tuple(decided[:LIMIT]),
        more=len(moves) > LIMIT or len(decided) > LIMIT,
    )


def _decisions(tx: Transaction, model_id: int, number: int) -> list[Event]:
    """Events about the version, and those about the model that name it, in order."""
    called = provenance.subjects(tx, model_id, number)
    found = provenance.events_about(tx, model_id, called, LIMIT + 1)
    known = {event.position for event in found}
    for event in provenance.decisions(tx, model_id, LIMIT + 1):
        if event.data.get("version") == number and event.position not in known:
            found.append(event)
    return sorted(found, key=lambda event: event.position or 0)
