"""`modelshelf server` beside `mlflow server`, on SQLite, in one run: one command, a table and JSON.

    python benchmarks/server.py --mlflow-python PATH/TO/bin/python [--json results.json] [--seconds 5]

With `--json` everything is kept as it is found; `--resume` goes on with that file, without the parts that are in it.
Run it with the Python of an environment that has `modelshelf[server]`; the other environment has `mlflow` and `uvloop`.
`--quick` is a short run on small registries that only shows that everything works. Nothing else should run on the
machine meanwhile. README.md beside this file says what is measured and how to read it.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from serving import report, wrk
from serving.campaign import GROUPS, LOOPS, WORKERS, Campaign
from serving.ground import Effort


def main() -> None:
    given = _arguments()
    wrk.require()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    effort = Effort.quick() if given.quick else Effort.full(given.seconds)
    with tempfile.TemporaryDirectory(prefix="bench-server-", dir=given.folder, ignore_cleanup_errors=True) as folder:
        campaign = Campaign(
            mlflow_python=given.mlflow_python,
            effort=effort,
            groups=given.only or GROUPS,
            worker_counts=WORKERS[:1] if given.quick else given.workers,
            loops=LOOPS[:1] if given.quick else LOOPS,
            folder=Path(folder),
        )
        if given.json:
            if given.resume and given.json.exists():
                told = json.loads(given.json.read_text())
                campaign.findings, campaign.done = report.from_json(told), told["done"]
                campaign.differences = told["differences"]
            campaign.after_part = lambda: _keep(campaign, given.json)
        began = time.monotonic()
        try:
            campaign.run()
        except KeyboardInterrupt:
            print("interrupted; this is what was measured", file=sys.stderr)
        finally:
            _tell(campaign)
            if given.json:
                _keep(campaign, given.json)
            print(f"in {time.monotonic() - began:.0f} s", file=sys.stderr)


def _tell(campaign: Campaign) -> None:
    print(report.table(campaign.findings))
    for difference in campaign.differences:
        print(f"NOT THE SAME: {difference}")
    for failure in campaign.failures:
        print(f"FAILED: {failure}")


def _keep(campaign: Campaign, file: Path) -> None:
    told = report.as_json(
        campaign.findings, differences=campaign.differences, done=campaign.done, failures=campaign.failures
    )
    scratch = file.with_suffix(".tmp")
    scratch.write_text(json.dumps(told, indent=2) + "\n")
    scratch.replace(file)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlflow-python", required=True, help="the Python of an environment with mlflow and uvloop")
    parser.add_argument("--seconds", type=float, default=5, help="how long each load lasts")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="NAME", help=f"one of {', '.join(GROUPS)}")
    parser.add_argument("--workers", type=int, action="append", help="a number of processes to try, instead of 1, 2, 4")
    parser.add_argument("--quick", action="store_true", help="one configuration, short, small: a smoke run")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    parser.add_argument("--resume", action="store_true", help="go on with what is in the file of --json")
    parser.add_argument("--folder", help="where to put databases and files: on the disk that is to be measured")
    given = parser.parse_args()
    given.workers = given.workers or WORKERS
    return given


if __name__ == "__main__":
    main()
