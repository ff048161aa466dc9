"""Where a version that a client registers comes from, by MLflow's rules for the run and the logged model it names."""

from dataclasses import dataclass
from urllib.parse import unquote

from modelshelf.domain.artifacts import FileEntry, Manifest
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import NotFound
from modelshelf.domain.sources import STORE_SCHEME, ModelSource, OutsideSource, RunSource, StoreSource, parse_source
from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.filters import PROMPT_TAG
from modelshelf.mlflow_api.routing import Body
from modelshelf.services.registry import Registry

PROMPT_SOURCES = ("prompt-template", "dummy-source")
PROMPT_TEXT_TAG = "mlflow.prompt.text"
PROMPT_FILE = "prompt.txt"


@dataclass(frozen=True, slots=True)
class Origin:
    """A source, and the run and logged model that it belongs to."""

    source: str
    run_id: str = ""
    logged_model: str = ""


def origin_of(registry: Registry, body: Body) -> Origin:
    """The source in a body, checked: what lies in our store must belong to the run or logged model that is named."""
    source, run_id, model_id = body["source"], body.get("run_id", ""), body.get("model_id", "")
    if source.startswith(("models://", f"{STORE_SCHEME}://")) or _climbs(source):
        raise Refusal.invalid(
            f"invalid source {source[:200]!r}: it must name a place in this registry by its whole path"
        )
    parsed = parse_source(source)
    if isinstance(parsed, OutsideSource):
        return Origin(source, run_id or _run_of(registry, model_id), model_id)
    if isinstance(parsed, ModelSource) and not parsed.uri.logged_model:
        return _of_version(registry, body, parsed)
    if isinstance(parsed, RunSource):
        _require(not model_id and run_id == parsed.run_id, source, "run_id")
    elif isinstance(parsed, ModelSource):
        _require(model_id == parsed.uri.logged_model, source, "model_id")
    elif isinstance(parsed, StoreSource):
        _require(_lies_in(registry, parsed, run_id, model_id), source, "model_id" if model_id else "run_id")
    return Origin(source, run_id or _run_of(registry, model_id), model_id)


def _climbs(source: str) -> bool:
    """Whether a place in our own store is written with tricks, in any encoding, once or several times."""
    if not source.startswith((f"{STORE_SCHEME}:", "runs:", "models:")):
        return False
    text, before = source, ""
    while text != before:
        text, before = unquote(text), text
    return "#" in source or ".." in text.split("/")


def _run_of(registry: Registry, model_id: str) -> str:
    """The run that made a logged model. Raises NotFound for a model that is not there."""
    return registry.tracking.logged_model(model_id).run_id if model_id else ""


def _of_version(registry: Registry, body: Body, parsed: ModelSource) -> Origin:
    version = registry.catalog.resolve(str(parsed.uri)).version
    if registry.catalog.model(version.name).tags.get(PROMPT_TAG, "").lower() == "true":
        raise Refusal.invalid(f"invalid source {body['source']!r}: versions of prompts are no models")
    for key, its in (("run_id", version.run_id), ("model_id", version.logged_model)):
        if key in body and body[key] != its:
            raise Refusal.invalid(
                f"invalid source {body['source']!r}: {key} is {body[key]!r}, but that of the version is {its!r}"
            )
    return Origin(f"models:/{version.name}/{version.number}", version.run_id, version.logged_model)


def _lies_in(registry: Registry, source: StoreSource, run_id: str, model_id: str) -> bool:
    try:
        if model_id:
            root = registry.tracking.logged_model(model_id).artifact_root
        elif run_id:
            root = registry.tracking.run(run_id).artifact_root
        else:
            return False
    except NotFound:
        return False
    return source.path.text == root or source.path.text.startswith(f"{root}/")


def _require(holds: bool, source: str, field: str) -> None:
    if not holds:
        raise Refusal.invalid(
            f"invalid source {source!r}: the parameter {field} must name the run or logged model that it lies in"
        )


def create_prompt(registry: Registry, body: Body, tags: dict[str, str]) -> ModelVersion:
    """A version of a prompt: its text is in a tag, and is sealed as a file."""
    if body["source"] not in PROMPT_SOURCES:
        raise Refusal.invalid(f"invalid source {body['source']!r}: that of a prompt is {PROMPT_SOURCES[0]!r}")
    registry.catalog.model(body["name"])  # raises what is missing before anything is stored
    stored = registry.artifacts.upload([tags.get(PROMPT_TEXT_TAG, "").encode()])
    return registry.catalog.create_version(
        body["name"],
        source=body["source"],
        manifest=Manifest((FileEntry(PROMPT_FILE, stored.digest, stored.size),)),
        run_id=body.get("run_id", ""),
        run_link=body.get("run_link", ""),
        logged_model=body.get("model_id", ""),
        description=body.get("description", ""),
        tags=tags,
    )
