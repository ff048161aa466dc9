"""Loads on runs: batches of metrics, and searches ordered by a metric."""

import json
from collections.abc import Iterator

from serving import wrk
from serving.client import API
from serving.content import EXPERIMENT
from serving.figures import Figure
from serving.ground import Ground

BATCH = 100
_RUNS = 100
_BODY = """
local runs = {%s}
local function batch(counter)
  local points = {}
  for index = 1, %d do
    points[index] = string.format('{"key": "m%%d", "value": %%d.25, "timestamp": %%d, "step": %%d}',
      index, counter, 1700000000000 + counter, counter)
  end
  return '{"run_id": "' .. runs[counter %% #runs + 1] .. '", "metrics": [' .. table.concat(points, ",") .. ']}'
end
"""


def batches(ground: Ground) -> Iterator[Figure]:
    """A hundred metrics in one request."""
    runs = ", ".join(f'"{ground.content.run_id(index)}"' for index in range(min(_RUNS, ground.content.runs)))
    load = wrk.Load((f"{API}/runs/log-batch",), "POST", "batch(counter)", _BODY % (runs, BATCH))
    for connections in ground.effort.loggers:
        outcome = wrk.load(ground.server, load, connections=connections, seconds=ground.effort.seconds)
        who = "1 client" if connections == 1 else f"{connections} clients"
        yield outcome.rate(f"log-batch of {BATCH} metrics, {who}")


def run_searches(ground: Ground) -> Iterator[Figure]:
    """One client, pages of a hundred."""
    size = f"search {ground.content.runs:,} runs"
    yield _page(ground, f"{size}: by start")
    yield _page(ground, f"{size}: ordered by a metric", order_by=["metrics.auc DESC"])
    yield _page(ground, f"{size}: metric above a bound", filter="metrics.auc > 0.99")


def _page(ground: Ground, measure: str, **body: object) -> Figure:
    path, asked = f"{API}/runs/search", {"experiment_ids": [EXPERIMENT], "max_results": 100, **body}
    once, answer = ground.client.timed_post("/runs/search", **asked)
    load = wrk.Load((path,), "POST", f"[==[{json.dumps(asked)}]==]")
    outcome = wrk.load(ground.server, load, connections=1, seconds=max(ground.effort.seconds, 3.5 * once))
    return outcome.latency(measure, found=len(answer.get("runs", [])))
