"""Plays made of companies that qualified, once for each: contacts, a task for each thread, clocks, an owner."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import structlog
from django.utils.dateparse import parse_datetime

from config.jobs import sweeps
from definitions.suppressions import kept_back, subject_matching
from leads.models import Lead
from leads.vocabulary import Motion
from scoring.account_judgement import account_qualification
from scoring.models import AccountQualification
from sla.commitments import commitments
from sla.models import AccountPlay, Commitment, PlayContact, PlayTask, RoutingRule
from sla.plays import play_clocks, play_routing
from sla.plays.buying_roles import read_role
from sla.teams import routing_rules
from sla.vocabulary import EXPECTED_ROLES, BuyingRole

log = structlog.get_logger(__name__)

SWEEP: Final = "companies that need a play"
TEXT_AT_MOST: Final = 300


def start_waiting(*, now: dt.datetime, limit: int = 100) -> int:
    """Make a play of each company that qualified, tier 1 first, each in its own transaction; return how many.

    One that was suppressed meanwhile gets none (rules 9.23), one that fails is set aside (rules 17.5). Any number of
    workers may run at once.
    """
    try:
        commitment = commitments.current_commitment(Motion.AQL)
    except commitments.NotYetAgreed as reason:
        if AccountQualification.objects.waiting().exists():
            log.warning("plays_wait", why=str(reason))
        return 0
    rules = routing_rules.active_rules()
    count = 0
    waiting = AccountQualification.objects.waiting().select_related("company").order_by("tier", "pk")
    for claimed in sweeps.claim_each(
        SWEEP, waiting, lambda row: _start_play(row, commitment, rules, now), now=now, limit=limit
    ):
        if isinstance(claimed, AccountPlay):
            play_routing.route_play(play=claimed, now=now, rules=rules)
        count += 1
    return count


def _start_play(
    qualification: AccountQualification, commitment: Commitment, rules: Sequence[RoutingRule], now: dt.datetime
) -> AccountPlay | AccountQualification:
    """Return the play of a company that qualified, or its qualification if it was closed because of a suppression."""
    company_id = qualification.company_id
    rows = subject_matching.match_companies([company_id], now=now).get(company_id, ())
    if subject_matching.find_in_force(rows, now) is None:
        return _create_play(qualification, commitment, rules, now)
    kept_back.record_companies([company_id], {company_id: rows}, version=qualification.version, now=now)
    AccountQualification.objects.filter(pk=qualification.pk, taken_at__isnull=True).update(taken_at=now)
    account_qualification.close_cycle(qualification=qualification, now=now)
    return qualification


def _create_play(
    qualification: AccountQualification, commitment: Commitment, rules: Sequence[RoutingRule], now: dt.datetime
) -> AccountPlay:
    """Store the play of a company that qualified.

    1. Store the play.
    2. Store its contacts: the engaged people of the evidence, each with what they did and their role.
    3. Store its tasks: one for each contact, and one for each role that nobody has.
    4. Start marketing's routing clock as of the qualification, so that time without a worker counts.
    """
    # 1.
    play = AccountPlay.objects.create(
        qualification=qualification,
        company=qualification.company,
        version_id=qualification.version_id,
        commitment=commitment,
        tier=qualification.tier,
        created_at=now,
    )
    # 2. and 3.
    contacts = _create_contacts(play, qualification)
    PlayTask.objects.bulk_create(
        PlayTask(play=play, contact=contact, role=role, text=text[:TEXT_AT_MOST], created_at=now)
        for contact, role, text in [*map(_contact_task, contacts), *_missing_tasks(contacts)]
    )
    # 4.
    team = play_routing.responsible_team(play, rules)
    play_clocks.start_routing(play=play, team=team, since=qualification.recorded_at)
    AccountQualification.objects.filter(pk=qualification.pk, taken_at__isnull=True).update(taken_at=now)
    return play


def _create_contacts(play: AccountPlay, qualification: AccountQualification) -> list[PlayContact]:
    rows = qualification.evidence.get("contacts", [])
    leads = Lead.objects.in_bulk([row["lead"] for row in rows])
    contacts = [
        PlayContact(
            play=play,
            lead=leads[row["lead"]],
            role=read_role(title=leads[row["lead"]].title, seniority=leads[row["lead"]].seniority),
            activity={"count": row["count"], "signals": row["signals"]},
            last_engaged_at=parse_datetime(row["last_at"]) if row["last_at"] else None,
        )
        for row in rows
        if row["lead"] in leads
    ]
    return PlayContact.objects.bulk_create(contacts)


def _contact_task(contact: PlayContact) -> tuple[PlayContact | None, str, str]:
    signals = [row["signal"] for row in contact.activity["signals"]]
    did = f" ({signals[0]})" if signals else ""
    return contact, contact.role, f"Contact {contact.lead}{did}"


def _missing_tasks(contacts: Sequence[PlayContact]) -> list[tuple[PlayContact | None, str, str]]:
    roles = {contact.role for contact in contacts}
    return [
        (None, str(role), f"Find the {BuyingRole(role).label.lower()}: nobody of this role is engaged")
        for role in EXPECTED_ROLES
        if role not in roles
    ]
