from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from leads import shipped_signals
from leads.exceptions import Refused
from leads.filters import LeadFilter
from leads.identity import duplicates, merges
from leads.intake import contact_decisions, events, lead_upserts, not_understood, outcomes
from leads.intake.item_results import ItemResult
from leads.models import ContactDecision, Lead, LeadMerge, NotDuplicate, Outcome, Signal
from leads.rescoring import mass_rescores, rescore_queue
from tests.factories import NOW, LeadFactory, UserFactory
from tests.threads import at_once

DAY = dt.timedelta(days=1)


def merge(lead: Lead, into: Lead, *, now: dt.datetime = NOW, why: str = "") -> LeadMerge:
    return merges.merge(lead_id=lead.pk, into_id=into.pk, by=None, now=now, why=why)


def send_lead(**item: Any) -> Lead:
    (result,) = lead_upserts.read_and_upsert(
        items=[item], read=lead_upserts.read_lead, upsert=lead_upserts.upsert_leads, source="crm", now=NOW
    )
    if result.refusal is not None:
        raise result.refusal
    return result.subject


def send_outcome(email: str, kind: str, at: dt.datetime) -> ItemResult:
    (result,) = outcomes.record(
        items=[{"email": email, "kind": kind, "at": at.isoformat(), "id": "d-1", "amount": 1000}], source="crm", now=NOW
    )
    return result


def standing_of(*leads: Lead) -> list[int | None]:
    standing = dict(Lead.objects.values_list("pk", "merged_into_id"))
    return [standing[lead.pk] for lead in leads]


@pytest.mark.django_db
def test_a_merge_says_who_did_it_when_and_why() -> None:
    alias, lead, by = LeadFactory(), LeadFactory(), UserFactory()

    row = merges.merge(lead_id=alias.pk, into_id=lead.pk, by=by, now=NOW, why=" Two addresses. ")

    assert (row.alias, row.into, row.by, row.at, row.why) == (alias, lead, by, NOW, "Two addresses.")
    assert standing_of(alias, lead) == [lead.pk, None]
    assert merges.list_person_ids(alias) == [lead.pk, alias.pk] or standing_of(alias) == [lead.pk]


@pytest.mark.django_db
def test_only_the_person_is_rescored_whichever_lead_is_named() -> None:
    alias, lead = LeadFactory(next_look_at=NOW), LeadFactory()
    merge(alias, lead)
    assert dict(Lead.objects.values_list("pk", "next_look_at")) == {alias.pk: None, lead.pk: NOW}

    rescore_queue.request(lead_ids=[alias.pk], at=NOW - DAY)

    assert dict(Lead.objects.values_list("pk", "next_look_at")) == {alias.pk: None, lead.pk: NOW - DAY}
    mass_rescores.request(cause="test", why="", at=NOW)
    assert mass_rescores.claim(now=NOW, limit=10) == [lead.pk]
    assert rescore_queue.claim(now=NOW, limit=10) == [lead.pk]


@pytest.mark.django_db
def test_an_event_for_an_alias_stays_with_it_and_rescores_the_person() -> None:
    shipped_signals.ship(signals=Signal.objects)
    alias, lead = LeadFactory(email="a@acme.example"), LeadFactory()
    merge(alias, lead)
    Lead.objects.update(next_look_at=None)

    item = {"email": "a@acme.example", "signal": "pricing_view", "occurred_at": NOW.isoformat(), "id": "e-1"}
    events.record(items=[item], source="test", now=NOW)

    assert alias.events.count() == 1
    assert list(Lead.objects.due_for_rescore(NOW)) == [lead]


@pytest.mark.django_db
def test_aliases_come_along_and_go_with_their_lead() -> None:
    first, second, third = LeadFactory.create_batch(3)
    merge(first, second)
    merge(second, third)
    assert standing_of(first, second, third) == [third.pk, third.pk, None]
    assert merges.list_person_ids(third) == [third.pk, first.pk, second.pk]

    merges.unmerge(lead_id=second.pk, by=None, now=NOW + DAY)

    assert standing_of(first, second, third) == [second.pk, None, None]
    assert set(Lead.objects.due_for_rescore(NOW + DAY)) == {second, third}


