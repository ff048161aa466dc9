"""Searches of versions: what one client waits for a page, and for all of them."""

import time
from collections.abc import Iterator

from serving import wrk
from serving.client import target
from serving.figures import Figure
from serving.ground import Ground

PAGE = 100
LARGE_PAGE = 10_000
WALK_SECONDS = 120
"""A walk that isn't at its end by then counts as far as it came."""
_PATH = "/model-versions/search"


def searches(ground: Ground) -> Iterator[Figure]:
    """One client, pages of a hundred."""
    size = f"{ground.content.versions:,} versions"
    for what, text in list(_filters(ground).items())[: ground.effort.filters]:
        yield _page(ground, f"search {size}: {what}", filter=text)
    yield _page(ground, f"search {size}: all, first page")
    walked, last = _walk(ground, PAGE)
    yield _page(ground, f"search {size}: all, deepest page", page_token=last)
    yield walked
    yield _walk(ground, LARGE_PAGE)[0]


def _filters(ground: Ground) -> dict[str, str]:
    content = ground.content
    middle = content.models // 2
    return {
        "by name": f"name = '{content.model(middle)}'",
        "by tag, one in twenty": "tags.team = 'team-7'",
        "by tag, one in all": f"tags.commit = '{content.commit(content.versions // 2)}'",
        "by run": f"run_id = '{content.run_id(3)}'",
        "name LIKE 'abc-1%'": f"name LIKE '{content.model(middle)[:-6]}%'",
        "name LIKE '%-1-%'": f"name LIKE '%-{middle}-%'",
    }


def _page(ground: Ground, measure: str, **query: str) -> Figure:
    once, answer = ground.client.timed_get(_PATH, max_results=PAGE, **query)
    load = wrk.Load((target(_PATH, max_results=PAGE, **query),))
    outcome = wrk.load(ground.server, load, connections=1, seconds=max(ground.effort.seconds, 3.5 * once))
    return outcome.latency(measure, found=len(answer.get("model_versions", [])))


def _walk(ground: Ground, page_size: int) -> tuple[Figure, str]:
    """How fast all pages are read, or those of the first two minutes, and the token of the last one that was.

    Raises ValueError where versions are missing.
    """
    start, seen, token, last = time.perf_counter(), 0, "", ""
    while True:
        query = {"page_token": token} if token else {}
        page = ground.client.get(_PATH, max_results=page_size, **query)
        seen += len(page.get("model_versions", []))
        last, token = token or last, page.get("next_page_token", "")
        seconds = time.perf_counter() - start
        if not token or seconds > WALK_SECONDS:
            break
    if not token and seen < ground.content.versions:
        raise ValueError(f"a walk over {ground.content.versions} versions found {seen}")
    measure = f"search {ground.content.versions:,} versions: walk in pages of {page_size:,}"
    return Figure(measure, seen / seconds, "versions/s", details={"seconds": seconds, "reached": seen}), last
