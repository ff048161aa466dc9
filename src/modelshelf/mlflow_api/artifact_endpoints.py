"""Files of runs, logged models and versions: upload, download, list, delete."""

from collections.abc import Callable
from functools import partial

import msgspec

from modelshelf.domain.artifacts import FileEntry, Listing
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.domain.sources import store_uri
from modelshelf.mlflow_api import artifact_paths, artifact_tree, requests
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.fields import NEEDED, TEXT, Fields, fields
from modelshelf.mlflow_api.routing import AJAX, PLAIN, Body, Endpoint, Receive, Route, Scope, Send, Stream
from modelshelf.mlflow_api.versions_asked import number_of
from modelshelf.native import attachments, streaming
from modelshelf.services.registry import Registry

_PROXY = "/mlflow-artifacts/artifacts"
_OF_RUN = fields(run_id=TEXT, run_uuid=TEXT, path=TEXT)
_OF_VERSION = fields(name=NEEDED, version=NEEDED, path=TEXT)


async def download(scope: Scope, receive: Receive, send: Send, registry: Registry, rest: str) -> None:
    """Send a file of the store."""
    text = artifact_paths.to_read(_unfolded(scope, rest))
    try:
        await _send_file(scope, receive, send, registry, lambda: artifact_tree.file_at(registry, text))
    except (Invalid, Refusal) as error:
        await _send_detail(send, error.message)


async def upload(scope: Scope, receive: Receive, send: Send, registry: Registry, rest: str) -> None:
    """Store a file of the store."""
    text = _unfolded(scope, rest)
    if not text:
        await _send_detail(send, "the path is empty; name a file")
        return
    await _store(receive, send, registry, artifact_paths.to_write(text).text)


async def upload_to_run(scope: Scope, receive: Receive, send: Send, registry: Registry, _rest: str) -> None:
    """Store a file of a run, as the web page of MLflow does it."""
    asked = requests.from_query(scope["query_string"], _OF_RUN)
    for name in ("run_uuid", "path"):
        if not asked.get(name):
            raise Refusal.invalid(f"the request has no {name}; add it to the query string")
    below = artifact_paths.to_write(asked["path"])
    run = await streaming.in_thread(lambda: registry.tracking.run(asked["run_uuid"]))
    await _store(receive, send, registry, f"{run.artifact_root}/{below}")


async def download_from_run(scope: Scope, receive: Receive, send: Send, registry: Registry, _rest: str) -> None:
    """Send a file of a run."""
    asked = _asked_for_file(scope, _OF_RUN, "path")
    below = artifact_paths.to_read(asked["path"])
    run_id = asked.get("run_id") or asked.get("run_uuid", "")

    def find() -> FileEntry:
        root = registry.tracking.run(run_id).artifact_root
        return artifact_tree.file_at(registry, artifact_paths.within(root, below))

    await _send_file(scope, receive, send, registry, find)


async def download_from_version(scope: Scope, receive: Receive, send: Send, registry: Registry, _rest: str) -> None:
    """Send a file of a version of a registered model."""
    asked = _asked_for_file(scope, _OF_VERSION, "path")
    artifact_paths.to_read(asked["path"])

    def find() -> FileEntry:
        version = registry.catalog.version(asked["name"], number_of(asked))
        return artifact_tree.file_of_version(registry, version, asked["path"])

    await _send_file(scope, receive, send, registry, find)


async def download_from_logged_model(scope: Scope, receive: Receive, send: Send, registry: Registry, rest: str) -> None:
    """Send a file of a logged model."""
    asked = requests.from_query(scope["query_string"], fields(artifact_file_path=TEXT))
    if not asked.get("artifact_file_path"):
        raise Refusal("BAD_REQUEST", "the request has no artifact_file_path; add it to the query string")
    below = artifact_paths.to_read(asked["artifact_file_path"])

    def find() -> FileEntry:
        root = registry.tracking.logged_model(rest).artifact_root
        return artifact_tree.file_at(registry, artifact_paths.within(root, below))

    await _send_file(scope, receive, send, registry, find)


async def delete(scope: Scope, _receive: Receive, send: Send, registry: Registry, rest: str) -> None:
    """Delete a file or a folder of the store; what is not there is as good as deleted."""
    text = artifact_paths.to_read(_unfolded(scope, rest))
    if not text:
        raise Refusal.invalid("the root of the store cannot be deleted; name a file or a folder")
    await streaming.in_thread(partial(_delete, registry, text))
    await _send_whole(send, 200, b"{}", ((b"content-type", b"application/json"),))


def listed(registry: Registry, body: Body) -> Body:
    """What lies in a folder of the store, by its names in it."""
    found = artifact_tree.listing_at(registry, artifact_paths.to_read(body.get("path", "")))
    return _files(found, lambda path: path.rpartition("/")[2])


