"""The kinds of change with their words and effects; effects are compared with the engine."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions import diff
from definitions.diff import Effect
from scoring.engine.judge import judge
from scoring.engine.timeline import DAY, EVER
from tests.definitions.documents import criterion
from tests.definitions.lint_cases import NAMES, axis, compile_rules, count, path_row, signal, sound_document
from tests.scoring.random_companies import facts_of
from tests.scoring.reference import Event, Lead

T = 1_750_000_000_000_000
EMPLOYEES = criterion("company.employees", "between", [50, 500], points=40)
COUNTRY = criterion("company.country", "in", ["US", "CA"], points=10)
BASE: dict[str, Any] = {
    "gate": [
        criterion("company.employees", "between", [50, 500]),
        criterion("company.country", "not_in", ["FR", "DE"]),
    ],
    "fit": [COUNTRY, criterion("lead.seniority", "at_least", "director", points=-5)],
    "disqualifiers": [criterion("lead.title", "contains_any", ["intern", "student"])],
    "signals": [signal("demo_request", 30), signal("pricing_view", 10, 20), signal("unsubscribe", -10, -20)],
    "paths": [
        path_row(axis("fit+engagement", 40), count("pricing_view", "blog_read", n=2), name="Engaged"),
        path_row(count("pricing_view", n=3, days=7, within_hours_of_each_other=24), name="Often"),
    ],
    "timing": {"engaged_within_days": 30, "or_request_within_days": 60},
    "inactivity": {"after_days": 20, "points": 5, "per_days": 10},
    "ceilings": {"fit": 50, "engagement": 60, "bant": 100},
}


def at(document: dict[str, Any], *path: str | int, value: Any) -> dict[str, Any]:
    changed = deepcopy(document)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    if value is None and isinstance(inner, list):
        inner.pop(path[-1])
    elif path[-1] == "+":
        inner.append(value)
    else:
        inner[path[-1]] = value
    return changed


CASES: list[tuple[str, tuple[str | int, ...], Any]] = [
    ("looser", ("gate", 0, "value"), [40, 500]),
    ("looser", ("gate", 0, "value"), [50, None]),
    ("tighter", ("gate", 0, "value"), [60, 400]),
    ("unclear", ("gate", 0, "value"), [60, 600]),
    ("looser", ("gate", 0), None),
    ("tighter", ("gate", "+"), criterion("company.country", "in", ["US"])),
    ("looser", ("gate", 1, "value"), ["FR"]),
    ("tighter", ("gate", 1, "value"), ["FR", "DE", "IT"]),
    ("neither", ("gate", 1, "rationale"), "Said better."),
    ("looser", ("disqualifiers", 0), None),
    ("tighter", ("disqualifiers", 0, "value"), ["intern", "student", "trainee"]),
    ("looser", ("disqualifiers", 0, "value"), ["intern"]),
    ("neither", ("gate", 0, "unknown"), "hold"),
    ("tighter", ("disqualifiers", 0, "unknown"), "hold"),
    ("tighter", ("disqualifiers", 0, "unknown"), "fail"),
    ("tighter", ("fit", 0, "unknown"), "hold"),
    ("neither", ("fit", 0, "unknown"), "fail"),
    ("looser", ("fit", 0, "points"), 15),
    ("tighter", ("fit", 0, "points"), 5),
    ("looser", ("fit", 0, "value"), ["US", "CA", "GB"]),
    ("looser", ("fit", 1, "points"), -3),
    ("looser", ("fit", 1, "value"), "vp"),
    ("looser", ("fit", 1), None),
    ("tighter", ("fit", 0), None),
    ("neither", ("bant", "+"), EMPLOYEES),
    ("looser", ("signals", 1, "cap"), 30),
    ("looser", ("signals", 1, "cap"), None),
    ("tighter", ("signals", 1, "cap"), 15),
    ("looser", ("signals", 1, "points"), 12),
    ("tighter", ("signals", "+"), signal("email_open", 0, disqualifies={"within_days": 30})),
    ("tighter", ("paths", 0, "clauses", 1, "same"), "asset"),
    ("looser", ("signals", 2, "cap"), -15),
    ("tighter", ("signals", 2, "cap"), None),
    ("unclear", ("signals", 2), None),
    ("looser", ("signals", "+"), signal("blog_read", 5)),
    ("tighter", ("signals", 0), None),
    ("neither", ("signals", 1, "cap_rationale"), "Said better."),
    ("neither", ("signals", 0, "rationale"), "Said better."),
    ("neither", ("paths", 0, "clauses", 0, "rationale"), "Said better."),
    ("neither", ("timing", "rationale"), "Said better."),
    ("neither", ("decay", "rationale"), "Said better."),
    ("looser", ("paths", 0, "clauses", 0, "at_least"), 30),
    ("tighter", ("paths", 0, "clauses", 0, "at_least"), 50),
    ("looser", ("paths", 0, "clauses", 1), None),
    ("looser", ("paths", 0, "clauses", 1, "count_of"), ["pricing_view", "blog_read", "email_open"]),
    ("looser", ("paths", 0, "clauses", 1, "within_days"), 60),
    ("looser", ("paths", 1, "clauses", 0, "within_hours_of_each_other"), 48),
    ("neither", ("paths", 0, "rationale"), "Said better."),
    ("tighter", ("paths", 1), None),
    ("looser", ("hot", "+"), path_row(count("demo_request"))),
    ("looser", ("timing",), None),
    ("looser", ("timing", "engaged_within_days"), 31),
    ("unclear", ("timing", "engaged_by"), ["pricing_view"]),
    ("tighter", ("timing", "or_request_within_days"), None),
    ("looser", ("decay", "percent"), 5),
    ("looser", ("decay", "per_days"), 60),
    ("unclear", ("decay", "mode"), "linear"),
    ("looser", ("decay", "mode"), "none"),
    ("looser", ("inactivity",), None),
    ("tighter", ("inactivity", "points"), 8),
    ("looser", ("ceilings", "engagement"), None),
    ("tighter", ("ceilings", "fit"), 5),
    ("neither", ("ceilings", "bant"), 5),
    ("neither", ("tier_3_below",), {"axis": "engagement", "less_than": 45}),
    ("neither", ("statement",), "In other words."),
    ("neither", ("sal_rate_target",), 0.75),
    ("neither", ("mql_to_sql",), {"low": 0.3, "high": 0.4, "rationale": "Few come."}),
]


def find_single_change(path: tuple[str | int, ...], value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    before = sound_document(**BASE)
    return before, at(before, *path, value=value)


@pytest.mark.parametrize(("effect", "path", "value"), CASES)
def test_every_change_has_its_effect(effect: str, path: tuple[str | int, ...], value: Any) -> None:
    [change] = diff.find_changes(*find_single_change(path, value), NAMES)

    assert change.effect == effect
    # Whoever reads it sees what differs.
    assert change.before != change.after
    assert diff.any_may_loosen([change]) is (effect in ("looser", "unclear"))


@pytest.mark.parametrize(("effect", "path", "value"), CASES)
def test_the_reverse_change_has_the_reverse_effect(effect: str, path: tuple[str | int, ...], value: Any) -> None:
    before, after = find_single_change(path, value)

    [change] = diff.find_changes(after, before, NAMES)

    assert change.effect == Effect(effect).reversed


def test_changed_timing_is_a_sentence_in_both_columns() -> None:
    [change] = diff.find_changes(
        *find_single_change(("timing",), {"engaged_within_days": 14, "or_request_within_days": None}), NAMES
    )

    assert change.before.startswith("Must have been active in the last 30 days or an open request")
    assert change.after == "Must have been active in the last 14 days"
    [removed] = diff.find_changes(*find_single_change(("timing",), None), NAMES)
    assert removed.after == ""


def test_equal_documents_have_no_changes() -> None:
    assert diff.find_changes(sound_document(**BASE), sound_document(**BASE), NAMES) == ()


def test_version_numbers_and_row_order_are_ignored() -> None:
    before = sound_document(**BASE)
    after = before | {"version": "1.1", "signals": before["signals"][::-1], "gate": before["gate"][::-1]}

    assert diff.find_changes(before, after, NAMES) == ()


def test_changes_are_described_in_words() -> None:
    before = sound_document(**BASE)
    after = at(before, "paths", 0, "clauses", 0, "at_least", value=30)
    after = at(after, "signals", 1, "cap", value=None)
    after = at(after, "gate", 1, value=None)

    changes = diff.find_changes(before, after, NAMES)

    assert [(change.part, change.kind, change.label, change.before, change.after) for change in changes] == [
        ("Gate", "removed", "Company country", "Company country is none of FR or DE", ""),
        ("Signals", "changed", "Pricing page", "10 points each, at most 20 in all", "10 points each"),
        (
            "Path: Engaged",
            "changed",
            "Clause",
            "At least 40 points of fit and engagement together",
            "At least 30 points of fit and engagement together",
        ),
    ]
    assert changes[0].rationale == "Because."


def test_a_renamed_path_is_matched_by_its_clauses() -> None:
    before = sound_document(**BASE)

    [change] = diff.find_changes(before, at(before, "paths", 0, "name", value="Warm"), NAMES)

    assert (change.part, change.label, change.effect) == ("Path: Warm", "Name and rationale", "neither")


# Comparison with the engine

VALUES: dict[str, tuple[object, ...]] = {
    "company.employees": (None, 45.0, 50.0, 55.0, 450.0, 600.0),
    "company.country": (None, "US", "GB", "DE", "IT"),
    "lead.seniority": (None, "manager", "director", "vp"),
    "lead.title": (None, "Intern", "Student", "Trainee", "CEO"),
}
events = st.builds(
    lambda code, days: Event(T - days * DAY, code),
    st.sampled_from(["demo_request", "pricing_view", "pricing_view", "blog_read", "email_open", "unsubscribe"]),
    st.sampled_from([0, 0, 1, 2, 5, 8, 29, 31, 45, 59, 61]),
)
profiles = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
leads = st.builds(lambda did, profile: Lead(tuple(did), ((EVER, profile),)), st.lists(events, max_size=8), profiles)


@settings(max_examples=12, deadline=None)
@given(world=st.lists(leads, min_size=20, max_size=40))
def test_looser_changes_lose_no_lead_and_tighter_changes_gain_none(world: list[Lead]) -> None:
    facts, positions = facts_of(world), range(len(world))

    def meets(document: dict[str, Any]) -> Any:
        return judge(compile_rules(document), facts, positions, [T] * len(world)).meets

    before = meets(sound_document(**BASE))
    for effect, path, value in CASES:
        after = meets(find_single_change(path, value)[1])
        assert effect not in ("looser", "neither") or not (before & ~after).any(), path
        assert effect not in ("tighter", "neither") or not (after & ~before).any(), path
