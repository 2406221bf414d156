from __future__ import annotations

import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core import mail
from django.db import connection

from config import pulse
from leads.vocabulary import Role
from sla import alerts, deliveries, notices, sealing
from sla.models import AlertSettings, Delivery, Handoff, Notice
from sla.vocabulary import BACKOFF, DeliveryChannel, NoticeKind
from tests.sla import situations
from tests.sla.situations import DAY, HOUR, MINUTE, NOW

pytestmark = pytest.mark.django_db

HOOK = "/services/T000/B000/s3cr3t"
EVENING = NOW + 9 * HOUR
NEXT_OPENING = dt.datetime(2026, 3, 11, 9, 0, tzinfo=dt.UTC)


def write(*people, once="x", text="Hello", kind=NoticeKind.NEW_MQL, handoff=None, at=NOW):
    notices.write([notices.Draft(kind=kind, once=once, handoff=handoff, to=people, text=text, at=at)])


def in_slack(user, channel, **columns):
    columns = {
        "slack_kinds": list(NoticeKind.values),
        "slack_sealed": sealing.seal(f"https://{channel.address}{HOOK}"),
    } | columns
    return AlertSettings.objects.create(user=user, **columns)


def send(now=NOW, **limits):
    return deliveries.send_due(now=now, may_reach=lambda _address: True, **limits)


@pytest.fixture
def no_mail_server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1


# ── Which channels ────────────────────────────────────────────────────────────────────────────────────────


def test_who_has_not_chosen_gets_a_mail_of_everything():
    ana = situations.user()

    for kind in NoticeKind:
        write(ana, once=kind, kind=kind)

    assert set(Delivery.objects.values_list("channel", flat=True)) == {DeliveryChannel.EMAIL}
    assert Delivery.objects.count() == len(NoticeKind)


def test_each_hears_by_the_channels_of_their_choice_and_in_the_app_always(channel):
    ana, ben = situations.user(), situations.user()
    in_slack(ana, channel, slack_kinds=[NoticeKind.NEW_MQL])
    in_slack(ben, channel, slack_kinds=[NoticeKind.BREACHED], email_kinds=[NoticeKind.NEW_MQL])

    write(ana, ben)

    assert set(Delivery.objects.values_list("notice__to", "channel")) == {(ana.pk, "slack"), (ben.pk, "email")}
    assert [notices.unread(person).count() for person in (ana, ben)] == [1, 1]


def test_the_same_notice_is_delivered_once_however_often_it_is_written(mailoutbox):
    ana = situations.user()

    for _ in range(3):
        write(ana)
        send()

    assert len(mailoutbox) == 1


def test_nobody_is_told_who_left_or_took_the_address_away(channel):
    left, without = situations.user(), situations.user()
    chosen = in_slack(without, channel)
    write(left, without)
    left.is_active = False
    left.save()
    alerts.choose(user=without, wishes=alerts.Wishes([], [], "", chosen.is_quiet_off_hours, False, False))

    assert send() == 0

    assert not mail.outbox
    assert not Delivery.objects.exists()


# ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_is_due_at_once_and_its_subject_is_one_line(mailoutbox):
    ana = situations.user(name="ana")
    write(ana, text="New MQL:\nBcc: all@example.org\r\n" + "x" * 400)

    assert [send(NOW - MINUTE), send(), send()] == [0, 1, 0]

    (sent,) = mailoutbox
    notice = Notice.objects.get()
    assert (sent.to, "\n" in sent.subject) == (["ana@accord.test"], False)
    assert sent.extra_headers["Message-ID"] == f"<notice-{notice.pk}@localhost>"
    assert Delivery.objects.get().sent_at == NOW


def test_a_mail_leads_to_the_handoff_and_counts_in_business_hours(mailoutbox, settings):
    settings.BASE_URL = "https://accord.example.com"
    handoff = situations.handoff()

    send()

    (sent,) = (one for one in mailoutbox if one.to == [handoff.rep.user.email])
    assert f"https://accord.example.com/handoffs/{handoff.pk}/" in sent.body
    assert "Due Tuesday 10 March 2026, 10:30 (UTC), counted in business hours." in sent.body


