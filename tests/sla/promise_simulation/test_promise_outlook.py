"""The fit of the working speed, and the outlook by team and hour (rules 12.37, 12.38)."""

from __future__ import annotations

import pytest

from sla.promise_simulation.contact_queue import SimulatedRep, WorkingTime
from sla.promise_simulation.promise_outlook import (
    PastArrival,
    PromiseTerms,
    SimulatedTeam,
    look_ahead,
)
from sla.promise_simulation.working_speed import PastContact, WorkingSpeed, fit_working_speed

HOUR, DAY = 3_600, 86_400
OFFICE_HOURS = WorkingTime(
    (day * DAY + 9 * HOUR, day * DAY + 17 * HOUR) for day in range(12 * 7) if day % 7 < 5
)  # fmt: skip


def team(reps: int, **limits: int) -> SimulatedTeam:
    return SimulatedTeam(OFFICE_HOURS, [SimulatedRep(OFFICE_HOURS, **limits)] * reps)


def at(day: int, hour: float, *, of: int = 1) -> PastArrival:
    return PastArrival(of, is_hot=False, second_of_week=day * DAY + hour * HOUR, in_hand_seconds=DAY)


def speed_of(*seconds: float) -> WorkingSpeed:
    return WorkingSpeed({}, {True: (), False: seconds})


def look(teams, pattern, speed, *, leads_a_week=10.0):
    terms = PromiseTerms(hot_seconds=300, other_seconds=1_800, leads_a_week=leads_a_week)
    return look_ahead(teams, pattern, speed, terms, weeks=8, warm_up_weeks=2, seed=1)


def test_with_few_leads_the_share_in_time_is_that_of_the_speed():
    spread = [at(day, 9 + hour / 4) for day in range(5) for hour in range(28)]

    outlook = look({1: team(3)}, spread, speed_of(*[600] * 85, *[4_000] * 15), leads_a_week=4)

    assert outlook.overall.percent == pytest.approx(85, abs=4)
    # Nobody waits for a colleague, so more reps help nothing.
    assert outlook.overall.missing_reps is None


def test_an_hour_with_too_many_leads_is_short_of_reps():
    # On Tuesdays at half past nine six leads come at once, each of ten minutes: one rep has three in half an hour.
    pattern = [at(1, 9.5)] * 6 + [at(3, hour) for hour in (9, 11, 13, 15)]

    outlook = look({1: team(1)}, pattern, speed_of(600))

    tuesday = outlook.by_slot[1, (1, 8)]
    assert not tuesday.is_enough
    assert tuesday.missing_reps in (1, 2, 3)
    assert all(share.is_enough for (_, (day, _)), share in outlook.by_slot.items() if day == 3)
    assert outlook.by_team[1].missing_reps >= 1


def test_teams_are_judged_apart():
    pattern = [at(day, 10, of=number) for day in range(5) for number in (1, 2)]
    slow = WorkingSpeed({(2, False): [7_200] * 20}, {True: (), False: [600] * 20})

    outlook = look({1: team(2), 2: team(2)}, pattern, slow)

    assert outlook.by_team[1].is_enough
    assert (outlook.by_team[2].in_time, outlook.by_team[2].missing_reps) == (0, None)


def test_a_team_that_is_absent_contacts_nobody_in_time():
    absent = SimulatedTeam(OFFICE_HOURS, [SimulatedRep(WorkingTime([]))])

    outlook = look({1: absent}, [at(0, 10)], speed_of(60))

    assert outlook.by_team[1].in_time == 0
    assert outlook.by_team[1].missing_reps == 1


def test_no_past_leads_give_no_share():
    outlook = look({1: team(1)}, [], speed_of(60))

    assert (outlook.overall.leads, outlook.by_slot) == (0, {})


def test_the_speed_is_fitted_on_contacts_of_free_reps_alone():
    def contact(assigned_at, contacted_at, rep=1):
        return PastContact(rep, 7, False, assigned_at, contacted_at, contacted_at - assigned_at)

    speed = fit_working_speed(
        [contact(0, 100), contact(50, 200), contact(150, 300), contact(400, 500), contact(60, 90, rep=2)]
    )

    # The second waited for the first, and the third for the second.
    assert sorted(speed.overall[False]) == [30, 100, 100]
    assert speed.contacts == 3
    assert sorted(speed.seconds_for(7, is_hot=True)) == [30, 100, 100]


def test_the_outlook_is_the_same_each_time():
    pattern = [at(day, 10) for day in range(5)]

    assert look({1: team(1)}, pattern, speed_of(60, 4_000)) == look({1: team(1)}, pattern, speed_of(60, 4_000))
