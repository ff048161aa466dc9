"""Writes that wait together share a commit, and each is answered for itself, after it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelshelf.connect import connect
from modelshelf.domain.errors import AlreadyExists, StorageFull
from modelshelf.native.shared_writes import MOST_WRITES, SharedWrites
from modelshelf.services.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with connect(f"sqlite:///{tmp_path}/shelf.db") as found:
        yield found


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as found:
        yield found


def test_all_that_waits_is_written_and_each_gets_its_own_answer(registry: Registry, pool: ThreadPoolExecutor) -> None:
    writes, count = SharedWrites(pool, registry.together), 3 * MOST_WRITES

    async def ask() -> list[str]:
        return [made.name for made in await asyncio.gather(*map(make, range(count)))]

    def make(number: int) -> "asyncio.Future[object]":
        return asyncio.ensure_future(writes.do(registry.catalog.create_model, f"m-{number}"))

    assert asyncio.run(ask()) == [f"m-{number}" for number in range(count)]
    assert len(registry.catalog.search_models(limit=1000).items) == count


def test_a_refused_write_takes_no_other_one_along(registry: Registry, pool: ThreadPoolExecutor) -> None:
    writes = SharedWrites(pool, registry.together)

    async def ask() -> list[object]:
        names = ["first", "second", "first", "third"]
        return await asyncio.gather(
            *(writes.do(registry.catalog.create_model, name) for name in names), return_exceptions=True
        )

    answers = asyncio.run(ask())

    assert [type(answer) for answer in answers].count(AlreadyExists) == 1
    assert {model.name for model in registry.catalog.search_models().items} == {"first", "second", "third"}


def test_nobody_is_told_of_success_where_the_commit_fails(pool: ThreadPoolExecutor) -> None:
    @contextmanager
    def full() -> Iterator[None]:
        yield
        raise StorageFull("the disk is full")

    writes = SharedWrites(pool, full)

    async def ask() -> list[object]:
        return await asyncio.gather(*(writes.do(str, number) for number in range(5)), return_exceptions=True)

    assert [type(answer) for answer in asyncio.run(ask())] == [StorageFull] * 5


def test_writes_together_are_seen_by_their_thread_at_once_and_by_others_after_the_commit(
    registry: Registry, pool: ThreadPoolExecutor
) -> None:
    def names() -> list[str]:
        return sorted(model.name for model in registry.catalog.search_models().items)

    with registry.together():
        registry.catalog.create_model("a")
        registry.catalog.create_model("b")
        inside, outside = names(), pool.submit(names).result()

    assert (inside, outside, names()) == (["a", "b"], [], ["a", "b"])


def test_a_failed_write_is_undone_alone(registry: Registry) -> None:
    with registry.together():
        registry.catalog.create_model("kept")
        with pytest.raises(AlreadyExists):
            registry.catalog.create_model("kept")
        registry.catalog.create_model("too")

    assert len(registry.catalog.search_models().items) == 2


def test_a_write_together_hands_its_transaction_on_to_writers_that_wait(
    registry: Registry, pool: ThreadPoolExecutor
) -> None:
    with registry.together():
        registry.catalog.create_model("first")
        waiting = [pool.submit(registry.catalog.create_model, f"other-{number}") for number in range(3)]

    assert {future.result().name for future in waiting} == {"other-0", "other-1", "other-2"}
    assert len(registry.catalog.search_models().items) == 4


def test_blocks_inside_each_other_are_refused(registry: Registry) -> None:
    with registry.together(), pytest.raises(RuntimeError, match="inside"), registry.together():
        pass


def test_patient_writes_gather_before_they_share_a_commit(registry: Registry, pool: ThreadPoolExecutor) -> None:
    commits = 0

    @contextmanager
    def counted() -> Iterator[None]:
        nonlocal commits
        commits += 1
        with registry.together():
            yield

    writes = SharedWrites(pool, counted, patience=0.05)

    async def ask() -> list[str]:
        tasks = []
        for number in range(10):
            tasks.append(asyncio.ensure_future(writes.do(registry.catalog.create_model, f"m-{number}")))
            await asyncio.sleep(0.001)
        return [made.name for made in await asyncio.gather(*tasks)]

    assert asyncio.run(ask()) == [f"m-{number}" for number in range(10)]
    assert commits <= 3
