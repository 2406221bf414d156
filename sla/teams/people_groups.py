"""Everybody with a role by team, and whom a person may see by name: figures by person are for the person's manager (rules 9.34)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.db.models import Count, Q, QuerySet

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.models import Rep, Team

#: The groups of people who receive no leads, in the order in which a person of several roles is counted: their role,
#: name, and who manages them and so sees them by name. Nobody manages leaders and executives here.
_GROUPS: Final = (
    (Role.SALES_MANAGER, "Sales managers", Role.SALES_LEADER),
    (Role.MARKETING_OPS, "Marketing ops", Role.MARKETING_LEADER),
    (Role.MARKETING_LEADER, "Leaders", None),
    (Role.SALES_LEADER, "Leaders", None),
    (Role.SDR, "SDRs without a team", Role.SALES_MANAGER),
    (Role.VIEWER, "Executives", None),
)

#: Figures of a team of fewer people are those of a person.
FEWEST_PEOPLE: Final = 2


@dataclass(frozen=True, slots=True)
class PeopleGroup:
    """A team, or the people of a role. The viewer may see its people by name only if `shows_people`."""

    name: str
    shows_people: bool
    people: list[User] = field(default_factory=list)


def list_groups(viewer: User) -> list[PeopleGroup]:
    """Return the active people with a role by team, teams first; groups without people are left out."""
    teams = {rep.user_id: rep.team for rep in Rep.objects.filter(is_active=True).select_related("team")}
    managed = list_managed_teams(viewer)
    of_teams = {
        team.pk: PeopleGroup(team.name, team.pk in managed)
        for team in sorted(set(teams.values()), key=lambda team: team.name)
    }
    of_roles = {
        name: PeopleGroup(name, viewer.is_superuser or (manager is not None and holds(viewer, manager)))
        for _role, name, manager in _GROUPS
    }
    people = User.objects.filter(is_active=True, groups__name__in=Role.values).distinct()
    for person in people.prefetch_related("groups").order_by("first_name", "last_name", "pk"):
        team = teams.get(person.pk)
        group = of_roles[_name_group(person)] if team is None else of_teams[team.pk]
        group.people.append(person)
    return [group for group in (*of_teams.values(), *of_roles.values()) if group.people]


def list_managed_teams(viewer: User) -> set[int]:
    """Return the ids of the teams that the viewer manages."""
    if viewer.is_superuser:
        return set(Team.objects.values_list("pk", flat=True))
    if not holds(viewer, Role.SALES_MANAGER):
        return set()
    return set(viewer.managed_teams.values_list("pk", flat=True))


def select_reps_by_name(viewer: User) -> QuerySet[Rep]:
    """Return the reps whose figures the viewer may see by name: those of the teams that they manage, and themselves."""
    return Rep.objects.filter(Q(team__in=list_managed_teams(viewer)) | Q(user=viewer))


def list_hidden_teams(viewer: User) -> set[int]:
    """Return the ids of the teams of one person, whose figures would be that person's, but for the viewer's own teams."""
    alone = Team.objects.annotate(people=Count("reps", filter=Q(reps__is_active=True))).filter(people__lt=FEWEST_PEOPLE)
    own = Rep.objects.filter(user=viewer).values_list("team", flat=True)
    return set(alone.values_list("pk", flat=True)) - list_managed_teams(viewer) - set(own)


def _name_group(person: User) -> str:
    """Return the name of the group of a person who belongs to no team."""
    roles = {group.name for group in person.groups.all()}
    return next(name for role, name, _manager in _GROUPS if role in roles)
