"""A company with engaged contacts under a definition of accounts in force, for tests of plays."""

from __future__ import annotations

import datetime as dt
from typing import Any

from definitions import version_documents
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads.models import Company, CompanyEvent, Lead
from leads.rescoring import account_queue
from leads.vocabulary import Motion
from scoring.account_judgement import account_qualification
from scoring.models import AccountQualification
from sla.models import AccountPlay, Commitment, RoutingRule
from sla.plays import play_creation
from sla.vocabulary import CommitmentState
from tests.factories import (
    DAY,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    EventFactory,
    LeadFactory,
    SignalFactory,
    TeamFactory,
    advance_version,
)

TITLES = ("Chief Financial Officer", "VP Operations", "Operations Manager", "Analyst")


def account_document(**section: Any) -> dict[str, Any]:
    """Return a definition of accounts: three contacts of a company in Germany engaged within 30 days."""
    return {
        "format": "accord.definition/1",
        "name": "Account",
        "motion": "aql",
        "owner": "Ops",
        "reason": "Several people decide.",
        "summary": "Companies of which several people are engaged.",
        "gate": [{"field": "company.country", "op": "in", "value": ["DE"], "rationale": "Our market."}],
        "disqualifiers": [
            {"field": "company.is_customer", "op": "is", "value": True, "rationale": "Own team."},
            {"field": "lead.seniority", "op": "at_most", "value": "intern", "rationale": "They decide nothing."},
        ],
        "account": {"contacts_at_least": 3, "within_days": 30, "rationale": "A group decides.", **section},
    }


def activate_accounts(*, at: dt.datetime = NOW - 100 * DAY, **section: Any) -> Version:
    """Put a definition of accounts in force."""
    for code in ("demo_request", "pricing_view", "job_posting"):
        SignalFactory(code=code)
    version = version_documents.import_document(document=account_document(**section), by=None, now=at)
    return advance_version(version, to=VersionState.ACTIVE, at=at)


def engage_company(
    *, contacts: int = 4, at: dt.datetime = NOW - DAY, company: Company | None = None, signal: str = "pricing_view"
) -> Company:
    """Return a company of which so many people did something, an hour apart, the last of them at `at`."""
    company = company or CompanyFactory(name="Fit", domain="fit.example", country="DE")
    for number in range(contacts):
        lead = LeadFactory(
            company=company, title=TITLES[number % len(TITLES)], email=f"p{number}@{company.domain or 'x.example'}"
        )
        EventFactory(lead=lead, signal__code=signal, occurred_at=at - (contacts - 1 - number) * dt.timedelta(hours=1))
    return company


def see_signal(company: Company, *, at: dt.datetime = NOW - DAY, code: str = "job_posting") -> CompanyEvent:
    return CompanyEvent.objects.create(
        company=company, signal=SignalFactory(code=code), occurred_at=at, recorded_at=at, source="test", digest=b""
    )


def judge(company: Company, *, now: dt.datetime = NOW) -> AccountQualification | None:
    """Judge a company that is due now, and return its open cycle."""
    account_queue.request(company_ids=[company.pk], at=now)
    account_qualification.judge_due(now=now)
    return AccountQualification.objects.filter(company=company, closed_at=None).first()


def people_of(company: Company) -> list[Lead]:
    return list(Lead.objects.filter(company=company).order_by("pk"))


def start_play(*, now: dt.datetime = NOW, contacts: int = 4, company: Company | None = None) -> AccountPlay:
    """Return the play of a company that qualified, routed if a team works at `now`."""
    if not Version.objects.active().filter(account__isnull=False).exists():
        activate_accounts()
    if not Commitment.objects.filter(motion=Motion.AQL, state=CommitmentState.ACTIVE).exists():
        CommitmentFactory(active=True, motion=Motion.AQL)
    if not RoutingRule.objects.exists():
        TeamFactory(working=True)
    company = engage_company(contacts=contacts, at=now - DAY, company=company)
    assert judge(company, now=now) is not None
    play_creation.start_waiting(now=now)
    return read_play(company)


def read_play(company: Company) -> AccountPlay:
    return AccountPlay.objects.select_related("company", "rep__user", "team", "qualification").get(company=company)
