"""The import of long files: `python -m benchmarks.files [ROWS]`, a million of them unless it says otherwise.

It prints rows a second, CPU seconds and peak memory of the importing process, and how long the queue page takes meanwhile.
A million rows need some 5 GB of disk for a while.
"""

from __future__ import annotations

import sys
import time
from typing import Final

from benchmarks import report, scratch
from benchmarks.child import measure

ROWS: Final = 1_000_000
OPEN: Final = 500


def main() -> int:
    with scratch.environment() as environment:
        environment |= {
            "BENCH_LEADS": (sys.argv[1:] or [str(ROWS)])[0],
            "BENCH_OPEN": str(OPEN),
            "BENCH_NOW": str(int(time.time())),
        }
        measure(environment, "queue_pages", "fill_queue")
        report.imports(environment)
    return 0


if __name__ == "__main__":
    sys.exit(main())
