"""The OpenAPI document: it tells of every operation, and the server does what it tells."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from asking import Ask
from modelshelf.native.operations import OPERATIONS, PREFIX
from modelshelf.native.shapes import AREAS
from modelshelf.services.registry import Registry
from served import ServedShelves
from shelves import Clock, add_version, open_shelf

_LOCAL = {
    "access.authenticate_password",
    "access.authenticate_token",
    "access.note_uses",
    "events.seal",
    "events.settle",
    "rollouts.forget_loaders",
    "rollouts.leave_steps",
    "rollouts.step_rollouts",
    "artifacts.upload_files",
}
"""What only the process of the shelf itself can do, or the client does by other operations."""


def test_every_public_method_of_every_area_is_told_of(ask: Ask) -> None:
    document = ask("GET", "/openapi.json").json

    told = {each["operationId"] for verbs in document["paths"].values() for each in verbs.values()}
    methods = {
        f"{area}.{name}"
        for area, kind in AREAS.items()
        for name in dir(kind)
        if not name.startswith("_") and callable(getattr(kind, name))
    }
    by_other_names = {
        "artifacts.open",
        "artifacts.open_file",
        "artifacts.read_range",
        "artifacts.fetch",
        "artifacts.size",
        "artifacts.read_many",
    }
    assert methods - told - _LOCAL - by_other_names == set()


def test_the_table_tells_every_operation_once(ask: Ask) -> None:
    document = ask("GET", "/openapi.json").json

    assert document["openapi"] == "3.1.0"
    assert len({(each.verb, each.path) for each in OPERATIONS}) == len(OPERATIONS)
    for operation in OPERATIONS:
        assert operation.verb.lower() in document["paths"][PREFIX + operation.path]


def test_all_references_of_the_document_lead_somewhere(ask: Ask) -> None:
    answer = ask("GET", "/openapi.json")

    components = answer.json["components"]
    for kind, name in re.findall(rb'"#/components/(\w+)/(\w+)"', answer.body):
        assert name.decode() in components[kind.decode()]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert name not in {"style", "onclick"}
            if name == "id":
                self.ids.append(str(value))
            elif name in {"href", "src"}:
                self.links.append(str(value))


def test_the_page_reads_by_itself(ask: Ask) -> None:
    answer = ask("GET", "/docs")

    page = _Page()
    page.feed(answer.body.decode())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert {link for link in page.links if not link.startswith("#")} == {"docs.css", "openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert "script" not in page.tags
    assert ask("GET", "/docs.css").headers["content-type"] == "text/css; charset=utf-8"


@pytest.fixture
def fuzzed(served: ServedShelves, tmp_path: Path, clock: Clock) -> Iterator[str]:
    with open_shelf(f"sqlite:///{tmp_path}/shelf.db", tmp_path, clock) as shelf, served.serve(shelf) as url:
        _fill(shelf)
        yield url


def _fill(shelf: Registry) -> None:
    shelf.catalog.create_model("0")
    add_version(shelf, "0")
    shelf.governance.set_alias("0", "0", 1)
    run = shelf.tracking.start_run("0")
    shelf.tracking.log_params(run.id, {"0": "0"})


def test_no_request_that_the_document_allows_or_forbids_makes_the_server_fail(fuzzed: str, tmp_path: Path) -> None:
    program = Path(sysconfig.get_path("scripts")) / "schemathesis"
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
        "negative_data_rejection"
    )
    found = subprocess.run(
        [
            *(sys.executable, program, "run", f"{fuzzed}{PREFIX}/openapi.json", "--url", fuzzed, "--checks", checks),
            *("--max-examples", os.environ.get("MODELSHELF_TEST_EXAMPLES", "5"), "--seed", "1", "--no-color"),
            *("--phases", "examples,coverage,fuzzing", "--exclude-path", f"{PREFIX}/blobs"),
            *("--exclude-path", f"{PREFIX}/blobs/sweep", "--max-failures", "20", "--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert found.returncode == 0, found.stdout
