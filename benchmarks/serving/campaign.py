"""Which servers are run in which configuration, one at a time, and what is measured on each."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving import artifact_loads, limits, process_tree, registry_loads, search_loads, startup, tracking_loads, wrk
from serving.agreement import disagreements, said
from serving.client import Client
from serving.content import Content
from serving.figures import MACHINE, OURS, THEIRS, Finding, best
from serving.ground import Effort, Ground, Measurement
from serving.servers import Configuration, as_they_come, ours, running, theirs, trivial
from serving.shelves import Shelves

WORKERS = (1, 2, 4)
LOOPS = ("uvloop", "asyncio")
GROUPS = ("limits", "start", "reads", "writes", "batches", "files", "search", "runs")
_EVERYWHERE: dict[str, Measurement] = {
    "reads": registry_loads.reads,
    "writes": registry_loads.writes,
    "batches": tracking_loads.batches,
    "files": artifact_loads.files,
}
_RANKED_BY = "alias resolution, 8 clients"


@dataclass(slots=True)
class Campaign:
    """All that one command measures; `groups` are those that were asked for."""

    mlflow_python: str
    effort: Effort
    groups: Sequence[str]
    worker_counts: Sequence[int]
    loops: Sequence[str]
    folder: Path
    findings: list[Finding] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """The parts that were measured, here or in the run that this one goes on with."""
    failures: list[str] = field(default_factory=list)
    after_part: "Callable[[], None]" = field(default=lambda: None)

    def run(self) -> None:
        """Measure everything that is not done yet, one server at a time. A part that fails doesn't end the others."""
        if "limits" in self.groups:
            self._part("limits", self._limits)
        if "start" in self.groups:
            single = [ours(1), theirs(self.mlflow_python, 1, self.loops[0])]
            tried = {"1 worker": single, "as it comes": as_they_come(self.mlflow_python)}
            for name, configurations in list(tried.items())[: self.effort.rounds]:
                for one in configurations:
                    key = f"start {one.side} {name}"
                    self._part(key, lambda one=one, name=name: self._starts(one, name))  # type: ignore[misc]
        for configuration in self.configurations():
            wanted = [group for group in _EVERYWHERE if group in self.groups]
            if any(_key(group, configuration) not in self.done for group in wanted):
                self._part(_key("", configuration), lambda one=configuration: self._loads(one))  # type: ignore[misc]
        for content in self.effort.sizes:
            for group in ("search", "runs"):
                if group in self.groups and (group == "search" or content is self.effort.sizes[-1]):
                    key = f"{group} {content.versions}"
                    self._part(key, lambda one=content, which=group: self._searches(one, which))  # type: ignore[misc]

    def _part(self, key: str, measure: Callable[[], None]) -> None:
        """Measure one part, unless that was done; what it found before it failed is left out."""
        if key in self.done:
            return
        before = len(self.findings)
        try:
            measure()
        except (Exception, SystemExit) as error:
            del self.findings[before:]
            self.failures.append(f"{key}: {str(error)[:500] or type(error).__name__}")
            print(f"FAILED {self.failures[-1]}", file=sys.stderr, flush=True)
            return
        self.done.append(key)
        self.after_part()

    def configurations(self) -> list[Configuration]:
        """Those that are tried, the two sides in turn."""
        found = []
        for workers in self.worker_counts:
            found.append(ours(workers))
            found += [theirs(self.mlflow_python, workers, loop) for loop in self.loops]
        return found

    def _limits(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            for figure in limits.of_disk(Path(scratch), self.effort):
                self._note(Finding(MACHINE, "", figure))
        for workers in self.worker_counts:
            self._respond(trivial(workers))

    def _respond(self, configuration: Configuration) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch, running(configuration, Path(scratch)) as server:
            for connections in self.effort.readers:
                outcome = wrk.load(server, wrk.Load(("/",)), connections=connections, seconds=self.effort.seconds)
                figure = outcome.rate(f"trivial responder on Granian, {connections} clients")
                self._note(Finding(MACHINE, configuration.label, figure))

    def _starts(self, configuration: Configuration, name: str) -> None:
        for figure in startup.startup(configuration, rounds=self.effort.rounds, name=name):
            self._note(Finding(configuration.side, configuration.label, figure))

    def _loads(self, configuration: Configuration) -> None:
        with self._ground(configuration, self.effort.sizes[0]) as ground:
            for group, measure in _EVERYWHERE.items():
                if group in self.groups:
                    key = _key(group, configuration)
                    self._part(key, lambda one=measure: self._measure(ground, one))  # type: ignore[misc]
            held = process_tree.memory(ground.server.process.pid)
            workers = configuration.label.split()[0].removesuffix("w")
            figure = startup.memory_figure(f"memory after the load, {workers} worker(s)", held)
            self._note(Finding(configuration.side, configuration.label, figure))

    def _searches(self, content: Content, group: str) -> None:
        answers: dict[str, dict[str, Any]] = {}
        for side in (OURS, THEIRS):
            with self._ground(self._settled(side), content) as ground:
                answers[side] = said(ground.client, content)
                self._measure(ground, tracking_loads.run_searches if group == "runs" else search_loads.searches)
        found = disagreements(answers[OURS], answers[THEIRS])
        self.differences += [f"at {content.versions:,} versions, {difference}" for difference in found]

    def _settled(self, side: str) -> Configuration:
        """The configuration that was best at look-ups; the first one where those weren't measured."""
        configurations = [one for one in self.configurations() if one.side == side]
        tried = [one for one in self.findings if one.side == side and one.figure.measure == _RANKED_BY]
        chosen = best(tried).configuration if tried else configurations[0].label
        return next(one for one in configurations if one.label == chosen)

    @contextmanager
    def _ground(self, configuration: Configuration, content: Content) -> Iterator[Ground]:
        shelves = Shelves(self.folder / "templates", {OURS: sys.executable, THEIRS: self.mlflow_python})
        with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as scratch:
            place = Path(scratch) / "shelf"
            shelves.copy(configuration.side, content, place)
            os.sync()
            with running(configuration, place) as server:
                client = Client(server.port)
                try:
                    yield Ground(server, client, content, self.effort, Path(scratch))
                finally:
                    client.close()

    def _measure(self, ground: Ground, measure: Measurement) -> None:
        _warm(ground)
        for figure in measure(ground):
            self._note(Finding(ground.server.configuration.side, ground.server.configuration.label, figure))

    def _note(self, finding: Finding) -> None:
        self.findings.append(finding)
        figure = finding.figure
        errors = f"  {figure.details['errors']} ERRORS" if figure.details.get("errors") else ""
        shown = f"{finding.side:10} {finding.configuration:12} {figure.measure:62} {figure.value:12,.2f} {figure.unit}"
        print(f"{time.strftime('%H:%M:%S')} {shown}{errors}", file=sys.stderr, flush=True)


def _key(group: str, configuration: Configuration) -> str:
    return f"{group or 'loads'} {configuration.side} {configuration.label}"


def _warm(ground: Ground) -> None:
    """Each worker has its connections open and its modules loaded before anything counts."""
    load = wrk.Load((f"/api/2.0/mlflow/registered-models/alias?name={ground.content.model(0)}&alias=champion",))
    wrk.load(ground.server, load, connections=16, seconds=1)
