from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.document.parser import DocumentRefused, KnownNames, parse_document
from tests.definitions.documents import criterion, load_reference, minimal_document

SIGNALS = {row["signal"] for row in load_reference()["signals"]}
CATALOGUE = KnownNames(signals=frozenset(SIGNALS), lists=frozenset({"free_email", "competitors"}))


def normalize(document: object) -> dict[str, Any]:
    return parse_document(document, known_names=CATALOGUE).to_document()


def list_complaints(document: object) -> list[str]:
    with pytest.raises(DocumentRefused) as refusal:
        normalize(document)
    return list(refusal.value.complaints)


def document_with_gate_row(row: dict[str, Any]) -> dict[str, Any]:
    return minimal_document(gate=[row])


def test_the_reference_definition_is_read_and_written_unchanged() -> None:
    assert normalize(load_reference()) == load_reference()


def test_missing_settings_get_the_defaults() -> None:
    document = normalize(minimal_document())

    assert document["version"] == "1.0"
    assert document["motion"] == "mql"
    assert document["sal_rate_target"] == 0.7
    assert document["decay"] == {"mode": "compound", "percent": 10, "per_days": 30}
    assert document["ceilings"] == {"fit": 100, "engagement": 100, "bant": 100}
    assert document["timing"] is document["inactivity"] is document["tier_3_below"] is None
    assert document["gate"] == document["fit"] == document["hot"] == document["signals"] == []


def test_a_row_says_what_an_unknown_value_means() -> None:
    row = criterion("company.employees", "between", [50, 500], unknown="hold")

    [gate_row] = normalize(document_with_gate_row(row))["gate"]

    assert gate_row["unknown"] == "hold"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (
            criterion("company.employees", "at_least", 50, unknown="pass"),
            "gate[0].unknown: there is no way to take an unknown value “pass”.",
        ),
        (
            criterion("company.employees", "known", True, unknown="fail"),
            "gate[0].unknown: the operator known asks for that itself; leave it out.",
        ),
    ],
)
def test_an_unknown_value_never_passes(row: dict[str, Any], complaint: str) -> None:
    assert list_complaints(document_with_gate_row(row)) == [complaint]


def test_timing_names_what_counts_as_engagement() -> None:
    timing = {"engaged_within_days": 30, "or_request_within_days": None, "engaged_by": ["pricing_view", "demo_request"]}

    assert normalize(minimal_document(timing=timing))["timing"] == timing
    assert list_complaints(minimal_document(timing={**timing, "engaged_by": ["pricing_veiw"]})) == [
        "timing.engaged_by[0]: there is no signal “pricing_veiw” (did you mean “pricing_view”?)."
    ]
    assert list_complaints(minimal_document(timing={"or_request_within_days": 30, "engaged_by": ["pricing_view"]})) == [
        "timing.engaged_by: says what counts within engaged_within_days, which is missing."
    ]


def test_a_signal_disqualifies_for_some_days_or_for_good() -> None:
    rows = [
        {"signal": "demo_request", "points": 0, "cap": None, "disqualifies": {"within_days": 365}, "rationale": "No."},
        {
            "signal": "pricing_view",
            "points": -5,
            "cap": None,
            "disqualifies": {"within_days": None},
            "rationale": "No.",
        },
    ]

    assert normalize(minimal_document(signals=rows))["signals"] == rows
    assert list_complaints(minimal_document(signals=[rows[0] | {"points": 5, "disqualifies": {"days": 1}}])) == [
        "signals[0].disqualifies.days: there is no such key.",
        "signals[0].disqualifies.within_days: is missing.",
        "signals[0].points: a signal that disqualifies gives no points to its lead; write 0 or less.",
    ]


def test_a_clause_asks_for_signals_about_the_same_asset() -> None:
    clause = {"count_of": ["demo_request", "pricing_view"], "at_least": 1, "within_days": 30, "same": "asset"}
    path = {"name": "Both", "clauses": [clause], "rationale": "There."}

    assert normalize(minimal_document(paths=[path]))["paths"] == [path]
    unfit = clause | {"count_of": ["demo_request"], "distinct": "asset"}
    assert list_complaints(minimal_document(paths=[path | {"clauses": [unfit]}])) == [
        "paths[0].clauses[0].same: needs two different signals at least, which are seen about one asset.",
        "paths[0].clauses[0].distinct: does not go together with same; leave it out.",
    ]


def test_kind_and_summary_are_kept_and_checked() -> None:
    document = minimal_document(kind="hand_raise")

    assert normalize(document)["kind"] == "hand_raise"
    assert normalize(document)["summary"] == document["summary"]
    assert list_complaints(document | {"kind": "hand-raise", "summary": "x" * 201}) == [
        "kind: there is no kind of definition “hand-raise” (did you mean “hand_raise”?).",
        "summary: is longer than 200 characters.",
    ]


