"""Files between clients and a bucket, past the server: uploads in parts, and URLs to download from."""

from collections.abc import Mapping, Sequence
from typing import Any

from modelshelf.domain.artifacts import ArtifactPath, FileEntry
from modelshelf.mlflow_api import artifact_paths, artifact_tree
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import INT64, NEEDED, TEXT, fields, objects
from modelshelf.mlflow_api.routing import Body, Endpoint
from modelshelf.services.registry import Registry

_PART = fields(part_number=INT64, etag=TEXT, url=TEXT)


def create(registry: Registry, body: Body) -> Body:
    """Start an upload in parts; the file appears when it was completed."""
    _target(registry, body)
    upload = registry.artifacts.start_direct_upload(body.get("num_parts", 1))
    credentials = [{"url": url, "part_number": number} for number, url in enumerate(upload.urls, 1)]
    return {"upload_id": upload.id, "credentials": credentials}


def complete(registry: Registry, body: Body) -> Body:
    """Put the parts together. The bytes are read and hashed first, the file is theirs afterwards."""
    target = _target(registry, body)
    etags = _etags(body.get("parts") or ())
    digest, size = registry.artifacts.finish_direct_upload(body.get("upload_id", ""), etags)
    registry.artifacts.place([FileEntry(target.text, digest, size)])
    return {}


def abort(registry: Registry, body: Body) -> Body:
    """Give an upload up."""
    _target(registry, body)
    registry.artifacts.abort_direct_upload(body.get("upload_id", ""))
    return {}


def download_url(registry: Registry, body: Body) -> Body:
    """A URL from which a file can be read, in ranges too."""
    text = artifact_paths.to_read(body["artifact_path"])
    if not registry.artifacts.offers_direct_downloads():
        raise _not_offered("download")
    file = artifact_tree.file_at(registry, text)
    return {"url": registry.artifacts.direct_url(file.digest), "headers": {}, "file_size": file.size}


def _target(registry: Registry, body: Body) -> ArtifactPath:
    """Where the file is to be: the folder in the request's path, and the name of the client's own file."""
    folder, name = body["artifact_path"], body["path"].rpartition("/")[2]
    target = artifact_paths.to_write(f"{folder}/{name}" if folder else name)
    if not registry.artifacts.offers_direct_uploads():
        raise _not_offered("upload")
    return target


def _etags(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    found = {part.get("part_number", 0): part.get("etag", "") for part in parts}
    if not found or sorted(found) != list(range(1, len(parts) + 1)):
        raise Refusal.invalid("the parts must be all that were sent, each once, numbered from 1")
    return [found[number] for number in sorted(found)]


def _not_offered(what: str) -> Refusal:
    """At this very message clients fall back to one request per file."""
    return Refusal("NOT_IMPLEMENTED", f"Multipart {what} is not supported for the current artifact repository")


_AT = "/mlflow-artifacts"
ENDPOINTS = (
    Endpoint("POST", f"{_AT}/mpu/create/{{artifact_path...}}", create, fields(path=NEEDED, num_parts=INT64)),
    Endpoint(
        "POST",
        f"{_AT}/mpu/complete/{{artifact_path...}}",
        complete,
        fields(path=NEEDED, upload_id=TEXT, parts=objects(_PART)),
    ),
    Endpoint("POST", f"{_AT}/mpu/abort/{{artifact_path...}}", abort, fields(path=NEEDED, upload_id=TEXT)),
    Endpoint("GET", f"{_AT}/presigned/{{artifact_path...}}", download_url),
)
