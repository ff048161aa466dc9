"""The table of operations: which method of which area answers which verb and path. Server, client and OpenAPI read it.

Parameters whose names stand in braces in the path come from there; those of GET and DELETE come from the query, and
those of the other verbs from a JSON object. Where a method has two operations, the client calls the last one.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from modelshelf.native.turns import LEDGER, Turn

PREFIX: Final = "/api/v1"

Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb on one path, and the method that answers it."""

    area: str
    method: str
    verb: Verb
    path: str
    quick: bool = False
    """Where the database is SQLite: a read so short that the server may run it on its event loop, or a write so short
    that others may wait for it, to share its commit."""
    patient: bool = False
    """As a quick write, and what is sent by itself, so that nobody minds if it waits for others for a moment."""
    once: bool = False
    """Takes an Idempotency-Key: sent again with the same key, it answers what it answered, and does nothing."""
    repeatable: bool = False
    """Does no more when it is done twice, so a client may send it again."""
    creates: bool = False
    """Answers 201."""
    turn: Turn | None = None
    """What it is done in where it is so long that a process does it for one at a time; others get 429."""
    places: tuple[str, ...] = field(init=False)
    """The parameters that stand in the path."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", tuple(_PLACE.findall(self.path)))

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.verb == "GET" or self.path.endswith("/search")

    @property
    def in_query(self) -> bool:
        """Whether its parameters come in the query."""
        return self.verb in {"GET", "DELETE"}


def _read(area: str, method: str, path: str, *, quick: bool = False) -> Operation:
    return Operation(area, method, "GET", path, quick=quick, repeatable=True)


def _search(area: str, method: str, path: str) -> tuple[Operation, Operation]:
    """Short searches fit in a query, and their pages are linked; a body takes a filter of any length."""
    again = Operation(area, method, "POST", f"{path}/search", repeatable=True)
    return _read(area, method, path), again


def _create(area: str, method: str, path: str, *, quick: bool = False) -> Operation:
    return Operation(area, method, "POST", path, quick=quick, once=True, creates=True)


def _put(area: str, method: str, path: str, *, quick: bool = False) -> Operation:
    return Operation(area, method, "PUT", path, quick=quick, repeatable=True)


def _post(area: str, method: str, path: str, *, quick: bool = False, patient: bool = False) -> Operation:
    """An addition of which repetitions count once."""
    return Operation(area, method, "POST", path, quick=quick, patient=patient, repeatable=True)


def _change(area: str, method: str, verb: Verb, path: str, *, quick: bool = False, patient: bool = False) -> Operation:
    return Operation(area, method, verb, path, quick=quick, patient=patient, once=True)


_VERSION = "/models/{name}/versions/{number}"
_ALIAS = "/models/{model}/aliases/{alias}"
_REQUEST = "/requests/{request_id}"

CATALOG = (
    _create("catalog", "create_model", "/models", quick=True),
    *_search("catalog", "search_models", "/models"),
    _read("catalog", "model", "/models/{name}", quick=True),
    _change("catalog", "delete_model", "DELETE", "/models/{name}"),
    _change("catalog", "rename_model", "POST", "/models/{name}/rename"),
    _put("catalog", "describe_model", "/models/{name}/description"),
    _put("catalog", "tag_model", "/models/{name}/tags/{key}", quick=True),
    _change("catalog", "untag_model", "DELETE", "/models/{name}/tags/{key}"),
    _read("catalog", "latest_versions", "/models/{name}/latest-versions"),
    _create("catalog", "create_version", "/models/{name}/versions", quick=True),
    _create("catalog", "create_version_ahead", "/models/{name}/versions/ahead", quick=True),
    *_search("catalog", "search_versions", "/versions"),
    _read("catalog", "version", _VERSION, quick=True),
    _change("catalog", "delete_version", "DELETE", _VERSION),
    _read("catalog", "manifest", f"{_VERSION}/manifest"),
    _post("catalog", "seal_version", f"{_VERSION}/seal"),
    _put("catalog", "describe_version", f"{_VERSION}/description", quick=True),
    _put("catalog", "tag_version", f"{_VERSION}/tags/{{key}}", quick=True),
    _change("catalog", "untag_version", "DELETE", f"{_VERSION}/tags/{{key}}"),
    _read("catalog", "resolve", "/resolve", quick=True),
    _read("catalog", "version_by_alias", "/models/{name}/aliases/{alias}/version", quick=True),
)

GOVERNANCE = (
    _read("governance", "alias_position", _ALIAS, quick=True),
    _change("governance", "set_alias", "PUT", _ALIAS, quick=True),
    _change("governance", "clear_alias", "DELETE", _ALIAS, quick=True),
    _change("governance", "rollback", "POST", f"{_ALIAS}/rollback"),
    _change("governance", "promote", "POST", "/models/{model}/promotions"),
    _change("governance", "set_stage", "PUT", "/models/{model}/versions/{version}/stage"),
    _read("governance", "history", "/models/{model}/moves"),
    _change("governance", "set_approval_status", "PUT", "/models/{model}/versions/{version}/approval-status"),
    _read("governance", "protections", "/protections"),
    _put("governance", "protect", "/protections"),
    _change("governance", "unprotect", "DELETE", "/protections"),
    _create("governance", "open_request", "/requests"),
    _read("governance", "requests", "/requests"),
    _post("governance", "expire_requests", "/requests/expire"),
    _read("governance", "request", _REQUEST),
    _create("governance", "comment_request", f"{_REQUEST}/comments"),
    _change("governance", "approve_request", "POST", f"{_REQUEST}/approvals"),
    _change("governance", "reject_request", "POST", f"{_REQUEST}/rejection"),
    _change("governance", "withdraw_request", "POST", f"{_REQUEST}/withdrawal"),
    _change("governance", "carry_out_request", "POST", f"{_REQUEST}/promotion"),
)

_ROLLOUT = "/rollouts/{rollout_id}"

ROLLOUTS = (
    _read("rollouts", "route", f"{_ALIAS}/route", quick=True),
    _change("rollouts", "start", "POST", "/models/{model}/rollouts"),
    _read("rollouts", "rollouts", "/models/{model}/rollouts"),
    _read("rollouts", "rollout", _ROLLOUT),
    _change("rollouts", "pause", "POST", f"{_ROLLOUT}/pause"),
    _change("rollouts", "resume", "POST", f"{_ROLLOUT}/resume"),
    _change("rollouts", "abort", "POST", f"{_ROLLOUT}/abort"),
    _change("rollouts", "finish", "POST", f"{_ROLLOUT}/finish"),
    _change("rollouts", "report", "POST", "/rollouts/reports", patient=True),
    _post("rollouts", "beat", "/loaders/heartbeats", patient=True),
    _read("rollouts", "fleet", "/models/{model}/loaders"),
)

GATES = (
    _put("governance", "define_gate", "/gates/{name}"),
    _read("governance", "gates", "/gates"),
    _read("governance", "gate", "/gates/{name}"),
    _change("governance", "delete_gate", "DELETE", "/gates/{name}"),
    Operation("governance", "test_gate", "POST", "/gates/{name}/replay", repeatable=True),
    _read("governance", "judge", "/models/{model}/versions/{version}/judgement"),
    _read("governance", "decisions", "/models/{model}/decisions"),
    _read("governance", "decision", "/decisions/{decision_id}"),
    _change("governance", "log_evaluation", "POST", "/models/{model}/versions/{version}/evaluations"),
    _read("governance", "evaluations", "/models/{model}/versions/{version}/evaluations"),
    _post("governance", "look_at_evidence", "/evidence/look"),
)

_RUN = "/runs/{run_id}"
_EXPERIMENT = "/experiments/{experiment_id}"
_LOGGED = "/logged-models/{model_id}"

TRACKING = (
    _create("tracking", "create_experiment", "/experiments"),
    *_search("tracking", "search_experiments", "/experiments"),
    _read("tracking", "experiment_by_name", "/experiments/by-name"),
    _read("tracking", "experiment", _EXPERIMENT),
    _read("tracking", "dataset_uses", "/datasets"),
    _put("tracking", "rename_experiment", f"{_EXPERIMENT}/name"),
    _put("tracking", "tag_experiment", f"{_EXPERIMENT}/tags/{{key}}"),
    _change("tracking", "untag_experiment", "DELETE", f"{_EXPERIMENT}/tags/{{key}}"),
    _change("tracking", "delete_experiment", "DELETE", _EXPERIMENT),
    _change("tracking", "restore_experiment", "POST", f"{_EXPERIMENT}/restore"),
    _create("tracking", "start_run", "/runs", quick=True),
    *_search("tracking", "search_runs", "/runs"),
    _read("tracking", "run", _RUN),
    Operation("tracking", "update_run", "PATCH", _RUN, quick=True, repeatable=True),
    _post("tracking", "log_batch", f"{_RUN}/batch", quick=True),
    _post("tracking", "log_metrics", f"{_RUN}/metrics", quick=True),
    _read("tracking", "metric_history", f"{_RUN}/metrics/{{key}}"),
    _post("tracking", "log_params", f"{_RUN}/params", quick=True),
    _post("tracking", "tag_run", f"{_RUN}/tags", quick=True),
    _change("tracking", "untag_run", "DELETE", f"{_RUN}/tags/{{key}}"),
    _post("tracking", "log_inputs", f"{_RUN}/inputs"),
    _change("tracking", "log_outputs", "POST", f"{_RUN}/outputs"),
    _read("tracking", "logged_model_of", f"{_RUN}/logged-models/{{name}}"),
    Operation("tracking", "delete_run", "DELETE", _RUN, repeatable=True),
    _post("tracking", "restore_run", f"{_RUN}/restore"),
    _create("tracking", "create_logged_model", "/logged-models"),
    Operation("tracking", "search_logged_models", "POST", "/logged-models/search", repeatable=True),
    _read("tracking", "logged_model", _LOGGED),
    _post("tracking", "finalize_logged_model", f"{_LOGGED}/finalize"),
    _post("tracking", "tag_logged_model", f"{_LOGGED}/tags"),
    _change("tracking", "untag_logged_model", "DELETE", f"{_LOGGED}/tags/{{key}}"),
    _change("tracking", "log_model_params", "POST", f"{_LOGGED}/params"),
    Operation("tracking", "delete_logged_model", "DELETE", _LOGGED, repeatable=True),
)

ARTIFACTS = (
    Operation("artifacts", "missing", "POST", "/blobs/missing", repeatable=True),
    _put("artifacts", "put", "/folders"),
    _put("artifacts", "place", "/files"),
    _read("artifacts", "listing", "/folders"),
    _read("artifacts", "tree", "/trees"),
    _read("artifacts", "file", "/files"),
    _change("artifacts", "delete", "DELETE", "/files"),
    _read("artifacts", "manifest", "/manifests/{manifest_id}"),
    _read("artifacts", "sealed_file", "/manifests/{manifest_id}/files"),
    _post("artifacts", "sweep", "/blobs/sweep"),
    _read("artifacts", "may_hold", "/blobs/beginnings"),
    _read("artifacts", "offers_resumable_uploads", "/uploads"),
    _read("artifacts", "accepted", "/uploads/{upload}"),
    Operation("artifacts", "abandon_upload", "DELETE", "/uploads/{upload}", repeatable=True),
    _read("artifacts", "direct_url", "/blobs/{digest}/url"),
    _read("artifacts", "offers_direct_downloads", "/direct/downloads"),
    _read("artifacts", "offers_direct_uploads", "/direct/uploads"),
    Operation("artifacts", "start_direct_upload", "POST", "/direct/uploads", creates=True),
    _post("artifacts", "finish_direct_upload", "/direct/uploads/{upload}/finish"),
    Operation("artifacts", "abort_direct_upload", "DELETE", "/direct/uploads/{upload}", repeatable=True),
)

EVENTS = (
    _read("events", "after", "/events"),
    _read("events", "latest", "/events/latest"),
    _create("events", "create_webhook", "/webhooks"),
    _read("events", "webhooks", "/webhooks"),
    _read("events", "webhook", "/webhooks/{webhook}"),
    _change("events", "update_webhook", "PATCH", "/webhooks/{webhook}"),
    _change("events", "delete_webhook", "DELETE", "/webhooks/{webhook}"),
    Operation("events", "test_webhook", "POST", "/webhooks/{webhook}/test"),
    _change("events", "pause_webhook", "POST", "/webhooks/{webhook}/pause"),
    _change("events", "resume_webhook", "POST", "/webhooks/{webhook}/resume"),
    _read("events", "deliveries", "/webhooks/{webhook}/deliveries"),
    _change("events", "redeliver", "POST", "/deliveries/{delivery}/redeliver"),
    _read("events", "provenance", "/provenance"),
    _read("events", "head", "/ledger/head"),
    _read("events", "receipt", "/ledger/receipts/{position}"),
    _read("events", "consistency", "/ledger/consistency"),
    _read("events", "sealed", "/ledger/events"),
    Operation("events", "verify", "POST", "/ledger/verify", repeatable=True, turn=LEDGER),
)

ACCESS = (
    _create("access", "create_user", "/users"),
    _read("access", "users", "/users"),
    _put("access", "set_role", "/users/{name}/role"),
    _put("access", "set_password", "/users/{name}/password"),
    _change("access", "delete_user", "DELETE", "/users/{name}"),
    Operation("access", "create_token", "POST", "/users/{user}/tokens", creates=True),
    _read("access", "tokens", "/tokens"),
    _change("access", "revoke_token", "DELETE", "/users/{user}/tokens/{name}"),
)

OPERATIONS: tuple[Operation, ...] = (*CATALOG, *GOVERNANCE, *GATES, *ROLLOUTS, *TRACKING, *ARTIFACTS, *EVENTS, *ACCESS)
