from __future__ import annotations

import datetime as dt
import platform
import sys
import time

from benchmarks import report, scratch
from benchmarks.table import say

LEADS = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}


def main() -> int:
    size = (sys.argv[1:] or ["100k"])[0].lower()
    if size not in LEADS:
        sys.stderr.write(f"SIZE is one of {', '.join(LEADS)}, not {size}.\n")
        return 2
    now = dt.datetime.fromtimestamp(time.time() // 3600 * 3600, tz=dt.UTC)
    with scratch.environment() as environment:
        environment |= {"BENCH_LEADS": str(LEADS[size]), "BENCH_NOW": str(int(now.timestamp()))}
        say(f"{now:%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}, {LEADS[size]:,} leads")
        report.judging(environment)
        report.editing(environment)
        report.intake(environment)
        report.live(environment)
        report.activation(environment)
        report.imports(environment)
    return 0


if __name__ == "__main__":
    sys.exit(main())
