from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.models import Commitment
from sla.vocabulary import CommitmentState
from tests.factories import NOW, CommitmentFactory, UserFactory, WorkCalendarFactory

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\"'="


@dataclass(frozen=True, slots=True)
class People:
    ops: User
    marketing: User
    sales: User


@pytest.fixture(autouse=True)
def at_work() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def people() -> People:
    return People(
        UserFactory(roles=[Role.MARKETING_OPS]),
        UserFactory(roles=[Role.MARKETING_LEADER]),
        UserFactory(roles=[Role.SALES_LEADER]),
    )


@pytest.fixture
def in_force() -> Commitment:
    WorkCalendarFactory(zone="Europe/Berlin")
    return CommitmentFactory(active=True)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def typed(of: Commitment | None = None, **fields: object) -> dict[str, object]:
    agreed = of or CommitmentFactory.build()
    numbers = {term.name: getattr(agreed, term.name) for term in commitments.TERMS}
    terms = {name: "" if number is None else number for name, number in numbers.items()}
    read = commitments.stamp(of) if of else ""
    return {**terms, "reason": "Faster first contact.", "read": read, "arrives": "", "calendar": "", **fields}


def text_of(response: object) -> str:
    return " ".join(response.content.decode().split())


def drafted(by: User, **terms: int | None) -> Commitment:
    usual = {term.name: getattr(CommitmentFactory.build(), term.name) for term in commitments.TERMS}
    return commitments.create_draft(motion=Motion.MQL, terms=usual | terms, reason="Faster.", by=by, now=NOW)


def test_a_draft_goes_from_ops_through_both_signatures_into_force(people: People, in_force: Commitment) -> None:
    response = signed_in(people.ops).post(reverse("commitment_new"), typed(contact_minutes=15))
    draft = Commitment.objects.get(state=CommitmentState.DRAFT)
    sign, said = reverse("commitment_sign", args=[draft.pk]), {"agreed": "1", "read": commitments.stamp(draft)}
    marketing, sales = signed_in(people.marketing), signed_in(people.sales)

    first_page = text_of(marketing.get(response["Location"]))
    first = marketing.post(sign, said)
    second_page = text_of(sales.get(response["Location"]))
    second = sales.post(sign, said)

    assert "You sign for marketing." in first_page
    assert "with your signature these commitments are in force at once" in second_page
    assert (first.status_code, second.status_code) == (302, 302)
    draft.refresh_from_db()
    assert (draft.state, draft.number, draft.created_at) == (CommitmentState.ACTIVE, in_force.number + 1, NOW)
    history = text_of(sales.get(reverse("commitments")))
    assert 'First contact: <del class="faint">30</del> → <strong>15</strong> business minutes' in history
    assert "Faster first contact." in history


def test_who_did_not_tick_or_has_no_side_does_not_sign(people: People, in_force: Commitment) -> None:
    draft = drafted(people.ops)
    sign, said = reverse("commitment_sign", args=[draft.pk]), {"agreed": "1", "read": commitments.stamp(draft)}

    assert signed_in(people.marketing).post(sign, said | {"agreed": ""}).status_code == 422
    assert signed_in(people.ops).post(sign, said).status_code == 403
    signed_in(people.marketing).post(sign, said)
    assert signed_in(people.marketing).post(sign, said).status_code == 409
    draft.refresh_from_db()
    assert (draft.signed_by_marketing, draft.signed_by_sales) == (people.marketing, None)


def test_what_was_changed_after_it_was_read_is_not_signed(people: People, in_force: Commitment) -> None:
    draft = drafted(people.ops)
    read = commitments.stamp(draft)
    terms = {term.name: getattr(draft, term.name) for term in commitments.TERMS}
    commitments.amend_draft(
        commitment=draft, terms=terms | {"contact_minutes": 20}, reason="R", seen_stamp=read, by=people.ops
    )

    answer = signed_in(people.sales).post(reverse("commitment_sign", args=[draft.pk]), {"agreed": "1", "read": read})

    assert answer.status_code == 409
    assert "changed after you opened it" in text_of(answer)


def test_an_edit_takes_the_signatures_away(people: People, in_force: Commitment) -> None:
    draft = drafted(people.ops)
    commitments.sign(commitment=draft, by=people.marketing, now=NOW)
    ops = signed_in(people.ops)
    page = reverse("commitment_edit", args=[draft.pk])

    warned = text_of(ops.get(page))
    ops.post(page, typed(draft, contact_minutes=20))

    assert "an edit takes it away" in warned
    draft.refresh_from_db()
    assert (draft.contact_minutes, draft.signed_by_marketing) == (20, None)


