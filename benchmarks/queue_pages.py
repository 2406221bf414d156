"""The measurement behind `python -m benchmarks.queue`, in a process of its own after Django is set up."""

from __future__ import annotations

import datetime as dt
import os
import statistics
import time
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client, override_settings

from benchmarks import agreement
from benchmarks.child import Measured, folder
from config.accounts.models import User
from definitions.models import Version
from leads.models import Lead, StageChange
from scoring.models import Qualification
from sla.models import Clock, Commitment, Handoff, Rep, Team, WorkCalendar

DONE_PER_OPEN: Final = 2
TIMES: Final = 15
KINDS: Final = (("first_contact", 0.2), ("disposition", 0.8))


#: Nothing was collected for these measurements.
PLAIN_FILES: Final = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


def pages() -> Measured:
    people = _fill_for(_person("rep", "sdr"), _person("manager", "sales_manager"))
    measured = Measured()
    with override_settings(STORAGES=PLAIN_FILES):
        for person in people:
            for name, headers in (("page", {}), ("poll", {"HX-Request": "true"})):
                measured.more[f"{person}, {name}"] = timed(person, headers)
    return measured


def fill_queue() -> Measured:
    """Fill the queue that `watch` shows."""
    _fill_for(_person("rep", "sdr"), _person("manager", "sales_manager"))
    return Measured()


def watch() -> Measured:
    """Ask for the page of a manager twice a second until the file `watched` is there; `more` has the milliseconds."""
    client, took, end = Client(), [], folder() / "watched"
    client.force_login(_person("manager", "sales_manager"))
    with override_settings(STORAGES=PLAIN_FILES):
        client.get("/queue/", SERVER_NAME="localhost")
        while not end.exists():
            begin = time.perf_counter()
            response = client.get("/queue/", SERVER_NAME="localhost")
            took.append((time.perf_counter() - begin) * 1000)
            assert response.status_code == 200, response
            time.sleep(0.5)
    end.unlink()
    return Measured(rows=len(took), more={"milliseconds": took})


def _person(name: str, role: str) -> User:
    person, _ = User.objects.get_or_create(email=f"{name}@accord.test")
    person.groups.add(Group.objects.get_or_create(name=role)[0])
    return person


def _fill_for(rep: User, manager: User) -> tuple[User, User]:
    fill(rep, manager, int(os.environ["BENCH_OPEN"]), dt.datetime.fromtimestamp(time.time(), tz=dt.UTC))
    return rep, manager


def timed(person: User, headers: dict[str, str]) -> tuple[float, float]:
    client = Client(headers=headers)
    client.force_login(person)
    client.get("/queue/", SERVER_NAME="localhost")
    took = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        response = client.get("/queue/", SERVER_NAME="localhost")
        took.append((time.perf_counter() - begin) * 1000)
        assert response.status_code == 200, response
    return statistics.median(took), max(took)


def fill(rep_user: User, manager: User, count: int, now: dt.datetime) -> None:
    agreement.put_in_force(now - dt.timedelta(days=400))
    version = Version.objects.active().get()
    hours = WorkCalendar.objects.create(name="Always", zone="UTC")
    team = Team.objects.create(name="EMEA", calendar=hours)
    team.managers.add(manager)
    rep = Rep.objects.create(user=rep_user, team=team, capacity=count)
    promise = Commitment.objects.create(number=1, opportunity_percent=12)
    total = count * (DONE_PER_OPEN + 1)
    ids = handoffs(total, count, version, promise, rep, now)
    clocks(ids, count, promise, rep, now)
    Handoff.objects.filter(pk__in=ids[:count:3]).update(state="accepted", decided_at=now, first_contact_at=now)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def handoffs(total: int, count: int, version: Version, promise: Commitment, rep: Rep, now: dt.datetime) -> list[int]:
    leads = Lead.objects.bulk_create(
        (
            Lead(email=f"p{n}@example.org", first_name=f"Person {n}", stage="mql", stage_at=now, recorded_at=now)
            for n in range(total)
        ),
        batch_size=5000,
    )
    StageChange.objects.bulk_create(
        (
            StageChange(lead=lead, motion="mql", from_stage="lead", to_stage="mql", at=now, why="Test.")
            for lead in leads
        ),
        batch_size=5000,
    )
    frozen: dict[str, Any] = {
        "motion": "mql",
        "fit": 40,
        "engagement": 50,
        "bant": 0,
        "is_hot": False,
        "why": "Fit 40.",
        "evidence": {},
    }
    qualifications = Qualification.objects.bulk_create(
        (
            Qualification(
                lead=lead,
                definition=version.definition,
                version=version,
                at=now,
                recorded_at=now,
                tier=n % 3 + 1,
                **frozen,
            )
            for n, lead in enumerate(leads)
        ),
        batch_size=5000,
    )
    rows = Handoff.objects.bulk_create(
        (
            Handoff(
                qualification=row, lead_id=row.lead_id, motion="mql", version=version, commitment=promise,
                tier=row.tier, state="assigned" if n < count else "won", team=rep.team, rep=rep, created_at=now,
                routed_at=now, due_at=now + dt.timedelta(seconds=n * 11 - 600) if n < count and n % 3 else None,
            )
            for n, row in enumerate(qualifications)
        ),
        batch_size=5000,
    )  # fmt: skip
    return [row.pk for row in rows]


def clocks(ids: list[int], count: int, promise: Commitment, rep: Rep, now: dt.datetime) -> None:
    """Store two clocks for each handoff: running where it is open and not yet accepted, else met."""

    def clock(n: int, pk: int, kind: str, warned: float) -> Clock:
        due = now + dt.timedelta(seconds=n * 11 - 600)
        outcome = {} if n < count and n % 3 else {"met_at": now, "used_seconds": 60, "is_late": False}
        return Clock(
            handoff_id=pk, kind=kind, rep=rep, commitment=promise, target_seconds=1800, started_at=now, due_at=due,
            warn_at=due - dt.timedelta(minutes=10 * warned), **outcome,
        )  # fmt: skip

    rows = (clock(n, pk, kind, warned) for n, pk in enumerate(ids) for kind, warned in KINDS)
    Clock.objects.bulk_create(rows, batch_size=5000)
