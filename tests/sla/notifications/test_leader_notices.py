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
from definitions.models import Review, Version
from definitions.vocabulary import ReviewKind, ReviewTrigger, Side
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.models import AlertSettings, Delivery, Notice
from sla.notifications import deliveries, leader_notices
from sla.vocabulary import NoticeKind
from tests.factories import DAY, MINUTE, NOW, DefinitionFactory, SignOffFactory, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def mona() -> User:
    return UserFactory(roles=[Role.MARKETING_LEADER])


@pytest.fixture
def luis() -> User:
    return UserFactory(roles=[Role.SALES_LEADER])


def proposed() -> Version:
    return VersionFactory(proposed=True, moved_at=NOW, definition__name="Inbound")


def spot_review(by: User | None = None) -> Review:
    return reviews.open_review(
        definition=DefinitionFactory(name="Inbound"),
        trigger=ReviewTrigger.MANUAL,
        kind=ReviewKind.FULL,
        title="A new market",
        evidence={},
        proposal="",
        now=NOW,
        by=by,
    )


def drafted() -> Any:
    ops = UserFactory(roles=[Role.SALES_MANAGER])
    terms = {term.name: term.least for term in commitments.TERMS}
    return commitments.create_draft(motion=Motion.MQL, terms=terms, reason="More leads.", by=ops, now=NOW)


def told(user: User) -> list[str]:
    return list(Notice.objects.filter(to=user).order_by("pk").values_list("text", flat=True))


def test_both_leaders_are_notified_once_of_a_proposed_version(mona: User, luis: User) -> None:
    sam = UserFactory(roles=[Role.SDR])
    version = proposed()

    new = [leader_notices.notify_leaders(now=NOW), leader_notices.notify_leaders(now=NOW + DAY)]

    assert new == [2, 0]
    assert told(mona) == ["Inbound v1.0 waits for your signature for marketing"]
    assert told(luis) == ["Inbound v1.0 waits for your signature for sales"]
    assert told(sam) == []
    notice = Notice.objects.get(to=mona)
    assert (notice.kind, notice.leads_to) == (NoticeKind.SIGNATURE, reverse("version_step", args=[version.pk, "sign"]))


def test_a_leader_who_signed_is_not_notified_again(mona: User, luis: User) -> None:
    version = proposed()
    SignOffFactory(version=version, side=Side.MARKETING, by=mona)

    assert leader_notices.notify_leaders(now=NOW) == 1

    assert (told(mona), len(told(luis))) == ([], 1)


def test_a_leader_who_signed_for_one_side_is_not_notified_for_the_other(luis: User) -> None:
    both = UserFactory(roles=[Role.MARKETING_LEADER, Role.SALES_LEADER])
    SignOffFactory(version=proposed(), side=Side.MARKETING, by=both)

    leader_notices.notify_leaders(now=NOW)

    assert (told(both), len(told(luis))) == ([], 1)


def test_a_later_leader_is_notified_then(mona: User) -> None:
    proposed()
    leader_notices.notify_leaders(now=NOW)

    luis = UserFactory(roles=[Role.SALES_LEADER])
    leader_notices.notify_leaders(now=NOW + DAY)

    assert len(told(mona)) == len(told(luis)) == Notice.objects.count() // 2 == 1


def test_a_version_no_longer_proposed_notifies_nobody(mona: User, luis: User) -> None:
    VersionFactory(active=True)

    leader_notices.notify_leaders(now=NOW)

    assert (told(mona), told(luis)) == ([], [])


def test_a_draft_of_commitments_notifies_both_and_then_the_missing_leader(mona: User, luis: User) -> None:
    draft = drafted()
    leader_notices.notify_leaders(now=NOW)
    commitments.sign(commitment=draft, by=mona, now=NOW)

    leader_notices.notify_leaders(now=NOW + MINUTE)
    leader_notices.notify_leaders(now=NOW + DAY)

    waiting = f"{draft} wait for your signature"
    assert told(mona) == [waiting]
    assert told(luis) == [waiting, f"{waiting}; the other side has signed"]
    assert Notice.objects.filter(to=luis)[0].leads_to == reverse("commitment", args=[draft.pk])


def test_a_deleted_draft_is_not_mailed_and_its_notice_has_no_link(mona: User) -> None:
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


def test_a_leader_who_signed_meanwhile_gets_no_mail(mona: User, luis: User) -> None:
    draft = drafted()
    leader_notices.notify_leaders(now=NOW)
    commitments.sign(commitment=draft, by=mona, now=NOW)

    deliveries.send_due(now=NOW)

    assert [one.to for one in mail.outbox] == [[luis.email]]
    assert Delivery.objects.get(notice__to=mona).dropped_why == "already signed"


def test_a_review_notifies_leaders_and_ops_except_its_opener(mona: User, luis: User) -> None:
    olga = UserFactory(roles=[Role.MARKETING_OPS])
    review = spot_review(by=mona)

    leader_notices.notify_leaders(now=NOW)
    leader_notices.notify_leaders(now=NOW + DAY)

    assert told(luis) == told(olga) == ["Review of Inbound: A new market"]
    assert told(mona) == []
    notice = Notice.objects.get(to=luis)
    assert (notice.kind, notice.leads_to) == (NoticeKind.REVIEW, reverse("review", args=[review.pk]))


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
def test_alert_settings_offer_the_kinds_of_a_persons_roles(role: Role, is_asked: bool, hears_of_reviews: bool) -> None:
    client = Client()
    client.force_login(UserFactory(roles=[role]))

    page = client.get(reverse("alerts")).content.decode()

    assert ("signature.waiting" in page, "review.opened" in page) == (is_asked, hears_of_reviews)


def test_a_new_leader_gets_mail_despite_earlier_settings() -> None:
    sam = UserFactory(roles=[Role.SDR])
    client = Client()
    client.force_login(sam)
    client.post(reverse("alerts"), {"email_kinds": ["mql.routed"]})
    sam.groups.add(UserFactory(roles=[Role.SALES_LEADER]).groups.get())
    proposed()

    leader_notices.notify_leaders(now=NOW)

    assert AlertSettings.objects.get(user=sam).slack_kinds == []
    assert Delivery.objects.filter(notice__to=sam).count() == 1


def test_an_sdr_cannot_choose_kinds_that_are_not_offered() -> None:
    client = Client()
    client.force_login(UserFactory(roles=[Role.SDR]))

    assert client.post(reverse("alerts"), {"email_kinds": ["signature.waiting"]}).status_code == 422
