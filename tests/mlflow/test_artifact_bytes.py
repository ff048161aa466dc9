"""Files over HTTP: uploads, downloads, ranges, lists, deletes, and paths that try to lead out of the store."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from file_server import ARTIFACTS, FileServer, serving
from modelshelf.domain.artifacts import Digest

VARIABLE = "MODELSHELF_TEST_MLFLOW_PYTHON"
LETTERS = b"abcdefghijklmnopqrstuvwxyz"
LARGE = bytes(range(256)) * (9 << 12)  # 9 MiB: several chunks, and several parts of a range

pytestmark = pytest.mark.xdist_group("artifact bytes")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


def new_run(server: FileServer) -> str:
    """The path of a new run's folder in the store."""
    run = server.call("POST", "runs/create", experiment_id="0")["run"]["info"]
    return str(run["artifact_uri"]).removeprefix("mlflow-artifacts:/")


def run_id_of(folder: str) -> str:
    return folder.split("/")[1]


def test_a_file_is_stored_listed_read_replaced_and_deleted(server: FileServer) -> None:
    folder = new_run(server)

    stored = server.put(f"{folder}/deep/notes.txt", b"first")
    first = server.get(f"{folder}/deep/notes.txt")
    server.put(f"{folder}/deep/notes.txt", b"second")
    second = server.get(f"{folder}/deep/notes.txt")
    listed = server.ask("GET", f"{ARTIFACTS}?path={folder}/deep").json
    deleted = server.delete(f"{folder}/deep")
    gone = server.get(f"{folder}/deep/notes.txt")

    assert (stored.status, stored.body) == (200, b"")
    assert (first.status, first.body, second.body) == (200, b"first", b"second")
    assert listed == {"files": [{"path": "notes.txt", "is_dir": False, "file_size": 6}]}
    assert (deleted.status, deleted.json) == (200, {})
    assert (gone.status, gone.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert server.delete(f"{folder}/deep").status == 200


def test_a_large_file_comes_back_whole_however_it_was_sent(server: FileServer) -> None:
    folder = new_run(server)

    known = server.put(f"{folder}/known.bin", LARGE)
    chunked = server.ask("PUT", f"{ARTIFACTS}/{folder}/chunked.bin", iter([LARGE[:1000], LARGE[1000:]]))

    assert (known.status, chunked.status) == (200, 200)
    for name in ("known.bin", "chunked.bin"):
        answer = server.get(f"{folder}/{name}")
        assert (answer.status, answer.headers["content-length"]) == (200, str(len(LARGE)))
        assert answer.body == LARGE


def test_an_empty_file_is_a_file(server: FileServer) -> None:
    folder = new_run(server)

    server.put(f"{folder}/empty", b"")

    assert (server.get(f"{folder}/empty").status, server.get(f"{folder}/empty").body) == (200, b"")
    assert server.get(f"{folder}/empty", Range="bytes=0-").status == 416
    assert server.ask("GET", f"{ARTIFACTS}?path={folder}").json == {"files": [{"path": "empty", "is_dir": False}]}


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=2-4", 206, b"cde", "bytes 2-4/26"),
        ("bytes=20-", 206, b"uvwxyz", "bytes 20-25/26"),
        ("bytes=-3", 206, b"xyz", "bytes 23-25/26"),
        ("bytes=-99", 206, LETTERS, "bytes 0-25/26"),
        ("bytes=24-99", 206, b"yz", "bytes 24-25/26"),
        ("bytes=26-", 416, b"", "bytes */26"),
        ("bytes=-0", 416, b"", "bytes */26"),
        ("bytes=0-1,4-5", 200, LETTERS, None),
        ("bytes=5-2", 200, LETTERS, None),
        ("lines=1-2", 200, LETTERS, None),
        ("bytes=-", 200, LETTERS, None),
        ("bytes=x", 200, LETTERS, None),
    ],
)
def test_a_range_gives_its_bytes_and_what_is_no_single_range_the_whole(
    server: FileServer, asked: str, status: int, content: bytes, told: str | None
) -> None:
    server.put("ranges/letters", LETTERS)

    answer = server.get("ranges/letters", Range=asked)

    assert (answer.status, answer.body, answer.headers.get("content-range")) == (status, content, told)


def test_ranges_of_a_large_file_may_cross_the_borders_of_its_parts(server: FileServer) -> None:
    server.put("ranges/large", LARGE)

    for start, end in [(0, 0), (4_194_303, 4_194_304), (1, len(LARGE) - 1), (8_388_608, 9_000_000)]:
        answer = server.get("ranges/large", Range=f"bytes={start}-{end}")
        assert (answer.status, answer.body == LARGE[start : end + 1]) == (206, True)


