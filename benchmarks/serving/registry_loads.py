"""Loads on models and versions: resolve aliases, get and create versions, set aliases and tags."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from serving import wrk
from serving.client import Client, target
from serving.content import ALIAS
from serving.figures import Figure
from serving.ground import Ground

MANY = 64
WRITES_A_SECOND = 10
_ALIAS_PATHS = 200


def reads(ground: Ground) -> Iterator[Figure]:
    """Look-ups that loaders make."""
    content = ground.content
    names = content.model_names()[:_ALIAS_PATHS]
    aliases = tuple(target("/registered-models/alias", name=name, alias=ALIAS) for name in names)
    versions = tuple(
        target("/model-versions/get", name=name, version=index % content.numbers(index) + 1)
        for index, name in enumerate(names)
    )
    for what, paths in (("alias resolution", aliases), ("version get", versions)):
        for connections in ground.effort.readers:
            yield _rate(ground, wrk.Load(paths), what, connections)
    with _registering(ground):
        what = f"alias resolution while {WRITES_A_SECOND} versions/s are made"
        yield _rate(ground, wrk.Load(aliases), what, ground.effort.readers[0])


def writes(ground: Ground) -> Iterator[Figure]:
    """Versions, aliases and tags."""
    for connections in ground.effort.creators:
        yield _creates(ground, connections, models=1)
        if connections > 1:
            yield _creates(ground, connections, models=MANY)
    names = ground.content.model_names()[:MANY]
    alias = '{"name": "%s", "alias": "moving", "version": "\' .. (1 + counter %% %d) .. \'"}'
    newest = min(ground.content.numbers(index) for index in range(len(names)))
    on_many = _post("/registered-models/alias", names, alias, newest)
    on_one = _post("/registered-models/alias", names[:1], alias, newest)
    for connections in ground.effort.movers:
        yield _rate(ground, on_many, "set alias, many models", connections)
    yield _rate(ground, on_one, "set alias, one model", ground.effort.movers[-1])
    tag = '{"name": "%s", "version": "\' .. (1 + counter %% %d) .. \'", "key": "state", "value": "\' .. counter .. \'"}'
    for connections in ground.effort.movers:
        yield _rate(ground, _post("/model-versions/set-tag", names, tag, newest), "set version tag", connections)


def _rate(ground: Ground, load: wrk.Load, what: str, connections: int) -> Figure:
    outcome = wrk.load(ground.server, load, connections=connections, seconds=ground.effort.seconds)
    return outcome.rate(f"{what}, {_clients(connections)}")


@contextmanager
def _registering(ground: Ground) -> Iterator[None]:
    """Somebody registers versions meanwhile, so that what was remembered of the registry goes out of date."""
    client, name, is_over = Client(ground.server.port), f"made-{uuid.uuid4().hex[:8]}", threading.Event()
    client.post("/registered-models/create", name=name)

    def register() -> None:
        while not is_over.wait(1 / WRITES_A_SECOND):
            client.post("/model-versions/create", name=name, source="s3://bucket/meanwhile")

    thread = threading.Thread(target=register)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        client.close()


def _creates(ground: Ground, connections: int, *, models: int) -> Figure:
    names = [f"made-{uuid.uuid4().hex[:8]}-{index}" for index in range(models)]
    for name in names:
        ground.client.post("/registered-models/create", name=name)
    body = '{"name": "%s", "source": "s3://bucket/made/\' .. counter .. \'"}'
    load = _post("/model-versions/create", names, body, makes_versions=True)
    outcome = wrk.load(ground.server, load, connections=connections, seconds=ground.effort.seconds)
    made, gaps = _numbering(ground.client, names)
    faults = outcome.duplicates + gaps + max(0, outcome.answered - made)
    where = "one model" if models == 1 else "many models"
    return outcome.rate(f"version create, {where}, {_clients(connections)}", numbering_faults=faults)


def _numbering(client: Client, names: list[str]) -> tuple[int, int]:
    """How many versions the models have, and how many of their numbers are missing or there twice."""
    made = faults = 0
    for name in names:
        numbers: list[int] = []
        token: str | None = ""
        while token is not None:
            query = {"page_token": token} if token else {}
            page = client.get("/model-versions/search", filter=f"name='{name}'", max_results=10_000, **query)
            numbers += [int(version["version"]) for version in page.get("model_versions", [])]
            token = page.get("next_page_token") or None
        made += len(numbers)
        faults += len(set(numbers) ^ set(range(1, len(numbers) + 1))) + len(numbers) - len(set(numbers))
    return made, faults


def _post(path: str, names: list[str], body: str, *numbers: int, makes_versions: bool = False) -> wrk.Load:
    """Bodies with the name of each model in turn; `body` is the inside of a Lua text in single quotes."""
    lua = "'" + body % ("' .. names[1 + math.floor(counter) % #names] .. '", *numbers) + "'"
    prelude = "local names = {" + ", ".join(f'"{name}"' for name in names) + "}\n"
    return wrk.Load((target(path),), "POST", lua, prelude, makes_versions)


def _clients(connections: int) -> str:
    return f"{connections} client{'s' if connections > 1 else ''}"
