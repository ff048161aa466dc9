"""Facts in the past tense: what happened, to what, when and by whom."""

from dataclasses import dataclass, field
from typing import Any


class EventName:
    """Every kind of event, named once; the comment says what its data holds."""

    MODEL_CREATED = "model.created"
    MODEL_UPDATED = "model.updated"  # what changed: description, or name before and after
    MODEL_DELETED = "model.deleted"  # force, aliases that ended
    MODEL_DELETE_REFUSED = "model.delete_refused"  # aliases that point at its versions
    MODEL_TAGGED = "model.tagged"  # key, value
    MODEL_UNTAGGED = "model.untagged"  # key
    VERSION_CREATED = "version.created"  # source, run_id, manifest
    VERSION_SEALED = "version.sealed"  # manifest, source
    VERSION_UPDATED = "version.updated"  # description
    VERSION_DELETED = "version.deleted"  # force, aliases that ended
    VERSION_DELETE_REFUSED = "version.delete_refused"  # aliases that point at it
    VERSION_TAGGED = "version.tagged"  # key, value
    VERSION_UNTAGGED = "version.untagged"  # key
    ALIAS_MOVED = "alias.moved"  # alias, before, after, reason, cause
    ALIAS_CLEARED = "alias.cleared"  # alias, before, reason, cause
    STAGE_MOVED = "stage.moved"  # stage before and after, reason, cause
    MOVE_REFUSED = "move.refused"  # alias or stage, wanted version, why; gates with their clauses where those refused
    GATE_DEFINED = "gate.defined"  # model, alias or stage, clauses, auto, approvals; whether it replaced one
    GATE_DELETED = "gate.deleted"  # model, alias or stage
    VERSION_EVALUATED = "version.evaluated"  # metric, against, difference and its interval, dataset
    PROTECTION_SET = "protection.set"  # pattern, alias or stage, who may move it, before and after
    PROTECTION_REMOVED = "protection.removed"  # pattern, alias or stage, who could move it
    REQUEST_OPENED = "request.opened"  # request, alias or stage, version, reason, before, expires_ms
    REQUEST_COMMENTED = "request.commented"  # request, text
    REQUEST_APPROVED = "request.approved"  # request, person, role, reason
    REQUEST_REJECTED = "request.rejected"  # request, reason
    REQUEST_WITHDRAWN = "request.withdrawn"  # request, reason
    REQUEST_EXPIRED = "request.expired"  # request, expires_ms
    REQUEST_SUPERSEDED = "request.superseded"  # request, why
    REQUEST_REFUSED = "request.refused"  # request, why it could not be carried out, code
    REQUEST_FULFILLED = "request.fulfilled"  # request, move, author, approvals
    VERSION_APPROVAL_SET = "version.approval_set"  # approval status before and after, reason
    ROLLOUT_STARTED = (
        "rollout.started"  # as all of these rollout, alias, stable, target; steps, every_ms, shadow, reason
    )
    ROLLOUT_WEIGHT_MOVED = "rollout.weight_moved"  # rollout, alias, percent before and after, reason
    ROLLOUT_PAUSED = "rollout.paused"  # rollout, why
    ROLLOUT_RESUMED = "rollout.resumed"  # rollout, why
    ROLLOUT_ABORTED = "rollout.aborted"  # rollout, why
    ROLLOUT_FINISHED = "rollout.finished"  # rollout, why
    ROLLOUT_ROLLED_BACK = "rollout.rolled_back"  # rollout, why, metrics with old and new values
    EXPERIMENT_CREATED = "experiment.created"
    EXPERIMENT_UPDATED = "experiment.updated"
    EXPERIMENT_DELETED = "experiment.deleted"
    EXPERIMENT_RESTORED = "experiment.restored"
    RUN_CREATED = "run.created"
    RUN_FINISHED = "run.finished"  # status
    RUN_DELETED = "run.deleted"
    RUN_RESTORED = "run.restored"
    LOGGED_MODEL_CREATED = "logged_model.created"
    LOGGED_MODEL_FINALIZED = "logged_model.finalized"  # status
    LOGGED_MODEL_DELETED = "logged_model.deleted"
    USER_CREATED = "user.created"  # role, whether there is a password
    USER_ROLE_CHANGED = "user.role_changed"  # before, after
    USER_PASSWORD_CHANGED = "user.password_changed"  # whether there is one now
    USER_DELETED = "user.deleted"  # tokens that ended
    TOKEN_CREATED = "token.created"  # id, role, expires_ms
    TOKEN_REVOKED = "token.revoked"  # id
    WEBHOOK_CREATED = "webhook.created"  # name, where its URL leads, events, filters, format; never a secret
    WEBHOOK_UPDATED = "webhook.updated"  # name, which fields changed
    WEBHOOK_DELETED = "webhook.deleted"  # name
    WEBHOOK_PAUSED = "webhook.paused"  # name, reason; by a person, or because it keeps failing
    WEBHOOK_RESUMED = "webhook.resumed"  # name, whether events were skipped
    WEBHOOK_REDELIVERED = "webhook.redelivered"  # delivery, event and its position


@dataclass(frozen=True, slots=True)
class Event:
    """One fact; `subject` is what it is about: `models/churn`, `models/churn/3`, `runs/<id>`, `users/alice`."""

    name: str
    actor: str
    time_ms: int
    subject: str
    data: dict[str, Any] = field(default_factory=dict)
    model_id: int | None = None
    """The model it is about, if any, by the id that survives renames."""
    position: int | None = None
    """Place in the gap-free order that readers follow; None until it has been assigned after the commit."""
