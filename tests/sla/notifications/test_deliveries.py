from __future__ import annotations

import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config import encryption, periodic
from config.accounts.vocabulary import Role
from sla.clocks import clock_sweeps, clocks
from sla.handoffs import attempts, creation, dispositions, routing
from sla.models import AlertSettings, Delivery, Handoff, Notice, Team
from sla.notifications import deliveries, messages, outbox, preferences
from sla.vocabulary import BACKOFF, AttemptOutcome, Channel, ClockKind, DeliveryChannel, NoticeKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
    read_handoff,
)

pytestmark = pytest.mark.django_db

HOOK = "/services/T000/B000/s3cr3t"
EVENING = NOW + 9 * HOUR
NEXT_OPENING = dt.datetime(2026, 3, 11, 9, 0, tzinfo=dt.UTC)


def write(*people, once="x", text="Hello", kind=NoticeKind.NEW_MQL, handoff=None, at=NOW):
    outbox.write_notices([outbox.NoticeDraft(kind=kind, once=once, handoff=handoff, to=people, text=text, at=at)])


def in_slack(user, channel, **columns):
    columns = {
        "slack_kinds": list(NoticeKind.values),
        "slack_sealed": encryption.seal(f"https://{channel.address}{HOOK}"),
    } | columns
    return AlertSettings.objects.create(user=user, **columns)


def send(now=NOW, **limits):
    return deliveries.send_due(now=now, may_reach=lambda _address: True, **limits)


@pytest.fixture
def no_mail_server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1


def test_every_kind_of_notice_has_an_urgency():
    assert set(messages._BY_URGENCY) == set(NoticeKind)


# ── Which channels ────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_without_settings_gets_mail_of_every_kind():
    ana = UserFactory()

    for kind in NoticeKind:
        write(ana, once=kind, kind=kind)

    assert set(Delivery.objects.values_list("channel", flat=True)) == {DeliveryChannel.EMAIL}
    assert Delivery.objects.count() == len(NoticeKind)


def test_deliveries_follow_the_chosen_channels_and_the_app_shows_all(channel):
    ana, ben = UserFactory(), UserFactory()
    in_slack(ana, channel, slack_kinds=[NoticeKind.NEW_MQL])
    in_slack(ben, channel, slack_kinds=[NoticeKind.BREACHED], email_kinds=[NoticeKind.NEW_MQL])

    write(ana, ben)

    assert set(Delivery.objects.values_list("notice__to", "channel")) == {(ana.pk, "slack"), (ben.pk, "email")}
    assert [outbox.unread_notices(person).count() for person in (ana, ben)] == [1, 1]


def test_a_notice_written_twice_is_delivered_once(mailoutbox):
    ana = UserFactory()

    for _ in range(3):
        write(ana)
        send()

    assert len(mailoutbox) == 1


def test_a_person_who_left_or_removed_the_address_gets_no_alert(channel):
    left, without = UserFactory(), UserFactory()
    chosen = in_slack(without, channel)
    write(left, without)
    left.is_active = False
    left.save()
    preferences.save_preferences(
        user=without, preferences=preferences.AlertPreferences([], [], "", chosen.is_quiet_off_hours, False, False)
    )

    assert send() == 0

    assert not mail.outbox
    assert not Delivery.objects.exists()


# ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_is_due_at_once_and_its_subject_is_one_line(mailoutbox):
    ana = UserFactory(name="ana")
    write(ana, text="New MQL:\nBcc: all@example.org\r\n" + "x" * 400)

    assert [send(NOW - MINUTE), send(), send()] == [0, 1, 0]

    (sent,) = mailoutbox
    notice = Notice.objects.get()
    assert (sent.to, "\n" in sent.subject) == (["ana@accord.test"], False)
    assert sent.extra_headers["Message-ID"] == f"<notice-{notice.pk}@localhost>"
    assert Delivery.objects.get().sent_at == NOW


def test_a_mail_leads_to_the_handoff_and_counts_in_business_hours(mailoutbox, settings):
    settings.BASE_URL = "https://accord.example.com"
    handoff = HandoffFactory()

    send()

    (sent,) = (one for one in mailoutbox if one.to == [handoff.rep.user.email])
    assert f"https://accord.example.com/handoffs/{handoff.pk}/" in sent.body
    assert "Due Tuesday 10 March 2026, 10:30 (UTC), counted in business hours." in sent.body


