"""The approval status of versions, for those who come from SageMaker's registry: it moves nothing by itself."""

from modelshelf.database import catalog, events, versions
from modelshelf.domain.access import Permission
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.names import REASON_LIMIT, bounded, version_number
from modelshelf.domain.requests import ApprovalStatus, approval_status
from modelshelf.services import refusals
from modelshelf.services.governance_part import GovernancePart


class ApprovalStatuses(GovernancePart):
    """What people say of versions."""

    def set_approval_status(self, model: str, version: int, status: str, *, reason: str = "") -> ModelVersion:
        """Say of a version that it is PendingManualApproval, Approved or Rejected; empty takes that back.

        Approved and Rejected, also in the place of another status, are for approvers. It gates nothing by itself.
        Raises Invalid for an unknown status, NotFound for an unknown model or version.
        """
        self._actor.require(Permission.WRITE)
        wanted, number = approval_status(status), version_number(version)
        reason, now_ms = bounded(reason, "reason", REASON_LIMIT), self._clock()
        if wanted in _DECIDED:
            self._actor.require(Permission.APPROVE)
        with self._database.write() as tx:
            model_id = catalog.model_id(tx, model)
            if model_id is None:
                raise refusals.no_model(tx, model)
            before = versions.set_approval_status(tx, model_id, number, wanted.value, now_ms=now_ms)
            if before is None:
                raise refusals.no_version(tx, model, model_id, number)
            if before in _DECIDED:
                self._actor.require(Permission.APPROVE)
            if before != wanted:
                data, subject = {"before": before, "after": wanted.value, "reason": reason}, f"models/{model}/{number}"
                name = EventName.VERSION_APPROVAL_SET
                events.append(tx, Event(name, self._actor.name, now_ms, subject, data, model_id=model_id))
            found = versions.version_of_model_id(tx, model_id, number)
            assert found is not None
            return found


_DECIDED = {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED}
