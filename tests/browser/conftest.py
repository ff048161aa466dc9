"""One server and one Chromium for all tests of pages; each test has a browser context of its own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import big_shelf
from bookshelf import fill
from modelshelf.connect import connect
from servers import Server, serving

try:
    from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
except ImportError:  # pragma: no cover
    sync_playwright = None

_OBSERVE = """
window.seen = { paint: 0, shift: 0 };
new PerformanceObserver((list) => { for (const each of list.getEntries()) seen.paint = each.startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => { for (const each of list.getEntries()) seen.shift += each.value; })
  .observe({ type: "layout-shift", buffered: true });
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them in one process: they share the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


def _chromium() -> str:
    named = os.environ.get("MODELSHELF_TEST_CHROMIUM", "")
    found = named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found or sync_playwright is None:
        pytest.skip("no Chromium: install Debian's chromium and the package playwright")
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves some thousand versions and a few models that tests change."""
    _chromium()
    folder = tmp_path_factory.mktemp("pages")
    uri = f"sqlite:///{folder / 'shelf.db'}"
    with connect(uri) as registry:
        big_shelf.fill(registry._database, versions=5_000)
        with registry._database.write() as tx:
            tx.execute(
                "INSERT INTO model_names (name, model_id, from_ms) SELECT name, id, created_ms FROM registered_models"
            )
        fill(registry)
    with serving(uri, folder / "server") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Not for the whole session: while it is open its event loop is that of the thread, also for other tests."""
    path = _chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def context(browser: "Browser", server: Server) -> Iterator["BrowserContext"]:
    made = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 800}, timezone_id="Asia/Tokyo")
    made.set_default_timeout(5_000)
    made.add_init_script(_OBSERVE)
    yield made
    made.close()


@pytest.fixture
def page(context: "BrowserContext") -> Iterator["Page"]:
    """A tab; a script that fails, or that the policy refuses, fails the test."""
    opened = context.new_page()
    faults: list[Any] = []
    opened.on("pageerror", lambda error: faults.append(error))  # noqa: PLW0108 - it takes no builtin
    opened.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
    yield opened
    assert faults == []


def _is_fault(said: Any) -> bool:
    return said.type == "error" and "Failed to load resource" not in said.text