def test_what_a_client_has_already_is_not_sent_again(server: FileServer) -> None:
    server.put("conditions/letters", LETTERS)
    tag = f'"{Digest.of(LETTERS)}"'

    same = server.get("conditions/letters", If_None_Match=f'"other", W/{tag}')
    other = server.get("conditions/letters", If_None_Match='"other"')
    continued = server.get("conditions/letters", Range="bytes=20-", If_Range=tag)
    changed = server.get("conditions/letters", Range="bytes=20-", If_Range='"other"')

    assert (same.status, same.body, same.headers["etag"]) == (304, b"", tag)
    assert (other.status, other.headers["etag"]) == (200, tag)
    assert (continued.status, changed.status, changed.body) == (206, 200, LETTERS)


def test_head_tells_of_a_file_without_its_bytes(server: FileServer) -> None:
    server.put("heads/letters", LETTERS)

    answer = server.ask("HEAD", f"{ARTIFACTS}/heads/letters")

    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "26", b"")


@pytest.mark.parametrize(
    ("name", "disposition", "kind"),
    [
        ("page.html", 'attachment; filename="page.html"', "text/html"),
        ("MLmodel", 'attachment; filename="MLmodel"', "text/plain"),
        ("model.pkl", 'attachment; filename="model.pkl"', "application/octet-stream"),
        ('a";x.txt', "attachment; filename=\"a__x.txt\"; filename*=UTF-8''a%22%3Bx.txt", "text/plain"),
        ("größe.csv", "attachment; filename=\"gr__e.csv\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.csv", "text/plain"),
    ],
)
def test_a_browser_is_told_to_save_a_file_under_its_name_and_never_to_show_it(
    server: FileServer, name: str, disposition: str, kind: str
) -> None:
    server.put(f"names/{quote(name)}", b"<script>")

    headers = server.get(f"names/{quote(name)}").headers

    assert (headers["content-disposition"], headers["content-type"]) == (disposition, kind)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox")


LEADING_OUT = [
    *("..", "../x", "a/../../x", "%2e%2e/x", "%2e%2e%2fx", "..%2fx", "%252e%252e%252fx", "%25252e%25252e%25252fx"),
    *(
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "%252fetc",
        "C:/x",
        "C:%5cx",
        "C%253a/x",
        "file:%2f%2f%2fetc",
        "x%23y",
        "x%2523y",
    ),
    f"%{'25' * 12}2e",
]


@pytest.mark.parametrize("path", LEADING_OUT)
@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_a_path_that_leads_out_is_refused_in_every_encoding(server: FileServer, verb: str, path: str) -> None:
    answer = server.ask(verb, f"{ARTIFACTS}/{path}", b"x" if verb == "PUT" else None)

    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("path", LEADING_OUT)
def test_a_list_of_a_path_that_leads_out_is_refused(server: FileServer, path: str) -> None:
    for at in (f"{ARTIFACTS}?path={path}", f"/get-artifact?run_id=x&path={path}"):
        assert server.ask("GET", at).status == 400


@pytest.mark.parametrize("path", ["./x", "a/./x", "..;/x", "a%00b", "..%5cx", "%c0%ae%c0%ae/x", "x/", "a" * 256, "%0a"])
def test_a_name_that_the_store_cannot_hold_is_refused_when_written_and_absent_when_read(
    server: FileServer, path: str
) -> None:
    assert server.put(path, b"x").status == 400
    assert server.get(path).status == 404
    assert server.delete(path).status == 200


@pytest.mark.parametrize("path", ["", ".", "%2e", "./.", ".//"])
def test_the_root_is_never_deleted(server: FileServer, path: str) -> None:
    server.put("rooted/file", b"x")

    answer = server.delete(path)

    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert server.get("rooted/file").status == 200


def test_a_file_is_never_a_folder_too(server: FileServer) -> None:
    folder = new_run(server)
    server.put(f"{folder}/dir/file", b"x")

    assert server.put(f"{folder}/dir/file/below", b"x").status == 400
    assert server.put(f"{folder}/dir", b"x").status == 400
    assert server.get(f"{folder}/dir").status == 400
    assert server.listed(f"{folder}/dir") == ["file"]


def test_a_percent_sign_is_decoded_once(server: FileServer) -> None:
    server.put("percent/a%2520b", b"x")

    assert server.listed("percent") == ["a%20b"]
    assert server.get("percent/a%2520b").body == b"x"
    assert server.get("percent/a%20b").status == 404


def test_a_version_keeps_its_files_when_those_of_its_run_change(server: FileServer) -> None:
    folder = new_run(server)
    server.put(f"{folder}/model/sub/weights", b"sealed")
    server.put(f"{folder}/model/MLmodel", b"flavors: {}")
    server.call("POST", "registered-models/create", name="sealing")
    source = f"runs:/{run_id_of(folder)}/model"
    server.call("POST", "model-versions/create", name="sealing", source=source, run_id=run_id_of(folder))
    server.put(f"{folder}/model/sub/weights", b"changed since")

    uri = server.ask("GET", "/api/2.0/mlflow/model-versions/get-download-uri?name=sealing&version=1").json
    place = uri["artifact_uri"].removeprefix("mlflow-artifacts:/")
    by_version = server.ask("GET", "/model-versions/get-artifact?name=sealing&version=1&path=sub/weights")

    assert place.startswith("sealed/")
    assert server.listed(place) == ["MLmodel", "sub"]
    assert server.listed(f"{place}/sub") == ["weights"]
    assert server.get(f"{place}/sub/weights").body == by_version.body == b"sealed"
    assert [server.get(f"{place}/{path}").status for path in ("sub", "", "nope")] == [400, 400, 404]
    assert [server.put(f"{place}/{path}", b"x").status for path in ("sub/weights", "new")] == [403, 403]
    assert [server.delete(path).status for path in (place, f"{place}/MLmodel", "sealed")] == [403, 403, 403]
    assert server.get(f"{place}/MLmodel").status == 200


