"""The monthly digests of rejections, and the drafts that answer them (rules 12.45)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions.models import Version
from leads.vocabulary import Motion
from sla.models import Notice, ReasonCode, RejectionDigest
from sla.notifications import outbox
from sla.plays import play_work
from sla.reports import rejection_digests
from sla.vocabulary import NoticeKind
from tests.account_plays import activate_accounts, start_play
from tests.factories import DAY, MINUTE, NOW, HandoffFactory, UserFactory
from tests.sla.reports.report_reading import read_api, read_page, tables_of

pytestmark = pytest.mark.django_db

NEXT_MONTH = dt.datetime(2026, 4, 1, 5, 0, tzinfo=dt.UTC)


def reject(count: int, code: str) -> None:
    HandoffFactory.create_batch(count, rejected=True, decision__reason=ReasonCode.objects.get(code=code))


@pytest.fixture
def ops():
    """A month with three rejections, of which two were for the wrong person."""
    reject(2, "wrong_persona")
    HandoffFactory(rejected=True)
    HandoffFactory(accepted=True)
    UserFactory(roles=[Role.MARKETING_LEADER])
    UserFactory(roles=[Role.SALES_LEADER])
    UserFactory(roles=[Role.VIEWER])
    return UserFactory(roles=[Role.MARKETING_OPS])


def test_a_closed_month_is_told_once_to_both_leaders_and_ops(ops):
    reject(17, "wrong_persona")

    assert rejection_digests.make_due_digests(now=NEXT_MONTH - DAY) == 0
    assert rejection_digests.make_due_digests(now=NEXT_MONTH) == 1
    assert rejection_digests.make_due_digests(now=NEXT_MONTH + DAY) == 0

    notices = Notice.objects.filter(kind=NoticeKind.REJECTION_DIGEST)
    receivers = outbox.role_holders(Role.MARKETING_LEADER, Role.SALES_LEADER, Role.MARKETING_OPS)
    assert sorted(notice.to_id for notice in notices) == sorted(person.pk for person in receivers)
    assert ops in receivers
    (text,) = set(notices.values_list("text", flat=True))
    definition = Version.objects.get().definition
    assert text == (
        f"{definition}: 95.2 % of 21 decided MQLs rejected in March 2026."
        " 95 % of 20 rejections are fit: tighten the firmographic filters."
        " Most for: Wrong persona / title 19, Not interested / no need 1."
    )
    # By e-mail as well, as people get it by default.
    assert all(notice.deliveries.filter(channel="email").exists() for notice in notices)
    assert read_page(ops, notices[0].leads_to, at=NEXT_MONTH).status_code == 200


def test_the_database_holds_one_digest_a_month_and_changes_none(ops):
    rejection_digests.make_due_digests(now=NEXT_MONTH)
    digest = RejectionDigest.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        RejectionDigest.objects.create(
            definition=digest.definition, month=digest.month, decided=1, rejected=0, reasons=[], consequence="", at=NOW
        )
    with pytest.raises(Exception, match="Cannot update or delete"), transaction.atomic():
        RejectionDigest.objects.update(rejected=0)


def test_a_month_without_decisions_has_no_digest(ops):
    assert rejection_digests.make_due_digests(now=NEXT_MONTH + 31 * DAY) == 0


def test_plays_have_digests_of_their_own():
    activate_accounts()
    play = start_play()
    play_work.reject(
        play=play, reason=ReasonCode.objects.get(code="wrong_persona"), by=play.rep.user, now=NOW + MINUTE
    )  # fmt: skip

    assert rejection_digests.make_due_digests(now=NEXT_MONTH) == 1
    digest = RejectionDigest.objects.get()
    assert (digest.definition.motion, digest.decided, digest.rejected) == (Motion.AQL, 1, 1)


def test_the_report_shows_the_digests_and_starts_a_draft_from_one(ops):
    rejection_digests.make_due_digests(now=NEXT_MONTH)
    digest, version = RejectionDigest.objects.get(), Version.objects.get()
    step = f"{reverse('version_step', args=[version.pk, 'copy'])}?digest={digest.pk}"

    (row,) = tables_of(read_api(ops, "rejections", at=NEXT_MONTH))["digest"]["rows"]
    page = read_page(ops, "/reports/rejections/", at=NEXT_MONTH).content.decode()
    form = read_page(ops, step, at=NEXT_MONTH).content.decode()

    assert (row["cells"]["rejection"]["count"], row["cells"]["rejection"]["of"]) == (3, 4)
    assert f'<a href="{step}">Start a draft from this</a>' in page
    assert "Rejections: 75 % of 4 decided MQLs rejected in March 2026." in form
    assert "Most for: Wrong persona / title 2" in form
    assert Version.objects.count() == 1


def test_who_may_not_draft_or_see_all_teams_gets_no_such_link(ops):
    rejection_digests.make_due_digests(now=NEXT_MONTH)
    leader = UserFactory(roles=[Role.SALES_LEADER])
    manager = UserFactory(roles=[Role.SALES_MANAGER])

    assert "?digest=" not in read_page(leader, "/reports/rejections/", at=NEXT_MONTH).content.decode()
    assert "digest" in tables_of(read_api(leader, "rejections", at=NEXT_MONTH))
    assert "digest" not in tables_of(read_api(manager, "rejections", at=NEXT_MONTH))
    assert "digest" not in tables_of(read_api(leader, "rejections", at=NEXT_MONTH, tier=2))


def test_a_digest_of_another_definition_gives_no_reason(ops):
    rejection_digests.make_due_digests(now=NEXT_MONTH)

    other = activate_accounts().definition

    assert rejection_digests.read_reason(other, RejectionDigest.objects.get().pk) == ""
