"""The engine and the slow reference agree on any rules, facts and instants; and rules 4.11 hold for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring.engine.judge import NEVER, Verdicts, axes, explain, first_qualifying, judge, next_change, verdict
from scoring.engine.rules import CountClause, Rules
from scoring.engine.verdict import picked
from tests.scoring import random_companies, reference
from tests.scoring.reference import DAY, Event, Lead

SECOND = 1_000_000
COLUMNS = (
    "fit",
    "engagement",
    "bant",
    "gate",
    "disqualified",
    "engaged",
    "threshold",
    "timing",
    "hot",
    "meets",
    "tier",
)

slowly = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
worlds_of_leads = st.lists(random_companies.leads, min_size=1, max_size=4)
instants_to_judge = st.lists(random_companies.instants, min_size=1, max_size=4)


def row(verdicts: Verdicts, index: int) -> dict[str, object]:
    return {name: getattr(verdicts, name)[index].item() for name in COLUMNS}


def pairs(leads: Sequence[Lead], instants: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return every lead at every instant and at its own events, in no order."""
    all_pairs = [
        (index, at) for index, lead in enumerate(leads) for at in (*instants, *(event.at for event in lead.events))
    ]
    return [index for index, _ in reversed(all_pairs)], [at for _, at in reversed(all_pairs)]


@settings(slowly, max_examples=200)
@given(st.one_of(random_companies.rules, random_companies.lenient), worlds_of_leads, instants_to_judge)
def test_the_engine_judges_as_the_reference_does(rules: Rules, leads: list[Lead], instants: list[int]) -> None:
    which, at = pairs(leads, instants)

    verdicts = judge(rules, random_companies.facts_of(leads), which, at)

    for index, (lead, instant) in enumerate(zip(which, at, strict=True)):
        expected = reference.judge(rules, leads[lead], instant)
        got = row(verdicts, index)
        assert got["engagement"] == pytest.approx(expected.engagement, abs=1.1e-6)
        # Half a millionth more or less may round to the other side; then comparisons may differ, too.
        if got["engagement"] == expected.engagement:
            assert got == {name: getattr(expected, name) for name in COLUMNS}


@slowly
@given(random_companies.rules, worlds_of_leads, instants_to_judge)
def test_count_clauses_have_the_figures_of_the_reference(rules: Rules, leads: list[Lead], instants: list[int]) -> None:
    which, at = pairs(leads, instants)

    figures = axes(rules, random_companies.facts_of(leads), which, at).figures

    for tally, counts in figures.items():
        assert isinstance(tally, CountClause)
        assert counts.tolist() == [
            reference.figure(tally, [event for event in leads[lead].events if event.at <= instant], instant)
            for lead, instant in zip(which, at, strict=True)
        ]


@slowly
@given(random_companies.lenient, worlds_of_leads, random_companies.instants, random_companies.leads)
def test_facts_dated_after_the_instant_change_nothing_at_it(
    rules: Rules, leads: list[Lead], at: int, future: Lead
) -> None:
    later = Lead(
        tuple(replace(event, at=at + 1 + abs(event.at - at)) for event in future.events),
        tuple(sorted(((at + 1 + abs(start - at), values) for start, values in future.rows), key=lambda row: row[0])),
    )
    known = [Lead(lead.events, tuple(r for r in lead.rows if r[0] <= at)) for lead in leads]
    grown = [Lead(lead.events + later.events, lead.rows + later.rows) for lead in known]
    everyone, now = np.arange(len(leads)), np.full(len(leads), at)

    before = judge(rules, random_companies.facts_of(known), everyone, now)
    after = judge(rules, random_companies.facts_of(grown), everyone, now)

    for index in everyone.tolist():
        assert row(before, index) == row(after, index)


@slowly
@given(
    random_companies.lenient,
    random_companies.leads,
    st.lists(random_companies.instants, min_size=2, max_size=8, unique=True),
)
def test_scores_and_verdicts_only_fall_between_facts(rules: Rules, lead: Lead, instants: list[int]) -> None:
    at = sorted(instants)
    known = Lead(tuple(e for e in lead.events if e.at <= at[0]), tuple(r for r in lead.rows if r[0] <= at[0]))

    verdicts = judge(rules, random_companies.facts_of([known]), np.zeros(len(at), dtype=np.intp), at)

    rank = np.where(verdicts.tier > 0, 4 - verdicts.tier, 0)
    assert np.all(np.diff(verdicts.engagement) <= 1e-6)
    assert np.all(np.diff(rank) <= 0)


