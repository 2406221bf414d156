"""Permissions on handoffs: to see them and to act on them (rules 1.2, 1.3).

Lookups use these, so a foreign id is a 404.
"""

from __future__ import annotations

from typing import Final

from django.db.models import Q

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.models import Handoff, HandoffQuerySet, Rep

#: Roles that see every team's handoffs; only sales acts on them.
SEE_EVERYTHING: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER, Role.VIEWER)


class NotYours(Exception):
    """An action on a handoff of another rep and another manager."""


def visible_to(user: User) -> HandoffQuerySet:
    """Return the handoffs that the person may see.

    An SDR: their team's. A manager: the managed teams' and the unrouted. Marketing, leaders, executives: all.
    """
    handoffs: HandoffQuerySet = Handoff.objects.all()
    if holds(user, *SEE_EVERYTHING):
        return handoffs
    is_visible = Q(pk__in=[])
    if holds(user, Role.SDR):
        is_visible |= Q(rep__user=user) | Q(team__in=Rep.objects.filter(user=user).values("team"))
    if holds(user, Role.SALES_MANAGER):
        is_visible |= Q(team__in=user.managed_teams.values("pk")) | Q(rep__isnull=True)
    return handoffs.filter(is_visible)


def may_decide(user: User, handoff: Handoff) -> bool:
    """Return whether the person is the handoff's rep or a manager of its team."""
    if not user.is_active or handoff.rep is None:
        return False
    return handoff.rep.user_id == user.pk or user.is_superuser or manages(user, handoff)


def may_assign(user: User, handoff: Handoff) -> bool:
    """Return whether the person is a manager of the handoff's team or, if it is unrouted, any sales manager."""
    if user.is_superuser and user.is_active:
        return True
    if handoff.team_id is None:
        return holds(user, Role.SALES_MANAGER)
    return manages(user, handoff)


def manages(user: User, handoff: Handoff) -> bool:
    if handoff.team_id is None or not holds(user, Role.SALES_MANAGER):
        return False
    return user.managed_teams.filter(pk=handoff.team_id).exists()


def require_decider(user: User, handoff: Handoff) -> None:
    """Check that the person may decide. Raises NotYours with a sentence for the user."""
    if handoff.rep is None:
        raise NotYours("Nobody has this lead yet; a manager can assign it.")
    if not may_decide(user, handoff):
        raise NotYours(f"Only {handoff.rep} or a manager of the team can do this.")
