"""The teams, past leads and past contacts from which a promise is simulated (rules 12.37). Five queries and those of the reps."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Q

from definitions.models import Definition
from leads.vocabulary import Motion
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar, Calendar
from sla.clocks import clocks
from sla.models import Absence, Clock, Handoff, Rep, RoutingRule, Team
from sla.models.handoff import counts_as_hot
from sla.promise_simulation.contact_queue import SimulatedRep, WorkingTime
from sla.promise_simulation.promise_outlook import LeadFlow, PastArrival, SimulatedTeam
from sla.promise_simulation.working_speed import PastContact
from sla.teams import round_robin
from sla.vocabulary import ClockKind

_DAY: Final = dt.timedelta(days=1)
_WEEK: Final = 7 * _DAY
#: The hours after the last simulated week in which its last leads are still contacted.
_RUN_OUT: Final = _WEEK


@dataclass(frozen=True, slots=True)
class SimulationInputs:
    """The inputs of a simulation; `names` are those of the teams, `away` counts reps who are away without a day of return.

    `pattern` are the past leads of the motion and definition, `others` those of all others, as many a week as came.
    """

    teams: Mapping[int, SimulatedTeam]
    names: Mapping[int, str]
    pattern: Sequence[PastArrival]
    others: LeadFlow
    contacts: Sequence[PastContact]
    away: int


def read_inputs(
    motion: Motion,
    definition: Definition | None = None,
    *,
    start: dt.datetime,
    end: dt.datetime,
    begin: dt.datetime,
    weeks: int,
    agreed_unworked: int,
) -> SimulationInputs:
    """Read the leads and contacts of `[start, end)`, and the reps' hours in `weeks` weeks from `begin`, a Monday by UTC.

    With a `definition` the leads of others of the motion stand beside its own. `agreed_unworked` is the agreed number of leads
    without a contact beyond which a rep gets no more; 0 for no limit.
    """
    routed = Team.objects.filter(rules__in=RoutingRule.objects.filter(is_active=True)).distinct()
    teams = list(routed.select_related("calendar").order_by("pk"))
    reps_of = _read_reps(teams)
    simulated = _read_teams(teams, reps_of, begin, begin + weeks * _WEEK + _RUN_OUT, agreed_unworked)
    zones = {team.pk: ZoneInfo(team.calendar.zone) for team in teams if team.pk in simulated}
    arrivals = list(_read_arrivals(motion, definition, zones, start, end))
    since = min((created_at for created_at, _, _ in arrivals), default=start)
    others = [arrival for _, arrival, is_judged in arrivals if not is_judged]
    return SimulationInputs(
        teams=simulated,
        names={team.pk: team.name for team in teams if team.pk in simulated},
        pattern=[arrival for _, arrival, is_judged in arrivals if is_judged],
        # A week at least: the first lead may be of today.
        others=LeadFlow(others, len(others) / max((end - since) / _WEEK, 1)),
        contacts=list(_read_contacts(motion, start, end)),
        away=sum(rep.is_away for team in simulated for rep in reps_of[team]),
    )


def _read_contacts(motion: Motion, start: dt.datetime, end: dt.datetime) -> Iterator[PastContact]:
    """Yield of each lead the first promise of a rep that started in the period and was met or broken, of all motions.

    A lead that was taken away after that has further promises, but was late only once. A broken promise without a contact
    has the clock's time until the lead was taken away, or until now while it runs, and is late in any case.
    """
    started = Clock.objects.filter(
        kind=ClockKind.FIRST_CONTACT, rep__isnull=False, started_at__gte=start, started_at__lt=end
    ).filter(Q(met_at__isnull=False) | Q(breached_at__isnull=False))
    firsts = started.order_by("handoff", "started_at", "pk").distinct("handoff")
    for clock in firsts.select_related("handoff", "rep", "calendar_version").iterator():
        assert clock.rep is not None  # noqa: S101  # as filtered
        used = _late_seconds(clock, end) if clock.met_at is None else clock.used_seconds or 0
        yield PastContact(
            rep=clock.rep.pk,
            team=clock.rep.team_id,
            is_hot=clock.handoff.is_hot,
            assigned_at=clock.started_at.timestamp(),
            contacted_at=clock.met_at.timestamp() if clock.met_at else None,
            used_seconds=float(used),
            is_of_motion=clock.handoff.motion == motion,
        )


def _late_seconds(clock: Clock, end: dt.datetime) -> float:
    """Return the clock's time of a broken promise without a contact, which is more than the promise."""
    least = clock.target_seconds + 1
    try:
        return max(least, clocks.seconds_used(clock, clock.cancelled_at or end))
    # One unreadable calendar must not keep the teams from their outlook.
    except BadCalendar:
        return least


