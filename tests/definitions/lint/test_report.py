"""The lint rules of rules 9.3 to 9.6: documents that fire them, documents that just do not, and their sentences."""

from __future__ import annotations

from typing import Any

import pytest

from definitions import lint, signals_and_lists
from definitions.lint.change_checks import reads_like_volume
from tests.definitions.documents import criterion, load_reference, minimal_document
from tests.definitions.lint_cases import (
    MEANINGS,
    NAMES,
    axis,
    complete_document,
    count,
    find_findings,
    finding_codes,
    path_row,
    signal,
    sound_document,
)

EMPLOYEES = criterion("company.employees", "between", [50, 500], points=40)
INDUSTRY = criterion("company.industry", "in", ["SaaS"], points=30)
LOW = ("blog_read", "email_open")
HOT = path_row(count("pricing_view", n=3), name="Price thrice")


def criteria(number: int) -> list[dict[str, Any]]:
    return [criterion(f"lead.custom.answer {index}", "in", ["yes"]) for index in range(number)]


def statement(word_count: int) -> str:
    return " ".join(["word"] * word_count)


def test_a_sound_definition_has_no_finding() -> None:
    assert finding_codes(sound_document()) == {}


def test_the_definition_of_the_demo_has_no_error() -> None:
    assert finding_codes(complete_document(load_reference())) == {
        "timing.none": "warning",
        "advice.two_actions": "advice",
    }


def test_a_hand_raise_with_gate_and_timing_has_no_error_and_without_them_only_warnings() -> None:
    bare = complete_document(minimal_document())

    assert finding_codes(bare).pop("kind.not_said") == "advice"
    assert "error" not in finding_codes(bare).values()
    assert finding_codes(sound_document(signals=[], paths=[path_row(count("demo_request", "contact_request"))])) == {}


def test_a_checklist_needs_no_points() -> None:
    assert (
        "error"
        not in finding_codes(
            sound_document(signals=[], paths=[path_row(count("pricing_view", "webinar_attended", n=2))])
        ).values()
    )