def test_slack_gets_one_line_with_a_link_and_escaped_lead_text(channel, settings):
    settings.BASE_URL = "https://accord.example.com"
    hostile = LeadFactory(mql=True, first_name="<!channel>", last_name="<https://evil.example|Free>")
    handoff = HandoffFactory(lead=hostile)
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
    people = [UserFactory() for _ in range(4)]
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


def test_a_run_stops_after_a_few_failures(no_mail_server):
    write(*[UserFactory() for _ in range(10)])

    send()

    assert Delivery.objects.failing().count() == deliveries.FAILURES_A_RUN


@pytest.mark.parametrize("status", [404, 500])
def test_a_delivery_error_has_slacks_answer_without_the_address(channel, status, caplog):
    ana = UserFactory()
    in_slack(ana, channel)
    write(ana)
    channel.status = status

    with caplog.at_level(logging.DEBUG):
        assert send() == 0

    failed = Delivery.objects.get()
    assert (failed.error, failed.failures, failed.send_at) == (f"HTTP {status}", 1, NOW + BACKOFF[0])
    assert "s3cr3t" not in caplog.text


def test_a_webhook_in_the_own_network_is_not_called(channel):
    ana = UserFactory()
    in_slack(ana, channel)
    write(ana)

    assert deliveries.send_due(now=NOW) == 0

    assert channel.lines == []
    assert Delivery.objects.get().error == "The address leads to a private network."


def test_a_delivery_is_given_up_after_the_last_failure_until_retried(no_mail_server, settings):
    ana = UserFactory()
    write(ana)

    for days in range(10):
        send(NOW + days * DAY)

    assert Delivery.objects.given_up().count() == 1
    assert outbox.unread_notices(ana).exists()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert deliveries.retry_failing(by=ana, now=NOW + 20 * DAY) == 1
    assert send(NOW + 20 * DAY) == 1


def test_routing_works_while_alerts_fail(channel, no_mail_server):
    CommitmentFactory(active=True)
    team = TeamFactory(working=True)
    rep = team.reps.get()
    in_slack(rep.user, channel, email_kinds=list(NoticeKind.values))
    channel.status = 500
    QualificationFactory()

    periodic.tick(now=NOW)
    send()
    QualificationFactory()
    periodic.tick(now=NOW + MINUTE)

    assert Handoff.objects.filter(rep=rep).count() == 2
    errors = Delivery.objects.failing().values_list("channel", "error")
    assert dict(errors)["slack"] == "HTTP 500"
    assert "refused" in dict(errors)["email"]


def test_a_webhook_with_a_lost_key_is_an_error_and_blocks_nobody(channel, mailoutbox):
    CommitmentFactory(active=True)
    rep = TeamFactory(working=True).reps.get()
    in_slack(rep.user, channel, email_kinds=list(NoticeKind.values), slack_sealed="sealed under another key")
    QualificationFactory()

    periodic.tick(now=NOW)
    sent = send()

    assert Handoff.objects.get().rep == rep
    assert (sent, len(mailoutbox), channel.lines) == (1, 1, [])
    assert "enter it again under Alerts" in Delivery.objects.failing().get().error


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("crowds")
def test_four_workers_send_each_alert_once(channel):
    people = [UserFactory() for _ in range(20)]
    for person in people:
        in_slack(person, channel)
        write(person, once=str(person.pk), text=f"For {person.pk}")
    start = Barrier(4, timeout=60)

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


def test_alerts_outside_working_hours_wait_for_the_opening(mailoutbox):
    team = TeamFactory(working=True)
    rep, manager, ops = team.reps.get().user, team.managers.first(), UserFactory(roles=[Role.MARKETING_OPS])
    write(rep, manager, ops, at=EVENING)

    assert send(EVENING) == 1
    assert [one.to for one in mailoutbox] == [[ops.email]]
    assert outbox.unread_notices(rep).count() == 1
    assert set(Delivery.objects.filter(sent_at=None).values_list("send_at", flat=True)) == {NEXT_OPENING}
    assert send(NEXT_OPENING - MINUTE) == 0
    assert send(NEXT_OPENING) == 2


def test_a_reps_own_calendar_beats_the_teams(mailoutbox):
    team = TeamFactory(working=True, reps=0)
    late = RepFactory(team=team, calendar=WorkCalendarFactory(opens=14, closes=22))
    write(late.user, at=EVENING)

    assert send(EVENING) == 1