def test_the_keys_have_a_fixed_order() -> None:
    shuffled = dict(reversed(load_reference().items()))

    assert json.dumps(normalize(shuffled)) == json.dumps(normalize(load_reference()))


def test_the_first_twenty_complaints_are_named_and_the_others_counted() -> None:
    document = minimal_document() | {f"versoin{number}": None for number in range(20_000)}

    complaints = list_complaints(document)

    assert complaints[0] == "versoin0: there is no such key (did you mean “version”?)."
    assert len(complaints) == 21
    assert complaints[-1] == "and 19,980 more."


def test_twenty_complaints_are_all_named() -> None:
    complaints = list_complaints(minimal_document() | {f"unknown{number}": None for number in range(20)})

    assert len(complaints) == 20
    assert all("there is no such key" in complaint for complaint in complaints)


@pytest.mark.parametrize(
    "row",
    [
        criterion("company.employees", "between", [50, None], points=10),
        criterion("company.employees", "between", [None, 5000], points=0),
        criterion("company.annual_revenue", "at_least", 1000000.5, points=0),
        criterion("company.annual_revenue", "at_most", 1, points=0),
        criterion("company.employees", "in", [1, 2.5], points=0),
        criterion("company.technologies", "has_any", ["Salesforce"], points=7.125),
        criterion("company.is_customer", "is", False, points=0),
        criterion("company.industry", "known", True, points=0),
        criterion("lead.seniority", "at_least", "director", points=0),
        criterion("lead.seniority", "at_most", "vp", points=0),
        criterion("lead.seniority", "between", ["manager", None], points=0),
        criterion("lead.seniority", "between", ["manager", "c-level"], points=0),
        criterion("lead.seniority", "in", ["vp", "c-level"], points=0),
        criterion("lead.email_domain", "in_list", "free_email", points=0),
        criterion("lead.title", "contains_any", ["chief", "head of"], points=-5),
        criterion("lead.country", "not_in", ["US"], points=0),
        criterion("lead.custom.plan", "in", ["free", "trial"], points=0),
        criterion("company.region", "in", ["Bavaria"], points=0),
        criterion("lead.budget.EUR", "at_least", 10_000, points=0),
        criterion("lead.budget.CHF", "known", True, points=0),
        criterion("company.annual_revenue.USD", "between", [1_000_000, None], points=0),
        criterion("company.custom.seats used", "at_least", 10, points=0),
    ],
)
def test_every_operator_is_read_and_written_unchanged(row: dict[str, Any]) -> None:
    assert normalize(document_with_gate_row(row))["gate"] == [row]


@pytest.mark.parametrize(
    "clause",
    [
        {"axis": "fit+engagement", "at_least": 99.5},
        {"count_of": ["demo_request"], "at_least": 1, "within_days": None},
        {"count_of": ["pricing_view"], "at_least": 3, "within_hours_of_each_other": 24, "within_days": 0.5},
        {"count_of": ["ebook_download", "blog_read"], "at_least": 2, "within_days": 90, "distinct": "asset"},
    ],
)
def test_every_clause_is_read_and_written_unchanged(clause: dict[str, Any]) -> None:
    path = {"name": "One way", "clauses": [clause], "rationale": "Because."}

    assert normalize(minimal_document(paths=[path], hot=[path]))["paths"] == [path]


def test_the_other_settings_are_read_and_written_unchanged() -> None:
    settings = {
        "statement": "Whoever asks.",
        "motion": "pql",
        "version": "3.12",
        "sal_rate_target": 0.655,
        "mql_to_sql": {"low": 0.3, "high": 0.455, "rationale": "Few come, and nearly all are ready."},
        "decay": {"mode": "linear", "percent": 12.5, "per_days": 7},
        "inactivity": {"after_days": 60, "points": 5, "per_days": 30},
        "ceilings": {"fit": None, "engagement": 200, "bant": None},
        "timing": {"engaged_within_days": 30, "or_request_within_days": None},
        "tier_3_below": {"axis": "engagement", "less_than": 55},
    }

    document = normalize(minimal_document(**settings))

    assert {key: document[key] for key in settings} == settings


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (criterion("lead.budget.DOGE", "at_least", 5), "gate[0].field: “lead.budget.DOGE” ends in no code of a currency, as EUR or USD."),
        (criterion("lead.title.EUR", "at_least", 5), "gate[0].field: there is no field “lead.title.EUR”"),
        (criterion("lead.budget.EUR", "contains_any", ["k"]), "gate[0].op: “contains_any” does not fit lead.budget.EUR, which is a number"),
    ],
)  # fmt: skip
def test_an_amount_is_asked_for_in_a_currency_that_exists(row: dict[str, Any], complaint: str) -> None:
    assert list_complaints(document_with_gate_row(row))[0].startswith(complaint)


