"""The waiting time of one lead: to be judged, to be explained, and from the answer to its event until its handoff is
visible.
"""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef
from django.db.models.expressions import Combinable
from django.test import Client
from django.utils import timezone

from benchmarks import agreement, intake
from benchmarks.child import Measured, folder
from benchmarks.company import LEADS, NOW
from benchmarks.scratch import ROOT
from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.models import Event, Lead
from leads.rescoring import mass_rescores
from scoring.explain import lead_explanation
from scoring.live import daily_rescore, due_leads
from scoring.models import Qualification, Score
from sla.models import Commitment, Handoff, Rep, RoutingRule, Team, WorkCalendar, WorkHours
from sla.vocabulary import CommitmentState

_LOOKS = 300
_REQUESTS = 30
#: More than are sent while 100,000 leads are judged.
_MOST_MEANWHILE = 500
_PATIENCE_SECONDS = 60
_PROGRAMS = {
    "worker": ["worker", "--loglevel=ERROR"],
    "beat": ["beat", "--pidfile=", "--loglevel=ERROR"],
}


def rescores() -> Measured:
    """Measure each rescore of a single due lead, from the claim to the commit; `more` has the seconds."""
    measured = Measured(rows=_LOOKS)
    nobody_is_due()
    seconds = []
    for lead in _some_leads():
        Lead.objects.filter(pk=lead.pk).update(next_look_at=NOW)
        look = Measured()
        with look.timed():
            assert due_leads.rescore_due(now=timezone.now()) == 1
        seconds.append(look.seconds)
    # The first compiles the definition.
    measured.more["seconds"] = seconds[1:]
    return measured


def explains() -> Measured:
    measured = Measured(rows=_LOOKS)
    seconds = []
    for lead in _some_leads():
        look = Measured()
        with look.timed():
            lead_explanation.explain_lead(lead, at=timezone.now())
        seconds.append(look.seconds)
    measured.more["seconds"] = seconds[1:]
    return measured


def handoffs() -> Measured:
    """Measure from the API's answer until the handoff exists, with a worker and beat running; `more` has the seconds."""
    measured = Measured(rows=_REQUESTS)
    # What the measurements before have left undone is no part of an ordinary day.
    daily_rescore.rescore_all(now=timezone.now())
    nobody_is_due()
    _team()
    by = intake.client()
    seconds = []
    with _programs():
        # The first one also waits until both programs have started.
        for lead in _who_would_qualify(_REQUESTS + 1):
            seconds.append(_until_handed_off(lead, by))
            time.sleep(random.uniform(0, 2))
    measured.more["seconds"] = seconds[1:]
    return measured


def activation() -> Measured:
    """Measure events while all leads are judged by a version that has just come into force, with a single worker process.

    `more` has the seconds from the API's answer until the lead's score and until its handoff.
    """
    measured = Measured(rows=LEADS)
    daily_rescore.rescore_all(now=timezone.now())
    nobody_is_due()
    _team()
    by, ops = intake.client(), _user(Role.MARKETING_OPS, "ops")
    # Whoever meets the definition becomes an MQL by the activation alone.
    unqualified = ~Exists(Score.objects.filter(lead=OuterRef("pk"), meets=True))
    leads = iter(_who_would_qualify(_MOST_MEANWHILE, unqualified))
    scored, handed_off = [], []
    with _programs(concurrency=1):
        _until_handed_off(next(leads), by)
        with measured.timed():
            agreement.activate_next(by=ops, at=timezone.now())
            while mass_rescores.list_unfinished():
                lead = next(leads, None)
                if lead is not None:
                    score, handoff = _until_scored_and_handed_off(lead, by)
                    scored.append(score)
                    handed_off.append(handoff)
                time.sleep(random.uniform(0, 0.5))
    measured.more |= {"scored": scored, "handed_off": handed_off}
    return measured


def nobody_is_due() -> None:
    Lead.objects.filter(next_look_at__isnull=False).update(next_look_at=None)


def _some_leads() -> list[Lead]:
    step = max(1, LEADS // (_LOOKS + 1))
    return list(Lead.objects.order_by("pk").filter(pk__in=range(1, LEADS + 1, step))[: _LOOKS + 1])


def _until_handed_off(lead: Lead, by: Client) -> float:
    return _until_scored_and_handed_off(lead, by)[1]


def _until_scored_and_handed_off(lead: Lead, by: Client) -> tuple[float, float]:
    """Send two events of a lead; return the seconds from the answer until its new score, and until its handoff."""
    now = timezone.now()
    bodies = [
        {"email": lead.email, "signal": "demo_request", "occurred_at": now.isoformat(), "id": f"{lead.pk}-{n}"}
        for n in range(2)
    ]
    intake.post(by, bodies)
    accepted = time.perf_counter()
    score: float | None = None
    while not Handoff.objects.filter(lead=lead).exists():
        if score is None and Score.objects.filter(lead=lead, judged_at__gte=now).exists():
            score = time.perf_counter() - accepted
        if time.perf_counter() - accepted > _PATIENCE_SECONDS:
            lead.refresh_from_db()
            worker_log = (folder() / "worker.log").read_text(errors="replace")[-3000:]
            raise TimeoutError(
                f"No handoff of lead {lead.pk}, look at {lead.next_look_at} {lead.look_error}\n{worker_log}"
            )
        time.sleep(0.02)
    handoff = time.perf_counter() - accepted
    return (handoff if score is None else score), handoff


def _who_would_qualify(count: int, *conditions: Combinable) -> list[Lead]:
    low, high = agreement.EMPLOYEES
    leads = Lead.objects.filter(
        *conditions,
        ~Exists(Qualification.objects.filter(lead=OuterRef("pk"))),
        Exists(Event.objects.filter(lead=OuterRef("pk"))),
        company__employees_low__gte=low,
        company__employees_high__lte=high,
        company__industry__in=agreement.INDUSTRIES,
        company__country__in=agreement.COUNTRIES,
        email__endswith=".example",
    ).exclude(title__iregex="|".join(agreement.NOT_BUYERS))
    return list(leads.order_by("pk")[:count])


def _team() -> None:
    """Store ten reps who work around the clock, and commitments in force, unless they are there."""
    if Team.objects.exists():
        return
    calendar = WorkCalendar.objects.create(name="Always")
    for weekday in range(7):
        WorkHours.objects.create(calendar=calendar, weekday=weekday, opens=0, closes=1440)
    team = Team.objects.create(name="Bench", calendar=calendar)
    for number in range(10):
        Rep.objects.create(user=_user(Role.SDR, f"rep{number}"), team=team, capacity=1000)
    RoutingRule.objects.create(position=1, name="All", team=team)
    Commitment.objects.create(
        number=1,
        state=CommitmentState.ACTIVE,
        activated_at=NOW - dt.timedelta(days=1),
        signed_by_marketing=_user(Role.MARKETING_LEADER, "marketing-leader"),
        signed_by_sales=_user(Role.SALES_LEADER, "sales-leader"),
    )


def _user(role: Role, name: str) -> User:
    user = User.objects.create(email=f"{name}@accord.test")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


@contextmanager
def _programs(concurrency: int = 2) -> Iterator[None]:
    running = []
    try:
        for name, command in _PROGRAMS.items():
            more = [f"--schedule={folder() / 'beat'}"] if name == "beat" else [f"--concurrency={concurrency}"]
            with (folder() / f"{name}.log").open("ab") as log:
                program = [sys.executable, "-W", "ignore", "-m", "celery", "--app=config", *command, *more]
                running.append(subprocess.Popen(program, cwd=ROOT, stdout=log, stderr=log))
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)
