"""Load by wrk: requests that a generated Lua script varies, and what came of them."""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving import process_tree
from serving.figures import Figure
from serving.servers import Server

# One thread, so that the counter counts for all connections, and the servers keep the other processors.
_SCRIPT = """
local paths = {%(paths)s}
local counter = 0
local headers = {["Content-Type"] = "application/json"}
seen, duplicates = {}, 0
%(prelude)s
request = function()
  counter = counter + 1
  local path = paths[counter %% #paths + 1]
  %(request)s
end
%(response)s
local threads = {}
setup = function(thread) table.insert(threads, thread) end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests": %%d, "microseconds": %%d, "statuses": %%d, "broken": %%d, ' ..
    '"p50": %%f, "p99": %%f, "duplicates": %%d}\\n', summary.requests, summary.duration, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99),
    threads[1]:get("duplicates")))
end
"""
_READY = """
local ready = {}
init = function(args)
  for index, path in ipairs(paths) do ready[index] = wrk.format("GET", path) end
end
"""
# Which versions were made, so that a number that was given twice is seen.
_UNIQUE = """
response = function(status, headers, body)
  if status ~= 200 then return end
  local made = string.match(body, '"name": ?"([^"]*)"') .. "/" .. string.match(body, '"version": ?"(%d+)"')
  if seen[made] then duplicates = duplicates + 1 end
  seen[made] = true
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests to each of `paths` in turn; `body` is a Lua expression of `counter`, `prelude` is Lua before it."""

    paths: tuple[str, ...]
    method: str = "GET"
    body: str = ""
    prelude: str = ""
    makes_versions: bool = False

    def script(self) -> str:
        request = "return ready[counter % #paths + 1]"
        if self.method != "GET":
            path = 'string.gsub(path, "COUNTER", counter)' if any("COUNTER" in path for path in self.paths) else "path"
            request = f'local where = {path}\n  return wrk.format("{self.method}", where, headers, {self.body})'
        return _SCRIPT % {
            "paths": ", ".join(json.dumps(path) for path in self.paths),
            "prelude": self.prelude + (_READY if self.method == "GET" else ""),
            "request": request,
            "response": _UNIQUE if self.makes_versions else "",
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a load. Times are milliseconds; `cpu` is that of the server's processes for each request."""

    requests: int
    seconds: float
    errors: int
    duplicates: int
    p50: float
    p99: float
    cpu: float
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Requests that succeeded."""
        return self.requests - self.errors

    def rate(self, measure: str, unit: str = "/s", **details: Any) -> Figure:
        """Successes in a second."""
        found = {"p50_ms": self.p50, "p99_ms": self.p99, "cpu_ms": self.cpu, "errors": self.errors, **details}
        return Figure(measure, self.answered / self.seconds, unit, details=found)

    def latency(self, measure: str, **details: Any) -> Figure:
        """The time of the one in the middle."""
        found = {"p50_ms": self.p50, "p99_ms": self.p99, "cpu_ms": self.cpu, "errors": self.errors, **details}
        return Figure(measure, self.p50, "ms", less_is_better=True, details=found)


def require() -> None:
    """End the program where wrk is missing."""
    if shutil.which("wrk") is None:
        sys.exit("wrk makes the load, but it is not here: apt-get install -y wrk (or brew install wrk)")


def load(server: Server, load: Load, *, connections: int, seconds: float) -> Outcome:
    """Let wrk ask for some seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(load.script())
        script.flush()
        return _run(server, Path(script.name), connections, max(1, round(seconds)))


def _run(server: Server, script: Path, connections: int, seconds: int) -> Outcome:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "120s", "-s", str(script), server.url]
    before = process_tree.cpu_seconds(server.process.pid)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    used = process_tree.cpu_seconds(server.process.pid) - before
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        sys.exit(f"wrk failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    found = json.loads(lines[0].removeprefix("RESULT "))
    return Outcome(
        requests=found["requests"],
        seconds=found["microseconds"] / 1e6,
        errors=found["statuses"] + found["broken"],
        duplicates=found["duplicates"],
        p50=found["p50"] / 1000,
        p99=found["p99"] / 1000,
        cpu=used * 1000 / max(1, found["requests"]),
    )
