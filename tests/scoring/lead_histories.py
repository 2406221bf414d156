"""Versions that come into force one after another, and leads that go on acting under them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.models import Suppression, Version
from definitions.suppressions import lifecycle
from definitions.suppressions.subjects import SubjectRef
from definitions.vocabulary import SuppressionSubject, VersionState
from leads.models import Company, Lead
from leads.rescoring import mass_rescores, rescore_queue
from leads.stages import stage_changes
from leads.vocabulary import BEGINNING, Stage
from scoring.live import due_leads, mqls
from scoring.models import Qualification
from tests.factories import CompanyFactory, EventFactory, LeadFactory, UserFactory, advance_version
from tests.scoring import facts

START = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SIGNALS = (
    "webinar_attended", "webinar_attended", "pricing_view", "pricing_view", "blog_read", "product_page", "email_click",
    "trial_signup", "demo_request", "request_closed", "unsubscribe",
)  # fmt: skip


def document(*, engagement: float | None = None) -> dict[str, Any]:
    """Return the reference definition with timing, a signal that it punishes, and another threshold of engagement."""
    changed: dict[str, Any] = deepcopy(facts.document())
    changed["timing"] = {"engaged_within_days": 20, "or_request_within_days": 30}
    changed["signals"].append({"signal": "unsubscribe", "points": -30, "cap": None, "rationale": "Had enough of us."})
    for path in changed["paths"]:
        for clause in path["clauses"]:
            if engagement is not None and clause.get("axis") == "engagement":
                clause["at_least"] = engagement
    return changed


def approve_version(document: dict[str, Any], at: dt.datetime) -> Version:
    """Return a version signed by both sides that is not in force yet."""
    draft = version_documents.import_document(document=document, by=None, now=at)
    return advance_version(draft, to=VersionState.APPROVED, at=at)


def activate_version(version: Version, at: dt.datetime, *, hand_over_entrants: bool = True) -> Version:
    """Put the approved version into force in place of the active one, and have every lead judged."""
    Version.objects.active().update(state=VersionState.RETIRED, retired_at=at)
    Version.objects.filter(pk=version.pk).update(
        state=VersionState.ACTIVE, activated_at=at, hands_over_entrants=hand_over_entrants
    )
    mass_rescores.request(cause=f"version:{version.pk}", why="", at=at)
    version.refresh_from_db()
    return version


def make_company(**values: Any) -> Company:
    return CompanyFactory(fits=True, recorded_at=START, **values)


def make_lead(number: int, employer: Company, *, at: dt.datetime = START) -> Lead:
    return LeadFactory(
        email=f"lead{number}@fit.example", first_name=f"Lead {number}", title="Head of Operations", company=employer,
        known_at=BEGINNING, at=at, next_look_at=at,
    )  # fmt: skip


def add_event(lead: Lead, signal: str, at: dt.datetime, *, recorded_at: dt.datetime | None = None) -> None:
    recorded_at = recorded_at or at
    EventFactory(lead=lead, signal__code=signal, occurred_at=at, recorded_at=recorded_at)
    rescore_queue.request(lead_ids=[lead.pk], at=recorded_at)


def rescore_all_due(now: dt.datetime) -> None:
    while due_leads.rescore_due(now=now) + due_leads.rescore_everybody(now=now):
        pass


class RandomHistories:
    """Weeks of some leads, drawn from a seed: their activity, the decisions of sales, and the times of judgement."""

    def __init__(self, seed: int, *, leads: int = 12, days: int = 60) -> None:
        self.random = random.Random(seed)
        firms = [make_company(), make_company(domain="small.example", employees_low=12, employees_high=12)]
        self.leads = [make_lead(number, self.random.choice(firms[:1] * 5 + firms)) for number in range(leads)]
        self.end = START + days * DAY
        self.happenings: list[tuple[dt.datetime, Callable[[dt.datetime], object]]] = []

    def at(self, at: dt.datetime, happening: Callable[[dt.datetime], object]) -> None:
        self.happenings.append((at, happening))

    def some(self, count: int, happening: Callable[[dt.datetime], object]) -> None:
        for _ in range(count):
            self.at(START + self.random.random() * (self.end - START), happening)

    def live(self) -> None:
        for at, happening in sorted(self.happenings, key=lambda pair: pair[0]):
            happening(at)
        rescore_all_due(self.end)

    def act(self, at: dt.datetime) -> None:
        add_event(self.random.choice(self.leads), self.random.choice(SIGNALS), at)

    def be_promoted(self, at: dt.datetime) -> None:
        lead = Lead.objects.get(pk=self.random.choice(self.leads).pk)
        facts.add_statement(lead, at, at, title=self.random.choice(["Student", "Head of Operations", "VP Sales"]))
        rescore_queue.request(lead_ids=[lead.pk], at=at)

    def decide(self, at: dt.datetime) -> None:
        """Let sales send one of its leads away, with a date, without, or for good; or win it."""
        rescore_all_due(at)
        open_ = list(Qualification.objects.open().select_related("lead").order_by("pk"))
        if not open_:
            return
        mql = self.random.choice(open_)
        to = self.random.choice([*[Stage.NURTURE] * 4, *[Stage.MAL] * 3, Stage.DISQUALIFIED, Stage.WON])
        back = at + self.random.randint(1, 20) * DAY if to == Stage.NURTURE else None
        stage_changes.move(lead=mql.lead, motion=mql.motion, to=to, by=None, now=at, why="Sales said so.")
        mqls.close_cycle(qualification=mql, now=at, reenter_at=back)
        if back is not None:
            rescore_queue.request(lead_ids=[mql.lead_id], at=back)

    def suppress(self, at: dt.datetime) -> None:
        """Suppress one of the leads for some days; or end a suppression that is in force."""
        rescore_all_due(at)
        by = UserFactory(roles=[Role.MARKETING_OPS])
        in_force = list(Suppression.objects.not_over(at).order_by("pk"))
        if len(in_force) > len(self.leads) // 3:
            lifecycle.end(suppression=self.random.choice(in_force), reason="Clean.", by=by, now=at)
            return
        subject = SubjectRef(SuppressionSubject.LEAD, lead=self.random.choice(self.leads))
        until = at + self.random.randint(1, 12) * DAY
        lifecycle.suppress(subject=subject, reason="A bad campaign.", until=until, by=by, now=at)
