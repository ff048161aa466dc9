"""The rules of paths, digests and manifests."""

import hashlib
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelshelf.domain.artifacts import ArtifactPath, Digest, FileEntry, Manifest
from modelshelf.domain.errors import Invalid, NotFound

A, B = Digest.of(b"a").text, Digest.of(b"b").text

forbidden_text = st.sampled_from(
    ["/", "//", ".", "..", "\x00", "\n", "\x1b", "\x7f", "\x85", "\\", "C:", "z:x", "\udcff"]
)
hostile = st.lists(st.one_of(forbidden_text, st.text(max_size=4), st.just("/"), st.just("a" * 256)), max_size=8).map(
    "".join
)
part = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:"), min_size=1, max_size=20
).filter(lambda text: text not in {".", ".."})
paths = st.lists(part, min_size=1, max_size=4).map("/".join)


def breaks_a_rule(text: str) -> bool:
    """The rules a second time, written differently, as the oracle."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return True
    parts = text.split("/")
    return (
        len(encoded) > 1024
        or any(ord(c) < 32 or 127 <= ord(c) < 160 or c == "\\" for c in text)
        or any(p in ("", ".", "..") or len(p.encode()) > 255 for p in parts)
        or any(p[1:2] == ":" and p[0].isascii() and p[0].isalpha() for p in parts)
    )


@settings(deadline=None)
@given(hostile)
@example("")
@example("/etc/passwd")
@example("a/../../b")
@example("a/./b")
@example("a/")
@example("a//b")
@example("C:/x")
@example("a/C:x")
@example("..\\x")
@example("a\x00b")
@example("/".join(["a" * 200] * 6))
@example("ü" * 128)
def test_a_path_is_made_exactly_when_it_keeps_every_rule(text: str) -> None:
    if not breaks_a_rule(text):
        assert ArtifactPath(text).text == text
        return

    with pytest.raises(Invalid) as refusal:
        ArtifactPath(text)

    assert refusal.value.details["rule"] in refusal.value.message
    refusal.value.message.encode()
    json.dumps(refusal.value.details, ensure_ascii=False).encode()


@settings(deadline=None)
@given(paths, paths)
def test_joining_and_climbing_stay_within_the_rules(above: str, below: str) -> None:
    path = ArtifactPath(above) / below

    climbed = path
    while parent := climbed.parent:
        assert parent / climbed.name == climbed
        climbed = parent

    assert path.parts == (*ArtifactPath(above).parts, *ArtifactPath(below).parts)
    assert climbed.parts == path.parts[:1]


@pytest.mark.parametrize("text", ["..", "../x", "/x", ""])
def test_joining_cannot_climb_out(text: str) -> None:
    path = ArtifactPath("model")

    with pytest.raises(Invalid):
        path / text


def test_a_percent_sign_is_taken_literally_since_the_edge_has_decoded_already() -> None:
    path = ArtifactPath("%2e%2e/%00")

    assert path.parts == ("%2e%2e", "%00")


def test_the_longest_allowed_path_is_accepted() -> None:
    text = "/".join(["a" * 255] * 4)[:1024]

    assert ArtifactPath(text).text == text


def test_only_a_listing_may_name_the_root() -> None:
    assert ArtifactPath.folder("") is None
    assert ArtifactPath.folder("model") == ArtifactPath("model")
    with pytest.raises(Invalid, match="empty"):
        ArtifactPath("")


def test_a_refusal_of_an_endless_path_is_short() -> None:
    with pytest.raises(Invalid) as refusal:
        ArtifactPath("x" * 1_000_000)

    assert len(refusal.value.message) < 500
    assert len(refusal.value.details["path"]) < 500


def test_a_digest_reads_back_its_own_text() -> None:
    digest = Digest.of(b"weights")

    assert Digest.parse(digest.text) == digest
    assert digest.text == "sha256:" + hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        *("", "sha256", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha256:" + "a" * 65, "a" * 64),
        *("md5:" + "a" * 32, "sha256:../../etc/passwd", "sha256:" + "a" * 64 + "\n", " sha256:" + "a" * 64),
    ],
)
def test_what_is_not_a_digest_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not a digest"):
        Digest.parse(text)


@pytest.mark.parametrize("size", [-1, True, 1.0, 2**63])
def test_a_size_is_a_number_of_bytes(size: int) -> None:
    with pytest.raises(Invalid, match="size"):
        FileEntry("a", A, size)


manifests = st.dictionaries(paths, st.tuples(st.sampled_from([A, B]), st.integers(0, 2**40)), max_size=8)


def without_clashes(files: dict[str, tuple[str, int]]) -> list[FileEntry]:
    folders = {path[:at] for path in files for at, c in enumerate(path) if c == "/"}
    return [FileEntry(path, *rest) for path, rest in files.items() if path not in folders]


@settings(deadline=None)
@given(manifests)
@example({'a"b': (A, 1), "\u2028": (A, 2), "é": (B, 3), "😀": (B, 4), "\ufb01": (A, 5)})
def test_a_manifest_is_the_same_in_every_order_and_reads_back(files: dict[str, tuple[str, int]]) -> None:
    entries = without_clashes(files)

    manifest, backwards = Manifest(tuple(entries)), Manifest(tuple(reversed(entries)))

    assert manifest == backwards
    assert manifest.id == backwards.id
    assert Manifest.parse(manifest.canonical()) == manifest
    assert [e.path.encode() for e in manifest.files] == sorted(e.path.encode() for e in entries)
    assert all(manifest.find(entry.path) == entry for entry in entries)


@settings(deadline=None)
@given(manifests, manifests)
def test_different_trees_have_different_ids_and_the_diff_leads_from_one_to_the_other(
    one: dict[str, tuple[str, int]], two: dict[str, tuple[str, int]]
) -> None:
    before, after = Manifest(tuple(without_clashes(one))), Manifest(tuple(without_clashes(two)))

    diff = before.diff(after)

    assert (before.id == after.id) == (before == after) == (not diff)
    kept = set(before.files) - set(diff.removed) - {old for old, _ in diff.changed}
    assert Manifest((*kept, *diff.added, *(new for _, new in diff.changed))) == after


def test_the_canonical_form_is_the_one_that_is_documented() -> None:
    manifest = Manifest((FileEntry("b/ü", B, 2), FileEntry('a"', A, 1)))

    content = manifest.canonical()

    assert content == f'["a\\"","{A}",1]\n["b/ü","{B}",2]\n'.encode()
    assert manifest.id == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert manifest.size == 3
    assert manifest.digests == {A, B}


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"\xff",
        b"[]\n",
        b"7\n",
        b'["a",1,2]\n',
        b'[["a"],"b",2]\n',
        f'["a","{A}",1]'.encode(),
        f'["a", "{A}",1]\n'.encode(),
        f'["a","{A}",1]\n\n'.encode(),
        f'["b","{A}",1]\n["a","{A}",1]\n'.encode(),
        f'["\\u0061","{A}",1]\n'.encode(),
        f'["../a","{A}",1]\n'.encode(),
        b"[" * 100_000,
    ],
)
def test_nothing_but_the_canonical_form_is_read(content: bytes) -> None:
    with pytest.raises(Invalid):
        Manifest.parse(content)


def test_a_path_is_listed_once() -> None:
    with pytest.raises(Invalid, match="twice"):
        Manifest((FileEntry("a", A, 1), FileEntry("a", B, 1)))


def test_a_file_is_not_also_a_folder_even_when_other_names_sort_between() -> None:
    with pytest.raises(Invalid, match="also the folder"):
        Manifest((FileEntry("a", A, 1), FileEntry("a-b", A, 1), FileEntry("a/c/d", A, 1)))


TREE = Manifest(
    tuple(FileEntry(path, A, 1) for path in ("model/MLmodel", "model/code/a.py", "model-card.md", "plot.png"))
)


def test_a_subtree_has_paths_relative_to_its_folder() -> None:
    subtree = TREE.subtree(ArtifactPath("model"))

    assert [entry.path for entry in subtree.files] == ["MLmodel", "code/a.py"]
    assert TREE.subtree(None) == TREE


def test_a_subtree_of_a_folder_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="mode"):
        TREE.subtree(ArtifactPath("mode"))


def test_a_folder_lists_what_lies_directly_in_it() -> None:
    root, model, nothing = (TREE.list_folder(ArtifactPath.folder(text)) for text in ("", "model", "absent"))

    assert root.folders == ("model",)
    assert [entry.path for entry in root.files] == ["model-card.md", "plot.png"]
    assert model.folders == ("model/code",)
    assert [entry.path for entry in model.files] == ["model/MLmodel"]
    assert nothing.folders == nothing.files == ()


def test_a_file_that_is_not_listed_is_not_found() -> None:
    assert TREE.find("model") is None
    assert TREE.find("zzz") is None
