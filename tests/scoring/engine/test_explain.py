"""Explanations: their content, and that they can be frozen as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scoring.engine.bands import Band
from scoring.engine.explanation import Explanation
from scoring.engine.judge import explain
from scoring.engine.rules import (
    AxisClause,
    Catalogue,
    CountClause,
    CriterionRule,
    Inactivity,
    PathRule,
    Rules,
    SignalPoints,
    Timing,
)
from scoring.engine.timeline import DAY, EVER
from tests.scoring.random_companies import facts_of
from tests.scoring.reference import Event, Lead

T = 1_750_000_000_000_000
RULES = Rules(
    gate=(CriterionRule("gate.1", "company.employees", "between", (50, 1000)),),
    disqualifiers=(CriterionRule("disqualifiers.1", "lead.email_domain", "in", ("gmail.com",)),),
    signals=(SignalPoints("demo_request", 50), SignalPoints("email_open", 4, 10), SignalPoints("unsubscribed", -5)),
    paths=(
        PathRule(
            "paths.1",
            "Engaged, with intent",
            (AxisClause("engagement", 50), CountClause(frozenset({"demo_request", "pricing_view"}), 1, 30)),
        ),
    ),
    timing=Timing(14, 7),
    catalogue=Catalogue(engagement=frozenset({"demo_request", "email_open"}), requests=frozenset({"demo_request"})),
)
THRICE = PathRule("hot.0", "Thrice", (CountClause(frozenset({"demo_request"}), 3, 1.0),))
DEMO = PathRule("paths.0", "Demo", (CountClause(frozenset({"demo_request"}), 1, 60),))
PRICE_THRICE = PathRule("hot.0", "Price thrice", (CountClause(frozenset({"pricing_view"}), 3, 1.0),))
#: The path holds for whoever looked at the price, but no engagement meets the timing.
FIFTY_EACH = replace(RULES, signals=(SignalPoints("pricing_view", 50),))
FIT_TOO = PathRule("paths.0", "Fit first", (AxisClause("fit", 0), AxisClause("engagement", 50)))
FIRM = {"company.employees": 120, "lead.email": "ana@firm.example"}


def careers_exclude(days: float | None) -> Rules:
    return replace(RULES, signals=(*RULES.signals, SignalPoints("careers_form", 0, excludes=True, excludes_days=days)))


def unknown_is(policy: str) -> Rules:
    """Return the rules with a policy for unknown values in each criterion."""
    gate, disqualifiers = (
        tuple(replace(row, unknown=policy) for row in rows) for rows in (RULES.gate, RULES.disqualifiers)
    )
    return replace(RULES, gate=gate, disqualifiers=disqualifiers)


def explain_lead(*events: tuple[str, int], rules: Rules = RULES, **attributes: object) -> Explanation:
    """Return the explanation of a lead with these events (age in microseconds) and attributes besides those of a good
    company.
    """
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    lead = Lead(tuple(Event(T - age, signal) for signal, age in events), ((EVER, FIRM | named),))
    return explain(rules, facts_of([Lead((Event(T, "email_open"),)), lead]), 1, T)


@pytest.mark.parametrize(
    ("explanation", "why"),
    [
        (explain_lead(("demo_request", 0), ("email_open", 0)), "Demo request; 54 points, 50 needed."),
        (explain_lead(("demo_request", DAY), ("email_open", 0)), "Demo request a day earlier; 54 points, 50 needed."),
        (
            explain_lead(*[("demo_request", 0)] * 3, rules=replace(RULES, paths=(FIT_TOO,), hot=(THRICE,))),
            "Demo request 3 times; 100 points, 50 needed; hot trigger “Thrice” and path “Fit first”.",
        ),
        (
            explain_lead(*[("demo_request", 0)] * 3, rules=replace(RULES, signals=(), hot=(THRICE,))),
            "Demo request 3 times; hot trigger “Thrice”, enough by itself.",
        ),
        (
            explain_lead(*[("pricing_view", 0)] * 3, rules=replace(FIFTY_EACH, hot=(PRICE_THRICE,))),
            "Pricing view 3 times; hot trigger “Price thrice”, enough by itself.",
        ),
        (
            explain_lead(("demo_request", 0), rules=replace(RULES, hot=(THRICE,))),
            "Demo request; 50 points, 50 needed; path “Engaged, with intent”.",
        ),
        (
            explain_lead(("email_open", 0), rules=replace(RULES, hot=(THRICE,))),
            "4 points, 50 needed; no hot trigger fired.",
        ),
        (explain_lead(("demo_request", 0), lead__email="x@GMAIL.com"), "Excluded: email domain is GMAIL.com."),
        (
            explain_lead(("demo_request", 0), company__employees=1200),
            "Company employees is 1,200; needed: 50 to 1,000.",
        ),
        (
            explain_lead(("demo_request", 0), company__employees=None),
            "Company employees is not known; needed: 50 to 1,000.",
        ),
        (
            explain_lead(("demo_request", 0), company__employees=Band(11, 50)),
            "Company employees is 11-50, which does not tell; needed: 50 to 1,000.",
        ),
        (
            explain_lead(("demo_request", 0), company__employees=None, rules=unknown_is("fail")),
            "Company employees is not known, which counts as failed; needed: 50 to 1,000.",
        ),
        (
            explain_lead(("demo_request", 0), company__employees=None, lead__email=None, rules=unknown_is("hold")),
            "Waits for enrichment: company employees and email domain.",
        ),
        (
            explain_lead(("demo_request", 0), lead__email=None, rules=unknown_is("pass")),
            "Excluded: email domain is not known, which excludes.",
        ),
        (explain_lead(("email_open", 0)), "4 points, 50 needed."),
        (explain_lead(("demo_request", 60_000_000)), "49.999878 points, 50 needed."),
        (
            explain_lead(*[("demo_request", 40 * DAY)] * 2),
            "0 of 1 demo request or pricing view in the last 30 days.",
        ),
        (
            explain_lead(*[("demo_request", 20 * DAY)] * 2),
            "No engagement in the last 14 days and no open request in the last 7 days.",
        ),
        (
            explain_lead(
                ("email_open", 0),
                ("demo_request", 20 * DAY),
                rules=replace(RULES, engaged_by=frozenset({"demo_request"}), paths=(DEMO,)),
            ),
            "No demo request in the last 14 days and no open request in the last 7 days.",
        ),
        (
            explain_lead(("demo_request", 0), ("careers_form", 12 * DAY), rules=careers_exclude(None)),
            "Excluded: careers form 12 days earlier.",
        ),
        (
            explain_lead(("demo_request", 0), ("careers_form", 12 * DAY), rules=careers_exclude(30)),
            "Excluded: careers form 12 days earlier, which counts until the lead is active again after 30 days.",
        ),
        (
            # Time alone brings nobody back: it was active two days after the form, and not since.
            explain_lead(("demo_request", 38 * DAY), ("careers_form", 40 * DAY), rules=careers_exclude(30)),
            "Excluded: careers form 40 days earlier, which counts until the lead is active again after 30 days.",
        ),
        (
            explain_lead(*[("demo_request", 0)] * 2, ("careers_form", 40 * DAY), rules=careers_exclude(30)),
            "Demo request; 100 points, 50 needed.",
        ),
        (explain_lead(rules=replace(RULES, paths=())), "No hot trigger fired, and there is no other path."),
    ],
)
def test_one_sentence_gives_the_decisive_reason(explanation: Explanation, why: str) -> None:
    assert explanation.why == why


def test_attendance_and_question_count_at_the_same_webinar_only() -> None:
    both = CountClause(frozenset({"webinar_attended", "webinar_question"}), 1, 30, same="asset")
    rules = Rules(paths=(PathRule("paths.0", "Asked there", (both,)),))
    here, there = (
        Lead((Event(T - DAY, "webinar_attended", 1), Event(T, "webinar_question", asset))) for asset in (1, 2)
    )

    asked_here, asked_elsewhere = (explain(rules, facts_of([lead]), 0, T) for lead in (here, there))

    assert asked_here.meets
    assert not asked_elsewhere.meets
    assert asked_elsewhere.why == "0 of 1 assets with webinar attended and webinar question in the last 30 days."


def test_a_checklist_says_what_happened_without_points() -> None:
    checklist = replace(RULES, signals=(), paths=(PathRule("paths.1", "Asked", (RULES.paths[0].clauses[1],)),))

    assert (
        explain_lead(("pricing_view", 3 * DAY), ("demo_request", 5 * DAY), rules=checklist).why
        == "Pricing view 3 days earlier."
    )


def test_contributions_show_count_decayed_sum_and_what_the_cap_left() -> None:
    explanation = explain_lead(("demo_request", 30 * DAY), *[("email_open", 0)] * 3, ("unsubscribed", 60 * DAY))

    assert [(c.signal, c.count, c.decayed, c.contributes) for c in explanation.contributions] == [
        ("demo_request", 1, 45.0, 45.0),
        ("email_open", 3, 12.0, 10.0),
        ("unsubscribed", 1, -5.0, -5.0),
    ]
    assert (explanation.engagement.raw, explanation.engagement.value) == (50.0, 50.0)


def test_points_that_a_later_opt_in_ended_are_shown_with_its_instant() -> None:
    ending = replace(RULES.catalogue, endings=frozenset({("opt_in", "unsubscribed")}))
    explanation = explain_lead(
        ("demo_request", 0),
        *[("unsubscribed", 60 * DAY)] * 2,
        ("opt_in", 30 * DAY),
        ("unsubscribed", 10 * DAY),
        rules=replace(RULES, catalogue=ending),
    )

    contribution = explanation.contributions[2]
    assert (contribution.count, contribution.ended, contribution.contributes) == (3, 2, -5.0)
    assert (contribution.ended_at, contribution.ended_by) == (explanation.at - 30 * DAY, "opt_in")
    assert [(event.signal, event.points) for event in explanation.events] == [
        ("demo_request", 50.0),
        ("unsubscribed", -5.0),
    ]
    assert explanation.as_dict()["contributions"][2]["ended_at"].endswith("+00:00")


def test_penalty_and_ceiling_are_shown_apart() -> None:
    rules = replace(RULES, inactivity=Inactivity(10, 3), ceilings={"fit": 100, "engagement": 60, "bant": 100})

    engagement = explain_lead(*[("demo_request", 45 * DAY)] * 2, rules=rules).engagement

    assert (engagement.raw, engagement.penalty, engagement.value) == (85.381497, 3.0, 60.0)


def test_events_come_newest_first_with_their_place_in_the_facts_and_a_limit() -> None:
    explanation = explain_lead(
        *[("email_open", age * DAY) for age in range(60)], ("pricing_view", 0), ("demo_request", -1)
    )

    assert (len(explanation.events), explanation.events_total) == (50, 60)
    newest, second = explanation.events[:2]
    assert (newest.signal, newest.at, newest.points) == ("email_open", T, 4.0)
    assert (second.at, second.points) == (T - DAY, 3.985977)
    # The first lead's event is number 0; this lead's oldest is number 1.
    assert explanation.events[-1].index == 1 + 10


def test_every_clause_states_what_was_found_and_needed() -> None:
    points, count = explain_lead(("demo_request", DAY), ("email_open", 0)).paths[0].clauses

    assert (points.found, points.clause.at_least, points.held) == (53.824707, 50, True)
    assert (count.found, count.held, count.last_at, count.last_signal) == (1, True, T - DAY, "demo_request")


def test_timing_tells_how_long_ago() -> None:
    timing = explain_lead(("demo_request", 10 * DAY), ("email_open", DAY // 2)).timing

    assert (timing.held, timing.engaged_days_ago, timing.open_request_days_ago) == (True, 0.5, 10.0)
    assert explain_lead().timing.engaged_days_ago is None


def test_answers_show_the_value_seen_even_if_it_was_derived() -> None:
    explanation = explain_lead(("demo_request", 0), lead__email="x@gmail.com")

    assert explanation.disqualified_by == ("disqualifiers.1",)
    assert [(a.seen, a.verdict) for a in explanation.disqualifier_answers] == [("gmail.com", "pass")]
    assert [(a.seen, a.verdict) for a in explanation.gate_answers] == [(120, "pass")]


def test_an_explanation_survives_json() -> None:
    explanation = explain_lead(("demo_request", 0), company__employees=Band(51, 200), lead__custom__x=float("nan"))

    frozen = json.loads(json.dumps(explanation.as_dict(), allow_nan=False))

    assert frozen["at"] == "2025-06-15T15:06:40+00:00"
    assert frozen["events"][0]["at"] == frozen["at"]
    assert frozen["gate_answers"][0]["seen"] == "51-200"
    assert frozen["paths"][0]["clauses"][1]["clause"]["signals"] == ["demo_request", "pricing_view"]


def test_a_nan_that_was_asked_about_is_frozen_as_unknown() -> None:
    rules = replace(RULES, gate=(CriterionRule("gate.1", "lead.custom.x", "at_least", 1),))

    frozen = explain_lead(rules=rules, lead__custom__x=float("nan")).as_dict()

    assert (frozen["gate"], frozen["gate_answers"][0]["seen"]) == ("unknown", None)