def test_without_quiet_hours_alerts_go_out_at_night(mailoutbox):
    rep = TeamFactory(working=True).reps.get().user
    AlertSettings.objects.create(user=rep, email_kinds=list(NoticeKind.values), is_quiet_off_hours=False)
    write(rep, at=EVENING)

    assert send(EVENING) == 1


def test_retries_respect_quiet_hours(no_mail_server, settings):
    rep = TeamFactory(working=True).reps.get().user
    closing = NOW + 7 * HOUR - MINUTE
    write(rep, at=closing)
    send(closing)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert send(closing + MINUTE) == 0

    assert Delivery.objects.get().send_at == NEXT_OPENING


@pytest.mark.parametrize("is_always_on", [False, True])
def test_an_absent_rep_is_alerted_on_return_and_the_manager_at_once(mailoutbox, is_always_on):
    team = TeamFactory(working=True)
    rep, manager = team.reps.get(), team.managers.first()
    AlertSettings.objects.create(
        user=rep.user, email_kinds=list(NoticeKind.values), is_quiet_off_hours=not is_always_on
    )
    rep.absences.create(starts_at=NOW - HOUR, ends_at=NOW + 2 * HOUR)
    write(rep.user, manager, kind=NoticeKind.BREACHED)

    done = [send(NOW), send(NOW + HOUR), send(NOW + 2 * HOUR)]

    assert done == [1, 0, 1]
    assert [one.to for one in mailoutbox] == [[manager.email], [rep.user.email]]
    assert outbox.unread_notices(rep.user).count() == 1


def test_a_rep_who_is_away_is_alerted_soon_after_return(mailoutbox):
    rep = TeamFactory(working=True, reps=0).reps.create(user=UserFactory(), is_away=True)
    write(rep.user)

    assert [send(NOW), send(NOW + HOUR)] == [0, 0]
    rep.is_away = False
    rep.save()

    assert send(NOW + HOUR + preferences.CHECK_AGAIN_AFTER) == 1


def test_a_calendar_that_never_opens_delays_no_alert():
    team = TeamFactory(working=True, calendar=WorkCalendarFactory(weekdays=range(0)))
    write(team.reps.get().user, at=EVENING)

    assert send(EVENING) == 1


# ── What is over ──────────────────────────────────────────────────────────────────────────────────────────


def dropped():
    rows = Delivery.objects.exclude(dropped_at=None).order_by("pk")
    return list(rows.values_list("notice__to", "dropped_at", "dropped_why"))


def test_a_lead_of_the_night_routed_by_morning_alerts_no_manager(mailoutbox):
    handoff = HandoffFactory(now=EVENING)
    manager = Team.objects.get().managers.first()
    write(manager, kind=NoticeKind.UNROUTED, handoff=handoff, at=EVENING)
    send(EVENING)
    routing.route_unrouted(now=NEXT_OPENING)
    rep = read_handoff(handoff).rep

    send(NEXT_OPENING + MINUTE)

    assert [one.to for one in mailoutbox] == [[rep.user.email]]
    assert dropped() == [(manager.pk, NEXT_OPENING + MINUTE, f"already routed to {rep}")]
    assert outbox.unread_notices(manager).count() == 1
    assert deliveries.waiting_since(NEXT_OPENING + HOUR) is None


def accept(handoff):
    dispositions.accept(handoff=handoff, by=handoff.rep.user, now=NOW + 2 * MINUTE)


def reach(handoff):
    attempts.log_attempt(
        handoff=handoff,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=NOW + MINUTE,
        by=handoff.rep.user,
        now=NOW + 2 * MINUTE,
    )


def give_away(handoff):
    colleague = RepFactory(team=handoff.team, user__name="bea")
    by = handoff.team.managers.first()
    creation.assign(handoff=handoff, rep=colleague, by=by, now=NOW + 2 * MINUTE, reason="Holiday")


@pytest.mark.parametrize(
    ("act", "why"), [(accept, "already decided"), (reach, "already contacted"), (give_away, "now with Bea")]
)
def test_a_notice_of_a_new_mql_is_dropped_once_it_is_worked_or_moved(act, why, mailoutbox):
    handoff = HandoffFactory()
    act(handoff)

    send(NOW + 3 * MINUTE)

    assert "New tier 2 MQL" not in [one.subject for one in mailoutbox if one.to == [handoff.rep.user.email]]
    assert dropped() == [(handoff.rep.user_id, NOW + 3 * MINUTE, why)]


