"""From a request's headers to an actor: verified, remembered for a minute, throttled."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.errors import Throttled, Unauthenticated
from modelshelf.server.authentication import FAILURES_PER_PEER, FAILURES_PER_USER, Authentication
from modelshelf.services import passwords
from modelshelf.services.registry import Registry
from shelves import Clock, open_shelf

PASSWORD = "correct horse battery"
BOB = Actor("bob", Role.CONTRIBUTOR)


class Seconds:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def shelf(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    """A shelf with the contributor bob."""
    with open_shelf(f"sqlite:///{tmp_path}/shelf.db", tmp_path, clock) as opened:
        opened.access.create_user("bob", role="contributor", password=PASSWORD)
        yield opened


@pytest.fixture
def authentication(shelf: Registry, seconds: Seconds) -> Iterator[Authentication]:
    made = Authentication(shelf, required=True, monotonic=seconds)
    yield made
    made.close()


def _basic(user: str, password: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Basic " + base64.b64encode(f"{user}:{password}".encode())}


def _bearer(token: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + token.encode()}


def test_without_credentials_nobody_comes_in_where_they_are_required(authentication: Authentication) -> None:
    with pytest.raises(Unauthenticated, match="MLFLOW_TRACKING_TOKEN"):
        authentication.actor({})

    assert authentication.known({}) is None


def test_without_credentials_everybody_is_anonymous_where_none_are_required(shelf: Registry) -> None:
    open_door = Authentication(shelf, required=False)

    assert open_door.known({}) == open_door.actor({}) == Actor("anonymous", Role.ADMIN)


def test_wrong_credentials_are_refused_also_where_none_are_required(shelf: Registry) -> None:
    open_door = Authentication(shelf, required=False)

    with pytest.raises(Unauthenticated):
        open_door.actor(_basic("bob", "wrong"))


def test_a_password_lets_in(authentication: Authentication) -> None:
    assert authentication.actor(_basic("bob", PASSWORD)) == BOB


def test_a_token_lets_in_as_itself_and_in_the_place_of_a_password(
    authentication: Authentication, shelf: Registry
) -> None:
    token = shelf.access.create_token("bob", name="ci").text

    actors = [authentication.actor(given) for given in (_bearer(token), _basic("bob", token), _basic("", token))]

    assert actors == [Actor("bob/ci", Role.CONTRIBUTOR)] * 3


def test_a_token_under_another_users_name_is_refused(authentication: Authentication, shelf: Registry) -> None:
    token = shelf.access.create_token("bob", name="ci").text

    with pytest.raises(Unauthenticated, match="another user"):
        authentication.actor(_basic("alice", token))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Basic",
        b"Basic !!!",
        b"Basic " + base64.b64encode(b"no colon"),
        b"Basic " + base64.b64encode(b"\xff:\xff"),
        b"Digest x",
        b"Bearer",
        b"Bearer \xff",
        b"Bearer nonsense",
        b"Bearer " + b"x" * 10000,
        b"\x00",
    ],
)
def test_a_header_that_makes_no_sense_is_refused(authentication: Authentication, value: bytes) -> None:
    with pytest.raises(Unauthenticated):
        authentication.actor({b"authorization": value})


def test_what_was_verified_is_known_without_asking_again(authentication: Authentication) -> None:
    given = _basic("bob", PASSWORD)
    assert authentication.known(given) is None

    verified = authentication.actor(given)

    assert authentication.known(given) is verified


def test_many_requests_at_once_with_the_same_password_are_let_in(authentication: Authentication) -> None:
    with ThreadPoolExecutor(16) as pool:
        actors = list(pool.map(lambda _: authentication.actor(_basic("bob", PASSWORD), peer="10.0.0.1"), range(48)))

    assert actors == [BOB] * 48


def test_a_token_that_is_revoked_in_this_process_is_refused_at_once(
    authentication: Authentication, shelf: Registry
) -> None:
    token = shelf.access.create_token("bob", name="ci").text
    authentication.actor(_bearer(token))

    shelf.acting_as(BOB).access.revoke_token("bob", "ci")

    assert authentication.known(_bearer(token)) is None
    with pytest.raises(Unauthenticated, match="unknown or revoked"):
        authentication.actor(_bearer(token))


def test_what_another_process_changes_holds_within_a_minute(
    authentication: Authentication, shelf: Registry, seconds: Seconds, tmp_path: Path, clock: Clock
) -> None:
    authentication.actor(_basic("bob", PASSWORD))
    with open_shelf(shelf.uri, tmp_path, clock) as other:
        other.access.set_role("bob", "reader")
    seconds.now += 59.9
    before = authentication.actor(_basic("bob", PASSWORD))

    seconds.now += 0.1

    assert (before.role, authentication.actor(_basic("bob", PASSWORD)).role) == (Role.CONTRIBUTOR, Role.READER)


def test_a_token_is_not_remembered_beyond_its_end(
    authentication: Authentication, shelf: Registry, seconds: Seconds, clock: Clock
) -> None:
    token = shelf.access.create_token("bob", lifetime_ms=10_000).text
    authentication.actor(_bearer(token))

    seconds.now += 10
    clock.tick(10_000)

    with pytest.raises(Unauthenticated, match="expired"):
        authentication.actor(_bearer(token))


def test_the_use_of_a_token_is_noted(authentication: Authentication, shelf: Registry, clock: Clock) -> None:
    token = shelf.access.create_token("bob").text

    authentication.actor(_bearer(token))
    authentication.close()

    assert shelf.access.tokens("bob")[0].used_ms == clock()


def _fail(authentication: Authentication, user: str, peer: str, times: int = 1) -> None:
    for attempt in range(times):
        with pytest.raises(Unauthenticated):
            authentication.actor(_basic(user, f"wrong {attempt}"), peer=peer)


def test_after_ten_wrong_passwords_a_peer_waits_and_other_peers_do_not(
    authentication: Authentication, seconds: Seconds
) -> None:
    _fail(authentication, "bob", "10.0.0.1", times=10)

    with pytest.raises(Throttled) as refused:
        authentication.actor(_basic("bob", PASSWORD), peer="10.0.0.1")

    assert refused.value.details == {"retry_after": 300}
    assert authentication.actor(_basic("bob", PASSWORD), peer="10.0.0.2") == BOB
    seconds.now += 300
    assert authentication.actor(_basic("bob", PASSWORD), peer="10.0.0.1") == BOB


def test_whoever_gets_it_right_may_mistype_it_again(authentication: Authentication) -> None:
    _fail(authentication, "bob", "10.0.0.1", times=9)
    authentication.actor(_basic("bob", PASSWORD), peer="10.0.0.1")

    _fail(authentication, "bob", "10.0.0.1", times=10)


def test_guessing_many_users_or_from_many_peers_is_throttled_too(
    authentication: Authentication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_NOBODYS", "$argon2id$v=19$m=8,t=1,p=1$" + "A" * 22 + "$" + "A" * 43)
    for number in range(FAILURES_PER_PEER):
        _fail(authentication, f"user{number}", "10.0.0.1")
    for number in range(FAILURES_PER_USER):
        _fail(authentication, "nobody", f"10.1.0.{number}")

    with pytest.raises(Throttled):
        authentication.actor(_basic("another", "wrong"), peer="10.0.0.1")
    with pytest.raises(Throttled):
        authentication.actor(_basic("nobody", "wrong"), peer="10.2.0.1")


def test_the_addresses_of_one_ipv6_network_count_as_one_peer(authentication: Authentication) -> None:
    for number in range(10):
        _fail(authentication, "bob", f"2001:db8::{number:x}")

    with pytest.raises(Throttled):
        authentication.actor(_basic("bob", PASSWORD), peer="2001:db8::ffff")


def test_a_program_with_a_revoked_token_is_throttled_and_its_neighbours_are_not(
    authentication: Authentication, shelf: Registry
) -> None:
    good, bad = shelf.access.create_token("bob", name="good").text, shelf.access.create_token("bob", name="bad").text
    shelf.access.revoke_token("bob", "bad")
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            authentication.actor(_bearer(bad), peer="10.0.0.1")

    with pytest.raises(Throttled):
        authentication.actor(_bearer(bad), peer="10.0.0.1")

    assert authentication.actor(_bearer(good), peer="10.0.0.1").name == "bob/good"


def test_an_unknown_user_costs_what_a_wrong_password_costs() -> None:
    stored = passwords.hashed(PASSWORD, salt=b"0" * passwords.SALT_BYTES)

    cost, _, _ = stored.rpartition("$")[0].rpartition("$")
    assert passwords._NOBODYS.startswith(f"{cost}$")
    assert len(passwords._NOBODYS) == len(stored)