@slowly
@given(random_companies.lenient, worlds_of_leads, random_companies.instants, random_companies.instants)
def test_first_qualifying_is_the_first_of_all_instants(rules: Rules, leads: list[Lead], one: int, other: int) -> None:
    since, until = sorted((one, other))
    facts = random_companies.facts_of(leads)

    qualified, at, verdicts = first_qualifying(rules, facts, since=since, until=until)

    expected = {}
    for index, lead in enumerate(leads):
        dates = {event.at for event in lead.events} | {start for start, _ in lead.rows}
        dated = sorted(date for date in dates if since <= date <= until)
        meets = judge(rules, facts, [index] * len(dated), dated).meets
        if meets.any():
            expected[index] = dated[int(np.argmax(meets))]
    assert dict(zip(qualified.tolist(), at.tolist(), strict=True)) == expected
    assert verdicts.meets.all()


@settings(slowly, max_examples=200)
@given(random_companies.lenient, worlds_of_leads, random_companies.instants)
def test_next_change_is_the_second_at_which_the_verdict_falls(rules: Rules, leads: list[Lead], at: int) -> None:
    facts = random_companies.facts_of(leads)
    everyone, now = np.arange(len(leads)), np.full(len(leads), at)

    change = next_change(rules, facts, everyone, now)

    known = random_companies.facts_of(
        [Lead(tuple(e for e in lead.events if e.at <= at), tuple(r for r in lead.rows if r[0] <= at)) for lead in leads]
    )
    for index in everyone.tolist():
        horizon = at + 3650 * DAY
        then = int(change[index])
        instants = [at, horizon] if then == NEVER else [at, max(then - SECOND, at), then]
        judged = judge(rules, known, [index] * len(instants), instants)
        state = list(zip(judged.meets.tolist(), judged.tier.tolist(), strict=True))
        assert state[0] == state[1] or not state[0][0]
        if then != NEVER:
            assert then > at
            assert then % SECOND == 0
            assert state[2] != state[0]


@slowly
@given(random_companies.rules, worlds_of_leads, random_companies.instants)
def test_an_explanation_gives_the_verdict_of_the_judge(rules: Rules, leads: list[Lead], at: int) -> None:
    facts = random_companies.facts_of(leads)
    everyone = range(len(leads))

    verdicts = judge(rules, facts, list(everyone), [at] * len(leads))

    for index in everyone:
        explanation = explain(rules, facts, index, at)
        assert (explanation.meets, explanation.tier, explanation.hot) == (
            verdicts.meets[index],
            verdicts.tier[index],
            verdicts.hot[index],
        )
        assert (explanation.threshold, explanation.timing.held) == (verdicts.threshold[index], verdicts.timing[index])
        assert explanation.engagement.value == verdicts.engagement[index]
        assert explanation.engagement.raw == pytest.approx(
            sum(part.contributes for part in explanation.contributions), abs=1e-5
        )
        assert bool(explanation.disqualified_by) == verdicts.disqualified[index]
        assert explanation.why.endswith(".")


@slowly
@given(random_companies.rules, random_companies.rules, worlds_of_leads, instants_to_judge)
def test_measured_axes_give_the_verdicts_of_other_thresholds(
    rules: Rules, other: Rules, leads: list[Lead], instants: list[int]
) -> None:
    stricter = replace(
        rules,
        paths=tuple(
            replace(path, clauses=tuple(replace(clause, at_least=clause.at_least + 1) for clause in path.clauses))
            for path in rules.paths
        ),
        timing=other.timing,
        tier_3_below=other.tier_3_below,
    )
    facts, (which, at) = random_companies.facts_of(leads), pairs(leads, instants)

    what_if = verdict(stricter, axes(rules, facts, which, at))

    afresh = judge(stricter, facts, which, at)
    assert [row(what_if, index) for index in range(len(at))] == [row(afresh, index) for index in range(len(at))]


@slowly
@given(random_companies.rules, worlds_of_leads, instants_to_judge)
def test_a_lead_is_judged_alike_alone_and_among_others(rules: Rules, leads: list[Lead], instants: list[int]) -> None:
    facts, (which, at) = random_companies.facts_of(leads), pairs(leads, instants)

    together = judge(rules, facts, which, at)

    for lead in set(which):
        mine = np.flatnonzero(np.array(which) == lead)
        alone = judge(rules, facts.slice(lead, lead + 1), np.zeros(mine.size, dtype=np.intp), np.array(at)[mine])
        assert [row(alone, i) for i in range(mine.size)] == [row(picked(together, mine), i) for i in range(mine.size)]


def test_the_random_leads_include_ties_and_assets() -> None:
    event = Event(random_companies.START, "demo", 1)

    facts = random_companies.facts_of([Lead((event, event)), Lead()])

    assert facts.event_asset.tolist() == [1, 1]
    assert astuple(event) == (random_companies.START, "demo", 1)