def _read_arrivals(
    motion: Motion, definition: Definition | None, zones: Mapping[int, ZoneInfo], start: dt.datetime, end: dt.datetime
) -> Iterator[tuple[dt.datetime, PastArrival, bool]]:
    """Yield the leads that were handed over to one of the teams in the period: when, and whether it is of those asked for."""
    handoffs = Handoff.objects.filter(team__in=zones, created_at__gte=start, created_at__lt=end)
    rows = handoffs.order_by("created_at", "pk").values_list(
        "team", "motion", "version__definition", "tier", "hot_upgraded_at", "created_at", "routed_at",
        "sales_qualification__at", "closed_at",
    )  # fmt: skip
    for team, own_motion, own_definition, tier, hot_at, created_at, routed_at, sql_at, closed_at in rows.iterator():
        out_at = min(filter(None, (sql_at, closed_at, end)))
        in_hand = (out_at - (routed_at or created_at)).total_seconds()
        second = _second_of_week(created_at.astimezone(zones[team]))
        is_judged = own_motion == motion and (definition is None or own_definition == definition.pk)
        yield created_at, PastArrival(team, counts_as_hot(tier, hot_at), second, max(in_hand, 0.0)), is_judged


def _read_reps(teams: Iterable[Team]) -> Mapping[int, list[Rep]]:
    reps_of: dict[int, list[Rep]] = defaultdict(list)
    for rep in round_robin.fetch_reps(*teams):
        if rep.is_active and rep.user.is_active:
            reps_of[rep.team_id].append(rep)
    return reps_of


def _read_teams(
    teams: Sequence[Team],
    reps_of: Mapping[int, Sequence[Rep]],
    begin: dt.datetime,
    end: dt.datetime,
    agreed_unworked: int,
) -> dict[int, SimulatedTeam]:
    """Return the teams with an active rep whose calendars can be read."""
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
            hours=_rep_hours(rep, begin, end, absences.get(rep.pk, ())),
            weight=rep.weight,
            uncontacted_at_most=no_limit if limit is None else limit,
            capacity=rep.capacity,
        )
        for rep in reps
    ]
    hours = calendars.build_calendar(reps[0].team.calendar, begin)
    offsets = list(_list_offsets(ZoneInfo(hours.zone), begin, end))
    return SimulatedTeam(_working_time(hours, begin, end, ()), simulated, offsets)


def _list_offsets(zone: ZoneInfo, begin: dt.datetime, end: dt.datetime) -> Iterator[float]:
    """Yield the seconds from UTC to the zone's clock for each day, by its noon."""
    noon = begin.replace(tzinfo=zone) + dt.timedelta(hours=12)
    for day in range((end - begin) // _DAY):
        yield ((noon + day * _DAY).utcoffset() or dt.timedelta()).total_seconds()


def _rep_hours(
    rep: Rep, begin: dt.datetime, end: dt.datetime, absences: Sequence[tuple[dt.datetime, dt.datetime]]
) -> WorkingTime:
    """Return the hours in which a rep takes leads: none for one who is away, as nobody knows until when."""
    if rep.is_away:
        return WorkingTime(())
    calendar = calendars.build_calendar(calendars.calendar_of_rep(rep), begin)
    return _working_time(calendar, begin, end, absences)


def _working_time(
    calendar: Calendar, begin: dt.datetime, end: dt.datetime, absences: Sequence[tuple[dt.datetime, dt.datetime]]
) -> WorkingTime:
    spans = arithmetic.subtract_pauses(arithmetic.open_intervals(calendar, begin, end), absences)
    return WorkingTime(((opens - begin).total_seconds(), (closes - begin).total_seconds()) for opens, closes in spans)


def _second_of_week(at: dt.datetime) -> float:
    """Return the second since Monday at midnight that a clock of the instant's zone shows."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return (at.replace(tzinfo=None) - midnight).total_seconds() + at.weekday() * _DAY.total_seconds()