@pytest.mark.django_db
def test_a_lead_in_the_middle_of_a_chain_is_parted_alone() -> None:
    first, second, third = LeadFactory.create_batch(3)
    merge(first, second)
    merge(second, third)

    merges.unmerge(lead_id=first.pk, by=None, now=NOW)

    assert standing_of(first, second, third) == [None, third.pk, None]


@pytest.mark.django_db
def test_merges_that_make_no_sense_are_refused_with_field_and_rule() -> None:
    alias, lead, other = LeadFactory.create_batch(3)
    merge(alias, lead)

    for pair, field in (
        ((alias, other), "lead"),
        ((other, alias), "into"),
        ((other, other), "into"),
        ((Lead(pk=0), other), "lead"),
        ((other, Lead(pk=0)), "into"),
    ):
        with pytest.raises(Refused) as refusal:
            merge(*pair)
        assert refusal.value.field == field
    with pytest.raises(Refused, match="not merged"):
        merges.unmerge(lead_id=lead.pk, by=None, now=NOW)
    with pytest.raises(Refused, match="300 characters"):
        merge(other, lead, why="x" * 301)
    assert LeadMerge.objects.count() == 1


@pytest.mark.django_db
def test_a_parted_lead_can_be_merged_again_and_both_rows_stay() -> None:
    alias, lead = LeadFactory(), LeadFactory()
    merge(alias, lead)
    merges.unmerge(lead_id=alias.pk, by=None, now=NOW)
    merge(lead, alias)

    assert standing_of(alias, lead) == [None, alias.pk]
    assert LeadMerge.objects.count() == 2
    with pytest.raises(DatabaseError), transaction.atomic():
        LeadMerge.objects.all().delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        LeadMerge.objects.update(why="Something else.")


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_in_opposite_directions_one_wins() -> None:
    for _ in range(5):
        first, second = LeadFactory(), LeadFactory()

        results = at_once(2, lambda number: merge(*((first, second) if number == 0 else (second, first))))  # noqa: B023 - called within the loop

        assert sorted(type(result).__name__ for result in results) == ["LeadMerge", "Refused"]
        assert sorted(standing_of(first, second), key=str) in ([first.pk, None], [second.pk, None])


