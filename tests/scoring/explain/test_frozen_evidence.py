from __future__ import annotations

from scoring.explain import frozen_evidence
from scoring.explain.frozen_evidence import EvidenceLine

DOCUMENT = {
    "fit": {"raw": 70, "penalty": 0, "ceiling": 100, "value": 70},
    "engagement": {"raw": 130, "penalty": 0, "ceiling": None, "value": 130},
    "gate_answers": [
        {
            "criterion": {"key": "gate.1", "field": "company.employees", "op": "between", "value": [50, 1000]},
            "seen": "51-200",
            "verdict": "pass",
        },
        {
            "criterion": {"field": "company.industry", "op": "in", "value": ["Logistics"]},
            "seen": None,
            "verdict": "unknown",
        },
    ],
    "paths": [
        {
            "name": "Engaged",
            "held": True,
            "clauses": [
                {"clause": {"axis": "fit+engagement", "at_least": 100}, "found": 200, "held": True},
                {
                    "clause": {"signals": ["demo_request", "pricing_view"], "at_least": 2, "within_days": 30},
                    "found": 1,
                    "held": False,
                },
            ],
        }
    ],
    "timing": {
        "engaged_within_days": 30,
        "engaged_days_ago": 0.25,
        "or_request_within_days": 90,
        "open_request_days_ago": None,
    },
    "contributions": [
        {"signal": "email_open", "count": 9, "decayed": 17.0, "contributes": 10.0, "cap": 10},
        {"signal": "demo_request", "count": 1, "decayed": 50.0, "contributes": 50.0, "cap": None},
        {"signal": "blog_read", "count": 0, "decayed": 0.0, "contributes": 0.0, "cap": None},
    ],
}


def test_criteria_say_what_was_seen_and_what_was_needed() -> None:
    assert frozen_evidence.read_evidence(DOCUMENT).gate == [
        EvidenceLine("Company employees: 51-200", "pass", "needed: 50 to 1,000"),
        EvidenceLine("Company industry: not known", "unknown", "needed: Logistics"),
    ]


def test_clauses_read_as_sentences() -> None:
    way = frozen_evidence.read_evidence(DOCUMENT).paths[0]

    assert (way.name, way.verdict) == ("Engaged", "pass")
    assert way.clauses == [
        EvidenceLine("Fit + engagement of at least 100", "pass", "was 200"),
        EvidenceLine("At least 2 of Demo request, Pricing view, in the last 30 days", "fail", "was 1"),
    ]


def test_contributions_come_largest_first_without_those_of_no_event() -> None:
    contributions = frozen_evidence.read_evidence(DOCUMENT).contributions

    assert [(row.signal, row.count, row.note) for row in contributions] == [
        ("Demo request", 1, ""),
        ("Email open", 9, "limited to 10"),
    ]


def test_a_contribution_says_by_what_and_when_it_was_ended() -> None:
    row = {
        "signal": "unsubscribe",
        "count": 1,
        "decayed": 0.0,
        "contributes": 0.0,
        "cap": None,
        "ended": 1,
        "ended_at": "2026-03-03T09:00:00+00:00",
        "ended_by": "newsletter_signup",
    }

    whole, part, undated = frozen_evidence.read_evidence(
        {"contributions": [row, row | {"count": 3}, row | {"ended_at": None}]}
    ).contributions

    assert whole.note == "ended by the newsletter signup of 3 March 2026"
    assert part.note == "1 ended by the newsletter signup of 3 March 2026"
    assert undated.note == "ended by the newsletter signup"


def test_timing_tells_how_long_ago() -> None:
    assert [(line.verdict, line.note) for line in frozen_evidence.read_evidence(DOCUMENT).timing] == [
        ("pass", "less than a day ago"),
        ("not needed", "never"),
    ]


def test_an_axis_without_ceiling_is_drawn_to_the_next_hundred() -> None:
    assert [(axis.value, axis.ceiling) for axis in frozen_evidence.read_evidence(DOCUMENT).axes] == [
        (70, 100),
        (130, 200),
    ]


def test_evidence_of_another_shape_is_read_as_far_as_possible() -> None:
    for document in (None, 3, "x", [], {"paths": 3, "fit": [], "gate_answers": [1], "contributions": [{"count": 1}]}):
        assert frozen_evidence.read_evidence(document).paths == []


def test_failed_paths_are_not_needed_once_another_path_held() -> None:
    clauses = [{"clause": {"axis": "bant", "at_least": 50}, "found": 10, "held": False}]
    other = {"name": "BANT", "held": False, "clauses": clauses}

    both, alone = (
        frozen_evidence.read_evidence({"paths": paths}).paths for paths in ([*DOCUMENT["paths"], other], [other])
    )

    assert [way.verdict for way in both] == ["pass", "not needed"]
    assert both[1].clauses[0].verdict == "not needed"
    assert [alone[0].verdict, alone[0].clauses[0].verdict] == ["fail", "fail"]


def test_a_verdict_that_is_none_of_the_three_reads_as_unknown() -> None:
    answer = DOCUMENT["gate_answers"][0] | {"verdict": None}

    evidence = frozen_evidence.read_evidence(DOCUMENT | {"gate_answers": [answer]})

    assert [line.verdict for line in evidence.gate] == ["unknown"]


def test_what_a_lead_waits_for_and_a_signal_that_excludes_it_are_shown() -> None:
    criterion = {"key": "disqualifiers.0", "field": "company.business_model", "op": "in", "value": ["Agency"]}
    waiting = {"criterion": criterion | {"unknown": "hold"}, "seen": None, "verdict": "unknown"}
    careers = {"signal": "careers_form", "within_days": 30.0, "held": True, "last_at": None}

    evidence = frozen_evidence.read_evidence({"disqualifier_answers": [waiting], "exclusions": [careers]})

    assert evidence.gate == [EvidenceLine("Company business model: not known", "unknown", "waits for enrichment")]
    assert evidence.disqualifiers == [EvidenceLine("Careers form", "pass", "until active again after 30 days")]