def test_earlier_work_of_another_rep_drops_no_notice(mailoutbox):
    handoff = HandoffFactory()
    accept(handoff)
    reach(handoff)
    handoff = read_handoff(handoff)
    bea, by = RepFactory(team=handoff.team), handoff.team.managers.first()
    creation.assign(handoff=handoff, rep=bea, by=by, now=NOW + HOUR, reason="Holiday")

    send(NOW + HOUR)

    assert [one.subject for one in mailoutbox if one.to == [bea.user.email]] == [f"New tier 2 MQL: {handoff.lead}"]


def test_a_notice_of_reassignment_is_dropped_once_the_lead_is_back(mailoutbox):
    handoff = HandoffFactory()
    give_away(handoff)
    back = read_handoff(handoff)
    by = back.team.managers.first()
    creation.assign(handoff=back, rep=handoff.rep, by=by, now=NOW + 3 * MINUTE, reason="Back")
    Delivery.objects.filter(notice__kind=NoticeKind.NEW_MQL).delete()

    send(NOW + 4 * MINUTE)

    assert [one.subject for one in mailoutbox] == [f"Now with {handoff.rep}: {handoff.lead} (Back)"]
    assert [why for _, _, why in dropped()] == ["with them again"]


@pytest.mark.parametrize(("after", "sent"), [(26, 1), (31, 0)])
def test_a_warning_is_dropped_once_the_clock_is_overdue(after, sent):
    HandoffFactory()
    clock_sweeps.sweep_warnings(now=NOW + 25 * MINUTE)
    Delivery.objects.exclude(notice__kind=NoticeKind.DUE_SOON).delete()

    assert send(NOW + after * MINUTE) == sent

    assert [why for _, _, why in dropped()] == ["already overdue"] * (1 - sent)


def test_a_warning_is_dropped_once_the_clock_is_met():
    handoff = HandoffFactory()
    clock_sweeps.sweep_warnings(now=NOW + 25 * MINUTE)
    Delivery.objects.exclude(notice__kind=NoticeKind.DUE_SOON).delete()
    reach(handoff)

    assert send(NOW + 26 * MINUTE) == 0

    assert [why for _, _, why in dropped()] == ["already kept"]


def test_a_notice_of_breach_is_dropped_only_if_the_clock_was_met_in_time():
    broken, kept = HandoffFactory(), HandoffFactory()
    clock_sweeps.sweep_breaches(now=NOW + 31 * MINUTE)
    Delivery.objects.exclude(notice__kind=NoticeKind.BREACHED).delete()
    Delivery.objects.filter(notice__to=broken.team.managers.first()).delete()
    clocks.mark_met(handoff=read_handoff(kept), kind=ClockKind.FIRST_CONTACT, at=NOW + MINUTE)
    clocks.cancel_clocks(handoff=read_handoff(broken), now=NOW + 32 * MINUTE)

    assert send(NOW + 33 * MINUTE) == 1

    assert [why for _, _, why in dropped()] == ["kept after all"]


def test_a_dropped_delivery_is_neither_failing_nor_retried(no_mail_server):
    handoff = HandoffFactory()
    send(NOW)
    accept(handoff)

    send(NOW + 5 * MINUTE)

    assert len(dropped()) == 1
    assert not Delivery.objects.failing().exists()
    assert deliveries.retry_failing(by=handoff.rep.user, now=NOW + HOUR) == 0


# ── Several at once ───────────────────────────────────────────────────────────────────────────────────────


def a_night(*people):
    """Write four alerts while nobody is at work."""
    for number, kind in enumerate((NoticeKind.RECYCLED, NoticeKind.NEW_MQL, NoticeKind.BREACHED, NoticeKind.REVIEW)):
        write(*people, once=str(number), text=f"{kind.label} <{number}>", kind=kind, at=EVENING)