def test_slack_gets_one_line_with_a_link_and_none_of_the_leads_making(channel, settings):
    settings.BASE_URL = "https://accord.example.com"
    hostile = situations.lead(first_name="<!channel>", last_name="<https://evil.example|Free>")
    handoff = situations.handoff(of=hostile)
    Notice.objects.all().delete()
    in_slack(handoff.rep.user, channel)
    write(handoff.rep.user, handoff=handoff, text=f"New tier 1 MQL: {handoff.lead}")

    assert send() == 1

    (line,) = channel.lines
    assert line.endswith(f" <https://accord.example.com/handoffs/{handoff.pk}/|Open in Accord>")
    assert "&lt;!channel&gt;" in line
    assert "https://evil" not in line
    assert line.count("<") == 1


def test_a_failing_channel_blocks_neither_the_other_nor_the_next_person(channel, no_mail_server, settings):
    people = [situations.user() for _ in range(4)]
    for person in people:
        in_slack(person, channel, email_kinds=list(NoticeKind.values))
    write(*people)

    done = [send() for _ in range(4)]

    assert sum(done) == len(channel.lines) == 4
    failed = Delivery.objects.filter(channel="email")
    assert set(failed.values_list("failures", "send_at")) == {(1, NOW + MINUTE)}
    assert all("refused" in error for error in failed.values_list("error", flat=True))
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send(NOW + MINUTE) == 4


def test_a_run_waits_for_a_dead_server_a_few_times_only(no_mail_server):
    write(*[situations.user() for _ in range(10)])

    send()

    assert Delivery.objects.failing().count() == deliveries.FAILURES_A_RUN


@pytest.mark.parametrize("status", [404, 500])
def test_slacks_answer_is_kept_and_its_address_is_not(channel, status, caplog):
    ana = situations.user()
    in_slack(ana, channel)
    write(ana)
    channel.status = status

    with caplog.at_level(logging.DEBUG):
        assert send() == 0

    failed = Delivery.objects.get()
    assert (failed.error, failed.failures, failed.send_at) == (f"HTTP {status}", 1, NOW + BACKOFF[0])
    assert "s3cr3t" not in caplog.text


def test_a_webhook_into_the_own_network_is_not_called(channel):
    ana = situations.user()
    in_slack(ana, channel)
    write(ana)

    assert deliveries.send_due(now=NOW) == 0

    assert channel.lines == []
    assert Delivery.objects.get().error == "The address leads to a private network."


def test_after_the_last_failure_it_is_given_up_until_somebody_says_again(no_mail_server, settings):
    ana = situations.user()
    write(ana)

    for days in range(10):
        send(NOW + days * DAY)

    assert Delivery.objects.given_up().count() == 1
    assert notices.unread(ana).exists()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert deliveries.try_again(by=ana, now=NOW + 20 * DAY) == 1
    assert send(NOW + 20 * DAY) == 1


def test_a_lead_is_routed_while_no_alert_gets_out(channel, no_mail_server):
    situations.commitment()
    team = situations.team()
    rep = team.reps.get()
    in_slack(rep.user, channel, email_kinds=list(NoticeKind.values))
    channel.status = 500
    situations.qualification()

    pulse.tick(now=NOW)
    send()
    situations.qualification()
    pulse.tick(now=NOW + MINUTE)

    assert Handoff.objects.filter(rep=rep).count() == 2
    errors = Delivery.objects.failing().values_list("channel", "error")
    assert dict(errors)["slack"] == "HTTP 500"
    assert "refused" in dict(errors)["email"]


