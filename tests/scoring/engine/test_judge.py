"""Rules 3.1 to 4.10, sentence by sentence, on the smallest facts that show each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scoring.engine.bands import Band
from scoring.engine.facts import Facts
from scoring.engine.judge import NEVER, Verdicts, first_qualifying, judge, next_change
from scoring.engine.rules import (
    AxisClause,
    Catalogue,
    CountClause,
    CriterionRule,
    Decay,
    Inactivity,
    PathRule,
    Rules,
    SignalPoints,
    TierFloor,
    Timing,
)
from scoring.engine.timeline import DAY, EVER, HOUR
from tests.scoring.random_companies import facts_of
from tests.scoring.reference import Event, Lead

T = 1_750_000_000_000_000
NO_DECAY = Decay("none", 0, 30)
CATALOGUE = Catalogue(
    engagement=frozenset({"demo", "pricing", "open", "unsubscribe", "called"}),
    requests=frozenset({"demo"}),
    closing=frozenset({"called"}),
)
BASE = Rules(catalogue=CATALOGUE)
DIRECTOR = CriterionRule("gate.1", "lead.seniority", "at_least", "director")
EMPLOYEES = CriterionRule("gate.1", "company.employees", "between", (50, 1000))


def events(*dated: tuple[str, int]) -> Lead:
    """Return a lead with these signals at their age before T in microseconds."""
    return Lead(tuple(Event(T - age, signal) for signal, age in dated))


def judged(rules: Rules, lead: Lead, at: int = T) -> Verdicts:
    return judge(rules, facts_of([lead]), [0], [at])


def points(*signals: tuple[str, float] | tuple[str, float, float], **others: Any) -> Rules:
    return replace(BASE, signals=tuple(SignalPoints(*signal) for signal in signals), **others)


def path(*clauses: AxisClause | CountClause) -> tuple[PathRule, ...]:
    return (PathRule("path.1", "A path", clauses),)


def engagement(rules: Rules, lead: Lead, at: int = T) -> float:
    return float(judged(rules, lead, at).engagement[0])


def meets(rules: Rules, lead: Lead, at: int = T) -> bool:
    return bool(judged(rules, lead, at).meets[0])


def holds(rules: Rules, lead: Lead) -> bool:
    return bool(judged(rules, lead).threshold[0])


def counting(*signals: str, n: int = 1, days: float | None = None, **others: Any) -> Rules:
    return replace(BASE, paths=path(CountClause(frozenset(signals), n, days, **others)))


# The instant


@pytest.mark.parametrize(("age", "counted"), [(0, 50.0), (-1, 0.0), (-DAY, 0.0)])
def test_an_event_at_the_instant_counts_and_one_a_microsecond_later_does_not_exist(age: int, counted: float) -> None:
    assert engagement(points(("demo", 50)), events(("demo", age))) == counted


def test_several_events_at_one_instant_all_count_at_it() -> None:
    assert engagement(points(("open", 2)), events(("open", 0), ("open", 0), ("open", 0))) == 6.0


def test_attributes_are_those_in_force_at_the_instant() -> None:
    rules = replace(BASE, gate=(EMPLOYEES,))
    lead = Lead(rows=((T - DAY, {"company.employees": 10}), (T, {"company.employees": 100})))

    assert judged(rules, lead, T).gate.tolist() == [1]
    assert judged(rules, lead, T - 1).gate.tolist() == [0]
    assert judged(rules, lead, T - DAY - 1).gate.tolist() == [-1]


def test_attributes_from_ever_hold_at_the_oldest_instant() -> None:
    lead = Lead(rows=((EVER, {"company.employees": 100}), (T, {"company.employees": 10})))

    assert judged(replace(BASE, gate=(EMPLOYEES,)), lead, -62_135_596_800_000_000).gate.tolist() == [1]


def test_verdicts_have_the_order_of_the_pairs() -> None:
    facts = facts_of([events(("demo", 0)), events(("demo", 30 * DAY))])

    verdicts = judge(points(("demo", 50)), facts, [1, 0, 1, 0], [T, T, T - 30 * DAY, T - 1])

    assert verdicts.engagement.tolist() == [45.0, 50.0, 50.0, 0.0]


# Points and decay


def test_fit_50_and_a_demo_of_50_are_exactly_100() -> None:
    everyone = CriterionRule("fit.1", "lead.title", "known", value=False, points=50)
    rules = points(("demo", 50), fit=(everyone,), paths=path(AxisClause("fit+engagement", 100)))

    assert meets(rules, events(("demo", 0)))
    assert not meets(rules, events(("demo", 1_000_000)))


def test_a_sum_of_axes_is_rounded_before_it_is_compared() -> None:
    everyone = CriterionRule("fit.1", "lead.title", "known", value=False, points=0.7)
    rules = points(("demo", 0.1), fit=(everyone,), paths=path(AxisClause("fit+engagement", 0.8)))

    # In binary, 0.7 + 0.1 is a little less than 0.8.
    assert meets(rules, events(("demo", 0)))


@pytest.mark.parametrize(
    ("decay", "days", "left"),
    [
        (Decay("compound", 10, 30), 0, 50.0),
        (Decay("compound", 10, 30), 30, 45.0),
        (Decay("compound", 10, 30), 365, 13.875667),
        (Decay("linear", 10, 30), 30, 45.0),
        (Decay("linear", 10, 30), 299, 0.166667),
        (Decay("linear", 10, 30), 300, 0.0),
        (Decay("linear", 10, 30), 900, 0.0),
        (Decay("none", 10, 30), 3650, 50.0),
        (Decay("compound", 0, 30), 3650, 50.0),
        (Decay("linear", 0, 30), 3650, 50.0),
        (Decay("compound", 100, 30), 0, 50.0),
        (Decay("compound", 100, 30), 1, 0.0),
        (Decay("linear", 100, 30), 15, 25.0),
    ],
)
def test_points_fade_by_the_versions_decay(decay: Decay, days: int, left: float) -> None:
    assert engagement(points(("demo", 50), decay=decay), events(("demo", days * DAY))) == left


def test_the_cap_limits_the_decayed_sum_not_the_events() -> None:
    rules = points(("open", 4, 10))

    assert engagement(rules, events(*[("open", 0)] * 5)) == 10.0
    # Three opens of 4, a tenth gone: 10.8, still capped; a fifth gone: 9.72, no longer.
    assert engagement(rules, events(*[("open", 30 * DAY)] * 3)) == 10.0
    assert engagement(rules, events(*[("open", 60 * DAY)] * 3)) == 9.72


def test_negative_points_do_not_decay() -> None:
    rules = points(("demo", 50), ("unsubscribe", -20))

    assert engagement(rules, events(("demo", 0), ("unsubscribe", 3650 * DAY))) == 30.0


@pytest.mark.parametrize("cap", [-30, 30])
def test_a_cap_on_negative_points_limits_from_below(cap: float) -> None:
    rules = points(("demo", 50), ("unsubscribe", -20, cap))

    assert engagement(rules, events(("demo", 0), *[("unsubscribe", 0)] * 3)) == 20.0


def test_engagement_stays_between_0_and_its_ceiling() -> None:
    rules = points(("demo", 80), ("unsubscribe", -20))
    unlimited = replace(rules, ceilings={"fit": 100, "engagement": None, "bant": 100})

    assert engagement(rules, events(("unsubscribe", 0))) == 0.0
    assert engagement(rules, events(("demo", 0), ("demo", 0))) == 100.0
    assert engagement(unlimited, events(("demo", 0), ("demo", 0))) == 160.0


def test_signals_that_the_version_does_not_name_give_nothing() -> None:
    assert engagement(points(("demo", 50)), events(("pricing", 0))) == 0.0


def test_a_lead_with_very_many_events_is_summed_exactly() -> None:
    giant = Lead(tuple(Event(T - age * HOUR, "open") for age in range(20_000)))
    rules = points(("open", 0.01), ceilings={"fit": None, "engagement": None, "bant": None})

    verdicts = judge(rules, facts_of([events(("open", 0)), giant, Lead()]), [0, 1, 2], [T, T, T])

    share_left = 0.9 ** (1 / 24 / 30)
    assert verdicts.engagement.tolist() == [0.01, round(0.01 * (1 - share_left**20_000) / (1 - share_left), 6), 0.0]


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (60 * DAY, 50.0),
        (90 * DAY - 1, 50.0),
        (90 * DAY, 45.0),
        (120 * DAY - 1, 45.0),
        (120 * DAY, 40.0),
        (3650 * DAY, 0.0),
    ],
)
def test_inactivity_costs_points_for_each_full_period(age: int, left: float) -> None:
    rules = points(("demo", 50), decay=NO_DECAY, inactivity=Inactivity(60, 5))

    assert engagement(rules, events(("demo", age))) == left


def test_punished_and_closing_signals_are_no_engagement() -> None:
    rules = points(("demo", 50), ("unsubscribe", -1), decay=NO_DECAY, inactivity=Inactivity(60, 5))
    lead = events(("demo", 90 * DAY), ("unsubscribe", 0), ("called", 0))

    assert engagement(rules, lead) == 44.0


def test_a_lead_that_never_engaged_pays_no_penalty() -> None:
    rules = points(("visit", 50), decay=NO_DECAY, inactivity=Inactivity(60, 5))

    assert engagement(rules, events(("visit", 3650 * DAY))) == 50.0


# Windows


@pytest.mark.parametrize(("age", "within"), [(30 * DAY, True), (30 * DAY + 1, False), (0, True), (-1, False)])
def test_within_30_days_is_closed_at_both_ends(age: int, within: bool) -> None:
    assert holds(counting("demo", days=30), events(("demo", age))) is within


def test_a_window_of_null_has_no_limit() -> None:
    assert holds(counting("demo"), events(("demo", 3650 * DAY)))


@pytest.mark.parametrize(("first", "together"), [(24 * HOUR, True), (24 * HOUR + 1_000_000, False)])
def test_three_times_in_24_hours_is_first_to_last(first: int, together: bool) -> None:
    rules = counting("pricing", n=3, days=7, within_hours_of_each_other=24)
    since = 2 * DAY

    lead = events(("pricing", since + first), ("pricing", since + 5), ("pricing", since))

    assert holds(rules, lead) is together


@pytest.mark.parametrize(("age", "recent"), [(7 * DAY, True), (7 * DAY + 1, False)])
def test_the_last_of_a_burst_must_be_in_the_window(age: int, recent: bool) -> None:
    rules = counting("pricing", n=2, days=7, within_hours_of_each_other=24)

    assert holds(rules, events(("pricing", age + 20 * HOUR), ("pricing", age))) is recent


def test_each_asset_counts_once_and_a_missing_asset_does_not_count() -> None:
    rules = counting("pricing", n=2, days=30, distinct="asset")
    same = Lead((Event(T, "pricing", 7), Event(T - DAY, "pricing", 7), Event(T, "pricing")))
    old = Lead((Event(T, "pricing", 7), Event(T - 31 * DAY, "pricing", 8)))
    other = Lead((Event(T, "pricing", 7), Event(T - DAY, "pricing", 8)))

    assert [holds(rules, lead) for lead in (same, old, other)] == [False, False, True]


def test_a_checklist_without_points_is_a_definition() -> None:
    rules = replace(counting("demo", "pricing"), gate=(DIRECTOR,))
    lead = replace(events(("pricing", 0)), rows=((EVER, {"lead.title": "VP Sales"}),))

    assert meets(rules, lead)
    assert not meets(rules, replace(lead, rows=((EVER, {"lead.title": "Manager Sales"}),)))


def test_any_path_suffices_and_needs_all_its_clauses() -> None:
    both = PathRule(
        "path.1", "Both", (CountClause(frozenset({"demo"}), 1, None), CountClause(frozenset({"open"}), 1, None))
    )
    one = PathRule("path.2", "One", (CountClause(frozenset({"pricing"}), 1, None),))
    rules = replace(BASE, paths=(both, one))

    assert holds(rules, events(("pricing", 0)))
    assert holds(rules, events(("demo", 0), ("open", 0)))
    assert not holds(rules, events(("demo", 0)))


def test_without_any_path_the_threshold_is_never_met() -> None:
    assert not holds(BASE, events(("demo", 0)))


# Gate and disqualifiers


@pytest.mark.parametrize(
    ("employees", "gate"),
    [(49, 0), (50, 1), (1000, 1), (1001, 0), (None, -1), (Band(51, 200), 1), (Band(1001, None), 0), (Band(11, 50), -1)],
)
def test_bounds_of_the_gate_are_inclusive_and_a_straddling_band_is_unknown(employees: object, gate: int) -> None:
    lead = Lead(rows=((EVER, {"company.employees": employees}),))

    assert judged(replace(BASE, gate=(EMPLOYEES,)), lead).gate.tolist() == [gate]


def test_a_failed_criterion_outweighs_an_unknown_one() -> None:
    rules = replace(BASE, gate=(EMPLOYEES, replace(DIRECTOR, key="gate.2")))
    lead = Lead(rows=((EVER, {"lead.seniority": "Manager"}),))

    assert judged(rules, lead).gate.tolist() == [0]


def test_an_empty_gate_passes() -> None:
    assert judged(BASE, Lead()).gate.tolist() == [1]


@pytest.mark.parametrize("employees", [10, None])
def test_no_score_qualifies_a_lead_that_fails_the_gate(employees: int | None) -> None:
    rules = points(
        ("demo", 50), gate=(EMPLOYEES,), paths=path(AxisClause("engagement", 50)), hot=counting("demo").paths
    )
    lead = replace(events(("demo", 0)), rows=((EVER, {"company.employees": employees}),))

    verdicts = judged(rules, lead)

    assert (bool(verdicts.threshold[0]), bool(verdicts.hot[0])) == (True, True)
    assert (bool(verdicts.meets[0]), int(verdicts.tier[0])) == (False, 0)


def test_any_disqualifier_overrides_everything_and_a_missing_value_is_none() -> None:
    free = CriterionRule("disqualifiers.1", "lead.email_domain", "in_list", "free_email")
    rules = replace(
        counting("demo"), hot=counting("demo").paths, disqualifiers=(free,), lists={"free_email": frozenset({"GMX.de"})}
    )
    lead = events(("demo", 0))

    assert not meets(rules, replace(lead, rows=((EVER, {"lead.email": "Ana@gmx.DE "}),)))
    assert meets(rules, replace(lead, rows=((EVER, {"lead.email": "ana@firm.example"}),)))
    assert meets(rules, lead)


def test_bant_gives_points_to_its_own_axis() -> None:
    rules = replace(
        BASE,
        bant=(CriterionRule("bant.1", "lead.timeline", "in", ("now",), 25), replace(DIRECTOR, key="bant.2", points=25)),
        paths=path(AxisClause("bant", 50)),
    )

    assert meets(rules, Lead(rows=((EVER, {"lead.timeline": " Now ", "lead.title": "CTO"}),)))
    assert not meets(rules, Lead(rows=((EVER, {"lead.timeline": "later", "lead.title": "CTO"}),)))


# Timing


@pytest.mark.parametrize(("age", "is_timely"), [(30 * DAY, True), (30 * DAY + 1, False)])
def test_engagement_within_x_days_is_timely(age: int, is_timely: bool) -> None:
    rules = replace(BASE, timing=Timing(30, None))

    assert judged(rules, events(("open", age))).timing.tolist() == [is_timely]


@pytest.mark.parametrize(
    ("lead", "is_timely"),
    [
        (events(("demo", 90 * DAY)), True),
        (events(("demo", 90 * DAY + 1)), False),
        (events(("demo", 60 * DAY), ("called", 60 * DAY - 1)), False),
        (events(("demo", 60 * DAY), ("called", 60 * DAY)), False),
        (events(("demo", 60 * DAY), ("called", 60 * DAY + 1)), True),
        (events(("demo", 60 * DAY), ("called", 50 * DAY), ("demo", 40 * DAY)), True),
        (events(("demo", 60 * DAY), ("called", -1)), True),
        (events(("called", 60 * DAY)), False),
    ],
)
def test_an_open_request_is_timely_until_it_is_closed(lead: Lead, is_timely: bool) -> None:
    rules = replace(BASE, timing=Timing(30, 90))

    assert judged(rules, lead).timing.tolist() == [is_timely]


@pytest.mark.parametrize("timing", [None, Timing(None, None)])
def test_without_a_timing_condition_every_lead_is_timely(timing: Timing | None) -> None:
    assert judged(replace(BASE, timing=timing), Lead()).timing.tolist() == [True]


# Fast track and tiers


def test_a_hot_trigger_qualifies_without_path_and_timing_and_makes_tier_1() -> None:
    rules = replace(BASE, timing=Timing(0, None), hot=counting("pricing").paths)

    verdicts = judged(rules, events(("pricing", DAY)))

    assert (bool(verdicts.threshold[0]), bool(verdicts.timing[0])) == (False, False)
    assert (bool(verdicts.meets[0]), int(verdicts.tier[0])) == (True, 1)


@pytest.mark.parametrize(("score", "tier"), [(54.999999, 3), (55.0, 2), (60.0, 2), (49.0, 0)])
def test_scores_below_the_versions_floor_are_tier_3(score: float, tier: int) -> None:
    rules = points(("demo", score), paths=path(AxisClause("engagement", 50)), tier_3_below=TierFloor("engagement", 55))

    assert judged(rules, events(("demo", 0))).tier.tolist() == [tier]


# First and next


def test_the_first_qualifying_instant_may_be_a_change_of_attributes() -> None:
    rules = replace(counting("demo"), gate=(EMPLOYEES,))
    lead = replace(events(("demo", 5 * DAY)), rows=((T - 3 * DAY, {"company.employees": 80}),))
    facts = facts_of([Lead(), lead])

    leads, at, verdicts = first_qualifying(rules, facts, until=T)

    assert (leads.tolist(), at.tolist(), verdicts.meets.tolist()) == ([1], [T - 3 * DAY], [True])
    assert first_qualifying(rules, facts, until=T - 3 * DAY - 1)[0].size == 0
    assert first_qualifying(rules, facts, since=T - 3 * DAY, until=T)[1].tolist() == [T - 3 * DAY]
    assert first_qualifying(rules, facts, since=T - 3 * DAY + 1, until=T)[0].size == 0


def test_a_verdict_next_changes_when_the_window_closes_or_the_score_falls_below() -> None:
    clause = counting("demo", days=30)
    scored = points(("demo", 50), paths=path(AxisClause("engagement", 45)))
    facts = facts_of([events(("demo", 0))])

    # At exactly 30 days both still hold; to the second, the next one is the first at which they don't.
    assert next_change(clause, facts, [0], [T]).tolist() == [T + 30 * DAY + 1_000_000]
    assert next_change(scored, facts, [0], [T]).tolist() == [T + 30 * DAY + 1_000_000]
    assert next_change(counting("demo"), facts, [0], [T]).tolist() == [NEVER]
    assert next_change(clause, facts, [0], [T - 1]).tolist() == [NEVER]


def test_tier_1_falls_to_tier_2_before_the_lead_stops_qualifying() -> None:
    rules = replace(counting("demo", days=30), hot=counting("demo", days=1).paths)
    facts = facts_of([events(("demo", 0))])

    first = next_change(rules, facts, [0], [T])
    second = next_change(rules, facts, [0], first)

    assert judge(rules, facts, [0, 0], [first[0], second[0]]).tier.tolist() == [2, 0]


def test_facts_of_the_future_do_not_prolong_a_verdict() -> None:
    facts = facts_of([events(("demo", 0), ("demo", -20 * DAY))])

    assert next_change(counting("demo", days=30), facts, [0], [T]).tolist() == [T + 30 * DAY + 1_000_000]


# Nothing at all, and nonsense


def test_without_leads_or_pairs_there_are_no_verdicts() -> None:
    nobody, someone = facts_of([]), facts_of([Lead()])
    rules = points(("demo", 50, 10), paths=counting("demo", within_hours_of_each_other=1).paths)

    assert len(judge(rules, nobody, [], [])) == 0
    assert len(judge(rules, someone, [], [])) == 0
    assert first_qualifying(rules, nobody, until=T)[0].size == 0
    assert next_change(rules, nobody, [], []).size == 0


def test_a_lead_without_facts_fails_an_inclusion_as_unknown() -> None:
    verdicts = judged(replace(counting("demo"), gate=(EMPLOYEES,)), Lead())

    assert verdicts.gate.tolist() == [-1]
    assert (verdicts.engaged.tolist(), verdicts.meets.tolist()) == ([False], [False])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event_at": np.array([T + 1, T])}, "sorted by instant"),
        ({"event_lead": np.array([1, 0], dtype=np.int32)}, "index lead_ids"),
        ({"event_signal": np.array([0, 9], dtype=np.int16)}, "index signals"),
        ({"event_asset": np.array([-1], dtype=np.int32)}, "one entry per event"),
        ({"event_at": np.array([T, 1 << 61])}, "between the years"),
        ({"lead_ids": np.array([3, 3]), "event_lead": np.array([0, 0], dtype=np.int32)}, "must ascend"),
    ],
)
def test_malformed_facts_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    facts = facts_of([events(("demo", 0), ("demo", 0))])

    with pytest.raises(ValueError, match=message):
        replace(facts, **change).validated()


def test_slices_hold_the_same_facts() -> None:
    facts: Facts = facts_of(
        [events(("demo", 0)), events(("open", 1), ("open", 0)), Lead(rows=((T, {"lead.title": "x"}),))]
    )

    part = facts.slice(1, 3)

    assert part.lead_ids.tolist() == [101, 102]
    assert (part.event_lead.tolist(), part.event_at.tolist()) == ([0, 0], [T - 1, T])
    assert (part.row_lead.tolist(), part.row_from.tolist()) == ([1], [T])
    assert [column.tolist() for column in part.instants()] == [[0, 0, 1], [T - 1, T, T]]


# Endings


ENDING = replace(CATALOGUE, endings=frozenset({("signup", "unsubscribe"), ("opt_in", "unsubscribe")}))


@pytest.mark.parametrize(
    ("dated", "left"),
    [
        ([("unsubscribe", 9 * DAY), ("signup", 8 * DAY)], 50.0),
        ([("unsubscribe", 9 * DAY), ("opt_in", 8 * DAY)], 50.0),
        ([("unsubscribe", 8 * DAY), ("signup", 9 * DAY)], 30.0),
        # At the same instant the unsubscribe stands.
        ([("unsubscribe", 8 * DAY), ("signup", 8 * DAY)], 30.0),
        ([("unsubscribe", 9 * DAY), ("signup", 8 * DAY), ("unsubscribe", 7 * DAY)], 30.0),
        ([("unsubscribe", 9 * DAY)] * 5 + [("signup", 8 * DAY), ("unsubscribe", 7 * DAY)], 30.0),
        ([("unsubscribe", 9 * DAY), ("demo", 8 * DAY)], 30.0),
        ([("bounce", 9 * DAY), ("signup", 8 * DAY)], 45.0),
    ],
)
def test_a_later_opt_in_ends_the_points_of_an_earlier_unsubscribe(dated: list[tuple[str, int]], left: float) -> None:
    rules = points(("demo", 50, 50), ("unsubscribe", -20, -40), ("bounce", -5), decay=NO_DECAY, catalogue=ENDING)

    assert engagement(rules, events(("demo", 10 * DAY), *dated)) == left


def test_the_points_of_an_unsubscribe_end_at_the_opt_in_and_not_before() -> None:
    rules = points(("demo", 50), ("unsubscribe", -20), decay=NO_DECAY, catalogue=ENDING)
    lead = events(("demo", 10 * DAY), ("unsubscribe", 9 * DAY), ("signup", 5 * DAY))

    assert [engagement(rules, lead, T - age) for age in (5 * DAY + 1, 5 * DAY)] == [30.0, 50.0]


def test_positive_points_do_not_end() -> None:
    rules = points(("demo", 50), ("unsubscribe", 20), decay=NO_DECAY, catalogue=ENDING)

    assert engagement(rules, events(("demo", 10 * DAY), ("unsubscribe", 9 * DAY), ("signup", 8 * DAY))) == 70.0


def test_a_lead_may_begin_to_qualify_at_its_opt_in() -> None:
    rules = points(
        ("demo", 50), ("unsubscribe", -20), decay=NO_DECAY, catalogue=ENDING, paths=path(AxisClause("engagement", 50))
    )
    lead = events(("unsubscribe", 12 * DAY), ("demo", 10 * DAY), ("signup", 5 * DAY))

    _, at, _ = first_qualifying(rules, facts_of([lead]), until=T)

    assert at.tolist() == [T - 5 * DAY]
