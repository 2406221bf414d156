"""Permissions on handoffs and account plays: to see them and to act on them (rules 1.2, 1.3, 1.10).

Lookups use these, so a foreign id is a 404.
"""

from __future__ import annotations

from typing import Final

from django.db.models import Q

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.models import AccountPlay, AccountPlayQuerySet, Handoff, HandoffQuerySet, Rep

#: Roles that see every team's handoffs; only sales acts on them.
SEE_EVERYTHING: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER, Role.VIEWER)


class NotYours(Exception):
    """An action on a handoff or play of another rep and another manager."""


def visible_to(user: User) -> HandoffQuerySet:
    """Return the handoffs that the person may see."""
    handoffs: HandoffQuerySet = Handoff.objects.all()
    return handoffs.filter(_is_visible_to(user))


def plays_visible_to(user: User) -> AccountPlayQuerySet:
    """Return the account plays that the person may see."""
    plays: AccountPlayQuerySet = AccountPlay.objects.all()
    return plays.filter(_is_visible_to(user))


def may_decide(user: User, row: Handoff | AccountPlay) -> bool:
    """Return whether the person is the rep of the handoff or play, or a manager of its team."""
    if not user.is_active or row.rep is None:
        return False
    return row.rep.user_id == user.pk or user.is_superuser or manages(user, row)


def may_assign(user: User, row: Handoff | AccountPlay) -> bool:
    """Return whether the person is a manager of the row's team or, if it is unrouted, any sales manager."""
    if user.is_superuser and user.is_active:
        return True
    if row.team_id is None:
        return holds(user, Role.SALES_MANAGER)
    return manages(user, row)


def manages(user: User, row: Handoff | AccountPlay) -> bool:
    if row.team_id is None or not holds(user, Role.SALES_MANAGER):
        return False
    return user.managed_teams.filter(pk=row.team_id).exists()


def require_decider(user: User, row: Handoff | AccountPlay) -> None:
    """Check that the person may decide. Raises NotYours with a sentence for the user."""
    if row.rep is None:
        subject = "lead" if isinstance(row, Handoff) else "play"
        raise NotYours(f"Nobody has this {subject} yet; a manager can assign it.")
    if not may_decide(user, row):
        raise NotYours(f"Only {row.rep} or a manager of the team can do this.")


def _is_visible_to(user: User) -> Q:
    """Return a condition on handoffs or plays.

    An SDR sees their team's, a manager the managed teams' and the unrouted; marketing, leaders and executives see all.
    """
    if holds(user, *SEE_EVERYTHING):
        return Q()
    is_visible = Q(pk__in=[])
    if holds(user, Role.SDR):
        is_visible |= Q(rep__user=user) | Q(team__in=Rep.objects.filter(user=user).values("team"))
    if holds(user, Role.SALES_MANAGER):
        is_visible |= Q(team__in=user.managed_teams.values("pk")) | Q(rep__isnull=True)
    return is_visible