def test_all_complaints_come_at_once_and_name_their_places() -> None:
    document = load_reference()
    document["gate"][2]["op"] = "betwen"
    document["signals"][0]["signal"] = "demo_requst"
    document["disqualifiers"][0]["rationale"] = " "
    document["colour"] = "red"
    del document["owner"]

    assert list_complaints(document) == [
        "colour: there is no such key.",
        "owner: is missing.",
        "gate[2].op: there is no operator “betwen” (did you mean “between”?).",
        "disqualifiers[0].rationale: must not be empty.",
        "signals[0].signal: there is no signal “demo_requst” (did you mean “demo_request”?).",
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (criterion("company.size", "between", [1, 2]), "gate[0].field: there is no field “company.size”"),
        (
            criterion("company.employees", "is", True),
            "gate[0].op: “is” does not fit company.employees, which is a number",
        ),
        (criterion("company.employees", "between", [5, 1]), "gate[0].value: the lower end 5 is above the upper end 1."),
        (criterion("company.employees", "between", [None, None]), "gate[0].value: needs at least one end."),
        (criterion("company.employees", "between", [1]), "gate[0].value: must be a list of a lower and an upper end"),
        (criterion("company.employees", "between", 50), "gate[0].value: must be a list, not a number."),
        (criterion("company.employees", "at_least", "50"), "gate[0].value: must be a number, not a text."),
        (criterion("company.employees", "at_least", True), "gate[0].value: must be a number, not true or false."),
        (criterion("company.employees", "at_least", float("inf")), "gate[0].value: must be smaller than"),
        (criterion("company.employees", "at_least", float("nan")), "gate[0].value: must be a number."),
        (criterion("company.employees", "at_least", 10**5000), "gate[0].value: must be smaller than"),
        (criterion("company.employees", "at_least", 0.00001), "gate[0].value: must have at most 4 digits"),
        (criterion("company.is_customer", "is", "yes"), "gate[0].value: must be true or false, not a text."),
        (criterion("company.industry", "in", "Software"), "gate[0].value: must be a list, not a text."),
        (criterion("company.industry", "in", []), "gate[0].value: names nothing."),
        (criterion("company.industry", "in", ["Software", 5]), "gate[0].value[1]: must be a text, not a number."),
        (
            criterion("company.industry", "in", ["a\x00"]),
            "gate[0].value[0]: contains a character that cannot be stored.",
        ),
        (
            criterion("company.industry", "in", ["\ud800"]),
            "gate[0].value[0]: contains a character that cannot be stored.",
        ),
        (criterion("lead.seniority", "at_least", "boss"), "gate[0].value: there is no seniority “boss”"),
        (criterion("lead.seniority", "between", ["vp", "manager"]), "gate[0].value: the lower end “vp” is above"),
        (
            criterion("lead.email_domain", "in_list", "free_mail"),
            "gate[0].value: there is no list “free_mail” (did you mean",
        ),
        (criterion("lead.title", "in", ["CEO"], weight=3), "gate[0].weight: there is no such key."),
        (criterion("lead.title", "in", ["CEO"], points="3"), "gate[0].points: must be a number, not a text."),
        (criterion("lead.title", "in", ["CEO"], points=1e9), "gate[0].points: must be smaller than 100,000."),
        ({"field": "lead.title", "op": "in", "value": ["CEO"]}, "gate[0].rationale: is missing."),
        ({"field": "lead.title", "op": "in", "rationale": "So."}, "gate[0]: value is missing."),
        ("gate", "gate[0]: must be an object, not a text."),
    ],
)
def test_an_invalid_criterion_is_refused_with_its_place(row: Any, complaint: str) -> None:
    assert list_complaints(document_with_gate_row(row))[0].startswith(complaint)


