"""How many connections a server may hold follows from the files that the system lets it open."""

import json
import subprocess
import sys

import pytest

_PROGRAM = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from modelshelf.hosting.connections import connections
print(json.dumps([connections(), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [(1024, 1024, [768, 1024]), (1024, 4096, [3840, 4096]), (128, 200, [64, 200]), (1024, 18_000, [16_384, 16_640])],
)
def test_a_process_takes_the_files_it_may_have_and_leaves_some_for_itself(
    soft: int, hard: int, expected: list[int]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(soft), str(hard)], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == expected
