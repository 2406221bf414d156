"""The data of one company's page: its buying group, its plays, and who may see whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.accounts.models import User
from config.accounts.roles import holds
from definitions.models import Suppression
from definitions.suppressions import subject_matching
from leads.models import Company
from leads.vocabulary import READERS_OF_LEADS
from sla import permissions
from sla.models import AccountPlay, PlayContact
from sla.plays import buying_group
from sla.plays.buying_group import BuyingGroup


@dataclass(frozen=True, slots=True)
class CompanyDetail:
    """`concealed` people of the company are not shown to this reader: they are not with the reader's team.

    `suppression` is the one in force of the company itself or its domain, for readers of leads.
    """

    company: Company
    group: BuyingGroup
    plays: Sequence[AccountPlay]
    concealed: int
    may_see_leads: bool
    suppression: Suppression | None


def may_see_company(user: User, company: Company) -> bool:
    """Return whether the person sees leads, or a play of the company, or a handoff of one of its people."""
    return (
        holds(user, *READERS_OF_LEADS)
        or permissions.plays_visible_to(user).filter(company=company).exists()
        or permissions.visible_to(user).filter(lead__company=company).exists()
    )


def read_company(company: Company, *, reader: User, now: dt.datetime) -> CompanyDetail:
    """Read the page of a company that the reader may see. SDRs see the people of their team's plays and handoffs."""
    plays = permissions.plays_visible_to(reader).filter(company=company).select_related("company", "rep__user", "team")
    rows = list(plays.order_by("-created_at", "-pk").distinct())
    group, may_see_leads = buying_group.read_group(company, now=now), holds(reader, *READERS_OF_LEADS)
    concealed = 0
    if not may_see_leads:
        visible = set(PlayContact.objects.filter(play__in=[play.pk for play in rows]).values_list("lead", flat=True))
        visible |= set(permissions.visible_to(reader).filter(lead__company=company).values_list("lead", flat=True))
        members = [member for member in group.members if member.lead.pk in visible]
        concealed = len(group.members) + group.hidden - len(members)
        group = replace(group, members=members, hidden=0)
    matches = subject_matching.match_companies([company.pk], now=now) if may_see_leads else {}
    suppression = subject_matching.find_in_force(matches.get(company.pk, ()), now)
    return CompanyDetail(company, group, rows, concealed, may_see_leads, suppression)