@pytest.mark.parametrize(
    ("clause", "complaint"),
    [
        ({"axis": "intent", "at_least": 1}, "axis: there is no axis “intent”"),
        ({"axis": "fit", "at_least": 1, "within_days": 3}, "within_days: there is no such key."),
        ({"count_of": [], "at_least": 1}, "count_of: names no signal."),
        ({"count_of": ["demo_request"], "at_least": 0}, "at_least: must be at least 1."),
        ({"count_of": ["demo_request"], "at_least": 1.5}, "at_least: must be a whole number."),
        ({"count_of": ["demo_request"], "at_least": 1, "within_days": -1}, "within_days: must be at least 0."),
        ({"count_of": ["demo_request"], "at_least": 1, "distinct": "page"}, "distinct: there is no"),
        ({"at_least": 1}, "count_of: is missing."),
    ],
)
def test_an_invalid_clause_is_refused_with_its_place(clause: dict[str, Any], complaint: str) -> None:
    path = {"name": "One way", "clauses": [clause], "rationale": "Because."}

    assert list_complaints(minimal_document(paths=[path]))[0].startswith(f"paths[0].clauses[0].{complaint}")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format": "accord.definition/2"}, "format: must be “accord.definition/1”."),
        ({"version": "one"}, "version: must be a text like “1.0”."),
        ({"version": 1.0}, "version: must be a text, not a number."),
        ({"version": "9999.0"}, None),
        ({"motion": "sql"}, "motion: there is no motion “sql” (did you mean “pql”?)."),
        ({"sal_rate_target": 70}, "sal_rate_target: must be at most 1."),
        ({"sal_rate_target": 1.5}, "sal_rate_target: must be at most 1."),
        ({"mql_to_sql": {"low": 15, "high": 20}}, "mql_to_sql.low: must be at most 1."),
        ({"mql_to_sql": {"low": 0.2, "high": 0.2}}, "mql_to_sql.high: must be more than low."),
        ({"mql_to_sql": {"low": 0.2}}, "mql_to_sql.high: is missing."),
        ({"decay": {"mode": "compound", "percent": 101}}, "decay.percent: must be at most 100."),
        ({"decay": {"mode": "linear", "per_days": 0}}, "decay.per_days: must be at least 0.01."),
        ({"timing": {}}, "timing: needs engaged_within_days or or_request_within_days"),
        ({"tier_3_below": {"axis": "fit"}}, "tier_3_below.less_than: is missing."),
        ({"inactivity": {"after_days": 60}}, "inactivity.points: is missing."),
        ({"gate": None}, "gate: must be a list, not null."),
        ({"gate": [{}] * 501}, "gate: has 501 entries; 500 are the most."),
        ({"name": "x" * 121}, "name: is longer than 120 characters."),
    ],
)
def test_an_invalid_setting_is_refused_with_its_place(changes: dict[str, Any], complaint: str | None) -> None:
    if complaint is None:
        normalize(minimal_document(**changes))
    else:
        assert list_complaints(minimal_document(**changes))[0].startswith(complaint)


def test_a_signal_has_one_row() -> None:
    row = {"signal": "demo_request", "points": 5, "cap": None, "rationale": "So."}

    assert list_complaints(minimal_document(signals=[row, row])) == [
        "signals[1]: the signal “demo_request” has a row already."
    ]


def test_a_cap_has_the_sign_of_the_points() -> None:
    row = {"signal": "email_open", "points": -5, "cap": 20, "rationale": "So."}

    assert list_complaints(minimal_document(signals=[row]))[0].startswith(
        "signals[0].cap: must have the sign of the points"
    )


def test_a_disqualifier_gives_no_points() -> None:
    row = criterion("lead.title", "has_word_any", ["intern"], points=5)

    assert list_complaints(minimal_document(disqualifiers=[row])) == [
        "disqualifiers[0].points: a disqualifier excludes; it gives no points."
    ]


def test_known_needs_no_value() -> None:
    row = {"field": "lead.title", "op": "known", "rationale": "So."}

    assert normalize(document_with_gate_row(row))["gate"][0]["value"] is True


@pytest.mark.parametrize("document", [None, [], "x", 5, True, {}])
def test_a_value_of_another_shape_is_refused(document: object) -> None:
    assert list_complaints(document)


def parse_complaints(document: object) -> tuple[str, ...]:
    """Parse the document and return the complaints; empty if it is accepted."""
    try:
        parse_document(document, known_names=CATALOGUE)
    except DocumentRefused as refusal:
        return refusal.complaints
    return ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(sorted(SIGNALS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON, key=st.sampled_from(sorted(load_reference())))
def test_any_value_under_a_key_is_read_or_refused(value: object, key: str) -> None:
    document = load_reference() | {key: value}

    assert all(complaint.startswith(key) for complaint in parse_complaints(document))


@given(value=JSON, key=st.sampled_from(["field", "op", "value", "points", "rationale"]), row=st.integers(0, 2))
def test_any_value_in_a_row_is_read_or_refused(value: object, key: str, row: int) -> None:
    document = load_reference()
    document["gate"][row][key] = value

    assert all(complaint.startswith(f"gate[{row}]") for complaint in parse_complaints(document))


def test_a_country_may_be_written_by_name_and_what_is_none_is_complained_of_by_name() -> None:
    named = criterion("lead.country", "in", ["Germany", "UK"], points=0)
    assert normalize(document_with_gate_row(named))["gate"] == [named]

    with pytest.raises(DocumentRefused, match="“Atlantis” is no country that Accord knows"):
        normalize(document_with_gate_row(criterion("company.country", "not_in", ["Germany", "Atlantis"])))


def test_a_part_of_a_name_is_no_complaint() -> None:
    row = criterion("lead.country", "contains_any", ["land"], points=0)

    assert normalize(document_with_gate_row(row))["gate"] == [row]