@pytest.mark.django_db(transaction=True)
def test_a_chain_made_at_once_leaves_no_alias_of_an_alias() -> None:
    for _ in range(5):
        first, second, third = LeadFactory.create_batch(3)

        at_once(2, lambda number: merge(*((first, second) if number == 0 else (second, third))))  # noqa: B023 - called within the loop

        assert not Lead.objects.filter(merged_into__merged_into__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_events_that_come_during_a_merge_rescore_the_person() -> None:
    shipped_signals.ship(signals=Signal.objects)
    for turn in range(5):
        alias, lead = LeadFactory(email=f"a{turn}@acme.example"), LeadFactory()
        item = {"email": alias.email, "signal": "pricing_view", "occurred_at": NOW.isoformat(), "id": f"e-{turn}"}

        def act(number: int, alias: Lead = alias, lead: Lead = lead, item: dict[str, str | None] = item) -> object:
            if number == 0:
                return merge(alias, lead, now=NOW + DAY)
            return events.record(items=[item], source="test", now=NOW)

        results = at_once(2, act)

        assert not [result for result in results if isinstance(result, Exception)]
        alias.refresh_from_db()
        lead.refresh_from_db()
        assert alias.next_look_at is None
        assert lead.next_look_at is not None
        assert alias.events.count() == 1


@pytest.mark.parametrize("alias_is_first", [True, False])
def test_a_row_with_the_keys_of_both_leads_is_about_the_one_that_stands(db: None, alias_is_first: bool) -> None:
    by_address = send_lead(email="a@acme.example")
    by_id = send_lead(external_id="c-1", email="b@acme.example")
    alias, standing = (by_address, by_id) if alias_is_first else (by_id, by_address)
    with pytest.raises(Refused, match="belongs to one lead and external_id to another"):
        send_lead(email="a@acme.example", external_id="c-1", title="CEO")
    merge(alias, standing)

    assert send_lead(email="a@acme.example", external_id="c-1", title="CEO") == standing

    standing.refresh_from_db()
    alias.refresh_from_db()
    assert (standing.title, alias.title) == ("CEO", "")
    assert {by_address.pk: "a@acme.example", by_id.pk: "b@acme.example"} == dict(
        Lead.objects.values_list("pk", "email")
    )


@pytest.mark.django_db
def test_a_deal_goes_on_under_the_address_of_another_lead_of_the_person() -> None:
    alias, standing = LeadFactory(email="a@acme.example"), LeadFactory(email="b@acme.example")
    send_outcome("a@acme.example", "opportunity", NOW - DAY)
    assert send_outcome("b@acme.example", "won", NOW).field == "id"
    merge(alias, standing)

    assert send_outcome("b@acme.example", "won", NOW).status == "accepted"

    assert set(Outcome.objects.values_list("lead", flat=True)) == {alias.pk}


@pytest.mark.django_db
def test_a_person_is_found_by_the_address_and_the_name_of_a_merged_lead() -> None:
    alias = LeadFactory(email="old.address@acme.example", first_name="Adalbert")
    standing = LeadFactory()
    merge(alias, standing)

    for text in ("old.address@acme.example", "Adalbert", "address adal"):
        assert list(LeadFilter({"q": text}, queryset=Lead.objects.all()).qs) == [standing]
    assert LeadFilter({"q": " "}, queryset=Lead.objects.all()).qs.count() == 1


@pytest.mark.django_db
def test_the_leads_behind_a_value_that_is_not_understood_are_as_many_as_counted() -> None:
    alias = send_lead(email="a@acme.example", country="Ruritania")
    standing = LeadFactory()
    merge(alias, standing)

    (row,) = not_understood.list_values()

    assert list(LeadFilter({"not_understood": row.token}, queryset=Lead.objects.all()).qs) == [alias]
    assert row.leads == 1
    assert not_understood.texts_at(standing, NOW) == {"lead.country": "Ruritania"}


@pytest.mark.django_db
def test_lifting_the_opt_out_of_a_person_lifts_that_of_each_lead() -> None:
    alias, standing = send_lead(email="a@acme.example", do_not_contact=True), send_lead(email="b@acme.example")
    merge(alias, standing)
    assert merges.may_not_be_contacted(standing)

    contact_decisions.lift_for_person(lead=standing, by=UserFactory(), reason="She wrote to us.", now=NOW + DAY)

    assert not merges.may_not_be_contacted(standing)
    assert list(ContactDecision.objects.values_list("lead", "is_opt_out")) == [(alias.pk, False)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [{"ended_at": None, "ended_by": None}, {"ended_at": NOW + 2 * DAY}, {"ended_by": None}]
)
def test_a_statement_about_two_leads_ends_once(change: dict[str, Any]) -> None:
    first, second, by = LeadFactory(), LeadFactory(), UserFactory()
    merge(second, first)
    merges.unmerge(lead_id=second.pk, by=by, now=NOW + DAY)
    duplicates.keep_apart(lead_id=first.pk, other_id=second.pk, by=by, now=NOW)
    duplicates.take_back(statement_id=NotDuplicate.objects.get().pk, by=by, now=NOW + DAY)

    for statements in (LeadMerge.objects.all(), NotDuplicate.objects.all()):
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            statements.update(**change)
        assert (statements.get().ended_at, statements.get().ended_by) == (NOW + DAY, by)
