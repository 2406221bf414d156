"""The load of a drill: clients that send events, each event again until it is answered, and the record of all answers."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from leads.models import Lead
from tests.drills.callers import Answer, Caller
from tests.drills.drilled_company import DrilledCompany, draw_events
from tests.drills.waiting import PATIENCE_SECONDS

_STORED: Final = frozenset({200, 201})
#: No answer, too many requests, or the database is away: a sender sends the event again.
_SENT_AGAIN: Final = frozenset({0, 429, 503})


@dataclass(slots=True)
class EventRecord:
    """The answers to the events of a drill: by event what became of it, by status how often, and the seconds of each."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, event: dict[str, Any], answer: Answer) -> None:
        with self.lock:
            self.events[event["id"]] = event
            self.statuses[answer.status] += 1
            if answer.status:
                self.seconds.append(answer.seconds)
            if answer.status in _STORED:
                self.results[event["id"]].append(answer.json()["results"][0]["status"])

    def count(self, result: str) -> int:
        return sum(results.count(result) for results in self.results.values())

    def describe_statuses(self) -> str:
        """Return how often each status came, as a part of a line."""
        names = {0: "none"}
        return ", ".join(f"{names.get(status, status)} {count:,}" for status, count in sorted(self.statuses.items()))


def deliver(company: DrilledCompany, deliveries: Sequence[dict[str, Any]], *, clients: int) -> EventRecord:
    """Send these events in their order from so many clients at once, each until it is answered."""
    record = EventRecord()
    queue = iter(deliveries)
    lock = threading.Lock()

    def send_from_queue(_: int) -> None:
        with _keep_line(company) as caller:
            while True:
                with lock:
                    event = next(queue, None)
                if event is None:
                    return
                send_until_answered(caller, event, record)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(send_from_queue, range(clients)))
    return record


def send_until_answered(caller: Caller, event: dict[str, Any], record: EventRecord) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = caller.post_json("/api/v1/events", event)
        record.add(event, answer)
        if answer.status in _STORED:
            return
        assert answer.status in _SENT_AGAIN, (answer.status, answer.content[:300])
        assert time.monotonic() < until, f"No answer for {PATIENCE_SECONDS:.0f} s."
        time.sleep(0.05)


@contextlib.contextmanager
def event_load(
    company: DrilledCompany, leads: Sequence[Lead], *, clients: int = 4, pause: float = 0.02
) -> Iterator[EventRecord]:
    """Send events of these leads for as long as the block lasts; each client pauses for so many seconds in between."""
    record, ended = EventRecord(), threading.Event()

    def send_events(seed: int) -> None:
        with _keep_line(company) as caller:
            for event in draw_without_end(leads, seed=seed):
                if ended.wait(pause):
                    return
                send_until_answered(caller, event, record)

    with ThreadPoolExecutor(clients) as pool:
        jobs = [pool.submit(send_events, number) for number in range(clients)]
        try:
            yield record
        finally:
            ended.set()
        for job in jobs:
            job.result()


@contextlib.contextmanager
def _keep_line(company: DrilledCompany) -> Iterator[Caller]:
    """Yield a sender that uses one connection for all its requests."""
    with contextlib.closing(dataclasses.replace(company.call_as_sender(), keeps_line=True)) as caller:
        yield caller


def draw_without_end(leads: Sequence[Lead], *, seed: int) -> Iterator[dict[str, Any]]:
    """Yield random events of these leads, for as long as the caller asks for them."""
    for turn in itertools.count():
        yield from draw_events(leads, 100, seed=seed * 100_000 + turn)
