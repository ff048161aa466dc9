"""Where a version's files come from: a closed list of kinds, read by one parser."""

import re
from dataclasses import dataclass

from modelshelf.domain.artifacts import ArtifactPath
from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import ModelUri

STORE_SCHEME = "mlflow-artifacts"
"""The scheme under which clients know the registry's own store."""

_OUTSIDE = ("s3", "gs", "wasbs", "dbfs")
_BUCKET = re.compile(r"(?:(?:s3|gs|wasbs)://[^/]+/|dbfs:/)(?P<path>[^?#]*)(?:[?#].*)?", re.IGNORECASE | re.DOTALL)
_RUN_ID = re.compile(r"[0-9a-zA-Z][\w\-]{0,255}", re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")


@dataclass(frozen=True, slots=True)
class RunSource:
    """`runs:/<run id>/<path>`."""

    run_id: str
    path: ArtifactPath | None


@dataclass(frozen=True, slots=True)
class StoreSource:
    """A place in the registry's own store."""

    path: ArtifactPath


@dataclass(frozen=True, slots=True)
class ModelSource:
    """`models:/...`: another version, or a logged model."""

    uri: ModelUri


@dataclass(frozen=True, slots=True)
class OutsideSource:
    """A place in somebody else's bucket: recorded, never read."""

    uri: str


Source = RunSource | StoreSource | ModelSource | OutsideSource


def parse_source(text: str) -> Source:
    """Read a source; raises Invalid, naming the known kinds, for every other scheme, local paths and path tricks."""
    if text.startswith("runs:/"):
        return _run(text)
    if ModelUri.is_model_uri(text):
        return ModelSource(ModelUri.parse(text))
    scheme = _SCHEME.match(text)
    if scheme and scheme[1] == STORE_SCHEME:
        return StoreSource(store_path(text))
    if _is_in_bucket(text):
        return OutsideSource(text)
    raise Invalid(
        f"invalid source {text!r}: a version comes from runs:/RUN_ID/PATH, models:/..., a place in this registry's "
        f"store, or a bucket ({', '.join(f'{known}://' for known in _OUTSIDE)}); register a local folder with "
        "register_model",
        source=text,
    )


def store_path(uri: str) -> ArtifactPath:
    """The path in the store that a URI of its own scheme names."""
    rest = uri.removeprefix(f"{STORE_SCHEME}:")
    if rest.startswith("//"):
        rest = "/" + rest[2:].partition("/")[2]
    return ArtifactPath(rest.strip("/"))


def store_uri(path: ArtifactPath | str) -> str:
    """The URI under which clients know a path in the store."""
    return f"{STORE_SCHEME}:/{path}"


def parse_run_uri(text: str) -> RunSource:
    """Read `runs:/<run id>/<path>`; the path may be empty."""
    if not text.startswith("runs:/"):
        raise Invalid(f"not a run URI: {text!r}; write runs:/RUN_ID/PATH", uri=text)
    return _run(text)


def _run(text: str) -> RunSource:
    run_id, _, path = text.removeprefix("runs:/").lstrip("/").partition("/")
    if not _RUN_ID.fullmatch(run_id):
        raise Invalid(f"no run id in {text!r}; write runs:/RUN_ID/PATH", uri=text)
    return RunSource(run_id, ArtifactPath.folder(path.rstrip("/")))


def _is_in_bucket(uri: str) -> bool:
    """Whether it names a place in a bucket, by a path that can't climb out of where it says it is, in any encoding."""
    found = _BUCKET.fullmatch(uri)
    if found is None or "\0" in uri or "\\" in uri:
        return False
    path = found["path"].lower()
    return not any(sign in path for sign in ("..", "%2e", "%25"))
