"""Protected aliases and stages: who may move them."""

from collections.abc import Iterable, Sequence
from itertools import chain

from modelshelf.database import access, events, gates
from modelshelf.database import protection as rows
from modelshelf.database.database import Transaction
from modelshelf.domain.access import ANONYMOUS, GRANTS, Actor, Permission, Role
from modelshelf.domain.errors import Conflict, Forbidden, Invalid, NotFound, Protected
from modelshelf.domain.events import Event, EventName
from modelshelf.domain.governance import Slot
from modelshelf.domain.names import Stage, alias_name, did_you_mean, stage_name
from modelshelf.domain.patterns import matches, model_pattern
from modelshelf.domain.protection import PROTECTIONS_LIMIT, Movers, ProtectedName, movers, refused
from modelshelf.services.governance_part import GovernancePart


def refusal(
    tx: Transaction, actor: Actor, model: str, *, alias: str | None = None, stage: str | None = None
) -> Protected | None:
    """Why an actor may not move an alias or a stage of a model; None where nothing protects it from this actor.

    Where several patterns mean the model, all of them have to let the actor. A stage is moved by what enters it and by
    what leaves it: ask for both.
    """
    slot, name = (Slot.ALIAS, alias) if alias is not None else (Slot.STAGE, stage)
    for protected in rows.of_name(tx, slot, name) if name is not None else ():
        if matches(protected.pattern, model) and not protected.movers.include(actor):
            return refused(actor, model, protected)
    return None


def refusal_of_any(
    tx: Transaction, actor: Actor, model: str, *, aliases: Iterable[str], stages: Iterable[str]
) -> Protected | None:
    """The first refusal among aliases and stages of a model that end together."""
    by_alias = (refusal(tx, actor, model, alias=alias) for alias in aliases)
    by_stage = (refusal(tx, actor, model, stage=stage) for stage in stages)
    return next((found for found in chain(by_alias, by_stage) if found is not None), None)


def refusal_of_rename(tx: Transaction, actor: Actor, before: str, after: str) -> Protected | None:
    """Why an actor may not rename a model: the name would take it out of the reach of a pattern, or into it.

    Patterns of protected names leave it to those who may move these; patterns of gates to administrators, or else a
    model could leave a gate behind, move, and come back.
    """
    for protected in rows.all_of_them(tx):
        if (name := _under_one(protected.pattern, before, after)) and not protected.movers.include(actor):
            return refused(actor, name, protected)
    if Permission.ADMINISTER in GRANTS.get(actor.role, frozenset()):
        return None
    for gate in gates.all_gates(tx):
        if name := _under_one(gate.model, before, after):
            return Protected(
                f"the gate {gate.name} guards {gate.target} of {gate.model}: renaming {before} to {after} would go "
                f"past it, which only an administrator may; {actor.name} is of the role {actor.role.value}",
                actor=actor.name,
                model=name,
                gate=gate.name,
                allowed=[f"role:{Role.ADMIN.value}"],
            )
    return None


def _under_one(pattern: str, before: str, after: str) -> str:
    """The one of two names that a pattern means; empty where it means both or neither."""
    under = {name for name in (before, after) if matches(pattern, name)}
    return under.pop() if len(under) == 1 else ""