FIRES: list[tuple[str, str, dict[str, Any]]] = [
    ("loose.single_action", "error", {"paths": [path_row(count("ebook_download"))]}),
    (
        "loose.single_action",
        "error",
        {"signals": [signal("webinar_attended", 40)], "paths": [path_row(axis("engagement", 40))]},
    ),
    ("loose.single_action", "error", {"fit": [EMPLOYEES], "paths": [path_row(axis("fit+engagement", 50))]}),
    ("loose.single_action", "warning", {"hot": [path_row(count("pricing_view"))]}),
    ("loose.single_action", "warning", {"motion": "pql", "paths": [path_row(count("usage_limit_reached"))]}),
    ("loose.low_intent", "error", {"paths": [path_row(count(*LOW, n=5))]}),
    ("loose.low_intent", "error", {"signals": [signal("blog_read", 5)], "paths": [path_row(axis("engagement", 90))]}),
    (
        "loose.low_intent",
        "error",
        {
            "signals": [signal("blog_read", 5, 25), signal("email_open", 2, 15)],
            "paths": [path_row(axis("engagement", 40))],
        },
    ),
    ("loose.fit_does_not_gate", "error", {"gate": [], "paths": [path_row(count("pricing_view", n=2))]}),
    # The capped points reach the threshold only with a request among them.
    ("loose.fit_does_not_gate", "warning", {"gate": []}),
    (
        "loose.fit_does_not_gate",
        "error",
        {
            "gate": [],
            "fit": [EMPLOYEES],
            "signals": [signal("pricing_view", 20)],
            "paths": [path_row(axis("fit+engagement", 100))],
        },
    ),
    ("loose.fit_does_not_gate", "warning", {"gate": [], "paths": [path_row(count("demo_request"))]}),
    (
        "fit.by_points_only",
        "advice",
        {"gate": [], "fit": [EMPLOYEES], "paths": [path_row(axis("fit", 40), axis("engagement", 40))]},
    ),
    ("no_behavioural_component", "error", {"fit": [EMPLOYEES], "paths": [path_row(axis("fit", 40))]}),
    ("no_behavioural_component", "error", {"paths": []}),
    ("no_behavioural_component", "error", {"paths": [path_row()]}),
    (
        "path.unreachable",
        "error",
        {"fit": [EMPLOYEES, INDUSTRY], "paths": [path_row(axis("fit", 71), axis("engagement", 40))]},
    ),
    (
        "path.unreachable",
        "error",
        {"signals": [signal("pricing_view", 20, 39)], "paths": [path_row(axis("engagement", 40))]},
    ),
    ("path.unreachable", "error", {"paths": [path_row(axis("engagement", 101), count("demo_request"))]}),
    ("path.unreachable", "error", {"paths": [path_row(axis("bant", 1))]}),
    ("hot.unreachable", "warning", {"hot": [path_row(axis("fit", 1))]}),
    (
        "tight.unreachable",
        "warning",
        {
            "paths": [
                path_row(
                    *(count(code) for code in ("trial_signup", "pricing_view", "calculator_used", "comparison_guide"))
                )
            ]
        },
    ),
    (
        "gate.contradictory",
        "error",
        {"gate": [criterion("company.employees", "at_least", 51), criterion("company.employees", "at_most", 50)]},
    ),
    (
        "gate.contradictory",
        "error",
        {"gate": [criterion("company.country", "in", ["US"]), criterion("company.country", "not_in", [" us "])]},
    ),
    (
        "gate.contradictory",
        "error",
        {"gate": [criterion("lead.seniority", "at_most", "manager"), criterion("lead.seniority", "in", ["director"])]},
    ),
    (
        "gate.contradictory",
        "error",
        {
            "gate": [criterion("lead.title", "in", ["Intern"])],
            "disqualifiers": [criterion("lead.title", "has_word_any", ["intern"])],
        },
    ),
    ("vague.no_values", "warning", {"gate": [criterion("company.industry", "known", True)]}),
    ("vague.no_range", "warning", {"gate": [criterion("company.employees", "at_least", 1)]}),
    ("vague.no_range", "warning", {"gate": [criterion("lead.seniority", "at_least", "intern")]}),
    ("timing.none", "warning", {"timing": None}),
    (
        "timing.nothing_ages",
        "error",
        {"timing": None, "decay": None, "paths": [path_row(count("pricing_view", n=2, days=None))]},
    ),
    (
        "timing.nothing_ages",
        "warning",
        {"timing": None, "decay": None, "paths": [path_row(count("demo_request", days=None))]},
    ),
    ("complex.many_criteria", "warning", {"gate": criteria(15)}),
    ("complex.many_criteria", "error", {"gate": criteria(40)}),
    ("complex.one_screen", "warning", {"gate": criteria(35)}),
    ("statement.long", "warning", {"statement": statement(76)}),
    ("statement.way_in_missing", "warning", {"statement": "Forty points and a strong signal.", "hot": [HOT]}),
    (
        "statement.way_in_missing",
        "warning",
        {"statement": "Forty points, and a pricing page or a demo request lately.", "hot": [HOT]},
    ),
    ("exclusions.none", "warning", {"disqualifiers": []}),
    ("rationale.missing", "error", {"gate": [criterion("company.country", "in", ["US"], rationale=" - ")]}),
    (
        "rationale.missing",
        "error",
        {"paths": [path_row(axis("engagement", 40), count("demo_request"), rationale="T.B.D.")]},
    ),
    (
        "row.duplicate",
        "warning",
        {"gate": [criterion("company.country", "in", ["US", "CA"]), criterion("company.country", "in", ["ca", "us"])]},
    ),
    (
        "row.duplicate",
        "warning",
        {"paths": [path_row(axis("engagement", 40), count("demo_request"), name=name) for name in ("One", "Two")]},
    ),
    ("signal.cap_below_points", "warning", {"signals": [signal("demo_request", 41, 40)]}),
    ("signal.never_matters", "warning", {"paths": [path_row(count("demo_request"))]}),
    ("criterion.never_matters", "warning", {"fit": [EMPLOYEES]}),
    ("criterion.never_matters", "warning", {"gate": [EMPLOYEES]}),
    ("tier.nobody", "warning", {"tier_3_below": {"axis": "engagement", "less_than": 40}}),
    ("tier.everybody", "warning", {"tier_3_below": {"axis": "engagement", "less_than": 101}}),
    ("hot.as_wide_as_a_path", "warning", {"hot": [path_row(axis("engagement", 40))]}),
    ("advice.points_without_signal", "advice", {"paths": [path_row(axis("engagement", 40))]}),
    ("advice.two_actions", "advice", {"paths": [path_row(count("pricing_view", n=3))]}),
]


