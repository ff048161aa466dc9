"""Refusals that several use cases share: what is not there, and what may have been meant."""

from collections.abc import Collection

from modelshelf.blobs.store import BlobStore
from modelshelf.database import catalog, governance, versions
from modelshelf.database.database import Transaction
from modelshelf.domain.errors import NotFound
from modelshelf.domain.names import did_you_mean


def no_model(tx: Transaction, name: str) -> NotFound:
    """No model has the name."""
    near = did_you_mean(name, catalog.near_names(tx))
    return NotFound(f"no registered model {name!r}{near}", model=name)


def no_version(tx: Transaction, model: str, model_id: int, number: int) -> NotFound:
    """The model has no such version."""
    newest = versions.newest(tx, model_id)
    hint = f"the newest is {newest}" if newest is not None else "it has no versions yet"
    return NotFound(f"no version {number} of {model!r}; {hint}", model=model, version=number)


def no_alias(tx: Transaction, model: str, model_id: int, alias: str) -> NotFound:
    """The model has no such alias."""
    known = governance.aliases_of_model(tx, model_id)
    there = f"it has {', '.join(known)}" if known else "it has no aliases yet"
    return NotFound(f"no alias {alias!r} of {model!r}{did_you_mean(alias, known)}; {there}", model=model, alias=alias)


def refuse_missing(blobs: BlobStore, digests: Collection[str]) -> None:
    """Raise NotFound for blobs that are not stored. Call it after writing the rows that need them: see the sweep."""
    if missing := blobs.missing(digests):
        raise NotFound(f"the store has no blob {min(missing)}; upload the files first", missing=sorted(missing))
