"""The computed reach of paths, compared with the engine: every profile there is, with as many events as matter."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions import lint
from scoring.engine.judge import axes
from scoring.engine.rules import Rules
from scoring.engine.timeline import EVER
from scoring.engine.verdict import holds, timely
from tests.definitions.documents import criterion
from tests.definitions.lint_cases import MEANINGS, axis, compile_rules, count, path_row, signal, sound_document
from tests.scoring.random_companies import facts_of
from tests.scoring.reference import Event, Lead

T = 1_750_000_000_000_000
#: Events of each signal: enough for any threshold below.
PLENTY = 60
SIGNALS = ("demo_request", "pricing_view", "blog_read", "email_open", "unsubscribe")
#: All values that the generated rows can tell apart.
VALUES: dict[str, tuple[object, ...]] = {
    "company.employees": (None, 9.0, 10.0, 49.0, 50.0, 75.0, 100.0, 101.0),
    "company.country": (None, "US", "CA", "GB", "elsewhere"),
    "lead.seniority": (None, "intern", "manager", "director", "vp"),
    "company.technologies": (None, ("CRM",), ("ERP",), ("CRM", "ERP"), ("other",)),
    "company.is_customer": (None, True, False),
}
PROFILES = [dict(zip(VALUES, values, strict=True)) for values in product(*VALUES.values())]
#: Profiles and events do not depend on each other, so they are measured separately.
FACTS = facts_of([Lead((), ((EVER, profile),)) for profile in PROFILES])

points = st.sampled_from([5, 10, 20, 40])
between = st.tuples(st.sampled_from([None, 10]), st.sampled_from([50, 100]))
countries = st.sets(st.sampled_from(["US", "CA", "GB"]), min_size=1)
question_values: list[tuple[str, str, st.SearchStrategy[Any]]] = [
    ("company.employees", "between", between.map(list)),
    ("company.employees", "at_least", st.sampled_from([10, 50, 100])),
    ("company.country", "in", countries.map(sorted)),
    ("company.country", "not_in", countries.map(sorted)),
    ("lead.seniority", "at_least", st.sampled_from(["manager", "director", "vp"])),
    ("lead.seniority", "at_most", st.sampled_from(["intern", "manager", "director"])),
    ("company.technologies", "has_any", st.sampled_from(["CRM", "ERP"]).map(lambda value: [value])),
    ("company.is_customer", "is", st.booleans()),
]
questions = st.one_of([st.tuples(st.just(field), st.just(op), value) for field, op, value in question_values])
rows = st.builds(lambda question, gives: criterion(*question, points=gives), questions, points)
thresholds = st.sampled_from([0, 10, 20, 30, 40, 60, 100, 120])
counted = st.sets(st.sampled_from(SIGNALS[:-1]), min_size=1, max_size=3)
clauses = st.one_of(
    st.builds(axis, st.sampled_from(["fit", "engagement", "bant", "fit+engagement"]), thresholds),
    st.builds(lambda signals, n: count(*sorted(signals), n=n), counted, st.integers(1, 4)),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    points_by_code = {code: draw(st.sampled_from([0, 3, 10, 40])) for code in SIGNALS[:-1]} | {"unsubscribe": -10}
    caps = {code: draw(st.sampled_from([None, None, 5, 10, 40])) for code in SIGNALS[:-1]}
    ceiling = st.sampled_from([None, 100, 40])
    timing = st.sampled_from([None, {"engaged_within_days": 30}, {"or_request_within_days": 30}])
    return sound_document(
        gate=draw(st.lists(rows, max_size=2)),
        disqualifiers=[{**row, "points": 0} for row in draw(st.lists(rows, max_size=1))],
        fit=draw(st.lists(rows, max_size=3)),
        bant=draw(st.lists(rows, max_size=1)),
        signals=[signal(code, points_by_code[code], caps.get(code)) for code in SIGNALS],
        paths=[
            path_row(*path_clauses)
            for path_clauses in draw(st.lists(st.lists(clauses, min_size=1, max_size=3), min_size=1, max_size=2))
        ],
        hot=[path_row(draw(clauses))],
        ceilings={name: draw(ceiling) for name in ("fit", "engagement", "bant")},
        timing=draw(timing),
    )


def find_passing(rules: Rules, *signals: str, times: int = PLENTY) -> list[bool]:
    """Return, for each path and then each hot trigger, whether some profile with these events passes it on its own."""
    events = tuple(Event(T, code, asset) for code in signals for asset in range(times))
    behaviour = axes(rules, facts_of([Lead(events)]), [0] * len(PROFILES), [T] * len(PROFILES))
    profiles = axes(rules, FACTS, range(len(PROFILES)), [T] * len(PROFILES))
    leads = replace(
        behaviour, fit=profiles.fit, bant=profiles.bant, gate=profiles.gate, disqualified=profiles.disqualified
    )
    allowed = (leads.gate == 1) & ~leads.disqualified
    regular = [bool((allowed & holds(path, leads) & timely(rules.timing, leads)).any()) for path in rules.paths]
    return regular + [bool((allowed & holds(path, leads)).any()) for path in rules.hot]


@pytest.mark.parametrize("kind", ["any", "low", "no request", "one"])
@settings(max_examples=40, deadline=None)
@given(document=documents())
def test_the_computed_reach_agrees_with_the_engine(kind: str, document: dict[str, Any]) -> None:
    rules = compile_rules(document)
    reaches = lint.compute_reach(document, meanings=MEANINGS)

    if kind == "any":
        assert [reach.reachable for reach in reaches] == find_passing(rules, *SIGNALS[:-1])
    elif kind == "low":
        passing = find_passing(rules, "blog_read", "email_open", "homepage_visit")
        claimed = [reach.by_low_intent_alone for reach in reaches]
        assert [
            is_passed and not reach.without_events for is_passed, reach in zip(passing, reaches, strict=True)
        ] == claimed
    elif kind == "no request":
        assert [reach.without_request for reach in reaches] == find_passing(rules, *SIGNALS[1:-1], "homepage_visit")
    else:
        _check_single_events(rules, reaches)


def _check_single_events(rules: Rules, reaches: tuple[lint.PathReach, ...]) -> None:
    for code in SIGNALS[:-1]:
        passing = find_passing(rules, code, times=1)
        claimed = [code in reach.by_one_event_of for reach in reaches]
        assert [
            is_passed and not reach.without_events for is_passed, reach in zip(passing, reaches, strict=True)
        ] == claimed
