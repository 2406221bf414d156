"""The counts of the drills: the full ones of `make drills` (DRILLS=full), or the quick ones of the ordinary suite."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Counts:
    """The sizes of the drills; `seconds_away` is for how long a server or a process is out, at least."""

    events: int
    deliveries: int
    clients: int
    contenders: int
    routers: int
    kills: int
    crashes: int
    stops: int
    seconds_away: float
    waiting_leads: int
    file_rows: int


FULL: Final = Counts(
    events=1_000,
    deliveries=10_000,
    clients=16,
    contenders=100,
    routers=8,
    kills=50,
    crashes=10,
    stops=10,
    seconds_away=60,
    waiting_leads=200,
    file_rows=5_000,
)
QUICK: Final = Counts(
    events=50,
    deliveries=250,
    clients=16,
    contenders=12,
    routers=4,
    kills=2,
    crashes=2,
    stops=1,
    seconds_away=0.5,
    waiting_leads=40,
    file_rows=500,
)

IS_FULL: Final = os.environ.get("DRILLS") == "full"
COUNTS: Final = FULL if IS_FULL else QUICK
