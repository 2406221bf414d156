from __future__ import annotations

from typing import Final

import pytest

from leads.normalization.placeholders import is_placeholder, is_placeholder_address, is_placeholder_value

_NOBODY: Final = """
undefined NULL None nil NaN 0 0.0 -1 N/A n/a NA - -- — ? ... unknown Unbekannt [object_Object] {{id}} user-{{id}} ${id}
u-${user.id} %ID% %%contact_id%% *|ID|* #{id} {!Contact.Id} {contact_id} <id> [Contact.Id] {} [] #N/A #REF! (null) <null>
"null" 00000000-0000-0000-0000-000000000000 {00000000-0000-0000-0000-000000000000} 000000000000000 000000000000000AAA
ffffffff-ffff-ffff-ffff-ffffffffffff anonymous true brak [not_provided] (not_set) keine_Angabe <%=_id_%> \uff2e\uff0f\uff21
undefined-undefined nullnull user-null $userid your-id guest_user logged-out xxx 00Q000000000000
"""
_SOMEBODY: Final = "1 10 100 007 0x1 test a-0 C-1 00Q5g00000AbCdE nullman null-island NONE-1 l-0001 00000000-0000-0000-0000-000000000001"

_NO_ANSWER: Final = (
    ("budget", "N/A"),
    ("budget", "-"),
    ("budget", "none"),
    ("timeline", "n/a"),
    ("title", "NA"),
    ("title", "k.A."),
    ("title", "Keine  Angabe"),
    ("use_case", "non renseigné"),
    ("use_case", "Brak"),
    ("country", "[not provided]"),
    ("country", "No aplica"),
    ("last_name", "[Not Provided]"),
    ("last_name", "."),
    ("last_name", "(null)"),
    ("last_name", "unknown"),
    ("first_name", "{{first_name}}"),
    ("first_name", "%FIRSTNAME%"),
    ("first_name", "*|FNAME|*"),
    ("custom.a", "#N/A"),
    ("source", "--None--"),
    ("budget", "- none -"),
    ("timeline", "None."),
    ("timeline", "N / A"),
    ("use_case", "TBC"),
    ("use_case", "Not sure yet"),
    ("budget", "Weiß nicht"),
    ("budget", "je ne sais pas"),
    ("industry", "Select..."),
    ("industry", "-- Please select --"),
    ("industry", "Choose an option"),
    ("country", "Select your country"),
    ("country", "Bitte auswählen …"),
    ("country", "Seleccione una opción"),
)
_ANSWERS: Final = (
    ("budget", "0"),
    ("budget", "$$$"),
    ("budget", "100%"),
    ("country", "NA"),
    ("region", "NA"),
    ("last_name", "Null"),
    ("last_name", "None"),
    ("first_name", "Nan"),
    ("last_name", "Brak"),
    ("title", "VP (acting)"),
    ("title", "C"),
    ("use_case", "{{a}} and more"),
    ("use_case", ""),
    ("use_case", "Select the right vendor"),
    ("use_case", "No budget"),
    ("last_name", "Tba"),
    ("last_name", "Na."),
    ("first_name", "Nan,"),
    ("name", "Select"),
    ("name", "Pick"),
    ("country", "NA."),
    ("use_case", "Unknown callers are to be routed to the right team within a minute"),
)


@pytest.mark.parametrize(
    "text", [word.replace("_", " ") if "_" in word and "contact" not in word else word for word in _NOBODY.split()]
)
def test_words_without_an_id_name_nobody(text: str) -> None:
    assert is_placeholder(text)
    assert is_placeholder(f" {text.upper()} ")


@pytest.mark.parametrize("text", _SOMEBODY.split())
def test_ids_that_only_resemble_such_words_name_somebody(text: str) -> None:
    assert not is_placeholder(text)


@pytest.mark.parametrize(("field", "text"), _NO_ANSWER)
def test_words_without_an_answer_are_no_values(field: str, text: str) -> None:
    assert is_placeholder_value(field, text)


@pytest.mark.parametrize(("field", "text"), _ANSWERS)
def test_names_and_places_and_numbers_are_values(field: str, text: str) -> None:
    assert not is_placeholder_value(field, text)


@pytest.mark.parametrize(
    "address",
    [
        "undefined@acme.example",
        "none@none.com",
        "no-email@acme.example",
        "test@test.de",
        "na@na.com",
        "{{email}}@acme.example",
    ],
)
def test_addresses_of_nobody_are_placeholders(address: str) -> None:
    assert is_placeholder_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "test@acme.example",
        "nan@acme.example",
        "na.li@na.com",
        "none.other@acme.example",
        "mail@acme.example",
        "a@a.example",
    ],
)
def test_addresses_of_people_and_offices_are_none(address: str) -> None:
    assert not is_placeholder_address(address)
