"""Reports by e-mail every Monday: once, with the reader's own rights, until they are ended (rules 12.62, 12.63)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from config.web import QueryRefused
from sla.models import Delivery, Notice, ReportSending, ReportSubscription
from sla.notifications import deliveries
from sla.report_subscriptions import monday_mails, subscriptions
from sla.reports import report_names
from sla.vocabulary import NoticeKind
from tests.factories import DAY, HOUR, NOW, HandoffFactory, LeadFactory, UserFactory
from tests.threads import at_once

pytestmark = pytest.mark.django_db

#: Monday, 07:30 in Berlin.
MONDAY = dt.datetime(2026, 3, 16, 6, 30, tzinfo=dt.UTC)
WEEK = dt.timedelta(days=7)


@pytest.fixture
def reader(settings):
    settings.BASE_URL = "https://accord.example"
    return UserFactory(roles=[Role.SALES_LEADER], time_zone="Europe/Berlin")


def subscribe(reader, name="sla", **parameters) -> ReportSubscription:
    entry = report_names.find_report(name)
    return subscriptions.subscribe(entry=entry, parameters=parameters, user=reader, now=NOW)


def test_a_report_comes_once_a_week_on_monday_morning_of_the_reader(reader):
    subscribe(reader, motion="mql", weeks="4")

    assert monday_mails.send_due(now=MONDAY - HOUR) == 0
    assert monday_mails.send_due(now=MONDAY) == 1
    assert monday_mails.send_due(now=MONDAY + HOUR) == 0
    assert monday_mails.send_due(now=MONDAY + 2 * DAY) == 0
    assert monday_mails.send_due(now=MONDAY + WEEK) == 1
    assert Notice.objects.filter(kind=NoticeKind.REPORT, to=reader).count() == 2


def test_a_subscription_of_tuesday_waits_for_monday(reader):
    subscribe(reader)

    assert monday_mails.send_due(now=NOW + HOUR) == 0


def test_the_mail_says_figures_and_links_and_names_no_lead(reader):
    lead = LeadFactory(mql=True, first_name="Quintessa", last_name="Vale", email="quintessa@hidden.example")
    HandoffFactory(accepted=True, lead=lead)
    subscription = subscribe(reader, motion="mql", weeks="4")

    monday_mails.send_due(now=MONDAY)
    deliveries.send_due(now=MONDAY)

    (message,) = mail.outbox
    ((html, kind),) = message.alternatives
    assert (message.to, kind) == ([reader.email], "text/html")
    for text in (message.body, html):
        assert "Routed in time" in text
        assert "https://accord.example/reports/sla/?motion=mql" in text.replace("&amp;", "&")
        assert "Quintessa" not in text
        assert "hidden.example" not in text
    assert subscriptions.sign(subscription) in message.extra_headers["List-Unsubscribe"]


def test_two_reports_are_two_mails_and_other_alerts_a_third(reader):
    HandoffFactory(rejected=True)
    subscribe(reader, motion="mql")
    subscribe(reader, "funnel", motion="mql")
    monday_mails.send_due(now=MONDAY)

    deliveries.send_due(now=MONDAY)

    assert [message.subject.partition(",")[0] for message in mail.outbox] == ["SLA compliance", "Funnel"]
    assert not Delivery.objects.unsent().filter(notice__to=reader).exists()


def test_rights_and_filters_are_those_of_the_hour_of_sending(reader):
    handoff = HandoffFactory(accepted=True)
    manager = handoff.team.managers.get()
    subscription = subscribe(manager, team=str(handoff.team_id))
    manager.groups.clear()

    # The manager's zone is UTC, where it is 7:30 an hour later.
    assert monday_mails.send_due(now=MONDAY + HOUR) == 1

    assert not Notice.objects.filter(kind=NoticeKind.REPORT).exists()
    assert ReportSending.objects.get(subscription=subscription).refusal == "You may no longer read this report."
    (row,) = subscriptions.list_current(manager)
    assert row.last_refusal == "You may no longer read this report."
    client = Client()
    client.force_login(manager)
    assert "You may no longer read this report." in client.get(reverse("report_subscriptions")).content.decode()


def test_people_who_left_get_nothing(reader):
    subscribe(reader)
    reader.is_active = False
    reader.save()

    assert monday_mails.send_due(now=MONDAY) == 0


def test_what_cannot_be_subscribed_to_is_refused(reader):
    with pytest.raises(QueryRefused, match="choose a number of weeks"):
        subscribe(reader, **{"from": "2026-03-01"})
    with pytest.raises(QueryRefused, match="team"):
        subscribe(reader, team="0")
    with pytest.raises(subscriptions.SubscriptionRefused, match="may not read"):
        subscribe(UserFactory(roles=[Role.SDR]), "meeting")
    assert subscribe(reader, weeks="4") == subscribe(reader, weeks="4")


def test_a_report_with_a_period_of_its_own_takes_no_weeks(reader):
    with pytest.raises(QueryRefused, match="weeks"):
        subscribe(reader, "meeting", weeks="4")

    subscribe(reader, "meeting", motion="mql")
    assert monday_mails.send_due(now=MONDAY) == 1
    assert ReportSending.objects.get().refusal == ""


def test_who_has_the_most_subscriptions_still_has_those(reader):
    rows = [ReportSubscription(user=reader, report="sla", query=f"tier={n}", created_at=NOW) for n in range(29)]
    ReportSubscription.objects.bulk_create(rows)
    last = subscribe(reader, weeks="4")

    assert subscribe(reader, weeks="4") == last
    with pytest.raises(subscriptions.SubscriptionRefused, match="30 subscriptions already"):
        subscribe(reader, weeks="12")


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_make_one_more_than_the_most(reader):
    rows = [ReportSubscription(user=reader, report="sla", query=f"tier={n}", created_at=NOW) for n in range(29)]
    ReportSubscription.objects.bulk_create(rows)
    weeks = ("4", "12", "26", "52")

    results = at_once(len(weeks), lambda number: subscribe(reader, weeks=weeks[number]))

    assert sum(isinstance(result, subscriptions.SubscriptionRefused) for result in results) == 3
    assert ReportSubscription.objects.count() == subscriptions.MOST


def test_following_the_link_ends_nothing_and_its_button_does(reader):
    subscription = subscribe(reader)
    path = reverse("report_unsubscribe", args=[subscriptions.sign(subscription)])
    client = Client(enforce_csrf_checks=True)

    assert client.get(path).status_code == client.head(path).status_code == 200
    assert ReportSubscription.objects.get().ended_at is None
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert "sent no more" in client.post(path).content.decode()
    assert ReportSubscription.objects.get().ended_at is not None
    assert client.get(path[:-3] + "xx/").status_code == 404
    assert monday_mails.send_due(now=MONDAY) == 0


def test_the_page_begins_and_the_list_ends_a_subscription(reader):
    client, stranger = Client(), Client()
    client.force_login(reader)
    stranger.force_login(UserFactory(roles=[Role.VIEWER]))

    assert client.post("/reports/sla/subscribe/?motion=mql&weeks=4").status_code == 302
    assert client.post("/reports/mood/subscribe/").status_code == 404
    assert client.post("/reports/sla/subscribe/?weeks=5").status_code == 400
    subscription = ReportSubscription.objects.get()
    end = reverse("report_subscription_end", args=[subscription.pk])
    assert "SLA compliance" in client.get(reverse("report_subscriptions")).content.decode()
    assert stranger.post(end).status_code == 404
    assert client.post(end).status_code == client.post(end).status_code == 302
    subscription.refresh_from_db()
    assert subscription.ended_at is not None