@pytest.mark.parametrize(("code", "severity", "changes"), FIRES)
def test_a_rule_fires(code: str, severity: str, changes: dict[str, Any]) -> None:
    assert finding_codes(sound_document(**changes)).get(code) == severity


SILENT: list[tuple[str, dict[str, Any]]] = [
    ("loose.single_action", {"paths": [path_row(count("demo_request"))]}),
    ("loose.single_action", {"hot": [path_row(count("live_demo_attended"))]}),
    ("loose.single_action", {"signals": [signal("webinar_attended", 39)], "paths": [path_row(axis("engagement", 40))]}),
    (
        "loose.single_action",
        {
            "signals": [signal("webinar_attended", 60, 39), signal("blog_read", 1)],
            "paths": [path_row(axis("engagement", 40))],
        },
    ),
    ("loose.single_action", {"paths": [path_row(count("pricing_view"))], "timing": {"or_request_within_days": 30}}),
    (
        "loose.low_intent",
        {
            "signals": [signal("blog_read", 5, 25), signal("email_open", 2, 14), signal("pricing_view", 1)],
            "paths": [path_row(axis("engagement", 40))],
        },
    ),
    (
        "loose.low_intent",
        {
            "signals": [signal("blog_read", 5)],
            "paths": [path_row(axis("engagement", 40), count("blog_read", "pricing_view"), count("pricing_view"))],
        },
    ),
    (
        "loose.fit_does_not_gate",
        {"gate": [], "fit": [EMPLOYEES], "paths": [path_row(axis("fit", 40), axis("engagement", 40))]},
    ),
    ("path.unreachable", {"fit": [EMPLOYEES, INDUSTRY], "paths": [path_row(axis("fit", 70), axis("engagement", 40))]}),
    ("path.unreachable", {"signals": [signal("pricing_view", 20, 40)], "paths": [path_row(axis("engagement", 40))]}),
    (
        "path.unreachable",
        {
            "signals": [signal("pricing_view", 1)],
            "ceilings": {"engagement": None},
            "paths": [path_row(axis("engagement", 5000))],
        },
    ),
    (
        "tight.unreachable",
        {"paths": [path_row(*(count(code) for code in ("trial_signup", "pricing_view", "calculator_used")))]},
    ),
    (
        "gate.contradictory",
        {"gate": [criterion("company.employees", "at_least", 50), criterion("company.employees", "at_most", 50)]},
    ),
    (
        "gate.contradictory",
        {
            "gate": [
                criterion("lead.title", "contains_any", ["head"]),
                criterion("lead.title", "contains_any", ["sales"]),
            ]
        },
    ),
    ("vague.no_range", {"gate": [criterion("company.employees", "at_least", 50)]}),
    ("timing.nothing_ages", {"timing": None, "decay": None}),
    (
        "timing.nothing_ages",
        {
            "timing": None,
            "decay": None,
            "inactivity": {"after_days": 60, "points": 10},
            "paths": [path_row(axis("engagement", 40))],
        },
    ),
    ("complex.many_criteria", {"gate": criteria(14)}),
    ("complex.one_screen", {"gate": criteria(34)}),
    ("statement.long", {"statement": statement(75)}),
    ("statement.way_in_missing", {"hot": [HOT]}),
    ("statement.way_in_missing", {"statement": "Forty points. Price thrice sends anybody on.", "hot": [HOT]}),
    ("statement.way_in_missing", {"statement": "Forty points, or one of the hot triggers.", "hot": [HOT]}),
    (
        "statement.way_in_missing",
        {"statement": "Forty points, or a webinar attended.", "hot": [path_row(count("webinar_attended"))]},
    ),
    ("signal.cap_below_points", {"signals": [signal("demo_request", 40, 40), signal("unsubscribe", -10, -20)]}),
    ("tier.nobody", {"tier_3_below": {"axis": "engagement", "less_than": 41}}),
    ("tier.everybody", {"tier_3_below": {"axis": "engagement", "less_than": 50}}),
    ("hot.as_wide_as_a_path", {"hot": [path_row(axis("engagement", 41))]}),
    (
        "row.duplicate",
        {"gate": [criterion("company.country", "in", ["US"]), criterion("company.country", "in", ["CA"])]},
    ),
]


