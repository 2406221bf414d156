from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from config import periodic
from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import reviews
from definitions.models import Definition, Review, SignOff, Version
from definitions.vocabulary import Decision, ReviewKind, ReviewTrigger, Side, VersionState
from sla.commitments import commitments
from sla.models import AlertSettings, Delivery, Notice
from sla.notifications import deliveries, leader_notices
from sla.vocabulary import NoticeKind
from tests.sla import situations
from tests.sla.situations import DAY, MINUTE, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def mona() -> User:
    return situations.user(Role.MARKETING_LEADER)


@pytest.fixture
def luis() -> User:
    return situations.user(Role.SALES_LEADER)


def proposed() -> Version:
    definition = Definition.objects.create(name="Inbound", slug="inbound", created_at=NOW)
    version = Version.objects.create(definition=definition, owner="Ops", reason="Test.", created_at=NOW)
    Version.objects.filter(pk=version.pk).update(state=VersionState.PROPOSED, proposed_at=NOW)
    version.refresh_from_db()
    return version


def signed(version: Version, side: Side, by: User) -> SignOff:
    return SignOff.objects.create(version=version, side=side, by=by, decision=Decision.APPROVED, comment="Yes.", at=NOW)


def spot_review(by: User | None = None) -> Review:
    definition = Definition.objects.create(name="Inbound", slug="inbound", created_at=NOW)
    return reviews.open_review(
        definition=definition,
        trigger=ReviewTrigger.MANUAL,
        kind=ReviewKind.FULL,
        title="A new market",
        evidence={},
        proposal="",
        now=NOW,
        by=by,
    )


def drafted() -> Any:
    ops = situations.user(Role.SALES_MANAGER)
    terms = {term.name: term.least for term in commitments.TERMS}
    return commitments.create_draft(terms=terms, reason="More leads.", by=ops, now=NOW)


def told(user: User) -> list[str]:
    return list(Notice.objects.filter(to=user).order_by("pk").values_list("text", flat=True))


def test_both_leaders_are_told_once_that_a_version_waits_for_them(mona: User, luis: User) -> None:
    sam = situations.user(Role.SDR)
    version = proposed()

    new = [leader_notices.notify_leaders(now=NOW), leader_notices.notify_leaders(now=NOW + DAY)]

    assert new == [2, 0]
    assert told(mona) == ["Inbound v1.0 waits for your signature for marketing"]
    assert told(luis) == ["Inbound v1.0 waits for your signature for sales"]
    assert told(sam) == []
    notice = Notice.objects.get(to=mona)
    assert (notice.kind, notice.leads_to) == (NoticeKind.SIGNATURE, reverse("version_step", args=[version.pk, "sign"]))


def test_who_has_signed_is_not_asked_again(mona: User, luis: User) -> None:
    version = proposed()
    signed(version, Side.MARKETING, mona)

    assert leader_notices.notify_leaders(now=NOW) == 1

    assert (told(mona), len(told(luis))) == ([], 1)


def test_who_signed_for_one_side_is_not_asked_for_the_other(luis: User) -> None:
    both = situations.user(Role.MARKETING_LEADER, Role.SALES_LEADER)
    signed(proposed(), Side.MARKETING, both)

    leader_notices.notify_leaders(now=NOW)

    assert (told(both), len(told(luis))) == ([], 1)


def test_without_a_leader_the_next_one_is_told(mona: User) -> None:
    proposed()
    leader_notices.notify_leaders(now=NOW)

    luis = situations.user(Role.SALES_LEADER)
    leader_notices.notify_leaders(now=NOW + DAY)

    assert len(told(mona)) == len(told(luis)) == Notice.objects.count() // 2 == 1


def test_a_version_that_is_no_longer_proposed_waits_for_nobody(mona: User, luis: User) -> None:
    situations.version()

    leader_notices.notify_leaders(now=NOW)

    assert (told(mona), told(luis)) == ([], [])


def test_commitments_wait_for_both_and_then_for_the_one_who_is_missing(mona: User, luis: User) -> None:
    draft = drafted()
    leader_notices.notify_leaders(now=NOW)
    commitments.sign(commitment=draft, by=mona, now=NOW)

    leader_notices.notify_leaders(now=NOW + MINUTE)
    leader_notices.notify_leaders(now=NOW + DAY)

    waiting = f"{draft} wait for your signature"
    assert told(mona) == [waiting]
    assert told(luis) == [waiting, f"{waiting}; the other side has signed"]
    assert Notice.objects.filter(to=luis)[0].leads_to == reverse("commitment", args=[draft.pk])


