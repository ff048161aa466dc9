"""Clients' paths: decoded once by the server, refused where any further decoding would lead out of the store.

What is asked for is cleared of empty parts and dots, as MLflow does; a name to be written must be written plainly.
"""

import re
from urllib.parse import unquote

from modelshelf.domain.artifacts import SEALED, ArtifactPath
from modelshelf.domain.errors import Invalid
from modelshelf.mlflow_api.errors import Refusal

_MOST_DECODINGS = 10
_SCHEME_OR_DRIVE = re.compile(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.\-]*:/")
_UNDECODABLE = "\ufffd"


def to_read(text: str) -> str:
    """The plain form of a path to be read or deleted; empty for the root. Raises Refusal for one that leads out."""
    _refuse_escape(text)
    return "/".join(part for part in text.split("/") if part not in {"", "."})


def to_write(text: str) -> ArtifactPath:
    """The path of a file to be stored. Raises Refusal or Invalid."""
    _refuse_escape(text)
    if _UNDECODABLE in text:
        raise Refusal.invalid("the path is not valid UTF-8; encode it as UTF-8, then percent-encode it")
    if any(part.partition(";")[0] in {".", ".."} for part in text.split("/")):
        raise Refusal.invalid("the path has a part that is a dot; leave it out")
    path = ArtifactPath(re.sub("/+", "/", text))
    refuse_sealed(path)
    return path


def refuse_sealed(path: ArtifactPath) -> None:
    """Raise Refusal for what can only be read."""
    if path.parts[0] == SEALED:
        raise Refusal(
            "PERMISSION_DENIED", f"what lies below {SEALED}/ is sealed: it can be read, not written or deleted"
        )


def within(root: str, text: str) -> str:
    """A path below a folder of ours, to be read: `text` is relative to it."""
    below = to_read(text)
    return f"{root}/{below}" if below else root


def stored(text: str) -> ArtifactPath | None:
    """The path as the store names it; None where the store can hold nothing of that name."""
    try:
        return ArtifactPath(text)
    except Invalid:
        return None


def _refuse_escape(text: str) -> None:
    """Checked in every form that decoding it again, up to its end, would give; only the first form is ever used."""
    for _ in range(_MOST_DECODINGS):
        if text.startswith("/") or "#" in text or _SCHEME_OR_DRIVE.match(text) or ".." in text.split("/"):
            break
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded
    raise Refusal.invalid(
        "Invalid path: it must be relative, without '..', '#' or a drive, however often it is decoded"
    )
