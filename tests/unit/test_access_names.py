"""Who may be called what, and what passwords and tokens look like."""

import pytest

from modelshelf.domain.access import Role, lesser, role_name, token_name, user_name
from modelshelf.domain.credentials import (
    IssuedToken,
    Token,
    new_password,
    token_digest,
    token_id,
    token_lifetime,
    token_matches,
    token_text,
)
from modelshelf.domain.errors import Invalid

_SECRET = bytes(range(32))


@pytest.mark.parametrize("name", ["alice", "a", "0day", "alice@example.com", "a.b_c-d+e", "x" * 64])
def test_ordinary_names_are_names_of_users(name: str) -> None:
    assert user_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "local:root",
        "policy:gate",
        "anonymous",
        "local",
        "policy",
        "system",
        "alice/ci",
        "a:b",
        "Alice",
        "\u0430lice",
        "alice\n",
        "",
        " ",
        "alice ",
        "-rf",
        ".",
        "..",
        "@x",
        "x" * 65,
        "a\x00b",
        "�",
        None,
        3,
    ],
)
def test_no_user_can_be_mistaken_for_another_kind_of_actor_or_for_another_user(name: object) -> None:
    with pytest.raises(Invalid, match="user name"):
        user_name(name)


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "-x", "x" * 65, "a b", None])
def test_a_bad_token_name_is_refused(name: object) -> None:
    with pytest.raises(Invalid, match="token name"):
        token_name(name)


def test_an_unknown_role_is_answered_with_the_roles_there_are() -> None:
    with pytest.raises(Invalid, match="reader, contributor, approver, admin"):
        role_name("owner")


def test_of_two_roles_the_lesser_is_the_one_that_may_do_less() -> None:
    assert lesser(Role.ADMIN, Role.READER) is Role.READER
    assert lesser(Role.CONTRIBUTOR, Role.APPROVER) is Role.CONTRIBUTOR


def test_a_token_has_a_form_of_its_own_that_carries_its_id() -> None:
    text = token_text("0123456789abcdef", _SECRET)

    assert text == f"ms_0123456789abcdef_{_SECRET.hex()}"
    assert token_id(text) == "0123456789abcdef"


@pytest.mark.parametrize(
    "spoil", [str.upper, lambda text: text[:-1], lambda text: text + "\n", lambda text: " " + text]
)
def test_a_text_that_is_nearly_a_token_is_none(spoil) -> None:
    assert token_id(spoil(token_text("0123456789abcdef", _SECRET))) is None


def test_a_token_matches_its_digest_and_no_other() -> None:
    text = token_text("0123456789abcdef", _SECRET)

    assert token_matches(text, token_digest(text))
    assert not token_matches(text, token_digest(text.replace("1f", "1e")))


def test_an_issued_token_is_not_in_its_repr() -> None:
    token = Token("0123456789abcdef", "alice", "ci", Role.READER, 0, "alice")
    issued = IssuedToken(token, token_text(token.id, _SECRET))

    assert _SECRET.hex() not in repr(issued)


@pytest.mark.parametrize("password", ["sesame", "x" * 1025, "with\nline feed", "with\0nul", 12345678, None])
def test_a_bad_password_is_refused_without_being_repeated(password: object) -> None:
    with pytest.raises(Invalid) as refused:
        new_password(password)

    assert str(password) not in refused.value.message


def test_a_password_may_not_look_like_a_token() -> None:
    with pytest.raises(Invalid, match="looks like a token"):
        new_password(token_text("0123456789abcdef", _SECRET))


@pytest.mark.parametrize("lifetime", [0, -1, True, 1.5, "90d", 10**15])
def test_a_lifetime_that_is_none_is_refused(lifetime: object) -> None:
    with pytest.raises(Invalid, match="lifetime"):
        token_lifetime(lifetime)