@pytest.mark.parametrize(("code", "changes"), SILENT)
def test_a_rule_stays_silent_just_below_its_limit(code: str, changes: dict[str, Any]) -> None:
    assert code not in finding_codes(sound_document(**changes))


def test_errors_come_first_and_findings_have_remedies() -> None:
    paths = [path_row(count("pricing_view", n=3))]
    several = find_findings(sound_document(gate=[], disqualifiers=[], paths=paths, kind="checklist"))

    assert [str(finding.severity) for finding in several] == ["error", "warning", "warning", "advice"]
    assert all(finding.sentence.endswith(".") and finding.remedy.endswith(".") for finding in several)
    assert several[0].as_dict()["rows"] == ["gate", "paths[0]"]


def test_an_unreachable_path_names_its_clause_and_the_figures() -> None:
    document = sound_document(
        fit=[EMPLOYEES, INDUSTRY], paths=[path_row(axis("engagement", 40), axis("fit", 71), name="Both")]
    )

    [finding] = [candidate for candidate in find_findings(document) if candidate.code == "path.unreachable"]

    assert finding.rows == ("paths[0].clauses[1]",)
    assert "“Both” can never hold. It needs 71 points on the axis fit, and at most 70 can be had." in finding.sentence


def test_the_most_fit_is_the_best_value_per_field_within_the_gate() -> None:
    document = sound_document(
        gate=[criterion("company.country", "in", ["US", "CA"])],
        fit=[
            criterion("company.country", "in", ["CA", "GB"], points=10),
            criterion("company.country", "in", ["US"], points=15),
            criterion("company.country", "in", ["DE"], points=50),
            criterion("company.technologies", "has_any", ["CRM"], points=5),
            criterion("company.technologies", "has_any", ["ERP"], points=7),
            criterion("company.employees", "between", [10, 100], points=3),
            criterion("company.employees", "at_least", 100, points=4),
            criterion("lead.seniority", "at_least", "director", points=8),
            criterion("lead.seniority", "in", ["manager"], points=9),
            criterion("lead.title", "contains_any", ["sales"], points=1),
            criterion("lead.title", "contains_any", ["head"], points=1),
        ],
        paths=[path_row(axis("fit", 1), axis("engagement", 40))],
    )

    [path] = lint.compute_reach(document, meanings=MEANINGS, names=NAMES)

    # US 15, both technologies 12, a size of exactly 100: 7, manager 9, a head of sales 2.
    assert path.sentence.startswith("Needs 1 fit points; at most 45 can be had.")


def test_without_cap_and_ceiling_points_are_unlimited() -> None:
    document = sound_document(ceilings={"engagement": None}, signals=[signal("pricing_view", 10)])

    [path] = lint.compute_reach(document, meanings=MEANINGS)

    assert "Needs 40 engagement points; any number can be had." in path.sentence


def test_the_key_of_a_finding_changes_with_its_figures() -> None:
    def key(points: float) -> str:
        document = sound_document(fit=[EMPLOYEES], paths=[path_row(axis("fit", points), axis("engagement", 40))])
        return next(finding.key for finding in find_findings(document) if finding.code == "path.unreachable")

    assert key(41) == key(41)
    assert key(41) != key(42)


# Changes


def lowered_document(**changes: Any) -> dict[str, Any]:
    return sound_document(paths=[path_row(axis("engagement", 30), count("demo_request", "pricing_view"))], **changes)


