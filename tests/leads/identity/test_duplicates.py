from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from leads.exceptions import Refused
from leads.identity import duplicates, merges
from leads.models import DuplicateCandidate, Lead
from tests.factories import NOW, CompanyFactory, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db


def pairs(reason: str = "") -> list[tuple[int, int]]:
    duplicates.find_candidates(now=NOW)
    return [(row.first_id, row.second_id) for row in duplicates.list_candidates(reason=reason)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada.lovelace@acme.example", "adalovelace@acme.example"),
        ("ada+news@acme.example", "ada@acme.example"),
        ("a.d.a@gmail.com", "ada@googlemail.com"),
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
    ],
)
def test_addresses_in_two_spellings_are_candidates(one: str, other: str) -> None:
    first, second = LeadFactory(email=one), LeadFactory(email=other)
    LeadFactory(email="grace@acme.example")

    assert pairs() == [(first.pk, second.pk)]
    assert DuplicateCandidate.objects.get().strength == "strong"


@pytest.mark.parametrize(
    ("one", "other", "is_candidate"),
    [
        (("Jürgen", "Müller"), ("juergen", "MUELLER"), True),
        (("Zoë", "Großmann"), ("Zoe", "Grossmann"), True),
        (("Anne-Marie", "Łuć"), ("Anne Marie", "Luc"), True),
        (("J.", "Smith"), ("J.", "Smith"), False),
        (("Ada", "Byron"), ("Ada", "Lovelace"), False),
    ],
)
def test_names_at_one_company_are_compared_folded_and_initials_say_nothing(
    one: tuple[str, str], other: tuple[str, str], is_candidate: bool
) -> None:
    company = CompanyFactory()
    people = [LeadFactory(first_name=first, last_name=last, company=company) for first, last in (one, other)]
    LeadFactory(first_name=one[0], last_name=one[1], company=CompanyFactory())

    assert pairs("name") == ([(people[0].pk, people[1].pk)] if is_candidate else [])


def test_one_phone_number_in_two_notations_is_weak_evidence_and_a_switchboard_none() -> None:
    first, second = LeadFactory(phone="+49 (30) 123-4567"), LeadFactory(phone="0049 30 1234567")
    LeadFactory.create_batch(5, phone="+1 555 0100 200")
    LeadFactory.create_batch(2, phone="110")

    assert pairs() == [(first.pk, second.pk)]
    assert DuplicateCandidate.objects.get().strength == "weak"


def test_a_national_number_is_one_with_the_code_of_its_country() -> None:
    first, second = LeadFactory(phone="+49 30 1234567"), LeadFactory(phone="030 1234567", country="DE")
    LeadFactory(phone="030 1234567", country="US")

    assert pairs("phone") == [(first.pk, second.pk)]


def test_a_candidate_goes_when_its_reason_goes_and_stays_the_same_row_until_then() -> None:
    first, second = LeadFactory(phone="+49 30 1234567"), LeadFactory(phone="+49 30 1234567")
    pairs()
    row = DuplicateCandidate.objects.get()
    pairs()
    assert DuplicateCandidate.objects.get() == row

    Lead.objects.filter(pk=second.pk).update(phone_key="+49307654321")

    assert pairs() == []
    assert first.pk != second.pk


def test_merged_leads_are_no_candidates_and_the_person_has_those_of_its_aliases() -> None:
    alias = LeadFactory(phone="+49 30 1234567")
    standing = LeadFactory()
    other = LeadFactory(phone="+49 30 1234567")
    assert pairs() == [(alias.pk, other.pk)]

    merges.merge(lead_id=alias.pk, into_id=standing.pk, by=None, now=NOW)

    assert list(duplicates.list_candidates()) == []
    assert pairs() == [(standing.pk, other.pk)]


def test_two_people_who_are_kept_apart_are_not_asked_about_until_that_is_taken_back() -> None:
    first, second, by = LeadFactory(phone="+49 30 1234567"), LeadFactory(phone="+49 30 1234567"), UserFactory()
    statement = duplicates.keep_apart(lead_id=second.pk, other_id=first.pk, by=by, now=NOW)
    again = duplicates.keep_apart(lead_id=first.pk, other_id=second.pk, by=None, now=NOW)

    assert (again, statement.by) == (statement, by)
    assert pairs() == []
    assert duplicates.count_candidates_of(first) == 0
    assert duplicates.take_back(statement_id=statement.pk, by=by, now=NOW)
    assert not duplicates.take_back(statement_id=statement.pk, by=by, now=NOW)
    assert pairs() == [(first.pk, second.pk)]
    assert duplicates.count_candidates_of(second) == 1


def test_a_lead_is_not_kept_apart_from_itself_or_from_nobody() -> None:
    lead = LeadFactory()

    for other, field in ((lead.pk, "other"), (0, "other")):
        with pytest.raises(Refused) as refusal:
            duplicates.keep_apart(lead_id=lead.pk, other_id=other, by=None, now=NOW)
        assert refusal.value.field == field


def test_finding_takes_the_same_queries_for_any_number_of_leads(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(6):
        duplicates.find_candidates(now=NOW)
    for number in range(20):
        LeadFactory(email=f"x{number}@acme.example", phone=f"+49 30 12345{number // 2:02}")

    with django_assert_num_queries(6):
        assert duplicates.find_candidates(now=NOW + dt.timedelta(minutes=10)) == 10


def test_a_national_number_is_compared_by_its_one_spelling() -> None:
    first = LeadFactory(phone="+46 8 555 0199", phone_key="+4685550199")
    second = LeadFactory(phone="08 555 0199", phone_key="+4685550199")

    assert pairs() == [(first.pk, second.pk)]


def test_what_was_said_of_a_lead_holds_for_the_person_into_whom_it_is_merged() -> None:
    alias, other, standing = LeadFactory.create_batch(3, phone="+49 30 1234567")
    duplicates.keep_apart(lead_id=alias.pk, other_id=other.pk, by=None, now=NOW)
    assert pairs() == [(alias.pk, standing.pk), (other.pk, standing.pk)]

    merges.merge(lead_id=alias.pk, into_id=standing.pk, by=None, now=NOW)

    assert pairs() == []
    merges.unmerge(lead_id=alias.pk, by=None, now=NOW)
    assert sorted(pairs()) == [(alias.pk, standing.pk), (other.pk, standing.pk)]


def test_strong_evidence_comes_first_and_then_what_was_found_last() -> None:
    company = CompanyFactory()
    weak = [LeadFactory(phone="+49 30 1234567").pk for _ in range(2)]
    named = [LeadFactory(first_name="Ada", last_name="Lovelace", company=company).pk for _ in range(2)]
    duplicates.find_candidates(now=NOW)
    strong = [LeadFactory(email=email).pk for email in ("a.da@acme.example", "ada@acme.example")]
    later = [LeadFactory(first_name="Grace", last_name="Hopper", company=company).pk for _ in range(2)]
    duplicates.find_candidates(now=NOW + dt.timedelta(minutes=10))

    rows = list(duplicates.rank_candidates())
    assert [[row.first_id, row.second_id] for row in rows] == [strong, later, named, weak]
    for position, row in enumerate(rows):
        assert list(duplicates.rank_candidates(after=row.pk)) == rows[position + 1 :]
