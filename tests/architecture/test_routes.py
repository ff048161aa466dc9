"""Every route of every protocol decides who may use it: nobody unasked, and readers change nothing."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from asgi import Reply, ask, basic
from modelshelf.connect import connect
from modelshelf.mlflow_api.fields import Field, Kind
from modelshelf.mlflow_api.routing import Endpoint
from modelshelf.mlflow_api.table import ROUTES
from modelshelf.native.blob_endpoints import STREAMS
from modelshelf.native.endpoints import NativeApi
from modelshelf.native.operations import OPERATIONS, PREFIX
from modelshelf.native.shapes import Parameter, is_list, shape
from modelshelf.server.app import Application
from modelshelf.server.configuration import Configuration
from modelshelf.services.registry import Registry
from modelshelf.ui import seals
from modelshelf.ui.routes import ROUTES as PAGES

OWN = {("GET", "/health"), ("GET", "/version"), ("GET", "/metrics"), ("GET", "/static/shelf.css"), ("GET", "/nowhere")}
OPEN = {("GET", "/health"), ("GET", "/signin"), ("GET", "/static/shelf.css")}
"""What has to be there before it is known who asks, and tells nothing of the shelf."""

SEALED = {("POST", "/signin"), ("POST", "/theme")}
"""Forms that are answered then, too, if they come from a page of ours."""

PASSWORD = "a password of somebody"
READER = basic("rita", PASSWORD)
JSON = {"content_type": "application/json"}
DIGEST = "sha256:" + "0" * 64

READS = {"missing", "verify", "beat"}
"""Methods that readers may call besides searches: they tell of blobs, of the ledger, and of what the reader loaded."""

MLFLOW_READS = re.compile(r"search|get-latest-versions|get-history|batch-get|artifacts/list|presigned")
"""As above, or answered alike to everybody: that there is no such thing here."""


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    """A shelf with one of each, and rita who may read it."""
    with connect(f"sqlite:///{tmp_path}/shelf.db") as registry:
        registry.access.create_user("rita", role="reader", password=PASSWORD)
        registry.access.create_user("sam", role="reader", password=None)
        registry.access.create_token("sam", name="churn")
        registry.catalog.create_model("churn", tags={"key": "value"})
        for _ in range(2):
            registry.catalog.create_version("churn", source="s3://bucket/churn", tags={"key": "value"})
        registry.governance.set_alias("churn", "champion", 1)
        registry.governance.define_gate("gate", model="other", alias="champion", clauses=["true"])
        registry.governance.open_request("churn", 2, alias="champion")
        run = registry.tracking.start_run("0")
        registry.tracking.log_params(run.id, {"depth": "3"})
        registry.events.verify()  # whatever waits to be put in order or sealed is now
        yield registry


@pytest.fixture
def application(shelf: Registry, tmp_path: Path) -> Iterator[Application]:
    configuration = Configuration(
        backend_store_uri=shelf.uri or "sqlite:", auth="required", metrics_folder=str(tmp_path)
    )
    return Application(shelf, configuration)


def _routes() -> list[tuple[str, str]]:
    """The method and the path of every route."""
    mlflow = [(route.method, prefix + route.path) for route in ROUTES for prefix in route.prefixes]
    native = NativeApi(None, inline=False).labels  # type: ignore[arg-type]
    return [*OWN, *PAGES, *native, *mlflow]


def _filled(path: str) -> str:
    return re.sub(r"\{(\w+)[.]*\}", lambda found: str(_PLACES.get(found[1], "x")), path)


_PLACES: Mapping[str, Any] = {
    "name": "churn",
    "model": "churn",
    "alias": "champion",
    "user": "sam",
    "digest": DIGEST,
    "number": 1,
    "version": 1,
    "request_id": 1,
    "rollout_id": 1,
    "experiment_id": "0",
    "position": 1,
    "decision_id": 1,
    "delivery": 1,
    "key": "key",
}


def test_nothing_answers_without_credentials_but_what_has_to(application: Application) -> None:
    async def statuses() -> dict[tuple[str, str], Reply]:
        kinds = {"page": "application/x-www-form-urlencoded", "json": "application/json"}
        return {
            (verb, path): await ask(
                application, verb, _filled(path), content_type=kinds["page" if (verb, path) in PAGES else "json"]
            )
            for verb, path in _routes()
        }

    told = asyncio.run(statuses())

    assert len(told) > 300
    answered = {route for route, reply in told.items() if not _is_refused(reply)}
    assert answered - SEALED == OPEN
    assert {told[route].status for route in SEALED} == {403}
    assert all(b"churn" not in told[route].body for route in OPEN)


def _is_refused(reply: Reply) -> bool:
    return reply.status == 401 or (reply.status == 303 and reply.headers["location"].startswith("/signin?next="))


def test_wrong_credentials_are_no_better_than_none(application: Application) -> None:
    async def statuses() -> set[int]:
        wrong = [basic("rita", "x"), {"authorization": "Bearer ms_x"}, {"authorization": "Session " + "0" * 64}]
        cookie = {"cookie": "modelshelf_session=" + "0" * 64}
        paths = ("/version", f"{PREFIX}/me", "/api/2.0/mlflow/experiments/search", "/metrics")
        return {(await ask(application, "GET", path, **each)).status for each in [*wrong, cookie] for path in paths}

    assert asyncio.run(statuses()) == {401}


def test_a_reader_changes_nothing_by_the_native_api(application: Application, shelf: Registry) -> None:
    before = _content(shelf)
    asked = [each for each in OPERATIONS if each.verb != "GET" and not each.reads]

    async def statuses() -> dict[str, int]:
        found = {}
        for operation in asked:
            parameters = shape(operation).parameters
            rest = {name: _plain(each) for name, each in parameters.items() if name not in operation.places}
            rest = {name: value for name, value in rest.items() if parameters[name].required or name == "alias"}
            rest |= _OF_ITS_OWN.get(operation.method, {})
            query = f"?{urlencode(rest, doseq=True)}" if operation.in_query else ""
            body = b"" if operation.in_query else json.dumps(rest).encode()
            target = PREFIX + _filled(operation.path) + query
            found[operation.method] = (await ask(application, operation.verb, target, body, **READER, **JSON)).status
        for verb, path in STREAMS:
            if verb == "PUT":
                reply = await ask(
                    application, verb, PREFIX + _filled(path), b"x", content_range="bytes 0-0/1", **READER
                )
                found[path] = reply.status
        return found

    told = asyncio.run(statuses())

    assert len(told) > 80
    assert {name: status for name, status in told.items() if status != 403 and name not in READS} == {}
    assert _content(shelf) == before


_OF_ITS_OWN = {
    "log_evaluation": {
        "evaluation": {
            **dict.fromkeys(("candidate", "baseline", "difference", "difference_low", "difference_high"), 0.5),
            "metric": "auc",
            "against": 2,
            "confidence": 0.95,
            "rows": 100,
        }
    }
}


def _plain(parameter: Parameter) -> Any:
    """A value that fits."""
    if parameter.name in _PLACES:
        return _PLACES[parameter.name]
    shown = str(parameter.type)
    if is_list(parameter.type):
        return []
    if "Mapping" in shown or "dict" in shown:
        return {}
    return 1 if "int" in shown or "float" in shown else "x"


def test_a_reader_changes_nothing_by_mlflows_protocol(application: Application, shelf: Registry) -> None:
    before = _content(shelf)
    run = shelf.tracking.search_runs(["0"]).items[0].id

    async def statuses() -> dict[str, int]:
        found = {}
        for route in ROUTES:
            if route.method == "GET" or MLFLOW_READS.search(route.path):
                continue
            body = _body(route, run) if isinstance(route, Endpoint) else b"x"
            query = f"?run_uuid={run}&path=x" if "upload" in route.path else ""
            target = route.prefixes[0] + _filled(route.path) + query
            found[f"{route.method} {route.path}"] = (
                await ask(application, route.method, target, body, **READER, **JSON)
            ).status
        return found

    told = asyncio.run(statuses())

    assert len(told) > 40
    assert {route: status for route, status in told.items() if status not in {403, 501}} == {}
    assert _content(shelf) == before


def _body(route: Endpoint, run: str) -> bytes:
    return json.dumps({name: _value(name, field, run) for name, field in route.fields.items()}).encode()


def _value(name: str, field: Field, run: str) -> Any:
    known = {
        "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
        "model_json": json.dumps({"run_id": run, "artifact_path": "m", "utc_time_created": "", "flavors": {}}),
        "model_id": "x" if field.required else "",
        "url": "https://example.com",
        "name": "churn",
        "new_name": "new",
        "version": "1",
        "stage": "Staging",
        "experiment_id": "0",
        "run_id": run,
        "run_uuid": run,
        "alias": "other",
        "source": f"runs:/{run}/x",
        "artifact_location": "",
    }
    if name in known:
        return known[name]
    if field.many:
        return []
    kinds = {Kind.TEXT: "x", Kind.SWITCH: False, Kind.MESSAGE: {}}
    if field.kind is Kind.CHOICE:
        return next(iter(field.choices or ()))
    return kinds.get(field.kind, 1)


def test_a_reader_changes_nothing_by_the_pages(application: Application, shelf: Registry) -> None:
    before, secret = _content(shelf), "0" * 32

    async def statuses() -> dict[str, int]:
        found = {}
        for verb, path in PAGES:
            if verb == "POST" and path not in {"/signin", "/signout", "/theme"}:
                given = {**{name: str(value) for name, value in _PLACES.items()}, **_FORM}
                form = urlencode({**given, seals.FIELD: seals.Seal(secret).value()}).encode()
                headers = {"cookie": f"{seals.COOKIE}={secret}", "content_type": "application/x-www-form-urlencoded"}
                found[path] = (await ask(application, "POST", _filled(path), form, **headers, **READER)).status
        return found

    told = asyncio.run(statuses())

    assert len(told) > 20
    assert {path for path, status in told.items() if status in {200, 303, 500}} <= _STEPS, told
    assert _content(shelf) == before


_FORM = {"confirmed": "yes", "to": "@champion", "typed": "churn", "reason": "x", "value": "x", "text": "x"}
_STEPS = {"/ledger-verification"}
"""What readers may ask for by a form."""


def _content(shelf: Registry) -> dict[str, list[Any]]:
    """All that is in the database, but what readers tell of what they loaded."""
    with shelf._database.read() as tx:
        tables = [row["name"] for row in tx.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(map(str, tx.all(f"SELECT * FROM {name}"))) for name in tables if name != "loaders"}
