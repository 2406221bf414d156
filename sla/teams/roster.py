"""The reps of a team as their manager sees and sets them: availability, weight, capacity and absences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions import motions
from sla import permissions
from sla.models import Absence, AccountPlay, Rep, Team
from sla.teams import changelog, fairness, round_robin
from sla.teams.round_robin import Availability
from sla.vocabulary import PLAY_STATES_IN_HAND

#: Roles that see every team; managers see their own.
SEE_EVERY_TEAM = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER, Role.VIEWER)
AT_MOST_BACK: Final = dt.timedelta(days=366)
AT_MOST_AHEAD: Final = dt.timedelta(days=2 * 366)


class RosterRefused(Exception):
    """A setting of a rep or team that is not possible."""


@dataclass(frozen=True, slots=True)
class RosterLine:
    availability: Availability
    absences: list[Absence]
    share: fairness.RepShare
    plays: int


@dataclass(frozen=True, slots=True)
class TeamRoster:
    team: Team
    lines: list[RosterLine]
    total: int
    may_change: bool
    agreed: int

    @property
    def unworked_at_most(self) -> int | None:
        """Return how many accepted leads without a contact a rep may have: the stricter of the team's and the agreed limit."""
        return round_robin.unworked_limit(self.team, self.agreed)

    @property
    def is_agreed(self) -> bool:
        return self.unworked_at_most == self.agreed

    @property
    def available(self) -> int:
        return sum(line.availability.is_available for line in self.lines)


def visible_teams(user: User) -> QuerySet[Team]:
    teams = Team.objects.order_by("name", "pk")
    return teams if user.is_superuser or holds(user, *SEE_EVERY_TEAM) else teams.filter(managers=user)


def managed_teams(user: User) -> QuerySet[Team]:
    """Return the teams whose reps this person sets."""
    teams = Team.objects.order_by("name", "pk")
    if user.is_superuser:
        return teams
    return teams.filter(managers=user) if holds(user, Role.SALES_MANAGER) else teams.none()


def people_to_ask() -> QuerySet[User]:
    """Return the people who can set up a team."""
    return User.objects.filter(is_active=True, groups__name=Role.MARKETING_OPS).order_by("last_name", "pk")


def for_user(user: User, *, now: dt.datetime) -> list[TeamRoster]:
    """Return the roster of each team that the person may see, in a constant number of queries."""
    teams = list(visible_teams(user))
    managed_ids = set(managed_teams(user).values_list("pk", flat=True))
    reps = round_robin.fetch_reps(*teams)
    shares = fairness.compute_shares(reps, now=now)
    absences, primary = fetch_absences(reps, now=now), motions.read_primary_motion()
    plays = _count_plays(reps)
    lines: dict[int, list[RosterLine]] = {team.pk: [] for team in teams}
    for availability in round_robin.fetch_availabilities(reps, now, motion=primary):
        rep = availability.rep
        lines[rep.team_id].append(
            RosterLine(availability, absences.get(rep.pk, []), shares[rep.pk], plays.get(rep.pk, 0))
        )
    agreed = round_robin.agreed_unworked_limit(primary)
    return [_build_roster(team, lines[team.pk], team.pk in managed_ids, agreed) for team in teams]


def fetch_absences(reps: Sequence[Rep], *, now: dt.datetime) -> dict[int, list[Absence]]:
    """Map rep id to the rep's absences that are not over, the nearest first."""
    absences: dict[int, list[Absence]] = {}
    for absence in Absence.objects.filter(rep__in=reps, ends_at__gt=now).order_by("starts_at", "pk"):
        absences.setdefault(absence.rep_id, []).append(absence)
    return absences


def _count_plays(reps: Sequence[Rep]) -> dict[int | None, int]:
    """Map rep id to the number of account plays that the rep has in hand."""
    rows = AccountPlay.objects.filter(rep__in=reps, state__in=PLAY_STATES_IN_HAND).order_by()
    return dict(rows.values_list("rep").annotate(Count("pk")))


