"""The simulated queue beside the formulas of M/M/c, and in cases worked out by hand (rules 12.36)."""

from __future__ import annotations

import math
import random

import pytest

from sla.promise_simulation.contact_queue import NEVER, SimulatedLead, SimulatedRep, WorkingTime, simulate_contacts

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


def test_a_rep_with_full_hands_gets_no_lead_until_one_is_out_of_hand():
    reps = [SimulatedRep(ALWAYS, capacity=1)]

    contacts = simulate_contacts(reps, [SimulatedLead(0, 10, in_hand_seconds=500), SimulatedLead(1, 10)])

    assert contacts == [10, 510]


def test_without_reps_nobody_is_contacted():
    assert simulate_contacts([], [SimulatedLead(0, 1)]) == [NEVER]
