"""Shelves whose files are in a bucket: opened, refused, moved, and used by the SDK, the command line and the server."""

import importlib.metadata
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from buckets import KEY, SECRET, BucketServer, objects
from file_server import FileServer, serving
from modelshelf.connect import connect
from modelshelf.domain.artifacts import Digest
from modelshelf.domain.errors import Invalid, Unavailable
from programs import run_program

VARIABLE = "MODELSHELF_TEST_MLFLOW_PYTHON"
_count = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A bucket of the server that checks signatures, as its users name it; and the folder of its objects."""

    server: BucketServer
    name: str
    folder: Path

    @property
    def uri(self) -> str:
        return f"s3://{self.name}/team"

    def stored_keys(self) -> set[str]:
        return set(objects(self.folder))


@pytest.fixture
def place(bucket_servers: dict[str, BucketServer], monkeypatch: pytest.MonkeyPatch) -> Place:
    server, name = bucket_servers["nanio"], f"journey-{next(_count)}"
    for variable, value in server.environment.items():
        monkeypatch.setenv(variable, value)
    return Place(server, name, server.make_bucket(name))


def key_of(content: bytes) -> str:
    digits = Digest.of(content).hex
    return f"team/sha256/{digits[:2]}/{digits}"


def test_a_shelf_remembers_its_bucket_and_no_secret(place: Place, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with connect(uri, artifacts=place.uri + "/") as shelf:
        digest, _ = shelf.artifacts.upload([b"weights"])

    with connect(uri) as again, again.artifacts.open(digest) as reader:
        assert reader.read() == b"weights"
    assert place.stored_keys() == {"team/shelf-id", key_of(b"weights")}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in written
    assert SECRET.encode() not in written
    assert not (tmp_path / "shelf.db.files").exists()


def test_a_bucket_is_never_shared_by_two_shelves(place: Place, tmp_path: Path) -> None:
    connect(f"sqlite:///{tmp_path}/one.db", artifacts=place.uri).close()

    with pytest.raises(Invalid, match="another shelf"):
        connect(f"sqlite:///{tmp_path}/two.db", artifacts=place.uri)
    with pytest.raises(Invalid, match="keeps its files in s3://"):
        connect(f"sqlite:///{tmp_path}/one.db", artifacts=place.uri + "/elsewhere")


def test_a_shelf_that_was_given_a_wrong_bucket_can_be_given_another(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with pytest.raises(Unavailable, match="no bucket at s3://no-such-bucket"):
        connect(uri, artifacts="s3://no-such-bucket/team")
    with monkeypatch.context() as wrong:
        wrong.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        with pytest.raises(Unavailable, match="refuses these credentials"):
            connect(uri, artifacts=place.uri)
    with pytest.raises(Invalid, match="names no bucket"):
        connect(uri, artifacts="s3://user:password@bucket")
    with pytest.raises(Invalid, match="or a bucket"):
        connect(uri, artifacts="ftp://host/files")

    with connect(uri, artifacts=place.uri) as shelf:
        shelf.artifacts.upload([b"weights"])

    assert key_of(b"weights") in place.stored_keys()


def test_files_that_were_copied_into_a_bucket_are_found_there(place: Place, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/shelf.db"
    with connect(uri) as shelf:
        digest, _ = shelf.artifacts.upload([b"weights"])
    shutil.move(tmp_path / "shelf.db.files", place.folder / "team")

    connect(uri, artifacts=place.uri).close()

    with connect(uri) as moved, moved.artifacts.open(digest) as reader:
        assert reader.read() == b"weights"


PROGRAM = """
import modelshelf
with modelshelf.start_run() as run:
    modelshelf.log_text("hello", "notes/hello.txt")
    modelshelf.log_metric("auc", 0.9)