@pytest.mark.parametrize(
    ("change", "reason", "expected"),
    [
        (
            {"driver": "volume", "evidence": "The board.", "is_shown": True},
            "More leads.",
            {"change.for_volume": "error"},
        ),
        (
            {"driver": "sal_rate", "evidence": "SAL at 92 %.", "is_shown": True},
            "20 % more MQLs for the quarter.",
            {"change.for_volume": "error"},
        ),
        ({"driver": "sal_rate", "evidence": "SAL at 92 %.", "is_shown": True}, "Too strict; volume is fine.", {}),
        ({"driver": "backtest"}, "Too strict.", {"change.no_evidence": "error"}),
        ({"driver": "backtest", "evidence": "It covers 92 %."}, "Zu streng.", {"change.no_evidence": "error"}),
        ({"driver": "backtest", "evidence": " "}, "Too strict.", {"change.no_evidence": "error"}),
        (
            {"driver": "correction", "evidence": "A typing error.", "is_shown": True},
            "Typo.",
            {"change.correction_loosens": "error"},
        ),
        (
            {"driver": "backtest", "evidence": "Covers 80 %.", "is_shown": True, "volume": (80, 120)},
            "Too strict.",
            {"change.more_volume": "warning"},
        ),
        ({"driver": "backtest", "evidence": "Covers 80 %.", "is_shown": True, "volume": (80, 80)}, "Too strict.", {}),
    ],
)
def test_a_lower_threshold_needs_evidence_of_quality(
    change: dict[str, Any], reason: str, expected: dict[str, str]
) -> None:
    severities = finding_codes(lowered_document(reason=reason), lint.ChangeContext(before=sound_document(), **change))

    assert {code: severity for code, severity in severities.items() if code.startswith("change.")} == expected


def test_a_tighter_definition_needs_no_evidence() -> None:
    change = lint.ChangeContext(before=lowered_document(), driver="rejection_pattern")

    assert finding_codes(sound_document(reason="We have more leads than sales can work."), change) == {}


def test_a_wish_for_volume_is_an_error_with_reason_and_figures() -> None:
    change = lint.ChangeContext(before=sound_document(), driver="volume")

    sentence = next(
        finding.sentence for finding in find_findings(lowered_document(), change) if finding.code == "change.for_volume"
    )

    assert "“At least 40 engagement points” to “At least 30 engagement points”" in sentence
    assert "data on quality" in sentence


def test_a_rise_in_volume_names_both_figures() -> None:
    change = lint.ChangeContext(before=sound_document(), driver="backtest", is_shown=True, volume=(80, 120))

    sentence = next(
        finding.sentence
        for finding in find_findings(lowered_document(), change)
        if finding.code == "change.more_volume"
    )

    assert "120 leads flagged in the backtest, 80 by the version in force, +50 %" in sentence


@pytest.mark.parametrize(
    ("reason", "is_volume"),
    [
        ("We need more MQLs.", True),
        ("20 % more leads by June", True),
        ("Hit the number", True),
        ("Marketing misses its target: not enough leads", True),
        ("To make our quarterly target.", True),
        ("Volume", True),
        ("Increase the number of leads", True),
        ("The MQL target went up", True),
        ("Volume is fine", False),
        ("Not for volume, but because wins were lost", False),
        ("Without more leads, sales keeps up", False),
        ("More leads were rejected than last quarter", False),
        ("Too few MQLs convert", False),
        ("The backtest covers 60 % of the wins", False),
        ("Wins among smaller companies", False),
        ("", False),
    ],
)
def test_reasons_that_read_like_volume_are_recognised(reason: str, *, is_volume: bool) -> None:
    assert reads_like_volume(reason) is is_volume


@pytest.mark.django_db
def test_signal_meanings_are_read_from_the_shipped_signals() -> None:
    assert signals_and_lists.read_signal_meanings() == MEANINGS


