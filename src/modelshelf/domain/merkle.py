"""The Merkle tree of RFC 6962 (section 2.1): hashes, which ranges prove what, and checks of proofs.

A range is `(begin, end)`, of leaves counted from 0. A complete subtree is `(level, place)`: the `place`-th run of
2^level leaves. Whoever has the hashes of complete subtrees can make every root and proof with a logarithm of them.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]
Subtree: TypeAlias = Callable[[int, int], bytes]
"""The hash of a complete subtree, by its level and place."""


def leaf_hash(content: bytes) -> bytes:
    """The hash of one leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""


def split(size: int) -> int:
    """The largest power of two below a size of at least 2."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges whose hashes prove that a leaf is in the tree of that size, from the leaf upwards."""
    found: list[Range] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + split(end - begin)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin = middle
    return found[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """The ranges whose hashes prove that the tree of the first size (at least 1) begins the one of the second."""
    found: list[Range] = []
    begin, end, is_whole = 0, second, True
    while first != end:
        middle = begin + split(end - begin)
        if first <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin, is_whole = middle, False
    if not is_whole:
        found.append((begin, end))
    return found[::-1]


def range_hash(begin: int, end: int, subtree: Subtree) -> bytes:
    """The hash of a range that a tree or a proof is made of, from those of complete subtrees."""
    if begin == end:
        return EMPTY_ROOT
    size = end - begin
    level = size.bit_length() - 1
    if size == 1 << level:
        return subtree(level, begin >> level)
    middle = begin + split(size)
    return node_hash(range_hash(begin, middle, subtree), range_hash(middle, end, subtree))


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof shows that the leaf with that hash is in the tree (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node_hash(sibling, found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the first tree begins the second (RFC 9162, section 2.1.4.2)."""
    if first in {0, second}:
        return not proof and first_root == (second_root if first == second else EMPTY_ROOT)
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not 0 < first < second or not path:
        return False
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


class Growing:
    """A tree that leaves are put to the end of, held as the hashes of its largest complete subtrees."""

    def __init__(self, completed: Callable[[int, int, bytes], None] = lambda _level, _place, _hash: None) -> None:
        """`completed` is told each subtree above the leaves as it becomes complete: its level, place and hash."""
        self._completed = completed
        self._peaks: list[bytes] = []
        self.size = 0

    def add(self, leaf: bytes) -> None:
        """Put a leaf's hash to the end."""
        found, place, level = leaf, self.size, 0
        while place & 1:
            found, place, level = node_hash(self._peaks.pop(), found), place >> 1, level + 1
            self._completed(level, place, found)
        self._peaks.append(found)
        self.size += 1

    def root(self) -> bytes:
        """The root of the leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        found = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            found = node_hash(peak, found)
        return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of a tree, from the hashes of its leaves."""
    tree = Growing()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()
