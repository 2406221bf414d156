"""The teams, past leads and past contacts from which a promise is simulated (rules 12.37). Four queries and those of the reps."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Q

from leads.vocabulary import Motion
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar, Calendar
from sla.models import Absence, Clock, Handoff, Rep, RoutingRule, Team
from sla.promise_simulation.contact_queue import SimulatedRep, WorkingTime
from sla.promise_simulation.promise_outlook import PastArrival, SimulatedTeam
from sla.promise_simulation.working_speed import PastContact
from sla.teams import round_robin
from sla.vocabulary import ClockKind

_DAY: Final = dt.timedelta(days=1)
#: The hours after the last simulated week in which its last leads are still contacted.
_RUN_OUT: Final = 7 * _DAY


@dataclass(frozen=True, slots=True)
class SimulationInputs:
    """The inputs of a simulation; `names` are those of the teams."""

    teams: Mapping[int, SimulatedTeam]
    names: Mapping[int, str]
    pattern: Sequence[PastArrival]
    contacts: Sequence[PastContact]


def read_inputs(
    motion: Motion, *, start: dt.datetime, end: dt.datetime, begin: dt.datetime, weeks: int, agreed_unworked: int
) -> SimulationInputs:
    """Read the leads and contacts of `[start, end)`, and the reps' hours in `weeks` weeks from `begin`, a Monday by UTC.

    `agreed_unworked` is the agreed number of leads without a contact beyond which a rep gets no more; 0 for no limit.
    """
    teams = list(Team.objects.filter(rules__in=RoutingRule.objects.filter(is_active=True)).distinct().order_by("pk"))
    simulated = _read_teams(teams, begin, begin + weeks * 7 * _DAY + _RUN_OUT, agreed_unworked)
    return SimulationInputs(
        teams=simulated,
        names={team.pk: team.name for team in teams if team.pk in simulated},
        pattern=list(_read_pattern(motion, start, end)),
        contacts=list(_read_contacts(motion, start, end)),
    )


def _read_contacts(motion: Motion, start: dt.datetime, end: dt.datetime) -> Iterator[PastContact]:
    """Yield of each lead the first promise of a rep that started in the period and was met or broken.

    A lead that was taken away after that has further promises, but was late only once.
    """
    clocks = Clock.objects.filter(
        kind=ClockKind.FIRST_CONTACT,
        handoff__motion=motion,
        rep__isnull=False,
        started_at__gte=start,
        started_at__lt=end,
    ).filter(Q(met_at__isnull=False) | Q(breached_at__isnull=False))
    rows = clocks.order_by("handoff", "started_at", "pk").distinct("handoff").values_list(
        "rep", "rep__team", "handoff__tier", "handoff__hot_upgraded_at", "started_at", "met_at", "cancelled_at",
        "used_seconds", "target_seconds",
    )  # fmt: skip
    for rep, team, tier, hot_at, started_at, met_at, cancelled_at, used, target in rows.iterator():
        ended_at = met_at or cancelled_at or end
        # Of a broken promise without a contact only that it took longer is known.
        seconds = float(used or 0) if met_at else max(target + 1.0, (ended_at - started_at).total_seconds())
        is_hot = tier == 1 or hot_at is not None
        yield PastContact(rep, team, is_hot, started_at.timestamp(), ended_at.timestamp(), seconds)


def _read_pattern(motion: Motion, start: dt.datetime, end: dt.datetime) -> Iterator[PastArrival]:
    """Yield the leads that were handed over in the period and given to a team."""
    handoffs = Handoff.objects.filter(
        motion=motion, team__isnull=False, created_at__gte=start, created_at__lt=end
    ).order_by("created_at", "pk")
    rows = handoffs.values_list(
        "team", "tier", "hot_upgraded_at", "created_at", "routed_at", "sales_qualification__at", "closed_at"
    )
    for team, tier, hot_at, created_at, routed_at, sql_at, closed_at in rows.iterator():
        out_at = min(filter(None, (sql_at, closed_at, end)))
        in_hand = (out_at - (routed_at or created_at)).total_seconds()
        is_hot = tier == 1 or hot_at is not None
        yield PastArrival(team, is_hot, _second_of_week(created_at), max(in_hand, 0.0))


def _read_teams(
    teams: Sequence[Team], begin: dt.datetime, end: dt.datetime, agreed_unworked: int
) -> dict[int, SimulatedTeam]:
    """Return the teams with an active rep whose calendars can be read."""
    reps_of: dict[int, list[Rep]] = defaultdict(list)
    for rep in round_robin.fetch_reps(*teams):
        if rep.is_active and rep.user.is_active:
            reps_of[rep.team_id].append(rep)
    absences: dict[int, list[tuple[dt.datetime, dt.datetime]]] = defaultdict(list)
    for absence in Absence.objects.filter(rep__team__in=teams, starts_at__lt=end, ends_at__gt=begin):
        absences[absence.rep_id].append((absence.starts_at, absence.ends_at))
    simulated = {}
    for team in teams:
        reps = reps_of[team.pk]
        try:
            if reps:
                simulated[team.pk] = _build_team(team, reps, absences, begin, end, agreed_unworked)
        # One team's unreadable calendar must not keep the others from their outlook.
        except BadCalendar:
            continue
    return simulated


def _build_team(
    team: Team,
    reps: Sequence[Rep],
    absences: Mapping[int, Sequence[tuple[dt.datetime, dt.datetime]]],
    begin: dt.datetime,
    end: dt.datetime,
    agreed_unworked: int,
) -> SimulatedTeam:
    limit = round_robin.unworked_limit(team, agreed_unworked)
    no_limit = SimulatedRep(WorkingTime(())).uncontacted_at_most
    simulated = [
        SimulatedRep(
            hours=_working_time(
                calendars.build_calendar(calendars.calendar_of_rep(rep), begin), begin, end, absences.get(rep.pk, ())
            ),
            weight=rep.weight,
            uncontacted_at_most=no_limit if limit is None else limit,
            capacity=rep.capacity,
        )
        for rep in reps
    ]
    hours = calendars.build_calendar(reps[0].team.calendar, begin)
    offset = begin.astimezone(ZoneInfo(hours.zone)).utcoffset() or dt.timedelta()
    return SimulatedTeam(_working_time(hours, begin, end, ()), simulated, offset.total_seconds())


def _working_time(
    calendar: Calendar, begin: dt.datetime, end: dt.datetime, absences: Sequence[tuple[dt.datetime, dt.datetime]]
) -> WorkingTime:
    spans = arithmetic.subtract_pauses(arithmetic.open_intervals(calendar, begin, end), absences)
    return WorkingTime(((opens - begin).total_seconds(), (closes - begin).total_seconds()) for opens, closes in spans)


def _second_of_week(at: dt.datetime) -> float:
    at = at.astimezone(dt.UTC)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return (at - midnight).total_seconds() + at.weekday() * _DAY.total_seconds()
