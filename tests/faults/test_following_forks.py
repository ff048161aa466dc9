"""A follower in a process that was forked, as by gunicorn: no thread came along, so it begins again."""

import subprocess
import sys
from pathlib import Path

from scorers import _path

_FORKING = """
import os, sys, time
import modelshelf, scorers
import pandas as pd

modelshelf.set_tracking_uri(sys.argv[1])
scorers.log_constant(1)
scorers.log_constant(2)
client = modelshelf.MlflowClient()
client.set_registered_model_alias("fraud", "production", 1)
follower = modelshelf.follow("models:/fraud@production")
rows = pd.DataFrame({"x": [1.0]})
child = os.fork()
if not child:
    ends = time.monotonic() + 20
    while follower.predict(rows) != [2] and time.monotonic() < ends:
        time.sleep(0.02)
    os._exit(0 if follower.predict(rows) == [2] else 1)
client.set_registered_model_alias("fraud", "production", 2)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_follower_that_was_forked_follows_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _FORKING, f"sqlite:///{tmp_path}/shelf.db"]

    done = subprocess.run(command, env={"PYTHONPATH": _path()}, capture_output=True, text=True, timeout=90)

    assert done.returncode == 0, done.stderr