@transaction.atomic
def set_away(*, rep: Rep, is_away: bool, by: User, now: dt.datetime) -> Rep:
    """Set or clear the rep's away switch: while it is set they get no new leads."""
    rep = _lock_rep(rep, by, or_self=True)
    if rep.is_away != is_away:
        rep.is_away = is_away
        rep.save(update_fields=["is_away"])
        changelog.record_change(target=rep, flag=CHANGE, text="Away" if is_away else "Back", by=by, now=now)
    return rep


@transaction.atomic
def adjust_rep(*, rep: Rep, weight: int, capacity: int, is_active: bool, by: User, now: dt.datetime) -> Rep:
    rep = _lock_rep(rep, by)
    before = _describe_terms(rep)
    rep.weight, rep.capacity, rep.is_active = weight, capacity, is_active
    rep.save(update_fields=["weight", "capacity", "is_active"])
    if _describe_terms(rep) != before:
        changelog.record_change(
            target=rep, flag=CHANGE, text=f"Was: {before}. Is: {_describe_terms(rep)}", by=by, now=now
        )
    return rep


@transaction.atomic
def add_absence(
    *, rep: Rep, starts_at: dt.datetime, ends_at: dt.datetime, label: str, by: User, now: dt.datetime
) -> Absence:
    """Store an absence: from `starts_at` up to `ends_at` the rep gets no new leads.

    Raises RosterRefused with a sentence for the user.
    """
    rep = _lock_rep(rep, by, or_self=True)
    if starts_at >= ends_at:
        raise RosterRefused("The absence must end after it begins.")
    if ends_at <= now:
        raise RosterRefused("This absence is over already.")
    if starts_at < now - AT_MOST_BACK or ends_at > now + AT_MOST_AHEAD:
        raise RosterRefused("An absence begins within a year before today and ends within two years after it.")
    absence = Absence.objects.create(rep=rep, starts_at=starts_at, ends_at=ends_at, label=label)
    changelog.record_change(target=absence, flag=ADDITION, text=describe_absence(absence), by=by, now=now)
    return absence


@transaction.atomic
def remove_absence(*, absence: Absence, by: User, now: dt.datetime) -> None:
    _lock_rep(absence.rep, by, or_self=True)
    changelog.record_change(
        target=absence, flag=DELETION, text=f"Taken back: {describe_absence(absence)}", by=by, now=now
    )
    absence.delete()


@transaction.atomic
def set_team_rules(
    *, team: Team, reassigns_on_breach: bool, unworked_at_most: int | None, by: User, now: dt.datetime
) -> Team:
    """Set how a team treats overdue and unworked leads."""
    if not managed_teams(by).filter(pk=team.pk).exists():
        raise permissions.NotYours("Only a manager of the team can change this.")
    team.reassigns_on_breach, team.unworked_at_most = reassigns_on_breach, unworked_at_most
    team.save(update_fields=["reassigns_on_breach", "unworked_at_most"])
    overdue_text = "Overdue leads go to the next rep" if reassigns_on_breach else "Overdue leads stay"
    limit_text = "no limit" if unworked_at_most is None else str(unworked_at_most)
    text = f"{overdue_text}; accepted without a contact at most: {limit_text}"
    changelog.record_change(target=team, flag=CHANGE, text=text, by=by, now=now)
    return team


def describe_absence(absence: Absence) -> str:
    """Return what an absence does as a sentence, in the reader's zone."""
    start, end = (timezone.localtime(at) for at in (absence.starts_at, absence.ends_at))
    return f"{absence.rep} gets no new leads from {_format_time(start)} to {_format_time(end)}."


def _format_time(at: dt.datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M}"


def _build_roster(team: Team, lines: list[RosterLine], may_change: bool, agreed: int) -> TeamRoster:
    return TeamRoster(team, lines, sum(line.share.received for line in lines), may_change, agreed)


def _describe_terms(rep: Rep) -> str:
    return f"weight {rep.weight}, capacity {rep.capacity}, {'active' if rep.is_active else 'not active'}"


def _lock_rep(rep: Rep, by: User, *, or_self: bool = False) -> Rep:
    if (
        not (or_self and by.is_active and rep.user_id == by.pk)
        and not managed_teams(by).filter(pk=rep.team_id).exists()
    ):
        raise permissions.NotYours("Only a manager of the team can change this.")
    rows = Rep.objects.select_for_update(of=("self",), no_key=True).select_related("user", "team")
    return rows.get(pk=rep.pk)
