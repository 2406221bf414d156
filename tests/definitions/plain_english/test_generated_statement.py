from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.demo.company import definition_documents
from definitions import presets
from definitions.document.parser import KnownNames, parse_document
from definitions.plain_english import generated_statement
from tests.definitions.documents import criterion, load_reference, minimal_document
from tests.definitions.lint_cases import NAMES as LINT_NAMES
from tests.definitions.lint_cases import complete_document

NAMES = generated_statement.DisplayNames(
    signals={"demo_request": "Demo request", "pricing_view": "Pricing page view", "pdf": "PDF download"},
    lists={"free_email": "Free e-mail providers"},
)
CATALOGUE = KnownNames(
    signals=frozenset({row["signal"] for row in load_reference()["signals"]} | {"pdf"}), lists=frozenset(NAMES.lists)
)


def normalize(document: object) -> dict[str, Any]:
    return parse_document(document, known_names=CATALOGUE).to_document()


def write_text(**changes: Any) -> str:
    return generated_statement.write_statement(normalize(minimal_document(**changes)), NAMES).text


def test_the_reference_definition_reads_in_thirty_seconds() -> None:
    statement = generated_statement.write_statement(normalize(load_reference()), NAMES)

    assert statement.text == (
        "An MQL works at a company with 50 to 5,000 employees, in our industries and countries; and either "
        "has at least 50 engagement points and one of demo request or 4 more in the last 30 days; or is hot: “Asked to "
        "talk” or “Price three times in a day”. Never: e-mail at 11 domains; job title with one of 2 words."
    )
    assert not statement.is_long
    assert statement.is_shortened


def test_a_shortened_statement_keeps_every_row_in_its_full_text() -> None:
    assert generated_statement.write_statement(normalize(load_reference()), NAMES).full_text == (
        "An MQL works at a company with 50 to 5,000 employees, in Software, Financial Services, Healthcare, "
        "Manufacturing, Logistics or Professional Services, based in US, CA, GB, DE, FR or 4 more; and either has at "
        "least 50 engagement points and one of demo request, contact request, trial signup, pricing page view or webinar "
        "attended in the last 30 days; or is hot (has one of demo request or contact request in the last 24 hours; or "
        "has pricing page view at least 3 times within 24 hours of each other (in the last 24 hours)). Never: e-mail at "
        "gmail.com, yahoo.com, hotmail.com or 8 more; job title has the word student or intern."
    )


@pytest.mark.parametrize("document", [definition_documents.first_version(), definition_documents.second_version("So.")])
def test_the_definition_of_the_example_company_is_said_in_thirty_seconds(document: dict[str, Any]) -> None:
    statement = generated_statement.write_statement(complete_document(document), LINT_NAMES)

    assert not statement.is_long
    assert (
        "or is hot: “Asked to talk” or “Price three times in a day”. Unless hot: active in the last" in statement.text
    )


@pytest.mark.parametrize("code", [preset.code for preset in presets.load_presets()])
def test_every_preset_is_said_in_thirty_seconds_with_every_way_in(code: str) -> None:
    document = complete_document(presets.load_preset(code).document)
    statement = generated_statement.write_statement(document, LINT_NAMES)

    assert statement.word_count <= 75
    for row in [*document["paths"], *document["hot"]]:
        # A clause may name its signals all or only the first of them.
        clauses = [
            [generated_statement.describe_clause(clause, LINT_NAMES, shown=shown) for shown in (None, 1)]
            for clause in row["clauses"]
        ]
        is_said = all(any(text in statement.text for text in texts) for texts in clauses)
        assert is_said or f"“{row['name']}”" in statement.text
    for key in ("engaged_within_days", "or_request_within_days"):
        if document["timing"] and document["timing"][key]:
            assert f"in the last {document['timing'][key]} days" in statement.text
    assert ("Never: " in statement.text) == bool(document["disqualifiers"])


def test_lists_too_long_to_be_said_are_called_by_their_names() -> None:
    gate = [
        criterion("company.industry", "in", ["Software", "Healthcare", "Retail"]),
        criterion("company.country", "in", ["US", "CA"]),
        criterion("company.region", "not_in", ["APAC", "LATAM", "MEA"]),
    ]
    long_path = {"name": "A", "clauses": [{"axis": "engagement", "at_least": 1}] * 20, "rationale": "So."}

    text = write_text(gate=gate, paths=[long_path])

    assert "works at a company based in US or CA, not based in APAC or 2 more, in our industries; and" in text


