from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config import encryption
from config.accounts.models import User
from config.accounts.vocabulary import Role
from sla.models import AlertSettings, Delivery, Notice
from sla.notifications import deliveries, outbox, preferences, slack
from sla.vocabulary import NoticeKind
from tests.factories import DAY, MINUTE, NOW, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db

HOOK = "https://hooks.slack.com/services/T000/B000/s3cr3t"


@pytest.fixture(autouse=True)
def at_work() -> Iterator[None]:
    with time_machine.travel(NOW + 2 * MINUTE, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def said(**changes: Any) -> dict[str, Any]:
    return {"email_kinds": ["mql.routed"], "slack_kinds": [], "slack_url": "", "is_quiet_off_hours": "on"} | changes


# ── Settings ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_defaults_are_mail_of_everything_and_quiet_hours() -> None:
    sam = UserFactory(roles=[Role.SDR])

    page = signed_in(sam).get(reverse("alerts")).content.decode()

    assert page.count('name="email_kinds"') == page.count(" checked") - 1 == len(preferences.offered_kinds(sam))
    assert not AlertSettings.objects.exists()


def test_choices_are_stored_and_the_webhook_is_shown_masked() -> None:
    ana = UserFactory(roles=[Role.SDR])
    client = signed_in(ana)

    answer = client.post(
        reverse("alerts"), said(slack_kinds=["sla.breached"], slack_url=HOOK, in_browser="on", with_sound="on")
    )

    chosen = preferences.for_user(ana)
    assert (answer.status_code, answer["Location"]) == (302, reverse("alerts"))
    for_other_roles = [
        "lead.reinstated", "meeting.closed", "pipeline.short", "rate.line_crossed", "recency.waiting", "rejections.digest",
        "review.opened", "rule.blind", "signature.waiting",
        "suppression.set",
    ]  # fmt: skip
    assert chosen.email_kinds == sorted(["mql.routed", *for_other_roles])
    assert (chosen.slack_kinds, preferences.read_webhook(chosen)) == (["sla.breached"], HOOK)
    assert (chosen.is_quiet_off_hours, chosen.in_browser, chosen.with_sound) == (True, True, True)
    page = client.get(reverse("alerts")).content.decode()
    assert "s3cr3t" not in page
    assert "hooks.slack.com/services/T…/…cr3t" in page


def test_saving_without_a_webhook_keeps_it_until_it_is_removed() -> None:
    ana = UserFactory(roles=[Role.SDR])
    client = signed_in(ana)
    client.post(reverse("alerts"), said(slack_url=HOOK))

    client.post(reverse("alerts"), said(slack_kinds=["sla.breached"]))
    assert preferences.read_webhook(preferences.for_user(ana)) == HOOK
    client.post(reverse("alerts"), said(without_slack="on"))

    assert preferences.read_webhook(preferences.for_user(ana)) == ""


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"slack_url": "http://hooks.slack.com/services/x"}, "must begin with https://"),
        ({"slack_url": "https://127.0.0.1/services/x"}, "must be one of hooks.slack.com"),
        ({"slack_url": "https://hooks.slack.com/" + "x" * 400}, "at most 300"),
        ({"slack_kinds": ["sla.breached"]}, "need the address of a webhook"),
        ({"email_kinds": ["everything"]}, "everything is not one of the available choices"),
    ],
)
def test_an_invalid_choice_is_refused_with_the_rule(changes: dict[str, Any], rule: str) -> None:
    answer = signed_in(UserFactory(roles=[Role.SDR])).post(reverse("alerts"), said(**changes))

    assert answer.status_code == 422
    assert rule in answer.content.decode()
    assert not AlertSettings.objects.exists()


def test_the_database_stores_the_webhook_encrypted() -> None:
    ana = UserFactory(roles=[Role.SDR])

    signed_in(ana).post(reverse("alerts"), said(slack_url=HOOK))

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text FROM sla_alertsettings s")
        (row,) = cursor.fetchone()
    assert "hooks.slack.com" not in row
    assert "s3cr3t" not in row


def test_a_webhook_with_a_lost_key_must_be_entered_again() -> None:
    ana = UserFactory(roles=[Role.SDR])
    client = signed_in(ana)
    client.post(reverse("alerts"), said(slack_url=HOOK))
    AlertSettings.objects.update(slack_sealed="sealed under another key")

    page = client.get(reverse("alerts"))
    refused = client.post(reverse("alerts_test"), follow=True).content.decode()
    client.post(reverse("alerts"), said(slack_url=HOOK))

    assert page.status_code == 200
    assert "enter it again under Alerts" in page.content.decode()
    assert "enter it again under Alerts" in refused
    assert preferences.read_webhook(preferences.for_user(ana)) == HOOK


def test_webhooks_move_to_the_newest_key(settings: Any) -> None:
    ana, ben = UserFactory(), UserFactory()
    AlertSettings.objects.create(user=ana, slack_sealed=encryption.seal(HOOK))
    AlertSettings.objects.create(user=ben, slack_sealed="sealed under another key")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, [settings.SECRET_KEY]
    said, told = StringIO(), StringIO()

    call_command("reseal", stdout=said, stderr=told)
    settings.SECRET_KEY_FALLBACKS = []

    assert preferences.read_webhook(preferences.for_user(ana)) == HOOK
    assert said.getvalue().startswith("1 Slack webhooks")
    assert told.getvalue().startswith("1 cannot be opened")


