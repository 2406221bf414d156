"""The fit of the working speed, and the outlook by team and hour (rules 12.37, 12.38)."""

from __future__ import annotations

import pytest

from sla.promise_simulation.contact_queue import SimulatedRep, WorkingTime
from sla.promise_simulation.promise_outlook import (
    LeadFlow,
    PastArrival,
    PromiseTerms,
    SimulatedSpan,
    SimulatedTeam,
    look_ahead,
)
from sla.promise_simulation.working_speed import PastContact, WorkingSpeed, fit_working_speed

HOUR, DAY = 3_600, 86_400
OFFICE_HOURS = WorkingTime(
    (day * DAY + 9 * HOUR, day * DAY + 17 * HOUR) for day in range(12 * 7) if day % 7 < 5
)  # fmt: skip


NO_OTHERS = LeadFlow((), 0.0)


def team(reps: int, **limits: int) -> SimulatedTeam:
    return SimulatedTeam(OFFICE_HOURS, [SimulatedRep(OFFICE_HOURS, **limits)] * reps)


def at(day: int, hour: float, *, of: int = 1) -> PastArrival:
    return PastArrival(of, is_hot=False, second_of_week=day * DAY + hour * HOUR, in_hand_seconds=DAY)


def speed_of(*seconds: float) -> WorkingSpeed:
    return WorkingSpeed({}, {True: (), False: seconds})


def look(teams, pattern, speed, *, leads_a_week=10.0, others=NO_OTHERS):
    terms = PromiseTerms(hot_seconds=300, other_seconds=1_800)
    return look_ahead(
        teams, LeadFlow(pattern, leads_a_week), others, speed, terms, SimulatedSpan(weeks=8, warm_up_weeks=2, seed=1)
    )


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


def contact(assigned_at, contacted_at, rep=1, **columns):
    return PastContact(rep, 7, False, assigned_at, contacted_at, (contacted_at or 0) - assigned_at, **columns)


def test_the_speed_is_fitted_on_contacts_of_free_reps_alone():
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


def test_a_lead_that_was_never_contacted_keeps_nobody_busy():
    never = PastContact(1, 7, False, 0, None, 5_000)

    assert sorted(fit_working_speed([never, contact(50, 80)]).overall[False]) == [30, 5_000]


def test_contacts_of_other_motions_keep_a_rep_busy_and_say_nothing_of_the_speed():
    speed = fit_working_speed([contact(0, 100, is_of_motion=False), contact(50, 200), contact(300, 310)])

    assert speed.overall[False] == [10]


def test_other_leads_of_the_same_reps_take_their_time():
    pattern = [at(day, hour) for day in range(5) for hour in (9, 11, 13, 15)]
    others = LeadFlow([at(day, 9 + hour / 10) for day in range(5) for hour in range(60)], 100)

    alone, beside_others = (look({1: team(1)}, pattern, speed_of(900), others=flow) for flow in (NO_OTHERS, others))

    assert alone.overall.percent > 95
    assert beside_others.overall.percent < 85
    # The others are not counted.
    assert beside_others.overall.leads == pytest.approx(alone.overall.leads, rel=0.1)


def test_leads_come_at_the_hour_of_the_teams_clock_in_summer_and_winter():
    # The team opens at nine by its clock, which is an hour before UTC for five weeks and two hours from then on.
    offsets = [HOUR if day < 35 else 2 * HOUR for day in range(84)]
    hours = WorkingTime(
        (day * DAY + 9 * HOUR - offset, day * DAY + 17 * HOUR - offset) for day, offset in enumerate(offsets)
    )
    changing = SimulatedTeam(hours, [SimulatedRep(hours)], offsets)

    # Twenty minutes before the end there is time for a contact, and an hour later there would be none.
    outlook = look({1: changing}, [at(day, 16.6) for day in range(7)], speed_of(600), leads_a_week=4)

    assert outlook.overall.percent > 95
    assert {slot for _, slot in outlook.by_slot} <= {(day, 16) for day in range(7)}
    assert changing.utc_second(40 * DAY + 9 * HOUR) == 40 * DAY + 7 * HOUR
