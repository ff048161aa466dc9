"""Verify what `modelshelf audit export` wrote, without Modelshelf: verify_ledger.py FILE [PUBLIC KEY]."""

import base64
import hashlib
import json
import sys
from pathlib import Path


def root(hashes):
    half = 1 << (len(hashes) - 1).bit_length() - 1 if len(hashes) > 1 else 0
    return hashlib.sha256(b"\1" + root(hashes[:half]) + root(hashes[half:])).digest() if half else hashes[0]


*events, head = map(json.loads, Path(sys.argv[1]).read_bytes().splitlines())
leaves = [hashlib.sha256(b"\0" + event["leaf"].encode()).digest() for event in events]
for place, (event, leaf) in enumerate(zip(events, leaves, strict=True), 1):
    if base64.b64encode(leaf).decode() != event["hash"] or json.loads(event["leaf"])["position"] != place:
        sys.exit(f"the event at position {place} is not what was sealed: {event['leaf']}")
text, _, signature = head["checkpoint"].partition("\n\n")
_, size, signed_root = text.split("\n")
if len(events) != int(size) or base64.b64encode(root(leaves)).decode() != signed_root:
    sys.exit(f"these {len(events)} events are not the {size} that were signed")
if sys.argv[2:]:  # the public key, from a place that you trust; needs: pip install cryptography
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(sys.argv[2].split("+", 2)[2])[1:])
    key.verify(base64.b64decode(signature.split()[-1])[4:], text.encode() + b"\n")
print(f"{size} events, root {signed_root}: as signed" + ("" if sys.argv[2:] else ", if the signature is right"))
