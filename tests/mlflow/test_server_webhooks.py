"""MLflow's own webhook client against a server, and what its receivers get, compared with MLflow's own server."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receivers import Got, Receiver, Reply, receiving
from servers import MLFLOW_PYTHON, Server, free_port, run_mlflow, serving

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.usefixtures("_with_mlflow")]

SECRET = "s3cret"
HAPPENINGS = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
hook = client.create_webhook(
    name="all",
    url=sys.argv[2],
    events=[
        "registered_model.created", "model_version.created", "model_version_tag.set", "model_version_tag.deleted",
        "model_version_alias.created", "model_version_alias.deleted", "prompt.created", "prompt_version.created",
        "prompt_tag.set", "prompt_tag.deleted", "prompt_version_tag.set", "prompt_version_tag.deleted",
        "prompt_alias.created", "prompt_alias.deleted",
    ],
    secret="s3cret",
)
client.create_registered_model("plain")
client.create_registered_model("full", tags={"a": "b"}, description="described")
client.create_model_version("full", "s3://bucket/x", tags={"t": "1"}, description="a version")
client.create_model_version("plain", "s3://bucket/y")
client.set_model_version_tag("full", "1", "k", "v")
client.delete_model_version_tag("full", "1", "k")
client.set_registered_model_tag("full", "k", "v")
client.set_registered_model_alias("full", "champion", "1")
client.delete_registered_model_alias("full", "champion")
client.create_prompt("greet", tags={"p": "q"}, description="a prompt")
client.create_prompt_version("greet", "Hello {{x}}", description="first", tags={"r": "s"})
client.set_prompt_tag("greet", "k", "v")
client.delete_prompt_tag("greet", "k")
client.set_prompt_version_tag("greet", 1, "k", "v")
client.delete_prompt_version_tag("greet", 1, "k")
client.set_prompt_alias("greet", "prod", 1)
client.delete_prompt_alias("greet", "prod")
client.create_registered_model("last")
print(json.dumps(hook.webhook_id))
"""
CLIENT = """
import json, sys
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
client, url, seen = MlflowClient(sys.argv[1]), sys.argv[2], {}

def shown(hook):
    events = sorted(map(str, hook.events))
    return [hook.name, hook.url == url, hook.description, str(hook.status), events, hook.secret]

made = client.create_webhook(
    name="mine", url=url, events=["model_version.created"], description="for tests", secret="s3cret"
)
seen["made"] = shown(made)
seen["got"] = shown(client.get_webhook(made.webhook_id))
page = client.list_webhooks(max_results=1)
seen["listed"] = [hook.webhook_id == made.webhook_id for hook in page]
tested = client.test_webhook(made.webhook_id)
seen["tested"] = [tested.success, tested.response_status, tested.response_body, tested.error_message]
tested = client.test_webhook(made.webhook_id, "model_version_alias.created")
seen["tested another"] = tested.success
seen["updated"] = shown(client.update_webhook(made.webhook_id, name="yours", events=["registered_model.created"]))
seen["disabled"] = shown(client.update_webhook(made.webhook_id, status="DISABLED"))
seen["enabled"] = str(client.update_webhook(made.webhook_id, status="ACTIVE").status)
client.delete_webhook(made.webhook_id)
for name, call in {
    "gone": lambda: client.get_webhook(made.webhook_id),
    "metadata": lambda: client.create_webhook(name="x", url="http://169.254.169.254/", events=["prompt.created"]),
    "credentials": lambda: client.create_webhook(name="x", url="https://a:b@example.com/", events=["prompt.created"]),
    "name": lambda: client.create_webhook(name="a b", url=url, events=["prompt.created"]),
}.items():
    try:
        call()
    except MlflowException as error:
        seen[name] = error.error_code
print(json.dumps(seen))
"""


@pytest.fixture(scope="session")
def _with_mlflow() -> None:
    if MLFLOW_PYTHON not in os.environ and not any(importlib.metadata.distributions(name="mlflow")):
        pytest.skip(f"MLflow is not installed here, and {MLFLOW_PYTHON} names no interpreter that has it")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with serving(uri, tmp_path, "--webhook-allowed-hosts", "127.0.0.1") as found:
        yield found


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    """MLflow's own server, which may send to this machine."""
    from cryptography.fernet import Fernet

    port = free_port()
    program = os.environ.get(MLFLOW_PYTHON, sys.executable)
    command = [program, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    with (tmp_path / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db"],
            cwd=tmp_path,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
                "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode(),
                "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
                "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
                "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS": "1",
            },
        )
    there = Server(port, tmp_path / "mlflow.log", process)
    try:
        for _ in range(600):
            try:
                if there.ask("GET", "/health").status == 200:
                    break
            except OSError:
                pass
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        yield there.url
    finally:
        process.terminate()
        process.wait(40)


