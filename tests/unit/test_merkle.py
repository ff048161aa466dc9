"""The Merkle tree against the known answers of RFC 6962's reference, and its proofs for every small size."""

import pytest

from modelshelf.domain import merkle

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""The reference log's test leaves, and the roots of its trees of one to eight of them."""
LARGEST = 70


def hashes(size: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(size)]


def proof(leaves: list[bytes], ranges: list[merkle.Range]) -> list[bytes]:
    """The hashes of ranges, made the slow way: from all their leaves."""
    return [merkle.root_of(leaves[begin:end]) for begin, end in ranges]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root_of([]) == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    root = merkle.root_of(merkle.leaf_hash(leaf) for leaf in LEAVES[:size])

    assert root.hex() == ROOTS[size - 1]


def test_an_inclusion_proof_is_that_of_the_reference() -> None:
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]

    path = proof(leaves, merkle.inclusion_ranges(0, 8))

    assert [each.hex() for each in path] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_a_consistency_proof_is_that_of_the_reference() -> None:
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]

    path = proof(leaves, merkle.consistency_ranges(6, 8))

    assert [each.hex() for each in path] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_leaf_of_every_size_is_proven_and_no_other_one() -> None:
    for size in range(1, LARGEST):
        leaves = hashes(size)
        root = merkle.root_of(leaves)
        for index in range(size):
            path = proof(leaves, merkle.inclusion_ranges(index, size))

            assert merkle.is_included(leaves[index], index, size, path, root)
            assert not merkle.is_included(merkle.leaf_hash(b"other"), index, size, path, root)
            assert not merkle.is_included(leaves[index], index, size, [*path, root], root)
            assert not path or not merkle.is_included(leaves[index], index, size, path[1:], root)


def test_every_size_is_consistent_with_every_later_one_and_with_no_rewritten_one() -> None:
    leaves = hashes(LARGEST)
    roots = [merkle.root_of(leaves[:size]) for size in range(LARGEST + 1)]
    for second in range(1, LARGEST + 1):
        for first in range(1, second + 1):
            path = proof(leaves, merkle.consistency_ranges(first, second))

            assert merkle.is_consistent(first, second, roots[first], roots[second], path)
            assert not merkle.is_consistent(first, second, roots[0], roots[second], path)
            assert not merkle.is_consistent(first, second, roots[first], roots[0], path)
            assert not merkle.is_consistent(first, second, roots[first], roots[second], [*path, roots[1]])


def test_nothing_is_consistent_with_more_than_there_is() -> None:
    assert not merkle.is_consistent(5, 4, b"", b"", [b""])
    assert merkle.is_consistent(0, 4, merkle.EMPTY_ROOT, b"", [])


def test_ranges_are_hashed_from_complete_subtrees() -> None:
    complete: dict[tuple[int, int], bytes] = {}
    tree = merkle.Growing(lambda level, place, found: complete.__setitem__((level, place), found))
    leaves = hashes(LARGEST)
    for index, leaf in enumerate(leaves):
        complete[0, index] = leaf
        tree.add(leaf)

        root = merkle.range_hash(0, index + 1, lambda level, place: complete[level, place])

        assert root == tree.root() == merkle.root_of(leaves[: index + 1])
