"""What a registry can do beyond MLflow's surface: moves with reasons, and the ledger that remembers them."""

from modelshelf.domain.catalog import Resolution
from modelshelf.domain.governance import Move
from modelshelf.domain.names import version_number
from modelshelf.sdk import session
from modelshelf.services.governance import ANYTHING


def promote(
    model: str,
    version: int | str,
    *,
    alias: str | None = None,
    stage: str | None = None,
    reason: str = "",
    if_current: int | None = ANYTHING,
    if_better: str | None = None,
    confidence: float | None = None,
) -> Move:
    """Move an alias, or else a stage, to a version; the version that held the stage is archived.

    Name exactly one of `alias` and `stage`. `if_current` refuses (AliasMoved) unless that version is there now; None
    asks that none is. `if_better` names a metric: the newest evaluation of the version by it, against the one that is
    there, has to show an improvement, with at least this `confidence`. The reason, and a refusal too, stay in the
    ledger. Raises NotFound, Invalid, and GateFailed where a gate refuses.
    """
    return session.registry().governance.promote(
        model,
        version_number(version),
        alias=alias,
        stage=stage,
        reason=reason,
        if_current=if_current,
        if_better=if_better,
        confidence=confidence,
    )


def rollback(model: str, alias: str, *, reason: str = "") -> Move:
    """Move an alias back to whatever it pointed at before. Raises Conflict where there is nothing to go back to."""
    return session.registry().governance.rollback(model, alias, reason=reason)


def history(model: str, alias: str | None = None) -> list[Move]:
    """The moves of a model's aliases and stages, or of one alias, the newest first: when, by whom, why.

    Also of a model that was deleted or renamed. Raises NotFound where no model ever had the name.
    """
    return session.registry().governance.history(model, alias=alias)


def resolve(uri: str) -> Resolution:
    """What `models:/NAME@alias`, `models:/NAME/3` and the like name, now or `?at=2026-03-01T09:30Z`.

    Raises Invalid for a URI of no known form, NotFound where it names nothing.
    """
    return session.registry().catalog.resolve(uri)