def test_preferences_are_printed_without_the_secret() -> None:
    wishes = preferences.AlertPreferences([], [], HOOK, is_quiet_off_hours=True, in_browser=False, with_sound=False)

    assert "s3cr3t" not in repr(wishes)


def test_a_test_message_goes_to_the_own_webhook(channel: Any) -> None:
    ana = UserFactory(name="ana")
    AlertSettings.objects.create(user=ana, slack_sealed=encryption.seal(f"https://{channel.address}/services/x"))

    preferences.send_test(user=ana, may_reach=lambda _address: True)

    assert channel.lines == ["Accord: a test for Ana. Alerts will arrive here."]


def test_a_failing_test_message_shows_why(channel: Any) -> None:
    ana = UserFactory(roles=[Role.SDR])
    client = signed_in(ana)

    without = client.post(reverse("alerts_test"), follow=True).content.decode()
    AlertSettings.objects.create(user=ana, slack_sealed=encryption.seal(f"https://{channel.address}/services/x"))
    private = client.post(reverse("alerts_test"), follow=True).content.decode()

    assert "Save the address of a webhook first." in without
    assert "The address leads to a private network." in private
    assert channel.lines == []


def test_the_page_shows_whose_working_hours_apply() -> None:
    team = TeamFactory(working=True)

    rep = signed_in(team.reps.get().user).get(reverse("alerts")).content.decode()
    ops = signed_in(UserFactory(roles=[Role.MARKETING_OPS])).get(reverse("alerts")).content.decode()

    assert f"{team.calendar} (UTC)" in rep
    assert "no working hours in Accord" in ops


def test_saving_preferences_checks_the_webhook() -> None:
    with pytest.raises(slack.BadWebhook):
        preferences.save_preferences(
            user=UserFactory(),
            preferences=preferences.AlertPreferences([], [], "https://10.0.0.1/services/x", True, False, False),
        )


# ── Notices ───────────────────────────────────────────────────────────────────────────────────────────────


def tell(user: User, *, count: int = 1, days_ago: int = 0, read: bool = False) -> None:
    at = NOW - days_ago * DAY
    drafts = [
        outbox.NoticeDraft(NoticeKind.NEW_MQL, f"{at}{number}{read}", None, [user], f"Told {number}", at)
        for number in range(count)
    ]
    outbox.write_notices(drafts)
    if read:
        Notice.objects.filter(to=user, created_at=at).update(read_at=NOW)


def test_old_unread_notices_come_before_those_read_today() -> None:
    ana = UserFactory(roles=[Role.SDR])
    tell(ana, read=True)
    tell(ana, days_ago=3)

    page = signed_in(ana).get(reverse("notices")).content.decode()

    assert page.index("New · Saturday, 7 March 2026") < page.index("Tuesday, 10 March 2026")


def test_the_next_page_continues_after_this_one() -> None:
    ana = UserFactory(roles=[Role.SDR])
    tell(ana, count=outbox.NOTICES_A_PAGE + 5)
    client = signed_in(ana)

    first = client.get(reverse("notices"))
    second = client.get(reverse("notices"), {"after": first.context["after"]})

    assert [len(page.context["days"][0].notices) for page in (first, second)] == [outbox.NOTICES_A_PAGE, 5]
    assert second.context["after"] is None
    assert "First page" in second.content.decode()


def test_the_page_takes_a_constant_number_of_queries() -> None:
    few, many = UserFactory(roles=[Role.SALES_MANAGER]), UserFactory(roles=[Role.SALES_MANAGER])
    counts = []
    for person, count in ((few, 2), (many, 50)):
        tell(person, count=count)
        Delivery.objects.filter(notice__to=person).update(failures=1, error="Refused")
        client = signed_in(person)
        client.get(reverse("notices"))
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("notices"))
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_a_manager_sees_failing_deliveries_and_retries_them(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    team = TeamFactory(working=True)
    rep, manager = team.reps.get().user, team.managers.first()
    tell(rep)
    deliveries.send_due(now=NOW)
    client = signed_in(manager)

    page = client.get(reverse("notices")).content.decode()
    again = client.post(reverse("notices_retry"), follow=True).content.decode()

    assert "1 alert could not be delivered." in page
    assert "Connection refused" in page
    assert rep.first_name in page
    assert "Being sent again: 1." in again
    assert Delivery.objects.get().failures == 0


def test_prometheus_metrics_count_failing_deliveries(client: Client) -> None:
    tell(UserFactory())

    waiting = client.get("/metrics").content.decode()
    Delivery.objects.update(failures=9)
    given_up = client.get("/metrics").content.decode()

    assert "accord_oldest_undelivered_alert_seconds 120.0" in waiting
    assert "accord_alerts_given_up 0.0" in waiting
    assert "accord_oldest_undelivered_alert_seconds 0.0" in given_up
    assert "accord_alerts_given_up 1.0" in given_up
