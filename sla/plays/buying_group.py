"""The buying group of a company as it is now: who is engaged and how, which roles are missing (rules 6.39)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q
from django.db.models.functions import Coalesce

from leads.models import Company, Event, Lead
from scoring import active_versions
from scoring.account_judgement import account_evidence, account_qualification, account_versions
from scoring.engine.accounts import AccountFacts, engaged_contacts
from scoring.instants import microseconds
from scoring.rule_compiler import read_current_catalogue
from sla.models import PlayContact
from sla.plays.buying_roles import read_role
from sla.vocabulary import EXPECTED_ROLES, BuyingRole

#: The window of engagement where no definition of companies is in force.
WINDOW_DAYS: Final = 90
MEMBERS_AT_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A person of the company, with the role and what they did within the window."""

    lead: Lead
    role: BuyingRole
    activity: dict[str, Any]

    @property
    def is_engaged(self) -> bool:
        return bool(self.activity["count"])


@dataclass(frozen=True, slots=True)
class BuyingGroup:
    """The people of a company, the engaged ones first; `window_days` is how long engagement counts.

    `needed` is the number of contacts that makes a play, 0 without a definition of companies in force.
    """

    members: Sequence[GroupMember]
    window_days: float
    needed: int
    company_signals: Sequence[dict[str, Any]]
    hidden: int = 0

    @property
    def engaged(self) -> list[GroupMember]:
        return [member for member in self.members if member.is_engaged]

    @property
    def others(self) -> list[GroupMember]:
        return [member for member in self.members if not member.is_engaged]

    @property
    def missing_roles(self) -> list[BuyingRole]:
        """Return the roles that no engaged person has."""
        roles = {member.role for member in self.engaged}
        return [role for role in EXPECTED_ROLES if role not in roles]


def read_group(company: Company, *, now: dt.datetime) -> BuyingGroup:
    """Return the buying group by the definition of companies in force, or by all engagement of the last 90 days."""
    version = next(iter(active_versions.list_account_versions()), None)
    people = _people_of(company)
    roles = _stated_roles(company)
    if version is None:
        engaging, days, needed, facts, company_signals = (
            _engaging_signals(),
            float(WINDOW_DAYS),
            0,
            None,
            frozenset[str](),
        )
    else:
        compiled = account_versions.compile_version(version)
        engaging, days, needed = compiled.engaging, compiled.rules.within_days, compiled.rules.contacts_at_least
        facts = next(iter(account_qualification.read_facts(compiled, [company.pk])), None)
        company_signals = compiled.company_signals
    since = now - dt.timedelta(days=days)
    counted = _counted(facts, version, now)
    engaged = _find_active(company, engaging, since, now) if counted is None else counted
    # The sort is stable. In a company of many people the engaged ones are shown, whatever they are called.
    shown = sorted(people, key=lambda lead: lead.pk not in engaged)[:MEMBERS_AT_MOST]
    lines = account_evidence.list_engagement([lead.pk for lead in shown], engaging=engaging, since=since, until=now)
    members = [
        GroupMember(
            lead,
            roles.get(lead.pk) or read_role(title=lead.title, seniority=lead.seniority),
            line if counted is None or lead.pk in counted else {**line, "count": 0, "signals": [], "last_at": None},
        )
        for lead, line in zip(shown, lines, strict=True)
    ]
    signals = account_evidence.list_company_signals(
        company.pk,
        codes=company_signals or _all_signals(),
        since=now - dt.timedelta(days=WINDOW_DAYS),
        until=now,
    )
    members.sort(key=lambda member: member.activity["last_at"] or "", reverse=True)
    return BuyingGroup(members, days, needed, signals, hidden=len(people) - len(shown))


def _people_of(company: Company) -> list[Lead]:
    return list(Lead.objects.standing().filter(company=company).order_by("last_name", "first_name", "pk"))


def _stated_roles(company: Company) -> dict[int, BuyingRole]:
    """Return the roles that owners of plays of this company have stated, by lead; the latest counts."""
    rows = PlayContact.objects.filter(play__company=company).exclude(role=BuyingRole.UNKNOWN).order_by("pk")
    return {lead: BuyingRole(role) for lead, role in rows.values_list("lead", "role")}


def _counted(facts: AccountFacts | None, version: Any, now: dt.datetime) -> frozenset[int] | None:
    """Return the people who count as engaged by the version in force, or None without one."""
    if version is None:
        return None
    if facts is None:
        return frozenset()
    rules = account_versions.compile_version(version).rules
    return frozenset(contact.lead_id for contact in engaged_contacts(rules, facts, microseconds(now)))


def _find_active(company: Company, engaging: Collection[str], since: dt.datetime, until: dt.datetime) -> frozenset[int]:
    """Return the people of the company who did something that counts as engagement, also by a lead merged into them."""
    events = Event.objects.filter(signal__code__in=engaging, occurred_at__gte=since, occurred_at__lte=until)
    people = Coalesce("lead__merged_into", "lead")
    of_company = events.filter(Q(lead__company=company) | Q(lead__merged_into__company=company))
    return frozenset(of_company.annotate(person=people).order_by().values_list("person", flat=True).distinct())


def _engaging_signals() -> frozenset[str]:
    catalogue = read_current_catalogue()
    return catalogue.engagement - catalogue.closing


def _all_signals() -> frozenset[str]:
    return frozenset(read_current_catalogue().engagement)