def listed_of_run(registry: Registry, body: Body) -> Body:
    """What lies in a folder of a run, by paths from the run's root."""
    below = artifact_paths.to_read(body.get("path", ""))
    root = registry.tracking.run(body.get("run_id") or body.get("run_uuid", "")).artifact_root
    return _listed_below(registry, root, below)


def listed_of_logged_model(registry: Registry, body: Body) -> Body:
    """What lies in a folder of a logged model, by paths from its root."""
    below = artifact_paths.to_read(body.get("artifact_directory_path", ""))
    root = registry.tracking.logged_model(body["logged_model"]).artifact_root
    return _listed_below(registry, root, below)


def no_presigned(_registry: Registry, body: Body) -> Body:
    """A URL for direct transfer: there is none for files that the server itself keeps."""
    artifact_paths.to_read(body["path"])
    raise Refusal.invalid("the files are in the server's own store; use mlflow-artifacts/artifacts")


def _unfolded(scope: Scope, rest: str) -> str:
    """The path as it was sent, decoded once, with the doubled slashes that the routing folds."""
    _, found, unfolded = scope["path"].partition(f"{_PROXY}/")
    return unfolded if found else rest


def _asked_for_file(scope: Scope, known: Fields, path: str) -> Body:
    asked = requests.from_query(scope["query_string"], known)
    if path not in asked:
        raise Refusal.missing(path)
    return asked


async def _send_file(
    scope: Scope, receive: Receive, send: Send, registry: Registry, find: Callable[[], FileEntry]
) -> None:
    await streaming.download(scope, receive, send, registry.artifacts, find)


async def _store(receive: Receive, send: Send, registry: Registry, path: str) -> None:
    """Bytes first, rows second; a client that goes away before the end leaves neither."""

    def store(chunks: streaming.Chunks) -> str:
        digest, size = registry.artifacts.upload(chunks)
        registry.artifacts.place([FileEntry(path, digest, size)])
        return digest

    try:
        digest = await streaming.upload(receive, store)
    except streaming.Disconnected:
        return
    await _send_whole(send, 200, b"", ((b"etag", attachments.etag(digest)),))


def _delete(registry: Registry, text: str) -> None:
    path = artifact_paths.stored(text)
    if path is None:
        return
    artifact_paths.refuse_sealed(path)
    try:
        registry.artifacts.delete(path.text)
    except NotFound:
        return


def _listed_below(registry: Registry, root: str, below: str) -> Body:
    found = artifact_tree.listing_at(registry, artifact_paths.within(root, below))
    return {"root_uri": store_uri(root), **_files(found, lambda path: path[len(root) + 1 :])}


def _files(found: Listing, name: Callable[[str], str]) -> Body:
    entries: list[Body] = [{"path": name(path), "is_dir": True} for path in found.folders]
    for file in found.files:
        size = {"file_size": file.size} if file.size else {}
        entries.append({"path": name(file.path), "is_dir": False, **size})
    entries.sort(key=lambda entry: str(entry["path"]))
    return {"files": entries} if entries else {}


async def _send_detail(send: Send, message: str) -> None:
    """A refusal as MLflow's own proxy words it: without a code."""
    body = msgspec.json.encode({"detail": message})
    await _send_whole(send, 400, body, ((b"content-type", b"application/json"),))


async def _send_whole(send: Send, status: int, body: bytes, headers: attachments.Headers) -> None:
    fixed = ((b"x-content-type-options", b"nosniff"), (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *fixed]})
    await send({"type": "http.response.body", "body": body})


ENDPOINTS: tuple[Route, ...] = (
    Stream("GET", f"{_PROXY}/{{artifact_path...}}", download),
    Stream("PUT", f"{_PROXY}/{{artifact_path...}}", upload),
    Stream("DELETE", f"{_PROXY}/{{artifact_path...}}", delete),
    Endpoint("GET", _PROXY, listed, fields(path=TEXT)),
    Endpoint(
        "GET", "/mlflow/artifacts/list", listed_of_run, fields(run_id=NEEDED, run_uuid=TEXT, path=TEXT, page_token=TEXT)
    ),
    Endpoint("POST", "/mlflow/artifacts/presigned-upload-url", no_presigned, fields(run_id=TEXT, path=NEEDED)),
    Endpoint("POST", "/mlflow/artifacts/presigned-download-url", no_presigned, fields(run_id=NEEDED, path=NEEDED)),
    Endpoint(
        "GET",
        "/mlflow/logged-models/{logged_model}/artifacts/directories",
        listed_of_logged_model,
        fields(artifact_directory_path=TEXT, page_token=TEXT),
    ),
    Stream("GET", "/mlflow/logged-models/{logged_model}/artifacts/files", download_from_logged_model),
    Stream("POST", "/mlflow/upload-artifact", upload_to_run, AJAX),
    Stream("GET", "/get-artifact", download_from_run, PLAIN),
    Stream("GET", "/model-versions/get-artifact", download_from_version, PLAIN),
)