def test_there_is_nothing_at_a_seal_that_was_never_made(server: FileServer) -> None:
    for place in ("sealed", f"sealed/{'0' * 64}", "sealed/../x", "sealed/xyz"):
        assert server.get(f"{place}/file").status in {400, 404}
    assert server.listed("sealed") == server.listed("sealed/xyz") == []
    assert server.ask("GET", f"{ARTIFACTS}?path=sealed/{'0' * 64}").status == 404


def test_the_web_page_of_mlflow_reads_and_stores_files_of_runs(server: FileServer) -> None:
    folder = new_run(server)
    run = run_id_of(folder)

    stored = server.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=up/x.txt", b"page")
    read = server.ask("GET", f"/get-artifact?run_uuid={run}&path=up/x.txt")
    listed = server.ask("GET", f"/ajax-api/2.0/mlflow/artifacts/list?run_id={run}&path=up")
    bad = [
        server.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?{query}", b"x").status
        for query in (f"run_uuid={run}", "path=x", f"run_uuid={run}&path=../x", "run_uuid=nope&path=x")
    ]

    assert (stored.status, read.body) == (200, b"page")
    assert listed.json == {
        "root_uri": f"mlflow-artifacts:/{folder}",
        "files": [{"path": "up/x.txt", "is_dir": False, "file_size": 4}],
    }
    assert bad == [400, 400, 400, 404]
    assert server.ask("GET", "/get-artifact?path=x").status == 404
    assert server.ask("GET", f"/get-artifact?run_id={run}").status == 400


def test_files_of_a_logged_model_are_listed_and_read(server: FileServer) -> None:
    info = server.call("POST", "logged-models", experiment_id="0")["model"]["info"]
    root = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    server.put(f"{root}/d/f.txt", b"hello")
    at = f"/ajax-api/2.0/mlflow/logged-models/{info['model_id']}/artifacts"

    read = server.ask("GET", f"{at}/files?artifact_file_path=d/f.txt")
    listed = server.ask("GET", f"{at}/directories?artifact_directory_path=d")

    assert read.body == b"hello"
    assert listed.json["files"] == [{"path": "d/f.txt", "is_dir": False, "file_size": 5}]
    assert server.ask("GET", f"{at}/files").json["error_code"] == "BAD_REQUEST"
    assert server.ask("GET", f"{at}/files?artifact_file_path=../../x").status == 400
    assert server.ask("GET", f"{at}/directories?artifact_directory_path=../..").status == 400


def test_parts_and_direct_transfers_are_declined_so_that_clients_fall_back(server: FileServer) -> None:
    at, body = "/api/2.0/mlflow-artifacts", json.dumps({"path": "big", "num_parts": 2})

    answers = [
        *(
            server.ask("POST", f"{at}/mpu/{step}/x/big", body, Content_Type="application/json")
            for step in ("create", "complete", "abort")
        ),
        server.ask("GET", f"{at}/presigned/x/big"),
    ]

    assert [(answer.status, answer.json["error_code"]) for answer in answers] == [(501, "NOT_IMPLEMENTED")] * 4


CLIENT = """
import json, os, sys
os.environ.update(MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="true", MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE="5242880",
    MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE="5242880", MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false")
from pathlib import Path
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
run = client.create_run("0").info.run_id
source = Path("source"); (source / "deep/er").mkdir(parents=True)
(source / "big.bin").write_bytes(bytes(range(256)) * (9 << 12))
(source / "deep/er/größe 1.txt").write_text("x")
(source / "empty").touch()
client.log_artifacts(run, str(source), "all")
client.log_artifact(run, str(source / "big.bin"))
got = Path(client.download_artifacts(run, "all", "."))
same = all((got / f.relative_to(source)).read_bytes() == f.read_bytes() for f in source.rglob("*") if f.is_file())
client._tracking_client._get_artifact_repo(run).delete_artifacts("all")
print(json.dumps([same, [f.path for f in client.list_artifacts(run)]]))
"""


@pytest.mark.skipif(
    VARIABLE not in os.environ and not any(importlib.metadata.distributions(name="mlflow")),
    reason=f"MLflow is not installed here, and {VARIABLE} names no interpreter that has it",
)
def test_mlflows_own_client_logs_lists_downloads_and_deletes(server: FileServer, tmp_path: Path) -> None:
    finished = subprocess.run(
        [os.environ.get(VARIABLE, sys.executable), "-W", "ignore", "-c", CLIENT, server.url],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout.splitlines()[-1]) == [True, ["big.bin"]]