def test_a_draft_that_was_deleted_is_mailed_to_nobody_and_its_notice_leads_nowhere(mona: User) -> None:
    draft = drafted()
    leader_notices.notify_leaders(now=NOW)
    page = reverse("commitment", args=[draft.pk])
    client = Client()
    client.force_login(mona)
    before = client.get(reverse("notices")).content.decode()

    commitments.discard_draft(commitment=draft, by=mona)
    deliveries.send_due(now=NOW)

    after = client.get(reverse("notices")).content.decode()
    assert (page in before, page in after) == (True, False)
    assert "settled: the draft was deleted" in after
    assert "E-mail not sent: the draft was deleted" in after
    assert mail.outbox == []


def test_who_has_signed_meanwhile_gets_no_mail_about_it(mona: User, luis: User) -> None:
    draft = drafted()
    leader_notices.notify_leaders(now=NOW)
    commitments.sign(commitment=draft, by=mona, now=NOW)

    deliveries.send_due(now=NOW)

    assert [one.to for one in mail.outbox] == [[luis.email]]
    assert Delivery.objects.get(notice__to=mona).dropped_why == "already signed"


def test_a_review_is_told_to_both_leaders_and_ops_but_not_to_who_opened_it(mona: User, luis: User) -> None:
    olga = situations.user(Role.MARKETING_OPS)
    review = spot_review(by=mona)

    leader_notices.notify_leaders(now=NOW)
    leader_notices.notify_leaders(now=NOW + DAY)

    assert told(luis) == told(olga) == ["Review of Inbound: A new market"]
    assert told(mona) == []
    notice = Notice.objects.get(to=luis)
    assert (notice.kind, notice.leads_to) == (NoticeKind.REVIEW, reverse("review", args=[review.pk]))


def test_a_decided_review_is_told_to_nobody(mona: User, luis: User) -> None:
    review = spot_review()
    reviews.decide(review=review, decision="Nothing", reasoning="It is fine.", by=mona, now=NOW)

    assert leader_notices.notify_leaders(now=NOW) == 0


def test_the_beat_sends_it_and_the_mail_leads_to_the_page_to_sign(mona: User, settings: Any) -> None:
    settings.BASE_URL = "https://accord.test"
    version = proposed()

    assert periodic.watch_clocks(now=NOW)["summoned"] == 1
    deliveries.send_due(now=NOW)

    assert f"https://accord.test/definitions/versions/{version.pk}/sign/" in mail.outbox[0].body


def test_the_page_of_notices_leads_to_the_page_to_sign(mona: User) -> None:
    version = proposed()
    leader_notices.notify_leaders(now=NOW)
    client = Client()
    client.force_login(mona)

    page = client.get(reverse("notices")).content.decode()
    link = reverse("version_step", args=[version.pk, "sign"])

    assert f'href="{link}"' in page
    assert client.get(link).status_code == 200


@pytest.mark.parametrize(
    ("role", "is_asked", "hears_of_reviews"),
    [
        (Role.SDR, False, False),
        (Role.SALES_MANAGER, False, False),
        (Role.MARKETING_OPS, False, True),
        (Role.SALES_LEADER, True, True),
        (Role.MARKETING_LEADER, True, True),
    ],
)
def test_alerts_offer_to_each_what_they_may_be_told(role: Role, is_asked: bool, hears_of_reviews: bool) -> None:
    client = Client()
    client.force_login(situations.user(role))

    page = client.get(reverse("alerts")).content.decode()

    assert ("signature.waiting" in page, "review.opened" in page) == (is_asked, hears_of_reviews)


def test_who_becomes_a_leader_hears_by_mail_although_they_chose_before() -> None:
    sam = situations.user(Role.SDR)
    client = Client()
    client.force_login(sam)
    client.post(reverse("alerts"), {"email_kinds": ["mql.routed"]})
    sam.groups.add(situations.user(Role.SALES_LEADER).groups.get())
    proposed()

    leader_notices.notify_leaders(now=NOW)

    assert AlertSettings.objects.get(user=sam).slack_kinds == []
    assert Delivery.objects.filter(notice__to=sam).count() == 1


def test_an_sdr_cannot_choose_what_is_not_offered() -> None:
    client = Client()
    client.force_login(situations.user(Role.SDR))

    assert client.post(reverse("alerts"), {"email_kinds": ["signature.waiting"]}).status_code == 422