def test_alerts_of_the_night_come_as_one_mail_the_most_urgent_first(mailoutbox, settings):
    settings.BASE_URL = "https://accord.example.com"
    handoff = HandoffFactory()
    Notice.objects.all().delete()
    a_night(handoff.rep.user)
    write(handoff.rep.user, once="due", text="Due", kind=NoticeKind.DUE_SOON, handoff=handoff, at=EVENING)
    send(EVENING)

    assert send(NEXT_OPENING) == 5

    (sent,) = mailoutbox
    assert sent.subject == "5 alerts: Breached <2>"
    texts = [
        "Breached <2>",
        "Due\nDue Tuesday",
        f"/handoffs/{handoff.pk}/",
        "New MQL",
        "Review",
        "Recycled",
        "/notices/",
    ]
    places = [sent.body.index(text) for text in texts]
    assert places == sorted(places)
    assert set(Delivery.objects.values_list("sent_at", flat=True)) == {NEXT_OPENING}


def test_slack_gets_one_message_with_a_line_for_each_alert(channel):
    rep = TeamFactory(working=True).reps.get().user
    in_slack(rep, channel)
    a_night(rep)

    assert send(NEXT_OPENING) == 4

    (message,) = channel.lines
    assert message.split("\n") == [
        "4 alerts, the most urgent first:",
        "• Breached &lt;2&gt;",
        "• New MQL &lt;1&gt;",
        "• Review &lt;3&gt;",
        "• Recycled &lt;0&gt;",
    ]


def test_alerts_that_fail_as_one_mail_are_retried_as_one(no_mail_server, settings, mailoutbox):
    rep = TeamFactory(working=True).reps.get().user
    a_night(rep)
    send(NEXT_OPENING)

    tried = set(Delivery.objects.values_list("failures", "send_at"))
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    sent = send(NEXT_OPENING + MINUTE)

    assert tried == {(1, NEXT_OPENING + MINUTE)}
    assert (sent, len(mailoutbox)) == (4, 1)
    assert not Delivery.objects.exclude(error="").exists()


def test_a_long_list_is_cut_into_several_mails(mailoutbox):
    ana = UserFactory()
    for number in range(deliveries.IN_ONE_MESSAGE + 1):
        write(ana, once=str(number))

    assert send() == deliveries.IN_ONE_MESSAGE + 1

    assert len(mailoutbox) == 2


def test_a_mail_takes_a_constant_number_of_queries():
    def asked(count):
        rep = TeamFactory(working=True).reps.get()
        for _ in range(count):
            handoff = HandoffFactory()
            for kind in (NoticeKind.NEW_MQL, NoticeKind.UNROUTED, NoticeKind.DUE_SOON, NoticeKind.SIGNATURE):
                write(rep.user, once=f"{kind}:{handoff.pk}", kind=kind, handoff=handoff)
        Delivery.objects.exclude(notice__to=rep.user).delete()
        with CaptureQueriesContext(connection) as queries:
            assert send() > count
        return len(queries)

    assert asked(2) == asked(8)


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("crowds")
def test_two_workers_send_each_person_one_message_and_no_alert_twice(channel):
    people = [UserFactory() for _ in range(8)]
    for person in people:
        in_slack(person, channel)
    for number in range(6):
        write(*people, once=str(number), text=f"Alert{number}")
    start = Barrier(2, timeout=60)

    def work(_number: int) -> int:
        try:
            start.wait(timeout=60)
            return send()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(work, range(2)))

    assert sum(done) == 48
    assert len(channel.lines) == len(people)
    assert all(message.count("Alert") == 6 for message in channel.lines)


# ── What is seen of it ────────────────────────────────────────────────────────────────────────────────────


def test_deferred_deliveries_are_not_overdue_and_failed_ones_are_since_written(no_mail_server):
    rep, ops = TeamFactory(working=True).reps.get().user, UserFactory(roles=[Role.MARKETING_OPS])
    write(rep, at=EVENING)
    send(EVENING)
    assert deliveries.waiting_since(EVENING + HOUR) is None

    write(ops, once="y", at=EVENING)
    send(EVENING)

    assert deliveries.waiting_since(EVENING) == EVENING
    assert deliveries.waiting_since(NEXT_OPENING + HOUR) == EVENING


def test_failing_deliveries_are_visible_to_those_concerned(no_mail_server):
    team = TeamFactory(working=True)
    rep, manager = team.reps.get().user, team.managers.first()
    ops, stranger = UserFactory(roles=[Role.MARKETING_OPS]), UserFactory(roles=[Role.SALES_MANAGER])
    write(rep)
    send()

    seen = {person: deliveries.failing_deliveries(person).count() for person in (rep, manager, ops, stranger)}

    assert seen == {rep: 1, manager: 1, ops: 1, stranger: 0}
    assert deliveries.retry_failing(by=stranger, now=NOW) == 0
