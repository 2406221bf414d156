"""What linting claims about paths, held against the engine: every profile there is, with as many events as anybody could want."""

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
from tests.definitions.lint_cases import MEANINGS, axis, compiled, count, signal, sound, way
from tests.scoring.random_companies import facts_of
from tests.scoring.reference import Event, Lead

T = 1_750_000_000_000_000
#: Of each signal: enough for any threshold below.
PLENTY = 60
SIGNALS = ("demo_request", "pricing_view", "blog_read", "email_open", "unsubscribe")
#: All that the generated rows can tell apart.
VALUES: dict[str, tuple[object, ...]] = {
    "company.employees": (None, 9.0, 10.0, 49.0, 50.0, 75.0, 100.0, 101.0),
    "company.country": (None, "US", "CA", "GB", "elsewhere"),
    "lead.seniority": (None, "intern", "manager", "director", "vp"),
    "company.technologies": (None, ("CRM",), ("ERP",), ("CRM", "ERP"), ("other",)),
    "company.is_customer": (None, True, False),
}
PROFILES = [dict(zip(VALUES, each, strict=True)) for each in product(*VALUES.values())]
#: Profiles and events know nothing of each other, so each is measured by itself.
FACTS = facts_of([Lead((), ((EVER, profile),)) for profile in PROFILES])

points = st.sampled_from([5, 10, 20, 40])
between = st.tuples(st.sampled_from([None, 10]), st.sampled_from([50, 100]))
countries = st.sets(st.sampled_from(["US", "CA", "GB"]), min_size=1)
asked: list[tuple[str, str, st.SearchStrategy[Any]]] = [
    ("company.employees", "between", between.map(list)),
    ("company.employees", "at_least", st.sampled_from([10, 50, 100])),
    ("company.country", "in", countries.map(sorted)),
    ("company.country", "not_in", countries.map(sorted)),
    ("lead.seniority", "at_least", st.sampled_from(["manager", "director", "vp"])),
    ("lead.seniority", "at_most", st.sampled_from(["intern", "manager", "director"])),
    ("company.technologies", "has_any", st.sampled_from(["CRM", "ERP"]).map(lambda value: [value])),
    ("company.is_customer", "is", st.booleans()),
]
questions = st.one_of([st.tuples(st.just(field), st.just(op), value) for field, op, value in asked])
rows = st.builds(lambda question, gives: criterion(*question, points=gives), questions, points)
thresholds = st.sampled_from([0, 10, 20, 30, 40, 60, 100, 120])
counted = st.sets(st.sampled_from(SIGNALS[:-1]), min_size=1, max_size=3)
clauses = st.one_of(
    st.builds(axis, st.sampled_from(["fit", "engagement", "bant", "fit+engagement"]), thresholds),
    st.builds(lambda signals, n: count(*sorted(signals), n=n), counted, st.integers(1, 4)),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    worth = {code: draw(st.sampled_from([0, 3, 10, 40])) for code in SIGNALS[:-1]} | {"unsubscribe": -10}
    caps = {code: draw(st.sampled_from([None, None, 5, 10, 40])) for code in SIGNALS[:-1]}
    ceiling = st.sampled_from([None, 100, 40])
    timing = st.sampled_from([None, {"engaged_within_days": 30}, {"or_request_within_days": 30}])
    return sound(
        gate=draw(st.lists(rows, max_size=2)),
        disqualifiers=[{**row, "points": 0} for row in draw(st.lists(rows, max_size=1))],
        fit=draw(st.lists(rows, max_size=3)),
        bant=draw(st.lists(rows, max_size=1)),
        signals=[signal(code, worth[code], caps.get(code)) for code in SIGNALS],
        paths=[
            way(*each) for each in draw(st.lists(st.lists(clauses, min_size=1, max_size=3), min_size=1, max_size=2))
        ],
        hot=[way(draw(clauses))],
        ceilings={name: draw(ceiling) for name in ("fit", "engagement", "bant")},
        timing=draw(timing),
    )


def passing(rules: Rules, *signals: str, times: int = PLENTY) -> list[bool]:
    """Of each path, then each hot trigger: whether some profile with these events comes through it by itself."""
    events = tuple(Event(T, code, asset) for code in signals for asset in range(times))
    did = axes(rules, facts_of([Lead(events)]), [0] * len(PROFILES), [T] * len(PROFILES))
    are = axes(rules, FACTS, range(len(PROFILES)), [T] * len(PROFILES))
    seen = replace(did, fit=are.fit, bant=are.bant, gate=are.gate, disqualified=are.disqualified)
    allowed = (seen.gate == 1) & ~seen.disqualified
    regular = [bool((allowed & holds(each, seen) & timely(rules.timing, seen)).any()) for each in rules.paths]
    return regular + [bool((allowed & holds(each, seen)).any()) for each in rules.hot]


@pytest.mark.parametrize("kind", ["any", "low", "no request", "one"])
@settings(max_examples=40, deadline=None)
@given(document=documents())
def test_a_claim_about_a_path_is_what_the_engine_finds(kind: str, document: dict[str, Any]) -> None:
    rules = compiled(document)
    ways = lint.compute_reach(document, meanings=MEANINGS)

    if kind == "any":
        assert [each.reachable for each in ways] == passing(rules, *SIGNALS[:-1])
    elif kind == "low":
        found = passing(rules, "blog_read", "email_open", "homepage_visit")
        claimed = [each.by_low_intent_alone for each in ways]
        assert [held and not each.without_events for held, each in zip(found, ways, strict=True)] == claimed
    elif kind == "no request":
        assert [each.without_request for each in ways] == passing(rules, *SIGNALS[1:-1], "homepage_visit")
    else:
        _one_event(rules, ways)


def _one_event(rules: Rules, ways: tuple[lint.PathReach, ...]) -> None:
    for code in SIGNALS[:-1]:
        found = passing(rules, code, times=1)
        claimed = [code in each.by_one_event_of for each in ways]
        assert [held and not each.without_events for held, each in zip(found, ways, strict=True)] == claimed
