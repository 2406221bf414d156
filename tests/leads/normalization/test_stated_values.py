from __future__ import annotations

from typing import Any

import pytest

from leads.exceptions import Refused
from leads.normalization import attributes
from leads.normalization.stated_values import fold_statements, list_notes, read_stated_values


def read_lead(readings: Any = None, **sent: Any) -> dict[str, Any]:
    return read_stated_values(attributes.LEAD, sent, readings or {})


def read_company(readings: Any = None, **sent: Any) -> dict[str, Any]:
    return read_stated_values(attributes.COMPANY, sent, readings or {})


@pytest.mark.parametrize(
    ("sent", "values"),
    [
        ({"country": "United Kingdom"}, {"country": "GB"}),
        ({"country": "Ruritania"}, {"country": None, "not_understood.country": "Ruritania"}),
        ({"seniority": "the boss"}, {"seniority": None, "not_understood.seniority": "the boss"}),
        ({"time_zone": "Mars/Base"}, {"time_zone": None, "not_understood.time_zone": "Mars/Base"}),
        ({"do_not_contact": "Ja"}, {"do_not_contact": True}),
        ({"phone": "'+49 30 1234567"}, {"phone": "+49 30 1234567"}),
        ({"do_not_contact": "perhaps"}, {"not_understood.do_not_contact": "perhaps"}),
        ({"country": "", "title": ""}, {"title": None}),
        ({"country": None}, {"country": None}),
    ],
)
def test_a_leads_value_is_read_or_kept_as_it_came(sent: dict[str, Any], values: dict[str, Any]) -> None:
    assert read_lead(**sent) == values


@pytest.mark.parametrize(
    ("sent", "values"),
    [
        (
            {"employees": "many"},
            {"employees_low": None, "employees_high": None, "not_understood.employees": "many"},
        ),
        ({"annual_revenue": "lots"}, {"annual_revenue": None, "not_understood.annual_revenue": "lots"}),
        ({"is_customer": "soon"}, {"is_customer": None, "not_understood.is_customer": "soon"}),
        ({"is_customer": "1"}, {"is_customer": True}),
        ({"technologies": "Go; Rust"}, {"technologies": ["Go", "Rust"]}),
        ({"technologies": "x" * 65}, {"technologies": None, "not_understood.technologies": "x" * 65}),
    ],
)
def test_a_companys_value_is_read_or_kept_as_it_came(sent: dict[str, Any], values: dict[str, Any]) -> None:
    assert read_company(**sent) == values


@pytest.mark.parametrize("sent", [{"annual_revenue": "1.234"}, {"employees": "10.000"}])
def test_a_text_with_two_readings_is_refused_and_not_taken_as_unknown(sent: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"is 1234 or 1\.234|is 10000 or 10"):
        read_company(**sent)


def test_a_refused_currency_is_named_as_the_sender_named_it() -> None:
    with pytest.raises(Refused) as refusal:
        read_company(annual_revenue=5, annual_revenue_currency="Taler")
    assert refusal.value.field == "annual_revenue_currency"


@pytest.mark.parametrize(
    "sent", [{"country": {}}, {"country": 5}, {"country": "x" * 501}, {"country": "a\x00"}, {"do_not_contact": 1}]
)
def test_what_is_no_text_or_cannot_be_stored_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read_lead(**sent)


def test_a_text_that_says_nothing_is_left_out() -> None:
    sent = {"title": "N/A", "country": "[not provided]", "budget": "-", "custom": {"plan": "n/a", "tags": ["a", "N/A"]}}

    assert read_lead(**sent) == {"custom.tags": ["a"]}


def test_a_correction_goes_before_the_tables() -> None:
    readings = {("country", "ruritania"): "Romania", ("country", "georgia"): "US", ("country", "keine auskunft"): ""}

    assert read_lead(readings, country=" Ruritania ") == {"country": "RO", "read_as.country": "Ruritania"}
    assert read_lead(readings, country="GEORGIA")["country"] == "US"
    assert read_lead(readings, country="Keine  Auskunft") == {}


def test_a_note_names_what_was_not_understood() -> None:
    (note,) = list_notes(read_lead(country="Ruritania"))

    assert (note.kind, note.field) == ("not_understood", "country")
    assert note.text == "“Ruritania” is not understood as a country; it is kept as it came."


def test_a_later_readable_statement_ends_a_mark_whenever_it_arrived() -> None:
    unread = read_lead(country="Ruritania")

    assert fold_statements([unread, {"country": "DE"}]) == {"country": "DE"}
    assert fold_statements([{"country": "DE"}, unread]) == unread
    assert fold_statements([unread, {"title": "CTO"}])["not_understood.country"] == "Ruritania"


@pytest.mark.parametrize(
    ("stored", "values"),
    [
        ({"country": "Germany"}, {"country": "DE"}),
        ({"country": "DE"}, {"country": "DE"}),
        ({"country": "Ruritania"}, {"country": None, "not_understood.country": "Ruritania"}),
        ({"country": "N/A"}, {"country": None}),
    ],
)
def test_a_statement_from_before_countries_had_codes_is_read_now(stored: Any, values: Any) -> None:
    assert fold_statements([stored]) == values
