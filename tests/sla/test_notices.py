from __future__ import annotations

import pytest
from django.core import mail

from leads.vocabulary import Role
from sla import notices
from sla.models import Notice
from sla.vocabulary import NoticeKind
from tests.sla import situations
from tests.sla.situations import DAY, MINUTE, NOW

pytestmark = pytest.mark.django_db


def write(*people, once="x", text="Hello"):
    draft = notices.Draft(kind=NoticeKind.NEW_MQL, once=once, handoff=None, to=people, text=text, at=NOW)
    notices.write([draft])


def test_the_same_notice_is_written_once_to_each():
    ana, ben = situations.user(), situations.user()

    write(ana, ben)
    write(ana)

    assert Notice.objects.count() == 2
    assert notices.unread(ana).count() == 1


def test_due_notices_go_out_by_mail_once(mailoutbox):
    ana = situations.user(name="ana")
    write(ana, text="New MQL:\nBcc: all@example.org\r\n" + "x" * 400)

    assert notices.send_due(now=NOW - MINUTE) == 0
    assert notices.send_due(now=NOW) == 1
    assert notices.send_due(now=NOW) == 0

    (sent,) = mailoutbox
    assert (sent.to, "\n" in sent.subject) == (["ana@accord.test"], False)
    assert Notice.objects.get().sent_at == NOW


def test_nobody_is_mailed_who_left():
    gone = situations.user(is_active=False)
    write(gone)
    write()

    assert notices.send_due(now=NOW) == 2
    assert not mail.outbox


def test_a_failing_mail_server_blocks_nobody_and_is_tried_again(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    for number in range(3):
        write(situations.user(), once=str(number))

    assert notices.send_due(now=NOW) == 0

    assert set(Notice.objects.values_list("failures", "send_at")) == {(1, NOW + MINUTE)}
    assert all("refused" in error for error in Notice.objects.values_list("error", flat=True))
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert notices.send_due(now=NOW + MINUTE) == 3


def test_after_the_last_failure_it_is_given_up_and_still_shown(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    ana = situations.user()
    write(ana)

    for days in range(10):
        notices.send_due(now=NOW + days * DAY)

    assert Notice.objects.get().failures == len(notices.BACKOFF) + 1
    assert notices.unread(ana).exists()


def test_what_was_read_is_not_unread():
    ana, ben = situations.user(), situations.user()
    write(ana, ben)
    write(ana, once="y")
    first, _ = notices.unread(ana).order_by("pk")

    assert notices.mark_read(user=ana, now=NOW, up_to=first.pk) == 1
    assert notices.mark_read(user=ana, now=NOW) == 1
    assert (notices.unread(ana).count(), notices.unread(ben).count()) == (0, 1)


def test_a_team_without_managers_is_answered_for_by_all_managers():
    team = situations.team()
    chief = situations.user(Role.SALES_MANAGER)
    assert list(notices.managers(team)) == [situations.manager(team)]

    team.managers.clear()

    assert chief in notices.managers(team)
