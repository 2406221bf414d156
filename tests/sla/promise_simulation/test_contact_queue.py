"""The simulated queue beside the formulas of M/M/c, and in cases worked out by hand (rules 12.36)."""

from __future__ import annotations

import math
import random

import pytest

from sla.models import Rep
from sla.promise_simulation import contact_queue
from sla.promise_simulation.contact_queue import NEVER, SimulatedLead, SimulatedRep, WorkingTime, simulate_contacts
from sla.teams import round_robin
from tests.factories import MINUTE, NOW

ALWAYS = WorkingTime([(0, 1e9)])
HOUR = 3_600


def erlang_c(servers: int, load: float) -> float:
    """Return the chance to wait in M/M/c; `load` is the arrivals in a mean time of service."""
    own = load**servers / math.factorial(servers) * servers / (servers - load)
    return own / (sum(load**busy / math.factorial(busy) for busy in range(servers)) + own)


def in_time_by_formula(servers: int, load: float, target: float) -> float:
    """Return the chance that wait and service together take at most `target` mean times of service."""
    waits, spare = erlang_c(servers, load), servers - load
    if math.isclose(spare, 1):
        late = math.exp(-target) * (1 + waits * target)
    else:
        late = math.exp(-target) * (1 + waits * (1 - math.exp(-(spare - 1) * target)) / (spare - 1))
    return 1 - late


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.8), (2, 1.0), (3, 2.4), (5, 4)])
def test_with_one_lead_a_rep_and_exponential_times_it_is_mmc(servers, load):
    rng = random.Random(servers)
    at, arrivals = 0.0, []
    for _ in range(20_000):
        at += rng.expovariate(load)
        arrivals.append(SimulatedLead(at, rng.expovariate(1)))
    reps = [SimulatedRep(ALWAYS, uncontacted_at_most=1)] * servers

    contacts = simulate_contacts(reps, arrivals)

    pairs = list(zip(arrivals, contacts, strict=True))
    # A lead waited if its contact took longer than its own time.
    waited = sum(contact - arrival.at > arrival.contact_seconds + 1e-6 for arrival, contact in pairs)
    assert waited / len(pairs) == pytest.approx(erlang_c(servers, load), abs=0.03)
    for target in (0.5, 1, 2, 4):
        in_time = sum(contact - arrival.at <= target for arrival, contact in pairs)
        assert in_time / len(pairs) == pytest.approx(in_time_by_formula(servers, load, target), abs=0.03)


def test_working_time_skips_nights():
    hours = WorkingTime([(9 * HOUR, 17 * HOUR), (33 * HOUR, 41 * HOUR)])

    assert hours.after_working(16 * HOUR, 2 * HOUR) == 34 * HOUR
    assert hours.after_working(20 * HOUR, HOUR) == 34 * HOUR
    assert hours.after_working(9 * HOUR, 8 * HOUR) == 17 * HOUR
    assert hours.after_working(9 * HOUR, 0) == 9 * HOUR
    assert hours.after_working(17 * HOUR, 0) == 33 * HOUR
    assert hours.after_working(40 * HOUR, 2 * HOUR) == NEVER
    assert [hours.worked_until(hour * HOUR) / HOUR for hour in (0, 10, 20, 34, 50)] == [0, 1, 8, 9, 16]
    assert [hours.is_open(hour * HOUR) for hour in (8, 9, 17, 40)] == [False, True, False, True]
    assert WorkingTime([]).after_working(0, 1) == NEVER


def test_a_lead_of_the_night_is_given_at_the_opening():
    hours = WorkingTime([(9 * HOUR, 17 * HOUR)])

    assert simulate_contacts([SimulatedRep(hours)], [SimulatedLead(0, 600), SimulatedLead(1, 600)]) == [
        9 * HOUR + 600,
        9 * HOUR + 1_200,
    ]


def test_reps_take_turns_by_weight():
    reps = [SimulatedRep(ALWAYS, weight=2), SimulatedRep(ALWAYS, weight=1)]

    contacts = simulate_contacts(reps, [SimulatedLead(0, 10)] * 3)

    # Two of three go to the first rep, who contacts one after the other.
    assert sorted(contacts) == [10, 10, 20]


def test_a_rep_who_comes_back_takes_turns_and_is_not_flooded():
    late = WorkingTime([(1_000, 1e9)])
    reps = [SimulatedRep(ALWAYS), SimulatedRep(late)]

    # A hundred leads before the second rep is there, then four at once.
    contacts = simulate_contacts(reps, [SimulatedLead(at, 1) for at in range(100)] + [SimulatedLead(2_000, 10)] * 4)

    # Two each; by the sum of all turns the second rep would get all four.
    assert sorted(contacts[-4:]) == [2_010, 2_010, 2_020, 2_020]


@pytest.mark.parametrize("seed", range(3))
def test_the_turns_are_those_of_the_routing(seed):
    rng = random.Random(seed)
    reps = [Rep(pk=number, weight=rng.randint(1, 3)) for number in range(1, 5)]
    turns: list[int] = []
    run = contact_queue._TeamRun(
        [contact_queue._Desk(SimulatedRep(ALWAYS, weight=rep.weight)) for rep in reps], [SimulatedLead(0, 1)] * 200
    )
    for number in range(200):
        available = sorted(rng.sample(range(4), k=rng.randint(1, 4)))
        by_routing = round_robin._least_served(
            [reps[place] for place in available],
            lambda among, count: [pk for pk in reversed(turns) if pk in {rep.pk for rep in among}][:count],
        )

        place = run._least_served(available)

        assert reps[place] == by_routing
        run._give(number, place, float(number))
        turns.append(by_routing.pk)
        by_routing.last_assigned_at = NOW + number * MINUTE


def test_a_rep_with_full_hands_gets_no_lead_until_one_is_out_of_hand():
    reps = [SimulatedRep(ALWAYS, capacity=1)]

    contacts = simulate_contacts(reps, [SimulatedLead(0, 10, in_hand_seconds=500), SimulatedLead(1, 10)])

    assert contacts == [10, 510]


def test_without_reps_nobody_is_contacted():
    assert simulate_contacts([], [SimulatedLead(0, 1)]) == [NEVER]