def test_two_who_edit_one_draft_do_not_overwrite_each_other(people: People, in_force: Commitment) -> None:
    draft = drafted(people.ops)
    mine, theirs = typed(draft, contact_minutes=10), typed(draft, contact_minutes=20)
    page = reverse("commitment_edit", args=[draft.pk])
    signed_in(people.sales).post(page, theirs)

    answer = signed_in(people.ops).post(page, mine)

    assert answer.status_code == 409
    assert Commitment.objects.get(pk=draft.pk).contact_minutes == 20


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"contact_minutes": "0"}, "greater than or equal to 1"),
        ({"mqls_a_month": "99999999999999999999"}, "less than or equal to"),
        ({"opportunity_percent": ""}, "This field is required"),
        ({"opportunity_percent": "101"}, "less than or equal to"),
        ({"contact_minutes_tier_1": "45"}, "The hottest leads cannot wait longer"),
        ({"reason": ""}, "This field is required."),
        ({"arrives": "yesterday"}, "Give a date and a time"),
    ],
)
def test_terms_that_cannot_be_are_refused(
    people: People, in_force: Commitment, fields: dict[str, str], said: str
) -> None:
    answer = signed_in(people.ops).post(reverse("commitment_new"), typed(**fields))

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert Commitment.objects.count() == 1


@pytest.mark.parametrize("htmx", [True, False])
def test_the_preview_holds_the_draft_against_what_is_in_force(people: People, in_force: Commitment, htmx: bool) -> None:
    said = typed(contact_minutes=20, arrives="2026-11-20T16:50", preview="1")

    answer = signed_in(people.ops).post(reverse("commitment_new"), said, headers={"HX-Request": "true"} if htmx else {})

    text = text_of(answer)
    assert "would be due Monday 9:10 in Berlin, because: 10 min on Friday, weekend closed, 10 min on Monday." in text
    assert f"By v{in_force.number}, which is in force: due Monday 9:20" in text
    assert f"The same as by v{in_force.number}" in text
    assert ("<html" in text) is not htmx
    assert Commitment.objects.count() == 1


def test_the_page_of_a_version_previews_as_asked_and_shows_what_changed(people: People, in_force: Commitment) -> None:
    draft = drafted(people.ops, disposition_hours=12)
    page = reverse("commitment", args=[draft.pk])

    text = text_of(signed_in(people.sales).get(page, {"arrives": "2026-03-27T16:50", "against": str(in_force.number)}))

    assert 'Accept or reject: <del class="faint">24</del> → <strong>12</strong> hours of working days' in text
    assert "would be due Monday 9:20 in Berlin" in text
    assert "with the change of the clocks counted in" in text


def test_a_draft_is_deleted_and_what_was_signed_is_not(people: People, in_force: Commitment) -> None:
    draft = drafted(people.ops)
    ops = signed_in(people.ops)

    gone = ops.post(reverse("commitment_delete", args=[draft.pk]))
    kept = ops.post(reverse("commitment_delete", args=[in_force.pk]))

    assert (gone.status_code, kept.status_code) == (302, 409)
    assert "what was signed stays as it is" in text_of(kept)
    assert list(Commitment.objects.all()) == [in_force]


def test_readers_read_and_hostile_reasons_are_text(people: People, in_force: Commitment) -> None:
    draft = commitments.create_draft(
        motion=Motion.MQL, terms={term.name: 7 for term in commitments.TERMS}, reason=HOSTILE, by=people.ops, now=NOW
    )
    reader = signed_in(UserFactory(roles=[Role.SDR]))

    for page in (reverse("commitments"), reverse("commitment", args=[draft.pk])):
        text = reader.get(page).content.decode()
        assert "<script>alert" not in text
        assert '<form class="form"' not in text
    assert reader.post(reverse("commitment_delete", args=[draft.pk])).status_code == 403


def test_before_anything_is_agreed_the_page_says_what_to_do(people: People) -> None:
    text = text_of(signed_in(people.ops).get(reverse("commitments")))

    assert "Nothing is agreed yet" in text
    assert "Draft the first version" in text


@pytest.mark.parametrize("role", list(Role))
def test_everybody_with_a_role_reads_the_rules(role: Role) -> None:
    assert signed_in(UserFactory(roles=[role])).get(reverse("rules")).status_code == 200


@pytest.mark.parametrize("roles", [(Role.VIEWER,), ()])
def test_the_sla_report_leads_here_only_whom_the_page_opens_to(roles: tuple[Role, ...]) -> None:
    client, link = Client(), reverse("commitments")
    client.force_login(UserFactory(roles=roles))

    report = client.get(reverse("sla_report")).content.decode()

    assert (f'href="{link}?motion=mql"' in report) == (client.get(link).status_code == 200) == bool(roles)
