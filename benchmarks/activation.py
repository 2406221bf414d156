"""Events while a new version judges all leads: `python -m benchmarks.activation [LEADS]`, 100,000 unless it says otherwise.

It prints how long an event waits for its score and for its handoff meanwhile, with a single worker process.
"""

from __future__ import annotations

import sys
import time
from typing import Final

from benchmarks import report, scratch
from benchmarks.child import measure
from benchmarks.table import say

LEADS: Final = 100_000


def main() -> int:
    with scratch.environment() as environment:
        environment |= {
            "BENCH_LEADS": (sys.argv[1:] or [str(LEADS)])[0],
            "BENCH_NOW": str(int(time.time() // 3600 * 3600)),
        }
        loaded = measure(environment, "company", "load")
        say(f"{loaded.rows:,} events, loaded in {loaded.seconds:,.0f} s")
        report.activation(environment)
    return 0


if __name__ == "__main__":
    sys.exit(main())
