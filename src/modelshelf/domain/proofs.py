"""What proofs about the ledger are made of: leaves, signed heads, receipts. Hashes are written in base64."""

import base64
import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise

from modelshelf.domain.errors import Invalid
from modelshelf.domain.merkle import is_included, leaf_hash

SIGNATURE_MARK = "\u2014 "
"""How a line with a signature begins, as C2SP's signed notes have it."""
HEADS_LIMIT = 1_000_000
_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An event as it is stored; `data` is its JSON, byte by byte."""

    position: int
    name: str
    actor: str
    time_ms: int
    subject: str
    model_id: int | None
    data: str

    @property
    def leaf(self) -> str:
        """The canonical JSON (RFC 8785) of the row: what its leaf is the hash of.

        `data` is a text in it, so that the only numbers are whole ones, and no rule about others is needed.
        """
        return leaf_at(self, self.position)


def leaf_at(row: LedgerRow, position: int) -> str:
    """The leaf that a row would have at another position."""
    fields = {
        "actor": row.actor,
        "data": row.data,
        "model_id": row.model_id,
        "name": row.name,
        "position": position,
        "subject": row.subject,
        "time_ms": row.time_ms,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=repr)


def hole(position: int) -> str:
    """The leaf in the place of an event that was gone before it could be sealed."""
    return json.dumps({"missing": True, "position": position}, separators=(",", ":"))


def hash_of(leaf: str) -> bytes:
    """The hash of a leaf's text."""
    return leaf_hash(leaf.encode(errors="surrogatepass"))


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The ledger at one moment, signed: its number of events and the root of their tree."""

    size: int
    root: str
    checkpoint: str
    """What was signed, and the signature: a C2SP checkpoint, to be kept elsewhere."""
    key: str
    """The public key, as C2SP's tools take it."""
    time_ms: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that an event is in the ledger, as it was when it happened."""

    position: int
    leaf: str
    proof: tuple[str, ...]
    """The hashes beside the way from the leaf (its index is position - 1) to the root, from the leaf upwards."""
    head: TreeHead

    @property
    def holds(self) -> bool:
        """Whether the hashes lead to the head's root. (Whether the head is signed is another question.)"""
        proof = [base64.b64decode(each) for each in self.proof]
        root = base64.b64decode(self.head.root)
        return is_included(hash_of(self.leaf), self.position - 1, self.head.size, proof, root)


@dataclass(frozen=True, slots=True)
class Consistency:
    """Proof that the first so many events of two moments are the same (RFC 6962, section 2.1.2)."""

    first: int
    second: int
    first_root: str
    second_root: str
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event as the tree has it."""

    position: int
    leaf: str
    hash: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed head, read; `signatures` are each the key's name, the first four bytes of its hash, and the rest."""

    origin: str
    size: int
    root: bytes
    text: str
    """What was signed."""
    signatures: tuple[tuple[str, bytes, bytes], ...]


def origin_of(shelf_id: str) -> str:
    """The first line of a shelf's heads, which is also the name of its key."""
    return f"modelshelf/{shelf_id}"


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """What is signed."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def key_mark(name: str, public: bytes) -> bytes:
    """Four bytes that tell keys apart."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def written_key(name: str, public: bytes) -> str:
    """A public key as C2SP's tools take it."""
    return f"{name}+{key_mark(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def signed(text: str, name: str, public: bytes, signature: bytes) -> str:
    """A text with its signature below."""
    return f"{text}\n{SIGNATURE_MARK}{name} {base64.b64encode(key_mark(name, public) + signature).decode()}\n"


def checkpoints(text: str) -> list[Checkpoint]:
    """The heads in a text, e.g. a file that they were appended to. Raises Invalid where it is something else."""
    if len(text) > HEADS_LIMIT:
        raise Invalid(f"the heads have {len(text):,} characters; the limit is {HEADS_LIMIT:,}: give the last of them")
    lines = text.replace("\r\n", "\n").split("\n")
    ends = [number + 1 for number, line in enumerate(lines) if line.startswith(SIGNATURE_MARK)]
    ends = [end for end in ends if not lines[end : end + 1] or not lines[end].startswith(SIGNATURE_MARK)]
    notes = [lines[begin:end] for begin, end in pairwise([0, *ends])]
    if not notes or any(line.strip() for line in lines[ends[-1] :]):
        raise Invalid("these are no signed heads; take what modelshelf audit head printed")
    return [_checkpoint(note) for note in notes]


def _checkpoint(lines: list[str]) -> Checkpoint:
    while lines and not lines[0].strip():
        lines = lines[1:]
    try:
        blank = lines.index("")
        origin, size, root = lines[:3]
        if not origin or blank < 3 or not (size.isascii() and size.isdigit()) or len(size) > 18:
            raise Invalid("a head has an origin, a size and a root; take what modelshelf audit head printed")
        signatures = []
        for line in lines[blank + 1 :]:
            name, _, encoded = line.removeprefix(SIGNATURE_MARK).rpartition(" ")
            raw = base64.b64decode(encoded, validate=True)
            signatures.append((name, raw[:4], raw[4:]))
        text = "\n".join(lines[:blank]) + "\n"
        return Checkpoint(origin, int(size), base64.b64decode(root, validate=True), text, tuple(signatures))
    except ValueError:
        raise Invalid("a signed head is not whole; take what modelshelf audit head printed") from None
