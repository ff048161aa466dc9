"""Gates: the conditions that a version has to pass before an alias or a stage moves to it."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from modelshelf.database import access, catalog, decisions, events, governance, versions
from modelshelf.database import gates as rows
from modelshelf.database.database import Transaction
from modelshelf.domain.access import ANONYMOUS, Permission
from modelshelf.domain.errors import Conflict, Forbidden, Invalid, NotFound
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.gates import GATES_LIMIT, Approvals, Clause, Decision, Gate, Judgement, Replay, defined
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import alias_name, did_you_mean, stage_name, version_number
from modelshelf.domain.pages import Page, page_start
from modelshelf.domain.pages import page_token as make_token
from modelshelf.services import automatic, gate_clauses, gate_replay, judging, refusals
from modelshelf.services.evaluations import Evaluations
from modelshelf.services.moving import better_by

DECISIONS_LIMIT = 100
"""Decisions of one page."""


class Gates(Evaluations):
    """Gates: the conditions that a version has to pass before an alias or a stage moves to it."""

    def define_gate(
        self,
        name: str,
        *,
        model: str,
        alias: str | None = None,
        stage: str | None = None,
        clauses: Sequence[Clause | str] = (),
        auto: bool = False,
        approvals: Approvals | None = None,
        description: str = "",
    ) -> Gate:
        """Define a gate, or replace the one of this name: for an alias or else a stage of a model, or of a pattern.

        `clauses` are expressions over the evidence document; `auto` promotes a version by itself when it passes;
        `approvals` asks for people's agreement. Raises Invalid, with the number and place, for a clause that does not
        compile or could take long, Forbidden where approvals are asked for and nobody can be told apart.
        """
        self._actor.require(Permission.ADMINISTER)
        gate = _checked(
            name,
            model=model,
            alias=alias,
            stage=stage,
            clauses=clauses,
            auto=auto,
            approvals=approvals,
            description=description,
        )
        with self._database.write() as tx:
            if gate.approvals is not None:
                self._require_people(tx)
            return self._put(tx, gate, self._clock())

    def gate(self, name: str) -> Gate:
        """A gate by its name. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return self._gate(tx, name)

    def gates(self, model: str | None = None) -> list[Gate]:
        """All gates, or those that guard a model, by name."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            return [gate for gate in rows.all_gates(tx) if model is None or gate.guards(model)]

    def delete_gate(self, name: str) -> Gate:
        """Delete a gate; answers what it was. Raises NotFound."""
        self._actor.require(Permission.ADMINISTER)
        with self._database.write() as tx:
            gate, now_ms = self._gate(tx, name), self._clock()
            rows.delete(tx, name)
            data = gate_data(gate)
            events.append(tx, Event(EventName.GATE_DELETED, self._actor.name, now_ms, f"gates/{name}", data))
        return gate

    def judge(
        self,
        model: str,
        version: int,
        *,
        alias: str | None = None,
        stage: str | None = None,
        if_better: str | None = None,
        confidence: float | None = None,
    ) -> Judgement:
        """What the gates would say of a promotion, with the evidence that they see; nothing moves.

        Raises NotFound for an unknown model or version.
        """
        self._actor.require(Permission.READ)
        slot, target = _slot(alias, stage)
        number, better = version_number(version), better_by(if_better, confidence)
        with self._database.read() as tx:
            model_id = self._model_id(tx, model)
            self._require_version_of(tx, model, model_id, number)
            place: dict[str, Any] = {
                "actor": self._actor,
                "model_id": model_id,
                "model": model,
                "slot": slot,
                "name": target,
                "version": number,
                "before": current_in(tx, model_id, slot, target),
                "now_ms": self._clock(),
            }
            found = judging.judge(tx, self._blobs, **place, better=better)
            return found if found is not None else judging.witness(tx, self._blobs, **place)

    def test_gate(
        self,
        name: str,
        *,
        model: str,
        since_ms: int,
        alias: str | None = None,
        stage: str | None = None,
        clauses: Sequence[Clause | str] = (),
        auto: bool = False,
        approvals: Approvals | None = None,
        description: str = "",
    ) -> Replay:
        """What a gate would have made of the moves and refusals since an instant; it is not defined by this.

        Approvals are not looked at. Raises Invalid as `define_gate` does.
        """
        self._actor.require(Permission.WRITE)
        gate = _checked(
            name,
            model=model,
            alias=alias,
            stage=stage,
            clauses=clauses,
            auto=auto,
            approvals=approvals,
            description=description,
        )
        if not 0 <= since_ms < 2**63:
            raise Invalid(
                f"since_ms must be an instant in milliseconds since the epoch, not {since_ms}", field="since_ms"
            )
        with self._database.read() as tx:
            return gate_replay.replay(tx, self._blobs, gate, since_ms=since_ms)

    def decisions(
        self, model: str, *, version: int | None = None, limit: int = 20, page_token: str | None = None
    ) -> Page[Decision]:
        """What gates decided on a model, or on one version of it, with the evidence of the time; the newest first.

        At most 100 at once. Raises NotFound where no model ever had the name.
        """
        self._actor.require(Permission.READ)
        if limit < 1:
            raise Invalid(f"the limit must be at least 1, not {limit}", limit=limit)
        number = None if version is None else version_number(version)
        query, size = ["decisions", model, number], min(limit, DECISIONS_LIMIT)
        start = page_start(page_token, query=query, kinds=(int,))
        with self._database.read() as tx:
            ids = catalog.model_ids_ever(tx, model)
            if not ids:
                raise refusals.no_model(tx, model)
            current = catalog.model_id(tx, model)
            wanted, before = current if current is not None else ids[0], 2**62 if start is None else start[0]
            found = decisions.of_model(tx, wanted, version=number, before_id=before, limit=size + 1)
        more = len(found) > size
        return Page(tuple(found[:size]), make_token((found[size - 1].id,), query=query) if more else None)

    def decision(self, decision_id: int) -> Decision:
        """One decision, with its evidence. Raises NotFound."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            found = decisions.decision(tx, decision_id)
        if found is None:
            raise NotFound(f"no decision {decision_id}", decision=decision_id)
        return found

    def look_at_evidence(self) -> bool:
        """Have automatic gates look at versions with new evidence that nobody looked at yet; whether there may be more.

        A server does this by itself.
        """
        self._actor.require(Permission.ADMINISTER)
        return automatic.look(self._database, self._blobs, self._clock)

    def _put(self, tx: Transaction, gate: Gate, now_ms: int) -> Gate:
        before = rows.gate(tx, gate.name)
        if before is None and rows.count(tx) >= GATES_LIMIT:
            raise Conflict(
                f"the shelf has {GATES_LIMIT} gates, which is the limit; delete some, or write patterns",
                limit=GATES_LIMIT,
            )
        made = replace(
            gate,
            created_ms=before.created_ms if before else now_ms,
            created_by=before.created_by if before else self._actor.name,
            updated_ms=now_ms,
            updated_by=self._actor.name,
        )
        rows.put(tx, made)
        data = {**gate_data(made), "replaced": before is not None}
        events.append(tx, Event(EventName.GATE_DEFINED, self._actor.name, now_ms, f"gates/{made.name}", data))
        return made

    def _require_people(self, tx: Transaction) -> None:
        if self._actor.name == ANONYMOUS or not access.users(tx):
            raise Forbidden(
                "a gate can't ask for approvals while nobody can be told apart: make users with modelshelf user "
                "create, and start the server with --auth required",
                actor=self._actor.name,
            )

    @staticmethod
    def _gate(tx: Transaction, name: str) -> Gate:
        found = rows.gate(tx, name)
        if found is None:
            near = did_you_mean(name, [gate.name for gate in rows.all_gates(tx)])
            raise NotFound(f"no gate {name!r}{near}; modelshelf gate list shows those there are", gate=name)
        return found


def _checked(name: str, **given: Any) -> Gate:
    gate = defined(name, **given)
    gate_clauses.check(gate.clauses)
    return gate


def _slot(alias: str | None, stage: str | None) -> tuple[Slot, str]:
    if (alias is None) == (stage is None):
        raise Invalid("name either an alias or a stage, and not both", field="alias")
    return (Slot.ALIAS, alias_name(alias)) if alias is not None else (Slot.STAGE, stage_name(stage).value)


def current_in(tx: Transaction, model_id: int, slot: Slot, target: str) -> int | None:
    """The version that an alias points at, or the newest one in a stage."""
    if slot is Slot.ALIAS:
        return governance.alias_target(tx, model_id, target)
    return versions.newest(tx, model_id, stage=target)


def gate_data(gate: Gate) -> dict[str, Any]:
    """A gate as an event tells of it."""
    return {
        "model": gate.model,
        gate.slot.value: gate.target,
        "clauses": [clause.expression for clause in gate.clauses],
        "auto": gate.auto,
        "approvals": asdict(gate.approvals) if gate.approvals else None,
    }