def test_timing_is_not_asked_of_hot_triggers() -> None:
    hot = [
        {
            "name": "Now",
            "clauses": [{"count_of": ["demo_request"], "at_least": 1, "within_days": 1}],
            "rationale": "So.",
        }
    ]
    timing = {"engaged_within_days": 30, "or_request_within_days": None}

    assert "Must have been active in the last 30 days, unless hot." in write_text(hot=hot, timing=timing)
    assert write_text(hot=hot, timing=timing, paths=[]) == (
        "An MQL is anyone who is hot (has at least one demo request in the last 24 hours)."
    )


# Every way in, of whatever version

_clauses = st.one_of(
    st.builds(
        lambda axis, least: {"axis": axis, "at_least": least},
        st.sampled_from(["fit", "engagement", "bant", "fit+engagement"]),
        st.integers(1, 99),
    ),
    st.builds(
        lambda signals, least, days: {"count_of": sorted(signals), "at_least": least, "within_days": days},
        st.sets(st.sampled_from(sorted(CATALOGUE.signals)), min_size=1, max_size=6),
        st.integers(1, 5),
        st.sampled_from([None, 1, 7, 30]),
    ),
)


@st.composite
def versions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a document with up to four paths, up to four hot triggers, and a gate of any length."""
    paths, hot = (
        [
            {
                "name": f"{kind} {number}",
                "clauses": draw(st.lists(_clauses, min_size=1, max_size=3)),
                "rationale": "So.",
            }
            for number in range(draw(st.integers(0, 4)))
        ]
        for kind in ("Way", "Trigger")
    )
    countries = draw(st.lists(st.sampled_from(["US", "CA", "GB", "DE", "FR", "NL"]), unique=True, max_size=6))
    gate = [criterion("company.country", "in", countries)] if countries else []
    timing = draw(st.sampled_from([None, {"engaged_within_days": 30, "or_request_within_days": 60}]))
    return minimal_document(paths=paths, hot=hot, gate=gate, timing=timing)


@given(versions())
def test_every_way_in_is_said(version: dict[str, Any]) -> None:
    document = normalize(version)
    statement = generated_statement.write_statement(document, NAMES)
    lines = generated_statement.list_ways_in(document, NAMES)

    for part in ("paths", "hot"):
        for row in document[part]:
            in_full = " and ".join(generated_statement.describe_clause(clause, NAMES) for clause in row["clauses"][-2:])
            assert in_full in statement.full_text
            is_named = f"“{row['name']}”" in statement.text
            assert is_named or (in_full in statement.text) or _is_cut_in(statement.text, row)
            assert any(f"“{row['name']}”" in line for line in lines)
    assert ("hot" in statement.text) == bool(document["hot"])
    assert ("nless hot" in statement.text) == bool(document["hot"] and document["paths"] and document["timing"])


def _is_cut_in(text: str, row: dict[str, Any]) -> bool:
    """Tell whether all clauses of a path stand in the text with their lists of signals cut."""
    return all(generated_statement.describe_clause(clause, NAMES, shown=1) in text for clause in row["clauses"])


def test_the_statement_says_what_an_unknown_value_and_a_signal_exclude() -> None:
    text = write_text(
        disqualifiers=[criterion("company.business_model", "in", ["Agency"]) | {"unknown": "fail"}],
        signals=[
            {"signal": "pdf", "points": 0, "cap": None, "rationale": "A student.", "disqualifies": {"within_days": 365}}
        ],
    )

    assert "Never: business model is Agency, or that is unknown" in text
    assert "“PDF download”, until active again more than 365 days later" in text


def test_a_hand_raise_definition_reads_naturally() -> None:
    assert write_text() == "An MQL is anyone who has one of demo request or contact request in the last 30 days."


def test_a_checklist_reads_naturally() -> None:
    text = write_text(
        gate=[
            criterion("lead.seniority", "at_least", "director"),
            criterion("company.is_customer", "is", False),
            criterion("company.technologies", "has_any", ["SAP", "Oracle"]),
            criterion("lead.custom.plan", "in", ["trial"]),
        ],
        timing={"engaged_within_days": 30, "or_request_within_days": 90},
        disqualifiers=[
            criterion("lead.email_domain", "in_list", "free_email"),
            criterion("lead.do_not_contact", "is", True),
        ],
    )

    assert text == (
        "An MQL works at a company that is not a current customer, that uses SAP or Oracle and is a person whose "
        "seniority is at least director and whose plan is trial; and has one of demo request or contact request in the "
        "last 30 days. Required: active in the last 30 days or an open request in the last 90 days. "
        "Never: e-mail on the list of free e-mail providers; do not contact."
    )


def test_several_paths_are_alternatives() -> None:
    paths = [
        {"name": "A", "clauses": [{"axis": "fit+engagement", "at_least": 100}], "rationale": "So."},
        {"name": "B", "clauses": [{"axis": "bant", "at_least": 2.5}], "rationale": "So."},
    ]

    assert write_text(paths=paths, motion="pql") == (
        "A PQL is anyone who either has at least 100 points of fit and engagement together; "
        "or has at least 2.5 BANT points."
    )


def test_an_unfinished_draft_says_so() -> None:
    assert write_text(paths=[]) == "An MQL is not defined yet."


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ({"count_of": ["demo_request"], "at_least": 1, "within_days": None}, "at least one demo request ever"),
        ({"count_of": ["pdf"], "at_least": 2, "within_days": 1}, "PDF download at least 2 times in the last 24 hours"),
        (
            {"count_of": ["pricing_view"], "at_least": 3, "within_hours_of_each_other": 1, "within_days": 7},
            "pricing page view at least 3 times within 1 hour of each other (in the last 7 days)",
        ),
        (
            {"count_of": ["pdf", "ebook_download"], "at_least": 2, "within_days": 90, "distinct": "asset"},
            "at least 2 different assets of PDF download or ebook download in the last 90 days",
        ),
        ({"count_of": ["pdf", "demo_request"], "at_least": 2}, "at least 2 of PDF download or demo request ever"),
    ],
)
def test_a_clause_is_one_line(clause: dict[str, Any], expected: str) -> None:
    path = {"name": "A", "clauses": [clause], "rationale": "So."}

    assert (
        generated_statement.describe_clause(normalize(minimal_document(paths=[path]))["paths"][0]["clauses"][0], NAMES)
        == expected
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (criterion("company.employees", "between", [50, None]), "Company size is at least 50"),
        (criterion("company.employees", "between", [None, 5000]), "Company size is at most 5,000"),
        (criterion("company.annual_revenue", "at_least", 1500000), "Annual revenue is at least 1,500,000"),
        (criterion("lead.title", "contains_any", ["chief", "vp"]), "Job title contains chief or vp"),
        (criterion("company.is_customer", "is", False), "Current customer: no"),
        (criterion("lead.budget", "known", True), "Budget is known"),
        (
            criterion("lead.email_domain", "in_list", "free_email"),
            "E-mail domain is in the list “free e-mail providers”",
        ),
        (criterion("lead.country", "not_in", ["US", "CA"]), "Country is none of US or CA"),
    ],
)
def test_a_criterion_is_one_line(row: dict[str, Any], expected: str) -> None:
    assert generated_statement.describe_criterion(normalize(minimal_document(gate=[row]))["gate"][0], NAMES) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Points fade by 10 % every 30 days."),
        ({"decay": None}, "Points do not fade."),
        (
            {"decay": {"mode": "linear", "percent": 20, "per_days": 7}},
            "Points fade by 20 % of their full value every 7 days, down to nothing.",
        ),
        (
            {"inactivity": {"after_days": 60, "points": 1}},
            (
                "Points fade by 10 % every 30 days. After 60 days without activity, engagement loses 1 point for each "
                "full 30 days more."
            ),
        ),
    ],
)
def test_decay_is_a_sentence(changes: dict[str, Any], expected: str) -> None:
    assert generated_statement.describe_decay(normalize(minimal_document(**changes))) == expected


def test_each_tier_is_a_sentence() -> None:
    hot = (
        "Tier 1 (hot), by itself: has one of demo request or contact request in the last 24 hours; or has pricing page view at "
        "least 3 times within 24 hours of each other (in the last 24 hours)."
    )

    assert generated_statement.describe_tiers(normalize(load_reference()), NAMES) == (
        hot,
        "Tier 2: every other MQL.",
        "Tier 3: fewer than 55 engagement points.",
    )


def test_a_signal_rule_names_its_points_and_its_cap() -> None:
    assert generated_statement.describe_signal_rule({"points": 2, "cap": 10}) == "2 points each, at most 10 in all"
    assert generated_statement.describe_signal_rule({"points": -1, "cap": -5}) == "-1 point each, down to -5 in all"
    assert generated_statement.describe_signal_rule({"points": 50, "cap": None}) == "50 points each"


def test_an_amount_is_read_with_its_currency() -> None:
    document = normalize(
        minimal_document(
            gate=[
                criterion("lead.budget.EUR", "at_least", 10_000),
                criterion("company.annual_revenue.USD", "between", [1_000_000, 5_000_000]),
                criterion("company.region", "in", ["Bavaria", "Tyrol"]),
                criterion("lead.budget.CHF", "known", True),
            ]
        )
    )

    text = generated_statement.write_statement(document, NAMES).text
    rows = [generated_statement.describe_criterion(row, NAMES) for row in document["gate"]]

    assert "whose annual revenue is 1,000,000 to 5,000,000 USD, based in Bavaria or Tyrol" in text
    assert "whose budget is at least 10,000 EUR and whose budget in CHF is known" in text
    assert rows[0] == "Budget is at least 10,000 EUR"
    assert rows[3] == "Budget in CHF is known"
