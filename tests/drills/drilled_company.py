"""The company whose site is drilled: an agreement in force, a team that never sleeps, clients with keys, and leads."""

from __future__ import annotations

import datetime as dt
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import SCOPES, Role
from definitions import version_documents, versions
from definitions.models import Version
from definitions.vocabulary import Decision, Side
from leads.models import Company, Lead
from sla.models import Handoff, Team
from tests.definitions.version_lifecycles import build_grounds, create_backtest
from tests.drills.callers import Caller, call_as_person, call_by_key
from tests.drills.running_site import RunningSite
from tests.drills.waiting import wait_until
from tests.factories import CommitmentFactory, CompanyFactory, TeamFactory, UserFactory, WorkCalendarFactory
from tests.scoring import facts

SOURCE: Final = "drill"
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True)
class DrilledCompany:
    site: RunningSite
    employer: Company
    team: Team
    manager: User
    ops: User
    version: Version
    #: The key of the client that sends facts.
    sender_key: str

    def call_as_sender(self) -> Caller:
        return call_by_key(self.site.port, self.sender_key)

    def call_by_key_of(self, owner: User) -> Caller:
        """Return a program that acts for this person."""
        return call_by_key(self.site.port, create_key(owner))

    def call_as(self, person: User) -> Caller:
        return call_as_person(self.site.port, person)

    def add_leads(self, name: str, count: int) -> list[Lead]:
        """Store leads that pass the gate and have done nothing yet; `name` tells the leads of a drill from others."""
        now = timezone.now()
        return Lead.objects.bulk_create(
            Lead(
                email=f"{name}-{secrets.token_hex(4)}-{number}@fit.example",
                company=self.employer,
                stage_at=now,
                recorded_at=now,
            )
            for number in range(count)
        )

    def import_version(self, document: dict[str, object]) -> Version:
        return version_documents.import_document(document=document, by=None, now=timezone.now())

    def approve(self, version: Version) -> Version:
        return approve_version(propose_version(version, self.ops, timezone.now()), timezone.now())

    def add_handoffs(self, name: str, count: int) -> list[Handoff]:
        """Let new leads ask for a demo, and return their handoffs once each is with a rep."""
        leads = self.add_leads(name, count)
        caller = self.call_as_sender()
        answer = caller.post_json("/api/v1/events", [ask_for_demo(lead) for lead in leads])
        assert answer.json()["counts"] == {"accepted": count}, answer.content
        handoffs = Handoff.objects.filter(lead__in=leads, rep__isnull=False)
        wait_until(lambda: handoffs.count() == count, f"{count} handoffs are with a rep")
        return list(handoffs.select_related("rep__user", "lead").order_by("pk"))


def found_company(site: RunningSite) -> DrilledCompany:
    """Store the company in the site's database by the steps that people take."""
    now = timezone.now()
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    draft = version_documents.import_document(document=facts.document(), by=ops, now=now - 40 * _DAY)
    proposed = propose_version(draft, ops, now - 40 * _DAY)
    approved = approve_version(proposed, now - 40 * _DAY)
    version = versions.activate(version=approved, hand_over_entrants=True, by=ops, now=now - 40 * _DAY)
    # Whoever accepts a lead in a drill contacts nobody; they are given more leads all the same.
    CommitmentFactory(active=True, activated_at=now - 40 * _DAY, unworked_at_most=0, tier_3_nurture_days=0)
    team = TeamFactory(working=True, reps=3, calendar=WorkCalendarFactory(always_open=True))
    team.reps.update(capacity=30_000)
    sender = UserFactory()
    return DrilledCompany(
        site=site,
        employer=CompanyFactory(fits=True, recorded_at=now),
        team=team,
        manager=team.managers.get(),
        ops=ops,
        version=version,
        sender_key=create_key(sender, source=SOURCE),
    )


def create_key(owner: User, *, source: str = "") -> str:
    """Create a key with every right of its owner, and return its text."""
    source = source or f"tool-{owner.pk}"
    return ApiKey.objects.create_key(name=source, owner=owner, source=source, scopes=list(SCOPES))[1]


def propose_version(version: Version, by: User, now: dt.datetime) -> Version:
    create_backtest(version, at=now)
    return versions.propose(version=version, by=by, now=now, **build_grounds(version, now=now))


def approve_version(version: Version, now: dt.datetime) -> Version:
    for side in (Side.MARKETING, Side.SALES):
        leader = UserFactory(roles=[versions.SIGNERS[side]])
        signature = versions.sign(
            version=version, side=side, decision=Decision.APPROVED, comment="So be it.", by=leader, now=now
        )
    return signature.version


def ask_for_demo(lead: Lead) -> dict[str, Any]:
    """Return an event as the website sends it: the lead asks for a demo."""
    return build_event(lead, "demo_request", timezone.now() - dt.timedelta(seconds=1))


def build_event(lead: Lead, signal: str, at: dt.datetime) -> dict[str, Any]:
    return {"email": lead.email, "signal": signal, "occurred_at": at.isoformat(), "id": secrets.token_hex(8)}


def draw_events(leads: Sequence[Lead], count: int, *, seed: int) -> list[dict[str, Any]]:
    """Return random events of these leads within the last weeks, each with an id of its own."""
    draw = random.Random(seed)
    signals = [row["signal"] for row in facts.document()["signals"]]
    now = timezone.now()
    return [
        build_event(draw.choice(leads), draw.choice(signals), now - draw.random() * 20 * _DAY) for _ in range(count)
    ]
