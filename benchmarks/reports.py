"""The pages of all reports: `python -m benchmarks.reports [HANDOFFS]`, by default with a million handoffs of three years.

Each report of the registry is asked for with 12 and 52 weeks; beside it stands the bare GROUP BY over the MQLs of the period.
Server time, without the network.
"""

from __future__ import annotations

import sys
from typing import Final

from benchmarks import scratch
from benchmarks.child import measure
from benchmarks.table import say

HANDOFFS: Final = 1_000_000


def main() -> int:
    with scratch.environment() as environment:
        environment |= {"BENCH_HANDOFFS": (sys.argv[1:] or [str(HANDOFFS)])[0]}
        filled = measure(environment, "report_pages", "fill")
        figures = measure(environment, "report_pages", "pages").more
    say(f"{filled.rows:,} handoffs of three years, made in {filled.seconds:,.0f} s")
    say(f"{'':<32}{'p50 ms':>10}{'p95 ms':>10}{'queries':>10}{'× bare':>10}")
    for name, (middle, high, queries, ratio) in figures.items():
        say(f"{name:<32}{middle:>10,.0f}{high:>10,.0f}{queries:>10}{ratio:>10.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
