"""Patterns of model names."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.domain.errors import Invalid
from modelshelf.domain.patterns import matches, model_pattern


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_star_is_any_text_and_everything_else_itself(pattern: str, name: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL)

    assert matches(pattern, name) is (expected is not None)


@pytest.mark.parametrize("name", ["fraud?", "[f]raud", "Fraud", "fraud\n", ".raud"])
def test_nothing_but_the_star_is_special(name: str) -> None:
    assert not matches("fraud", name)
    assert not matches(name, "fraud")
    assert matches(name, name)


def test_a_pattern_of_many_stars_takes_no_longer_than_the_name_is_long() -> None:
    begin = time.perf_counter()

    assert not matches("*a" * 512 + "b", "a" * 1024)

    assert time.perf_counter() - begin < 0.5


@pytest.mark.parametrize("text", ["", " ", "a/b", "a:b", "x" * 2000, "\0", None, 7])
def test_what_no_model_can_be_called_is_no_pattern(text: object) -> None:
    with pytest.raises(Invalid):
        model_pattern(text)
