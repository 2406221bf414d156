from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.exceptions import Refused
from leads.intake import lead_upserts, not_understood, value_readings
from leads.models import AttributeChange, Company, Lead, ValueReading
from tests.factories import UserFactory
from tests.leads.facts import DAY, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops() -> User:
    return UserFactory(roles=[Role.MARKETING_OPS])


def lead(now: dt.datetime = NOW, **values: Any) -> Lead:
    return lead_upserts.upsert_lead(email="ada@acme.example", values=values, source="crm", now=now)[0]


def correct(
    by: User, text: str, meaning: str, attribute: str = "country", now: dt.datetime = NOW + DAY
) -> ValueReading:
    reading = value_readings.add_reading(attribute=attribute, text=text, meaning=meaning, by=by, now=now)
    apply(now)
    return reading


def apply(now: dt.datetime = NOW + DAY) -> None:
    while value_readings.apply_pending(now=now):
        pass


def test_a_correction_applies_to_what_is_there_from_when_it_was_stated(ops: User) -> None:
    ada = lead(country="Ruritania")
    acme, _ = lead_upserts.upsert_company(domain="acme.example", values={"country": "RURITANIA"}, source="crm", now=NOW)
    Lead.objects.update(next_look_at=None)

    correct(ops, " ruritania", "Romania")

    ada.refresh_from_db()
    acme.refresh_from_db()
    assert (ada.country, ada.not_understood, ada.read_as) == ("RO", {}, {"country": "Ruritania"})
    assert (acme.country, acme.not_understood) == ("RO", {})
    assert ada.next_look_at == NOW + DAY
    statement = AttributeChange.objects.filter(lead=ada).latest("pk")
    assert (statement.source, statement.valid_from, statement.recorded_at) == ("reading", NOW, NOW + DAY)
    assert ValueReading.objects.get().applied_at == NOW + DAY


def test_a_correction_applies_to_what_comes_later(ops: User) -> None:
    correct(ops, "Ruritania", "RO")

    ada = lead(country="RURITANIA", now=NOW + 2 * DAY)

    assert (ada.country, ada.not_understood) == ("RO", {})


def test_a_changed_correction_is_read_anew_and_a_removed_one_is_as_if_it_had_never_been(ops: User) -> None:
    ada = lead(country="Ruritania")
    correct(ops, "Ruritania", "RO")
    later = correct(ops, "Ruritania", "HU")
    ada.refresh_from_db()
    assert ada.country == "HU"

    value_readings.remove_reading(reading=later, by=ops, now=NOW + 2 * DAY)
    apply(NOW + 2 * DAY)

    ada.refresh_from_db()
    assert (ada.country, ada.not_understood, ada.read_as) == ("", {"country": "Ruritania"}, {})
    assert set(ValueReading.objects.values_list("meaning", "removed_by")) == {("RO", ops.pk), ("HU", ops.pk)}


def test_a_text_that_says_nothing_leaves_the_value_before_it(ops: User) -> None:
    ada = lead(country="DE")
    lead(country="Keine Auskunft", now=NOW + DAY)

    reading = correct(ops, "keine auskunft", "", now=NOW + 2 * DAY)
    ada.refresh_from_db()
    assert (ada.country, ada.not_understood) == ("DE", {})

    value_readings.remove_reading(reading=reading, by=ops, now=NOW + 3 * DAY)
    apply(NOW + 3 * DAY)
    ada.refresh_from_db()
    assert (ada.country, ada.not_understood) == ("", {"country": "Keine Auskunft"})


def test_a_title_gets_a_rank_unless_its_sender_states_one(ops: User) -> None:
    ada = lead(title="Chef de rayon")
    given, _ = lead_upserts.upsert_lead(
        email="bo@acme.example", values={"title": "CHEF DE RAYON", "seniority": "director"}, source="crm", now=NOW
    )

    correct(ops, "chef de  rayon", "manager", "title")

    ada.refresh_from_db()
    given.refresh_from_db()
    assert (ada.seniority, given.seniority) == ("manager", "director")
    assert lead(title="CEO", now=NOW + 2 * DAY).seniority == ""
    assert lead(title="Chef de Rayon", now=NOW + 3 * DAY).seniority == "manager"


def test_a_removed_rank_is_taken_back(ops: User) -> None:
    ada = lead(title="Chef de rayon")
    reading = correct(ops, "Chef de rayon", "manager", "title")

    value_readings.remove_reading(reading=reading, by=ops, now=NOW + 2 * DAY)
    apply(NOW + 2 * DAY)

    ada.refresh_from_db()
    assert (ada.title, ada.seniority) == ("Chef de rayon", "")


def test_a_band_and_a_flag_are_corrected_too(ops: User) -> None:
    lead(do_not_contact="perhaps")
    lead_upserts.upsert_company(domain="acme.example", values={"employees": "a handful"}, source="crm", now=NOW)

    correct(ops, "perhaps", "yes", "do_not_contact")
    correct(ops, "a handful", "1-10", "employees")

    assert Lead.objects.get().do_not_contact
    acme = Company.objects.get()
    assert (acme.employees_low, acme.employees_high, acme.not_understood) == (1, 10, {})


@pytest.mark.parametrize(
    ("attribute", "text", "meaning", "message"),
    [
        ("country", "Ruritania", "Atlantis", "is not the name or code of a country"),
        ("title", "Boss", "king", "must be one of"),
        ("country", "  ", "DE", "must not be empty"),
        ("email", "x", "y", "is not one whose texts are read"),
        ("employees", "a few", "some", "meaning"),
    ],
)
def test_a_meaning_that_cannot_be_read_is_refused(
    ops: User, attribute: str, text: str, meaning: str, message: str
) -> None:
    with pytest.raises(Refused, match=message):
        value_readings.add_reading(attribute=attribute, text=text, meaning=meaning, by=ops, now=NOW)


def test_nobody_else_corrects() -> None:
    with pytest.raises(Refused, match="marketing ops"):
        correct(UserFactory(roles=[Role.SALES_MANAGER]), "Ruritania", "RO")


def test_many_leads_are_read_again_in_batches(ops: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_readings, "BATCH", 2)
    for number in range(5):
        lead_upserts.upsert_lead(
            email=f"p{number}@acme.example", values={"country": "Ruritania"}, source="crm", now=NOW
        )

    correct(ops, "Ruritania", "RO")

    assert set(Lead.objects.values_list("country", flat=True)) == {"RO"}
    assert not_understood.list_values() == []


def test_leads_with_other_titles_between_those_of_a_correction_are_passed_over(
    ops: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_readings, "_READ_AT_ONCE", 2)
    for number in range(7):
        title = "Zauberer" if number % 3 == 0 else "CTO"
        lead_upserts.upsert_lead(email=f"p{number}@acme.example", values={"title": title}, source="crm", now=NOW)

    correct(ops, "zauberer", "vp", attribute="title")

    assert list(Lead.objects.order_by("pk").values_list("seniority", flat=True)) == ["vp", "", "", "vp", "", "", "vp"]
