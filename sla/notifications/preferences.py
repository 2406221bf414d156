"""Alert preferences: which notices reach a person by which channel, and when (rules 20.4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction
from django.db.models import Max

from config import encryption
from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from leads.vocabulary import READERS_OF_LEADS
from sla.business_time import arithmetic, calendars
from sla.models import AlertSettings, Rep, Team, WorkCalendar
from sla.notifications import slack
from sla.vocabulary import DeliveryChannel, NoticeKind

#: A rep may come back, or an absence be cancelled, at any time: so their deliveries are checked again after this long.
CHECK_AGAIN_AFTER: Final = dt.timedelta(minutes=15)

_LEADERS: Final = (Role.MARKETING_LEADER, Role.SALES_LEADER)
#: The roles that may receive a kind of notice; a kind without an entry is for everybody.
_ROLES_BY_KIND: Final = {
    NoticeKind.SIGNATURE: _LEADERS,
    NoticeKind.REVIEW: (*_LEADERS, Role.MARKETING_OPS),
    NoticeKind.BLIND_RULE: (Role.MARKETING_OPS,),
    NoticeKind.REINSTATED: (Role.MARKETING_OPS,),
    NoticeKind.SUPPRESSED: _LEADERS,
    NoticeKind.LINE_CROSSED: _LEADERS,
    NoticeKind.PIPELINE_SHORT: _LEADERS,
    NoticeKind.REJECTION_DIGEST: (*_LEADERS, Role.MARKETING_OPS),
    NoticeKind.MEETING: READERS_OF_LEADS,
    NoticeKind.SATISFACTION: (Role.SDR, Role.SALES_MANAGER),
    NoticeKind.VALIDATION: (Role.MARKETING_OPS, Role.MARKETING_LEADER),
}


@dataclass(frozen=True, slots=True)
class AlertPreferences:
    """The choices a person saves. `slack_url` None keeps the stored address, "" removes it."""

    email_kinds: Collection[str]
    slack_kinds: Collection[str]
    slack_url: str | None = field(repr=False)
    is_quiet_off_hours: bool
    in_browser: bool
    with_sound: bool


def for_user(user: User) -> AlertSettings:
    """Return the person's settings, or the defaults: e-mail of everything, quiet outside their hours."""
    return AlertSettings.objects.filter(user=user).first() or _default_settings(user)


def offered_kinds(user: User) -> list[NoticeKind]:
    """Return the kinds of notice that the person may receive: some are for certain roles only."""
    return [kind for kind in NoticeKind if kind not in _ROLES_BY_KIND or holds(user, *_ROLES_BY_KIND[kind])]


@transaction.atomic
def save_preferences(*, user: User, preferences: AlertPreferences) -> AlertSettings:
    """Store the person's choices; kinds that they are not offered stay as they were.

    Raises BadWebhook with the rule that the Slack address breaks.
    """
    if preferences.slack_url:
        slack.check_webhook(preferences.slack_url)
    settings = for_user(user)
    other_kinds = set(NoticeKind.values).difference(offered_kinds(user))
    settings.email_kinds = sorted(other_kinds.intersection(settings.email_kinds).union(preferences.email_kinds))
    settings.slack_kinds = sorted(other_kinds.intersection(settings.slack_kinds).union(preferences.slack_kinds))
    settings.is_quiet_off_hours = preferences.is_quiet_off_hours
    settings.in_browser, settings.with_sound = preferences.in_browser, preferences.with_sound
    if preferences.slack_url is not None:
        settings.slack_sealed = encryption.seal(preferences.slack_url)
    settings.save()
    return settings


class WebhookLost(slack.BadWebhook):
    """A stored webhook address that no key decrypts any more."""

    def __init__(self) -> None:
        super().__init__("The address of the Slack webhook can no longer be read: enter it again under Alerts.")


def read_webhook(settings: AlertSettings) -> str:
    """Decrypt the webhook's address, "" without one. Raises WebhookLost."""
    try:
        return encryption.unseal(settings.slack_sealed)
    except encryption.KeyLost:
        raise WebhookLost from None


