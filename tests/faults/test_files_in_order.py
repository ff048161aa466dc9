"""Writers of the same files wait for each other in one order, and never in a circle."""

import random
from concurrent.futures import ThreadPoolExecutor

from modelshelf.domain.artifacts import FileEntry
from modelshelf.domain.errors import NotFound
from modelshelf.services.registry import Registry

SEED = 20_261_122


def test_files_that_many_set_and_delete_at_once_in_any_order_cost_nobody_an_error(registry: Registry) -> None:
    digest, size = registry.artifacts.upload([b"x"])
    names = [f"{number}.bin" for number in range(30)]

    def write(turn: int) -> int:
        chosen = random.Random(SEED + turn)
        registry.artifacts.put("folder", [FileEntry(name, digest, size) for name in chosen.sample(names, 30)])
        try:
            return registry.artifacts.delete("folder") if turn % 5 == 0 else 0
        except NotFound:
            return 0

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(80)))

    registry.artifacts.put("folder", [FileEntry(name, digest, size) for name in names])
    assert len(registry.artifacts.tree("folder").files) == 30
