"""The page of a long queue: `python -m benchmarks.queue [OPEN]`, beside twice as many handoffs that are decided.

It measures a rep who has them all and a manager of the team; the page, and its poll. Server time, without the network.
"""

from __future__ import annotations

import sys
from typing import Final

from benchmarks import scratch
from benchmarks.child import measure
from benchmarks.table import say

OPEN: Final = 5000


def main() -> int:
    with scratch.environment() as environment:
        figures = measure(environment | {"BENCH_OPEN": (sys.argv[1:] or [str(OPEN)])[0]}, "queue_pages", "pages").more
    say(f"{'':<24}{'median ms':>12}{'slowest ms':>12}")
    for name, (median, slowest) in figures.items():
        say(f"{name:<24}{median:>12.0f}{slowest:>12.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
