"""Visibility of plays, and the right to act on them, as of handoffs (rules 1.10)."""

from __future__ import annotations

from django.db.models import Q

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.models import AccountPlay, AccountPlayQuerySet, Rep
from sla.permissions import SEE_EVERYTHING, NotYours


def visible_plays(user: User) -> AccountPlayQuerySet:
    """Return the plays that the person may see.

    An SDR: their team's. A manager: the managed teams' and the unrouted. Marketing, leaders, executives: all.
    """
    plays: AccountPlayQuerySet = AccountPlay.objects.all()
    if holds(user, *SEE_EVERYTHING):
        return plays
    is_visible = Q(pk__in=[])
    if holds(user, Role.SDR):
        is_visible |= Q(rep__user=user) | Q(team__in=Rep.objects.filter(user=user).values("team"))
    if holds(user, Role.SALES_MANAGER):
        is_visible |= Q(team__in=user.managed_teams.values("pk")) | Q(rep__isnull=True)
    return plays.filter(is_visible)


def may_work(user: User, play: AccountPlay) -> bool:
    """Return whether the person is the play's owner or a manager of its team."""
    if not user.is_active or play.rep is None:
        return False
    return play.rep.user_id == user.pk or user.is_superuser or _manages(user, play)


def require_worker(user: User, play: AccountPlay) -> None:
    """Check that the person may act on the play. Raises NotYours with a sentence for the user."""
    if play.rep is None:
        raise NotYours("Nobody owns this play yet; a manager can assign it.")
    if not may_work(user, play):
        raise NotYours(f"Only {play.rep} or a manager of the team can do this.")


def may_assign(user: User, play: AccountPlay) -> bool:
    """Return whether the person is a manager of the play's team or, if it is unrouted, any sales manager."""
    if user.is_superuser and user.is_active:
        return True
    if play.team_id is None:
        return holds(user, Role.SALES_MANAGER)
    return _manages(user, play)


def _manages(user: User, play: AccountPlay) -> bool:
    if play.team_id is None or not holds(user, Role.SALES_MANAGER):
        return False
    return user.managed_teams.filter(pk=play.team_id).exists()