def test_a_webhook_whose_key_is_lost_says_so_and_holds_up_nothing(channel, mailoutbox):
    situations.commitment()
    rep = situations.team().reps.get()
    in_slack(rep.user, channel, email_kinds=list(NoticeKind.values), slack_sealed="sealed under another key")
    situations.qualification()

    pulse.tick(now=NOW)
    sent = send()

    assert Handoff.objects.get().rep == rep
    assert (sent, len(mailoutbox), channel.lines) == (1, 1, [])
    assert "enter it again under Alerts" in Delivery.objects.failing().get().error


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("sla_concurrency")
def test_four_workers_send_each_once(channel):
    people = [situations.user() for _ in range(20)]
    for person in people:
        in_slack(person, channel)
        write(person, once=str(person.pk), text=f"For {person.pk}")
    start = Barrier(4)

    def work(_number: int) -> int:
        try:
            start.wait(timeout=60)
            return send()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(work, range(4)))

    assert sum(done) == 20
    assert sorted(channel.lines) == sorted(f"For {person.pk}" for person in people)
    assert not Delivery.objects.filter(sent_at=None).exists()


# ── Quiet hours ───────────────────────────────────────────────────────────────────────────────────────────


def test_outside_their_hours_people_are_told_when_their_day_opens(mailoutbox):
    team = situations.team()
    rep, manager, ops = team.reps.get().user, situations.manager(team), situations.user(Role.MARKETING_OPS)
    write(rep, manager, ops, at=EVENING)

    assert send(EVENING) == 1
    assert [one.to for one in mailoutbox] == [[ops.email]]
    assert notices.unread(rep).count() == 1
    assert set(Delivery.objects.filter(sent_at=None).values_list("send_at", flat=True)) == {NEXT_OPENING}
    assert send(NEXT_OPENING - MINUTE) == 0
    assert send(NEXT_OPENING) == 2


def test_a_reps_own_calendar_beats_the_teams(mailoutbox):
    team = situations.team(reps=0)
    late = situations.rep(team, calendar=situations.calendar(opens=14, closes=22))
    write(late.user, at=EVENING)

    assert send(EVENING) == 1


def test_who_wants_no_quiet_is_told_at_night(mailoutbox):
    rep = situations.team().reps.get().user
    AlertSettings.objects.create(user=rep, email_kinds=list(NoticeKind.values), is_quiet_off_hours=False)
    write(rep, at=EVENING)

    assert send(EVENING) == 1


def test_what_is_tried_again_keeps_quiet_too(no_mail_server, settings):
    rep = situations.team().reps.get().user
    closing = NOW + 7 * HOUR - MINUTE
    write(rep, at=closing)
    send(closing)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert send(closing + MINUTE) == 0

    assert Delivery.objects.get().send_at == NEXT_OPENING


def test_a_calendar_that_never_opens_keeps_nothing_back():
    team = situations.team(calendar=situations.calendar(weekdays=range(0)))
    write(team.reps.get().user, at=EVENING)

    assert send(EVENING) == 1


# ── What is seen of it ────────────────────────────────────────────────────────────────────────────────────


def test_what_rests_until_morning_is_not_late_and_what_failed_is_since_it_was_written(no_mail_server):
    rep, ops = situations.team().reps.get().user, situations.user(Role.MARKETING_OPS)
    write(rep, at=EVENING)
    send(EVENING)
    assert deliveries.waiting_since(EVENING + HOUR) is None

    write(ops, once="y", at=EVENING)
    send(EVENING)

    assert deliveries.waiting_since(EVENING) == EVENING
    assert deliveries.waiting_since(NEXT_OPENING + HOUR) == EVENING


def test_failures_are_seen_by_those_they_concern(no_mail_server):
    team = situations.team()
    rep, manager = team.reps.get().user, situations.manager(team)
    ops, stranger = situations.user(Role.MARKETING_OPS), situations.user(Role.SALES_MANAGER)
    write(rep)
    send()

    seen = {person: deliveries.failing(person).count() for person in (rep, manager, ops, stranger)}

    assert seen == {rep: 1, manager: 1, ops: 1, stranger: 0}
    assert deliveries.try_again(by=stranger, now=NOW) == 0
