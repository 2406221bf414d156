from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from scoring.comparisons import evidence_comparison
from scoring.engine.judge import explain
from scoring.engine.rules import (
    AxisClause,
    Catalogue,
    CountClause,
    CriterionRule,
    PathRule,
    Rules,
    SignalPoints,
    Timing,
)
from tests.scoring.random_companies import START, facts_of
from tests.scoring.reference import DAY, Event, Lead

TITLE = CriterionRule("fit.0", "lead.title", "in", ("CFO",), 20)
LISTED = CriterionRule("disqualifiers.0", "lead.email_domain", "in_list", "rivals")
RULES = Rules(
    fit=(TITLE,),
    disqualifiers=(LISTED,),
    signals=(SignalPoints("pricing", 30),),
    paths=(
        PathRule("paths.0", "Engaged", (AxisClause("fit+engagement", 40), CountClause(frozenset({"pricing"}), 1, 30))),
    ),
    timing=Timing(10, None),
    catalogue=Catalogue(engagement=frozenset({"pricing"})),
    lists={"rivals": frozenset()},
)
ATTRIBUTES = {"lead.title": "CFO", "lead.email_domain": "firm.example"}
LEAD = Lead((Event(START, "pricing"),), ((START, ATTRIBUTES),))


def change_since(rules: Rules, lead: Lead = LEAD) -> str:
    """Return the change between the evidence by RULES, as it is stored, and the explanation by other rules or facts."""
    evidence: dict[str, Any] = json.loads(json.dumps(explain(RULES, facts_of([LEAD]), 0, START + DAY).as_dict()))
    assert evidence["meets"]
    return evidence_comparison.find_change(evidence, rules, facts_of([lead]), START + DAY)


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (
            replace(RULES, fit=(replace(TITLE, value=("CEO",)),)),
            "The rule about title asked for “CFO” when it was judged, and does for “CEO” now.",
        ),
        (
            replace(RULES, fit=(replace(TITLE, points=5),)),
            "The rule about title gave 20 points when it was judged, and gives 5 now.",
        ),
        (
            replace(RULES, signals=(SignalPoints("pricing", 30, cap=10),)),
            "Pricing gave 30 points when it was judged, and gives 30 points up to 10 now.",
        ),
        (
            replace(RULES, paths=(replace(RULES.paths[0], clauses=(AxisClause("fit+engagement", 90),)),)),
            (
                "The path “Engaged” asked for 40 points of fit+engagement and 1 of pricing in 30 days when it was judged,"
                " and asks for 90 points of fit+engagement now."
            ),
        ),
        (
            replace(RULES, timing=Timing(0.5, None)),
            "An engagement counted for 10 days when it was judged, and counts for 0.5 days now.",
        ),
        (
            replace(RULES, lists={"rivals": frozenset({"example"})}),
            "firm.example was not covered by the list “rivals” when it was judged, and is now.",
        ),
        (
            replace(RULES, catalogue=Catalogue()),
            "The signal “Pricing” counted as engagement when it was judged, and does not now.",
        ),
        # What turns no answer is no cause.
        (replace(RULES, fit=(replace(TITLE, value=("CFO", "CEO")),)), ""),
        (replace(RULES, timing=Timing(11, None)), ""),
        (RULES, ""),
    ],
)
def test_what_turned_an_answer_is_named_as_it_was_and_is(rules: Rules, sentence: str) -> None:
    assert change_since(rules) == sentence


def test_a_value_that_was_corrected_in_place_is_named() -> None:
    corrected = replace(LEAD, rows=((START, {**ATTRIBUTES, "lead.title": "Student"}),))

    assert change_since(RULES, corrected) == "Title was CFO when it was judged, and is Student by what is known now."


@pytest.mark.parametrize("evidence", [{}, {"fit_answers": [{}, 3], "paths": 7, "timing": None, "contributions": [{}]}])
def test_evidence_of_another_form_tells_nothing(evidence: dict[str, Any]) -> None:
    assert evidence_comparison.find_change(evidence, RULES, facts_of([LEAD]), START + DAY) == ""
