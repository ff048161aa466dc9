"""Page tokens."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.domain.errors import Invalid
from modelshelf.domain.pages import page_start, page_token


@given(
    st.tuples(
        st.integers(-(2**63) + 1, 2**63 - 1),
        st.floats(allow_nan=False),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    )
)
def test_a_page_token_brings_back_what_it_was_made_of(values: tuple[int, float, str]) -> None:
    token = page_token(values, query=["q", 1])

    assert page_start(token, query=["q", 1], kinds=(int, float, str)) == values


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_means_the_first_page(token: str | None) -> None:
    assert page_start(token, query="q", kinds=(int,)) is None


def test_a_token_of_another_query_is_refused() -> None:
    token = page_token([1], query={"filter": "a"})

    with pytest.raises(Invalid, match="another query"):
        page_start(token, query={"filter": "b"}, kinds=(int,))


def forged(*after: Any) -> str:
    genuine = json.loads(base64.urlsafe_b64decode(page_token([], query="q")))
    return base64.urlsafe_b64encode(json.dumps([*genuine, *after]).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "é",
        "W10=",
        "e30=",
        "AAAA",
        "a" * 30_000,
        forged(),
        forged(1, 2),
        forged("1"),
        forged(True),
        forged(2**63),
        forged(None),
    ],
)
def test_a_forged_token_is_refused(token: str) -> None:
    with pytest.raises(Invalid):
        page_start(token, query="q", kinds=(int,))


def test_a_forged_text_cannot_reach_the_database() -> None:
    with pytest.raises(Invalid, match="NUL"):
        page_start(forged("a\0b"), query="q", kinds=(str,))
    assert page_start(forged(None), query="q", kinds=((float, type(None)),)) == (None,)