from pathlib import Path
folder = modelshelf.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="notes")
print((Path(folder) / "hello.txt").read_text())
"""


def test_the_sdk_and_the_command_line_take_the_bucket_from_the_environment(place: Place, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    chosen = {"MODELSHELF_ARTIFACTS_DESTINATION": place.uri, "MODELSHELF_TRACKING_URI": "sqlite:///shelf.db"}

    printed = run_program("program.py", folder=tmp_path, **chosen)
    verified = run_program("-m", "modelshelf", "verify", folder=tmp_path, **chosen)
    doctor = run_program("-m", "modelshelf", "doctor", folder=tmp_path, **chosen)

    assert printed.splitlines()[-1] == "hello"
    assert key_of(b"hello") in place.stored_keys()
    assert verified
    assert "nothing failed" in doctor
    assert not (tmp_path / "shelf.db.files").exists()


@pytest.fixture
def server(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("MODELSHELF_ARTIFACTS_DESTINATION", place.uri)
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as running:
        yield running


def test_a_server_keeps_its_files_in_the_bucket(place: Place, server: FileServer) -> None:
    run = server.call("POST", "runs/create", experiment_id="0")["run"]["info"]
    folder = run["artifact_uri"].removeprefix("mlflow-artifacts:/")

    stored = server.put(f"{folder}/notes.txt", b"weights")

    assert stored.status == 200
    assert server.get(f"{folder}/notes.txt").body == b"weights"
    assert server.get(f"{folder}/notes.txt", Range="bytes=1-3").body == b"eig"
    assert key_of(b"weights") in place.stored_keys()


def test_a_direct_upload_needs_all_its_parts_and_a_path_in_the_store(server: FileServer) -> None:
    at = "/api/2.0/mlflow-artifacts/mpu"
    ask = {"path": "big.bin", "num_parts": 2}

    created = server.ask("POST", f"{at}/create/1/x/artifacts", json.dumps(ask), Content_Type="application/json").json
    refused = [
        server.ask("POST", f"{at}/{step}", json.dumps({**ask, **more}), Content_Type="application/json")
        for step, more in [
            ("complete/1/x/artifacts", {"upload_id": created["upload_id"], "parts": []}),
            ("complete/1/x/artifacts", {"upload_id": created["upload_id"], "parts": [{"part_number": 2, "etag": "e"}]}),
            ("complete/1/x/artifacts", {"upload_id": "made-up", "parts": [{"part_number": 1, "etag": "e"}]}),
            ("create/1/../../x", {}),
            ("create/sealed/x", {}),
            ("create/1/x", {"num_parts": 10_001}),
            ("create/1/x", {"path": "../.."}),
        ]
    ]
    aborted = server.ask(
        "POST",
        f"{at}/abort/1/x/artifacts",
        json.dumps({"path": "big.bin", "upload_id": created["upload_id"]}),
        Content_Type="application/json",
    )

    assert [credential["part_number"] for credential in created["credentials"]] == [1, 2]
    assert [answer.status for answer in refused] == [400, 400, 404, 400, 403, 400, 400]
    assert (aborted.status, aborted.json) == (200, {})


CLIENT = """
import json, os, sys
from pathlib import Path
from unittest import mock
import requests
from mlflow import MlflowClient
client, content = MlflowClient(sys.argv[1]), bytes(range(256)) * (44 << 10) + b"the end"
run = client.create_run("0").info.run_id
Path("big.bin").write_bytes(content)
sent = []
real = requests.put
with mock.patch("requests.put", lambda url, **given: sent.append(url) or real(url, **given)):
    client.log_artifact(run, "big.bin", "deep")
got = Path(client.download_artifacts(run, "deep/big.bin", "."))
listed = [[file.path, file.file_size] for file in client.list_artifacts(run, "deep")]
print(json.dumps([got.read_bytes() == content, len(sent), listed == [["deep/big.bin", len(content)]]]))
"""


@pytest.mark.skipif(
    VARIABLE not in os.environ and not any(importlib.metadata.distributions(name="mlflow")),
    reason=f"MLflow is not installed here, and {VARIABLE} names no interpreter that has it",
)
def test_mlflows_own_client_transfers_large_files_past_the_server(
    place: Place, server: FileServer, tmp_path: Path
) -> None:
    direct = {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1",
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 << 20),
        "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(4 << 20),
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHONPATH"))}

    finished = subprocess.run(
        [os.environ.get(VARIABLE, sys.executable), "-W", "ignore", "-c", CLIENT, server.url],
        cwd=tmp_path,
        env={**kept, **direct},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout.splitlines()[-1]) == [True, 3, True]
    assert key_of(bytes(range(256)) * (44 << 10) + b"the end") in place.stored_keys()