def test_timing_that_names_no_signals_counts_opened_mails_and_is_told_so() -> None:
    document = sound_document(timing={"engaged_within_days": 30})

    [finding] = find_findings(document)

    assert (finding.code, finding.severity) == ("timing.opens_count", "advice")
    assert finding.sentence.startswith(
        "As fresh engagement counts “e-mail opened”, “newsletter opened” or “job posted”,"
    )


def test_a_number_needs_a_reason_unless_it_is_in_force_without_one() -> None:
    document = sound_document()
    for part in (document["paths"][0]["clauses"][0], document["timing"]):
        del part["rationale"]
    del document["signals"][1]["cap_rationale"]
    document["mql_to_sql"] = {"low": 0.3, "high": 0.4}

    [finding] = find_findings(document)

    assert (finding.code, finding.severity) == ("rationale.part_missing", "error")
    assert finding.rows == ("paths[0].clauses[0]", "signals[1]", "timing", "mql_to_sql")
    in_force = lint.ChangeContext(before=document, driver="correction")
    assert finding_codes(document, in_force)["rationale.part_missing"] == "warning"


def test_a_number_that_changes_is_not_excused_by_the_missing_reason_of_the_one_in_force() -> None:
    before, document = sound_document(), sound_document()
    for version in (before, document):
        del version["timing"]["rationale"]
    document["timing"]["engaged_within_days"] += 1

    codes = finding_codes(document, lint.ChangeContext(before=before, driver="correction"))

    assert codes["rationale.part_missing"] == "error"


@pytest.mark.parametrize(
    ("kind", "changes", "lack"),
    [
        ("three_components", {"timing": None}, "there is no timing"),
        ("three_components", {"gate": []}, "there is no fit: no gate row"),
        ("three_components", {"paths": [], "hot": [HOT]}, "there is no behaviour: no path with a clause"),
        ("points", {"paths": [path_row(count("pricing_view", n=3))]}, "no path asks for points"),
        ("checklist", {}, "a path or hot trigger asks for points"),
        ("hand_raise", {"paths": [path_row(count("pricing_view", n=3))]}, "“Way” is met without a request"),
    ],
)
def test_a_version_is_of_the_kind_that_it_says(kind: str, changes: dict[str, Any], lack: str) -> None:
    document = sound_document(**changes, kind=kind)

    [finding] = [candidate for candidate in find_findings(document) if candidate.code == "kind.does_not_match"]

    assert finding.severity == "error"
    assert finding.sentence.endswith(f"but {lack}.")


def test_a_summary_is_asked_for_and_is_one_sentence() -> None:
    assert finding_codes(sound_document() | {"summary": ""}) == {"summary.missing": "error"}
    assert finding_codes(sound_document(summary="They fit. They ask.")) == {"summary.several_sentences": "warning"}


@pytest.mark.parametrize(("bar", "is_tight"), [(40, True), (35, False)])
def test_a_bar_that_only_four_signals_of_high_intent_reach_is_too_tight(bar: float, *, is_tight: bool) -> None:
    high = ("demo_request", "pricing_view", "contact_request", "trial_signup")
    signals = [*(signal(code, 10, 10) for code in high), signal("blog_read", 5, 5)]
    document = sound_document(signals=signals, paths=[path_row(axis("engagement", bar), count(*high))])

    assert ("tight.high_bar" in finding_codes(document)) is is_tight


@pytest.mark.parametrize(("cap", "is_tight"), [(None, False), (60, False), (40, True)])
def test_three_events_may_be_of_one_signal_of_high_intent(cap: float | None, *, is_tight: bool) -> None:
    signals = [signal("pricing_view", 20, cap), signal("demo_request", 5, 20)]
    document = sound_document(signals=signals, paths=[path_row(axis("engagement", 60), count("pricing_view"))])

    assert ("tight.high_bar" in finding_codes(document)) is is_tight


def test_complexity_names_what_is_to_be_kept_in_mind() -> None:
    document = sound_document(signals=[signal("demo_request", 30, 60), signal("unsubscribe", -10)])

    assert lint.measure_complexity(document).sentence == (
        "2 criteria, 2 signals and 2 clauses; points are changed by fading, caps and negative points."
    )
    assert finding_codes(document)["complex.many_modifiers"] == "advice"