class Protection(GovernancePart):
    """Protected aliases and stages: who may move them."""

    def protect(
        self,
        pattern: str,
        *,
        alias: str | None = None,
        stage: str | None = None,
        roles: Sequence[str] = (),
        users: Sequence[str] = (),
        tokens: Sequence[str] = (),
        policies: Sequence[str] = (),
    ) -> ProtectedName:
        """Let only some move an alias, or else a stage, of the models that a pattern (`fraud`, `fraud-*`, `*`) means.

        `roles` lets those of the role or a higher one, `users` these in person, `tokens` (`alice/ci`, `alice/*`) these
        programs, `policies` the gates that promote by themselves. What was said of the same pattern before is replaced.
        Raises Invalid for names that can't be, NotFound for an unknown user, Forbidden where nobody can be told apart:
        for the anonymous, and on a shelf without users.
        """
        self._administer_known()
        pattern, (slot, name) = model_pattern(pattern), _slot(alias, stage)
        who, now_ms = movers(roles=roles, users=users, tokens=tokens, policies=policies), self._clock()
        protected = ProtectedName(pattern, slot, name, who, now_ms, self._actor.name)
        with self._database.write() as tx:
            self._require_users(tx, who)
            before = rows.one(tx, slot, name, pattern)
            if before is None and len(rows.all_of_them(tx)) >= PROTECTIONS_LIMIT:
                raise Conflict(
                    f"the shelf has {PROTECTIONS_LIMIT} protected names, which is the limit; "
                    "remove some, or protect more models with one pattern",
                    limit=PROTECTIONS_LIMIT,
                )
            rows.put(tx, protected)
            data: dict[str, object] = {"before": list(before.movers.names()) if before else []}
            self._append_protection(tx, EventName.PROTECTION_SET, protected, {**data, "after": list(who.names())})
        return protected

    def protections(self, model: str | None = None) -> list[ProtectedName]:
        """All protected names, by pattern, or those that hold for one model's name."""
        self._actor.require(Permission.READ)
        with self._database.read() as tx:
            found = rows.all_of_them(tx)
        return [each for each in found if model is None or matches(each.pattern, model)]

    def unprotect(self, pattern: str, *, alias: str | None = None, stage: str | None = None) -> ProtectedName:
        """End what protects an alias, or else a stage, for a pattern; answers what it was. Raises NotFound."""
        self._administer_known()
        slot, name = _slot(alias, stage)
        with self._database.write() as tx:
            found = rows.one(tx, slot, name, pattern)
            if found is None or not rows.delete(tx, slot, name, pattern):
                patterns = [each.pattern for each in rows.of_name(tx, slot, name)]
                near = did_you_mean(pattern, patterns)
                raise NotFound(
                    f"{slot.value} {name} is not protected for {pattern!r}{near}; see modelshelf protect list",
                    pattern=pattern,
                    **{slot.value: name},
                )
            data: dict[str, object] = {"before": list(found.movers.names())}
            self._append_protection(tx, EventName.PROTECTION_REMOVED, found, data)
        return found

    def _administer_known(self) -> None:
        self._actor.require(Permission.ADMINISTER)
        if self._actor.name == ANONYMOUS:
            raise Forbidden(
                "names are protected by somebody who is known, and from somebody who is: make users with modelshelf "
                "user create on the database itself, and start the server with --auth required",
                actor=ANONYMOUS,
                permission=Permission.ADMINISTER.value,
            )

    def _require_users(self, tx: Transaction, who: Movers) -> None:
        known = {user.name for user in access.users(tx)}
        if not known:
            raise Forbidden(
                "without users nobody can be told apart, and nothing protected: make some with modelshelf user create, "
                "and start the server with --auth required",
                actor=self._actor.name,
            )
        for name in (*who.users, *(token.partition("/")[0] for token in who.tokens)):
            if name not in known:
                near = did_you_mean(name, known)
                raise NotFound(f"no user {name!r}{near}; modelshelf user list shows those there are", user=name)

    def _append_protection(
        self, tx: Transaction, event: str, protected: ProtectedName, data: dict[str, object]
    ) -> None:
        data = {"pattern": protected.pattern, protected.slot.value: protected.name, **data}
        subject = f"protections/{protected.pattern}/{protected.slot.value}/{protected.name}"
        events.append(tx, Event(event, self._actor.name, self._clock(), subject, data))


def _slot(alias: str | None, stage: str | None) -> tuple[Slot, str]:
    if (alias is None) == (stage is None):
        raise Invalid("name either an alias or a stage, and not both", field="alias")
    if alias is not None:
        return Slot.ALIAS, alias_name(alias)
    if (checked := stage_name(stage)) is Stage.NONE:
        raise Invalid(
            "every version begins in the stage None, so it can't be protected; protect the others", stage=stage
        )
    return Slot.STAGE, checked.value
