"""Clients' paths: what leads out is refused in every encoding, and what is accepted names something inside."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelshelf.domain.artifacts import ArtifactPath
from modelshelf.domain.errors import Invalid
from modelshelf.mlflow_api import artifact_paths
from modelshelf.mlflow_api.errors import Refusal

PIECES = st.sampled_from(
    ["..", ".", "/", "//", "\\", "a", "b.txt", "%2e", "%252e", "%2f", "%5c", "C:", "#", "%", "é", "\0"]
)
PATHS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=40)


def decoded_to_the_end(text: str) -> str:
    while (further := unquote(text)) != text:
        text = further
    return text


@given(PATHS)
def test_what_may_be_read_stays_inside_however_often_it_is_decoded(text: str) -> None:
    try:
        cleared = artifact_paths.to_read(text)
    except Refusal:
        return

    final = decoded_to_the_end(cleared)
    assert ".." not in final.split("/")
    assert not final.startswith("/")


@given(PATHS)
def test_what_may_be_written_is_a_path_of_the_store_and_can_be_read_as_it_was_written(text: str) -> None:
    try:
        path = artifact_paths.to_write(text)
    except (Refusal, Invalid):
        return

    assert ArtifactPath(path.text) == path
    assert artifact_paths.to_read(text) == path.text


@given(st.integers(0, 5), st.sampled_from(["../x", "a/../../x", "/etc/passwd", "C:/x", "C:\\x", "x#y", "file:///x"]))
def test_a_path_that_leads_out_is_refused_in_any_depth_of_encoding(depth: int, text: str) -> None:
    for _ in range(depth):
        text = quote(text, safe="")

    with pytest.raises(Refusal):
        artifact_paths.to_read(text)
    with pytest.raises(Refusal):
        artifact_paths.to_write(text)


def test_empty_parts_and_dots_are_cleared_when_reading() -> None:
    assert artifact_paths.to_read("./a//b/./c/") == "a/b/c"
    assert artifact_paths.to_read("") == artifact_paths.to_read("./.") == ""
    assert artifact_paths.within("0/run/artifacts", "./") == "0/run/artifacts"


def test_doubled_slashes_count_as_one_when_writing() -> None:
    assert artifact_paths.to_write("a//b").text == "a/b"


@pytest.mark.parametrize("text", ["sealed", "sealed/x", "sealed//x"])
def test_nothing_is_written_where_seals_are_shown(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        artifact_paths.to_write(text)

    assert refused.value.code == "PERMISSION_DENIED"