@transaction.atomic
def reseal_webhooks() -> tuple[int, int]:
    """Encrypt all webhooks under the newest key; return how many were, and how many no key decrypts."""
    rows = list(AlertSettings.objects.exclude(slack_sealed="").select_for_update().order_by("pk"))
    resealed = []
    for row in rows:
        with suppress(encryption.KeyLost):
            row.slack_sealed = encryption.reseal(row.slack_sealed)
            resealed.append(row)
    AlertSettings.objects.bulk_update(resealed, ["slack_sealed"], batch_size=500)
    return len(resealed), len(rows) - len(resealed)


def send_test(*, user: User, may_reach: slack.Guard = slack.is_public) -> None:
    """Send one line to the person's own webhook. Raises BadWebhook and NotDelivered."""
    url = read_webhook(for_user(user))
    if not url:
        raise slack.BadWebhook("Save the address of a webhook first.")
    text = f"Accord: a test for {slack.quote_text(str(user))}. Alerts will arrive here."
    slack.post_message(url, text, may_reach=may_reach)


def channels_by_person(people: Iterable[User], kind: NoticeKind) -> Mapping[int, list[DeliveryChannel]]:
    """Map the id of each active person to the channels by which they want notices of this kind."""
    active = [person for person in people if person.is_active]
    settings_by_user = {
        row.user_id: row for row in AlertSettings.objects.filter(user__in=[person.pk for person in active])
    }
    return {
        person.pk: list(_channels(person, settings_by_user.get(person.pk) or _default_settings(person), kind))
        for person in active
    }


def next_alert_at(user: User, at: dt.datetime) -> dt.datetime:
    """Return the first instant from `at` on at which the person may be alerted by e-mail or Slack.

    With quiet hours on, that is within the hours of the rep's calendar; for a person who is no rep, of the calendars of the
    teams they manage. Without a calendar, or with one that never opens, it is at once: better at night than never. A rep
    who is away or absent is not alerted, whatever the hours; then the instant is when to check again.
    """
    check_again_at = _check_again_at(user, at)
    if check_again_at is not None:
        return check_again_at
    if not for_user(user).is_quiet_off_hours:
        return at
    openings = list(_openings(user, at))
    return min(openings) if openings else at


def work_calendars_of(user: User) -> list[WorkCalendar]:
    """Return the calendars outside of which the person is not disturbed; empty means alerts at any hour."""
    rep = Rep.objects.filter(user=user).select_related("calendar", "team__calendar").first()
    if rep is not None:
        return [calendars.calendar_of_rep(rep)]
    return [team.calendar for team in Team.objects.filter(managers=user).select_related("calendar").order_by("pk")]


def _check_again_at(user: User, at: dt.datetime) -> dt.datetime | None:
    """Return when to check again for a rep who is away or absent, or None if they are present."""
    rep = Rep.objects.filter(user=user, is_active=True).first()
    if rep is None:
        return None
    absences = rep.absences.filter(starts_at__lte=at, ends_at__gt=at)
    ends_at: dt.datetime | None = absences.aggregate(last=Max("ends_at"))["last"]
    if rep.is_away:
        return at + CHECK_AGAIN_AFTER
    return min(ends_at, at + CHECK_AGAIN_AFTER) if ends_at is not None else None


def _openings(user: User, at: dt.datetime) -> Iterable[dt.datetime]:
    for hours in work_calendars_of(user):
        with suppress(arithmetic.BadCalendar, arithmetic.NeverOpen):
            yield arithmetic.next_open(calendars.build_calendar(hours, at), at)


def _channels(person: User, settings: AlertSettings, kind: NoticeKind) -> Iterable[DeliveryChannel]:
    if kind in settings.email_kinds and person.email:
        yield DeliveryChannel.EMAIL
    if kind in settings.slack_kinds and settings.slack_sealed:
        yield DeliveryChannel.SLACK


def _default_settings(user: User) -> AlertSettings:
    return AlertSettings(user=user, email_kinds=list(NoticeKind.values))
