"""What the loaders refuse: paths that leave the model, and content that nobody vouched for."""

import os
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import InvalidModel, Untrusted


def inside(folder: Path, relative: Any, *, what: str) -> Path:
    """A path that the MLmodel file names; raises InvalidModel if it leaves the directory or is not there."""
    if not isinstance(relative, str) or not relative:
        raise InvalidModel(f"{folder / 'MLmodel'}: {what} is {relative!r}, not a path", path=str(folder))
    # By the text alone: a cache may hold the files of a model as links to elsewhere.
    plain = Path(os.path.normpath(relative))
    path = folder / plain
    if plain.is_absolute() or plain.parts[:1] == (os.pardir,):
        raise InvalidModel(f"{folder / 'MLmodel'}: {what} {relative!r} lies outside of the model", path=str(folder))
    if not path.exists():
        raise InvalidModel(f"{folder / 'MLmodel'}: {what} {relative!r} is not there", path=str(path))
    return path


def require_trust(path: Path, *, trusted: bool, why: str) -> None:
    """Raises Untrusted naming the file, unless the caller vouches for it."""
    if not trusted:
        raise Untrusted(
            f"{path}: {why}; load it with trust=True if you trust where it comes from", path=str(path), reason=why
        )
