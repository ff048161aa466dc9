"""What a shelf.yaml may say, and how it is refused where it may not."""

import re
from typing import Any

import pytest

from modelshelf.domain.access import Role
from modelshelf.domain.declared import Declaration, Live, Section, declaration_of, document_of
from modelshelf.domain.errors import Conflict, Invalid
from modelshelf.domain.governance import Slot
from modelshelf.domain.webhooks import Webhook

GATE = {"name": "better", "model": "fraud*", "alias": "production", "clauses": ["candidate.sealed"]}
PROTECTED = {"model": "fraud*", "stage": "production", "roles": ["approver"], "tokens": ["alice/ci"]}
WEBHOOK = {"name": "ci", "url": "https://ci.example/x", "events": ["alias.moved"], "secret_env": "CI_SECRET"}


def webhook(name: str = "ci", **changed: Any) -> Webhook:
    return Webhook(
        **{
            "id": f"id of {name}",
            "name": name,
            "url": "https://ci.example/x",
            "events": ("alias.moved",),
            "model": "*",
            "alias": "",
            "format": "standard",
            "signed": True,
            "tries": 10,
            "created_ms": 0,
            "created_by": "alice",
            "updated_ms": 0,
            **changed,
        }
    )


def test_a_document_becomes_gates_protected_names_and_webhooks() -> None:
    found = declaration_of({"gates": [GATE], "protected": [PROTECTED], "webhooks": [WEBHOOK], "prune": True})

    assert [(gate.name, gate.alias, len(gate.clauses)) for gate in found.gates] == [("better", "production", 1)]
    protected = found.protected[0]
    assert (protected.pattern, protected.slot, protected.name) == ("fraud*", Slot.STAGE, "Production")
    assert (protected.movers.roles, protected.movers.tokens) == ((Role.APPROVER,), ("alice/ci",))
    assert (found.webhooks[0].secret_env, found.webhooks[0].signed, found.webhooks[0].model) == ("CI_SECRET", True, "*")
    assert (found.prune, found.sections) == (True, tuple(Section))


def test_a_section_that_is_not_there_is_not_an_empty_one() -> None:
    assert declaration_of({"gates": []}) == Declaration((Section.GATES,))


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        (None, None, "declares nothing"),
        ([GATE], None, "found list"),
        ({"prune": True}, None, "declares nothing"),
        ({"gate": []}, "gate", "did you mean 'gates'"),
        ({"gates": None}, "gates", "write [] for none"),
        ({"gates": {"better": GATE}}, "gates", "must be a list"),
        ({"gates": [], "prune": "yes"}, "prune", "true or false"),
        ({"gates": [GATE, GATE]}, "gates[1]", "gates[0] is the same"),
        ({"gates": [GATE] * 1001}, "gates", "the limit is 1,000"),
        ({"gates": ["better"]}, "gates[0]", "found str"),
        ({"gates": [{**GATE, "aliass": "x"}]}, "gates[0].aliass", "did you mean 'alias'"),
        ({"gates": [{**GATE, "auto": "yes"}]}, "gates[0].auto", "true or false"),
        ({"gates": [{**GATE, "clauses": "x"}]}, "gates[0].clauses", "a list"),
        ({"gates": [{**GATE, "description": []}]}, "gates[0].description", "a text"),
        ({"gates": [{**GATE, "alias": "v1"}]}, "gates[0].alias", "reserved"),
        ({"protected": [{**PROTECTED, "alias": "x"}]}, "protected[0]", "not both"),
        ({"protected": [{**PROTECTED, "stage": "None"}]}, "protected[0].stage", "protect the others"),
        ({"protected": [{**PROTECTED, "roles": "approver"}]}, "protected[0].roles", "list of texts"),
        ({"protected": [{**PROTECTED, "users": [7]}]}, "protected[0].users", "list of texts"),
        ({"protected": [{**PROTECTED, "pattern": "x"}]}, "protected[0].pattern", "has no 'pattern'"),
        ({"protected": [{"model": "x", "alias": "y"}]}, "protected[0]", "at least one role"),
        ({"webhooks": [{**WEBHOOK, "events": ["alias.moves"]}]}, "webhooks[0].events", "did you mean 'alias.moved'"),
        ({"webhooks": [{**WEBHOOK, "url_env": "X"}]}, "webhooks[0].url", "not both"),
        ({"webhooks": [{**WEBHOOK, "url": 7}]}, "webhooks[0].url", "must be a text"),
        ({"webhooks": [{**WEBHOOK, "signed": True}]}, "webhooks[0]", "either secret_env"),
        ({"webhooks": [{**WEBHOOK, "format": ["chat"]}]}, "webhooks[0].format", "the formats are"),
        ({"webhooks": [{**WEBHOOK, "tries": True}]}, "webhooks[0].tries", "1 to 30 times"),
        ({"webhooks": [WEBHOOK, {**WEBHOOK, "url": "https://b.example"}]}, "webhooks[1]", "declared twice"),
    ],
)
def test_what_can_not_be_is_refused_with_its_path(document: object, path: str | None, said: str) -> None:
    with pytest.raises(Invalid, match=re.escape(said)) as refused:
        declaration_of(document)

    assert refused.value.details.get("path") == path


@pytest.mark.parametrize("key", ["secret", "secret_env", "url_env"])
@pytest.mark.parametrize("secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "hunter two", 7])
def test_a_secret_in_the_file_is_refused_and_not_repeated(key: str, secret: object) -> None:
    replaced = {"secret_env", "url"} if key == "url_env" else {"secret_env"}
    said = {name: value for name, value in WEBHOOK.items() if name not in replaced}

    with pytest.raises(Invalid, match="variable of the environment") as refused:
        declaration_of({"webhooks": [{**said, key: secret}]})

    assert str(secret) not in refused.value.message
    assert refused.value.details["path"] == f"webhooks[0].{key}"


def test_what_is_written_of_a_shelf_declares_the_same() -> None:
    declared = declaration_of({"gates": [GATE], "protected": [PROTECTED], "webhooks": []})
    live = Live(declared.gates, declared.protected, (webhook(events=("request.*", "alias.moved"), tries=3),))

    again = declaration_of(document_of(live))

    assert (again.gates, again.protected) == (declared.gates, declared.protected)
    assert (again.webhooks[0].events, again.webhooks[0].tries) == (("request.*", "alias.moved"), 3)
    assert (again.webhooks[0].signed, again.webhooks[0].secret_env) == (True, "")


def test_webhooks_of_one_name_can_not_be_written() -> None:
    with pytest.raises(Conflict, match="rename one"):
        document_of(Live(webhooks=(webhook(), webhook(id="other"))))
