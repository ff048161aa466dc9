"""Users, tokens and credentials, on both databases."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.credentials import DAY_MS, TOKENS_PER_USER, Token
from modelshelf.domain.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from modelshelf.services.registry import Registry
from shelves import AsActor, Clock

PASSWORD = "correct horse battery"


def _events(registry: Registry) -> list[tuple[str, str, str]]:
    return [(event.name, event.actor, event.subject) for event in registry.events.after(0)]


def test_a_user_is_made_listed_changed_and_deleted_and_the_ledger_tells_by_whom(registry: Registry) -> None:
    access = registry.access
    access.create_user("bob", role="reader", password=PASSWORD)
    access.create_user("ci", role="contributor", password=None)

    access.set_role("bob", "approver")
    access.set_password("bob", "another " + PASSWORD)
    access.delete_user("ci")

    assert [(user.name, user.role, user.has_password) for user in access.users()] == [("bob", Role.APPROVER, True)]
    assert _events(registry) == [
        ("user.created", "alice", "users/bob"),
        ("user.created", "alice", "users/ci"),
        ("user.role_changed", "alice", "users/bob"),
        ("user.password_changed", "alice", "users/bob"),
        ("user.deleted", "alice", "users/ci"),
    ]


def test_a_name_is_taken_once(registry: Registry) -> None:
    registry.access.create_user("bob", role="reader", password=None)

    with pytest.raises(AlreadyExists, match="'bob' exists already"):
        registry.access.create_user("bob", role="admin", password=None)

    assert registry.access.users()[0].role is Role.READER


def test_an_unknown_user_is_answered_with_the_nearest_name(registry: Registry) -> None:
    registry.access.create_user("barbara", role="reader", password=None)

    with pytest.raises(NotFound, match="did you mean 'barbara'"):
        registry.access.set_role("barbra", "admin")


def test_setting_the_role_that_a_user_has_is_no_event(registry: Registry) -> None:
    registry.access.create_user("bob", role="reader", password=None)

    registry.access.set_role("bob", "reader")

    assert len(registry.events.after(0)) == 1


def test_the_right_password_lets_in_and_any_other_does_not(registry: Registry, embedded: Registry) -> None:
    registry.access.create_user("bob", role="contributor", password=PASSWORD)
    registry.access.create_user("ci", role="reader", password=None)

    identity = embedded.access.authenticate_password("bob", PASSWORD)

    assert identity.actor == Actor("bob", Role.CONTRIBUTOR)
    for name, password in [
        ("bob", PASSWORD + " "),
        ("bob", ""),
        ("bob", "x" * 5000),
        ("ci", ""),
        ("nobody", PASSWORD),
        ("Bob", PASSWORD),
        ("", PASSWORD),
        ("b\0b", PASSWORD),
    ]:
        with pytest.raises(Unauthenticated, match="wrong user name or password"):
            embedded.access.authenticate_password(name, password)


def test_a_password_is_the_same_however_its_letters_were_composed(registry: Registry, embedded: Registry) -> None:
    registry.access.create_user("bob", role="reader", password="café au lait")

    identity = embedded.access.authenticate_password("bob", "cafe\u0301 au lait")

    assert identity.actor.name == "bob"


def test_neither_passwords_nor_tokens_are_stored_or_told(registry: Registry, embedded: Registry) -> None:
    registry.access.create_user("bob", role="reader", password=PASSWORD)
    issued = registry.access.create_token("bob", name="ci")
    secret = issued.text.rsplit("_", 1)[-1]

    with embedded._database.read() as tx:
        rows = [tx.all(f"SELECT * FROM {table}") for table in ("users", "tokens", "events")]

    stored = json.dumps(rows)
    assert PASSWORD not in stored
    assert secret not in stored
    assert "$argon2id$" in stored
    assert "$argon2id$" not in json.dumps(rows[2])


def test_a_token_lets_in_as_its_user_under_its_own_name(registry: Registry, embedded: Registry) -> None:
    registry.access.create_user("bob", role="contributor", password=None)
    issued = registry.access.create_token("bob", name="ci")

    identity = embedded.access.authenticate_token(issued.text)

    assert identity.actor == Actor("bob/ci", Role.CONTRIBUTOR)
    assert _events(registry)[-1] == ("token.created", "alice", "users/bob/tokens/ci")


def test_a_token_may_do_what_both_it_and_its_user_may(registry: Registry, embedded: Registry) -> None:
    access = registry.access
    access.create_user("bob", role="approver", password=None)
    narrow, wide = access.create_token("bob", name="narrow", role="reader"), access.create_token("bob", name="wide")

    access.set_role("bob", "contributor")

    assert embedded.access.authenticate_token(narrow.text).actor.role is Role.READER
    assert embedded.access.authenticate_token(wide.text).actor.role is Role.CONTRIBUTOR


def test_a_token_is_never_of_a_higher_role_than_its_user(registry: Registry) -> None:
    registry.access.create_user("bob", role="reader", password=None)

    with pytest.raises(Invalid, match="bob is a reader"):
        registry.access.create_token("bob", role="contributor")

    assert registry.access.tokens() == []


def test_a_token_ends_when_it_expires(registry: Registry, embedded: Registry, clock: Clock) -> None:
    registry.access.create_user("bob", role="reader", password=None)
    issued = registry.access.create_token("bob", name="ci", lifetime_ms=DAY_MS)
    clock.tick(DAY_MS - 1)
    assert embedded.access.authenticate_token(issued.text).remaining_ms == 1

    clock.tick(1)

    with pytest.raises(Unauthenticated, match="'ci' of bob expired on 2027-01-16"):
        embedded.access.authenticate_token(issued.text)


def test_a_token_is_good_for_ninety_days_unless_told_otherwise(registry: Registry, clock: Clock) -> None:
    registry.access.create_user("bob", role="reader", password=None)

    ordinary, lasting = registry.access.create_token("bob"), registry.access.create_token("bob", lifetime_ms=None)

    assert ordinary.token.expires_ms == clock() + 90 * DAY_MS
    assert lasting.token.expires_ms is None


def test_a_revoked_token_lets_nobody_in_any_more(registry: Registry, embedded: Registry) -> None:
    registry.access.create_user("bob", role="reader", password=None)
    by_name, by_id = registry.access.create_token("bob", name="one"), registry.access.create_token("bob", name="two")

    registry.access.revoke_token("bob", "one")
    registry.access.revoke_token("bob", by_id.token.id)

    for issued in (by_name, by_id):
        with pytest.raises(Unauthenticated, match="unknown or revoked"):
            embedded.access.authenticate_token(issued.text)
    assert registry.access.tokens("bob") == []
    assert _events(registry)[-1] == ("token.revoked", "alice", "users/bob/tokens/two")


def test_a_deleted_users_tokens_end_too(registry: Registry, embedded: Registry) -> None:
    registry.access.create_user("bob", role="admin", password=PASSWORD)
    issued = registry.access.create_token("bob", name="ci")

    registry.access.delete_user("bob")

    with pytest.raises(Unauthenticated):
        embedded.access.authenticate_token(issued.text)
    with pytest.raises(Unauthenticated):
        embedded.access.authenticate_password("bob", PASSWORD)
    assert registry.events.after(0)[-1].data == {"tokens": ["ci"]}


def test_a_token_with_a_right_id_and_a_wrong_secret_lets_nobody_in(registry: Registry, embedded: Registry) -> None:
    registry.access.create_user("bob", role="reader", password=None)
    issued = registry.access.create_token("bob")
    forged = issued.text[:-1] + ("0" if issued.text[-1] != "0" else "1")

    with pytest.raises(Unauthenticated, match="unknown or revoked"):
        embedded.access.authenticate_token(forged)


def test_a_users_token_names_are_taken_once_and_another_user_may_have_them(registry: Registry) -> None:
    registry.access.create_user("bob", role="reader", password=None)
    registry.access.create_user("eve", role="reader", password=None)
    registry.access.create_token("bob", name="ci")

    registry.access.create_token("eve", name="ci")

    with pytest.raises(AlreadyExists, match="bob has a token 'ci' already"):
        registry.access.create_token("bob", name="ci")


def test_a_user_has_only_so_many_tokens(registry: Registry) -> None:
    registry.access.create_user("bob", role="reader", password=None)
    for number in range(TOKENS_PER_USER):
        registry.access.create_token("bob", name=f"t{number}")

    with pytest.raises(Conflict, match="which is the limit"):
        registry.access.create_token("bob")


def test_the_last_use_of_a_token_is_noted_at_most_once_a_minute(
    registry: Registry, embedded: Registry, clock: Clock
) -> None:
    def used() -> Token:
        return registry.access.tokens("bob")[0]

    registry.access.create_user("bob", role="reader", password=None)
    issued = registry.access.create_token("bob")
    first = clock.tick()
    assert embedded.access.authenticate_token(issued.text).use_is_due
    embedded.access.note_uses([issued.token.id])

    clock.tick(59_999)
    embedded.access.note_uses([issued.token.id])
    assert used().used_ms == first
    assert not embedded.access.authenticate_token(issued.text).use_is_due

    clock.tick(1)
    embedded.access.note_uses([issued.token.id])
    assert used().used_ms == clock()


@pytest.mark.parametrize("role", [Role.READER, Role.CONTRIBUTOR, Role.APPROVER])
def test_only_an_administrator_manages_users_and_the_tokens_of_others(
    registry: Registry, as_actor: AsActor, role: Role
) -> None:
    registry.access.create_user("eve", role="admin", password=PASSWORD)
    access = as_actor("bob", role).access

    for forbidden in [
        lambda: access.create_user("mallory", role="admin", password=None),
        lambda: access.set_role("bob", "admin"),
        lambda: access.set_password("eve", PASSWORD),
        lambda: access.delete_user("eve"),
        lambda: access.create_token("eve"),
        lambda: access.revoke_token("eve", "x"),
        lambda: access.tokens("eve"),
        access.tokens,
        access.users,
    ]:
        with pytest.raises(Forbidden):
            forbidden()


def test_users_manage_their_own_tokens_and_password(registry: Registry, as_actor: AsActor) -> None:
    registry.access.create_user("bob", role="reader", password=PASSWORD)
    own = as_actor("bob", Role.READER).access

    own.set_password("bob", "another " + PASSWORD)
    issued = own.create_token("bob", name="ci")
    listed = own.tokens("bob")
    own.revoke_token("bob", "ci")

    assert listed == [issued.token]
    assert [actor for _, actor, _ in _events(registry)] == ["alice", "bob", "bob", "bob"]


def test_a_token_makes_no_other_tokens_and_sets_no_password(registry: Registry, as_actor: AsActor) -> None:
    registry.access.create_user("bob", role="contributor", password=PASSWORD)
    token = as_actor("bob/ci", Role.CONTRIBUTOR).access

    with pytest.raises(Forbidden):
        token.create_token("bob", name="another")
    with pytest.raises(Forbidden):
        token.set_password("bob", "mine now, all mine")


def test_anonymous_makes_no_users_where_it_may_do_everything_else(as_actor: AsActor) -> None:
    access = as_actor("anonymous", Role.ADMIN).access

    with pytest.raises(Forbidden, match="somebody who is known"):
        access.create_user("mallory", role="admin", password=PASSWORD)


def test_a_bad_password_makes_no_user(registry: Registry) -> None:
    with pytest.raises(Invalid, match="at least 8"):
        registry.access.create_user("bob", role="reader", password="secret")

    assert registry.access.users() == []


def test_of_many_who_take_a_name_at_once_one_gets_it(registry: Registry) -> None:
    def take(_: int) -> bool:
        try:
            registry.access.create_user("bob", role="reader", password=None)
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(16)))

    assert taken.count(True) == 1
