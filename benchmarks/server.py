"""`modelshelf server` beside `mlflow server`, on SQLite, in one run: one command, a table and JSON.

    python benchmarks/server.py --mlflow-python PATH/TO/bin/python [--json results.json] [--seconds 5]

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
        began = time.monotonic()
        try:
            campaign.run()
        except KeyboardInterrupt:
            print("interrupted; this is what was measured", file=sys.stderr)
        finally:
            _tell(campaign, given.json, time.monotonic() - began)


def _tell(campaign: Campaign, file: Path | None, seconds: float) -> None:
    print(report.table(campaign.findings))
    for difference in campaign.differences:
        print(f"NOT THE SAME: {difference}")
    if file:
        told = report.as_json(campaign.findings, differences=campaign.differences, seconds=round(seconds))
        file.write_text(json.dumps(told, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlflow-python", required=True, help="the Python of an environment with mlflow and uvloop")
    parser.add_argument("--seconds", type=float, default=5, help="how long each load lasts")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="NAME", help=f"one of {', '.join(GROUPS)}")
    parser.add_argument("--workers", type=int, action="append", help="a number of processes to try, instead of 1, 2, 4")
    parser.add_argument("--quick", action="store_true", help="one configuration, short, small: a smoke run")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    parser.add_argument("--folder", help="where to put databases and files: on the disk that is to be measured")
    given = parser.parse_args()
    given.workers = given.workers or WORKERS
    return given


if __name__ == "__main__":
    main()