def _told(got: list[Got]) -> dict[str, list[Any]]:
    """What was told of each model, without the moments."""
    found: dict[str, list[Any]] = {}
    for each in got:
        said = each.json
        assert set(said) == {"entity", "action", "timestamp", "data"}
        if not said["data"].get("key", "").startswith("_mlflow"):
            found.setdefault(said["data"]["name"], []).append([said["entity"], said["action"], said["data"]])
    return found


def _is_last(got: list[Got]) -> bool:
    return any(each.json["data"]["name"] == "last" for each in got)


def test_a_receiver_is_told_what_mlflow_itself_tells(server: Server, real: str, tmp_path: Path) -> None:
    told = []
    for url in (server.url, real):
        with receiving() as receiver:
            run_mlflow(HAPPENINGS, url, receiver.url, folder=tmp_path)
            told.append(receiver.wait_for(lambda got: _is_last(got) and len(got) >= 17))
    ours, theirs = told

    assert _told(ours) == _told(theirs)
    their_headers = {name for name in theirs[0].headers if name.startswith("x-mlflow")}
    assert {name for name in ours[0].headers if name.startswith("x-mlflow")} == their_headers
    for each in ours:
        signed = _signature(each.headers["x-mlflow-delivery-id"], each.headers["x-mlflow-timestamp"], each.body)
        assert each.headers["x-mlflow-signature"] == each.headers["webhook-signature"] == signed
    assert theirs[0].headers["x-mlflow-signature"] == _signature(
        theirs[0].headers["x-mlflow-delivery-id"], theirs[0].headers["x-mlflow-timestamp"], theirs[0].body
    )


def _signature(message: str, moment: str, body: bytes) -> str:
    import base64
    import hashlib
    import hmac

    signed = hmac.new(SECRET.encode(), f"{message}.{moment}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def test_the_methods_of_the_client_work(server: Server, receiver: Receiver, tmp_path: Path) -> None:
    seen = run_mlflow(CLIENT, server.url, receiver.url, folder=tmp_path)

    assert seen == {
        "made": ["mine", True, "for tests", "ACTIVE", ["model_version.created"], None],
        "got": ["mine", True, "for tests", "ACTIVE", ["model_version.created"], None],
        "listed": [True],
        "tested": [True, 200, "thanks", None],
        "tested another": True,
        "updated": ["yours", True, "for tests", "ACTIVE", ["registered_model.created"], None],
        "disabled": ["yours", True, "for tests", "DISABLED", ["registered_model.created"], None],
        "enabled": "ACTIVE",
        "gone": "RESOURCE_DOES_NOT_EXIST",
        "metadata": "INVALID_PARAMETER_VALUE",
        "credentials": "INVALID_PARAMETER_VALUE",
        "name": "INVALID_PARAMETER_VALUE",
    }
    assert [got.json["entity"] for got in receiver.got] == ["model_version", "model_version_alias"]


def test_a_receiver_that_is_not_there_is_told_as_an_error(server: Server) -> None:
    event = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
    url = f"http://127.0.0.1:{free_port()}/"
    made = server.call("POST", "webhooks", {"name": "dead", "url": url, "events": [event]})["webhook"]

    tested = server.call("POST", f"webhooks/{made['webhook_id']}/test", {})

    assert tested["result"]["success"] is False
    assert "refused" in tested["result"]["error_message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "a"},
        {"name": "a", "url": "https://example.com/"},
        {"name": "a", "url": "https://example.com/", "events": []},
        {"name": "a", "url": "https://example.com/", "events": ["registered_model.created"]},
        {"name": "a", "url": "https://example.com/", "events": [{"entity": "FOO", "action": "CREATED"}]},
        {"name": "a", "url": "https://example.com/", "events": [{"entity": "REGISTERED_MODEL"}]},
        {"name": "a", "url": "https://example.com/", "events": [{"entity": "REGISTERED_MODEL", "action": "SET"}]},
        {"name": 5, "url": "https://example.com/", "events": [{"entity": "PROMPT", "action": "CREATED"}]},
        {"name": "a", "url": "nope", "events": [{"entity": "PROMPT", "action": "CREATED"}]},
    ],
    ids=json.dumps,
)
def test_what_is_no_webhook_is_refused(server: Server, body: dict[str, Any]) -> None:
    answer = server.ask("POST", "/api/2.0/mlflow/webhooks", body)

    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_failing_try_is_made_up_for_by_a_server(server: Server, receiver: Receiver) -> None:
    answers = iter([Reply(500), Reply(200)])
    receiver.answer = lambda _: next(answers)
    event = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
    server.call("POST", "webhooks", {"name": "ci", "url": receiver.url, "events": [event]})

    server.call("POST", "registered-models/create", {"name": "fraud"})

    first, second = receiver.wait_for(lambda got: len(got) >= 2)
    assert (first.id, first.body) == (second.id, second.body)
