"""Notices on their way out of Accord: a row for each channel, sent once, tried again, given up visibly.

Quiet hours are looked up when a row is due, not when it is written: so they hold for what was tried again or waited for a
worker, too, and a calendar that cannot be read never disturbs the routing that wrote the notice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Case, Exists, F, Min, OuterRef, Q, QuerySet, When

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.models import Delivery, DeliveryQuerySet, Notice, Rep
from sla.notifications import messages, preferences, relevance, slack
from sla.vocabulary import BACKOFF, DeliveryChannel, NoticeKind

log = structlog.get_logger(__name__)

#: A server that is down costs a worker so many waits; the rest is left to the next beat.
FAILURES_A_RUN: Final = 3
#: A longer list is cut into several messages: nobody reads on, and Slack would cut it.
IN_ONE_MESSAGE: Final = 40
WHY_AT_MOST: Final = 200
ERROR_AT_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How many alerts one message carried, and whether it could not be sent."""

    sent: int = 0
    has_failed: bool = False


def write_deliveries(notices: Sequence[Notice]) -> None:
    """A delivery for each channel that the receiver wants to hear by, in the caller's transaction; once a channel."""
    rows: list[Delivery] = []
    for kind in dict.fromkeys(notice.kind for notice in notices):
        notified = [(notice, notice.to) for notice in notices if notice.kind == kind and notice.to is not None]
        channels = preferences.channels_by_person({person for _, person in notified}, NoticeKind(kind))
        rows += [
            Delivery(notice=notice, channel=channel, send_at=notice.created_at)
            for notice, person in notified
            for channel in channels.get(person.pk, ())
        ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def send_due(*, now: dt.datetime, limit: int = 100, may_reach: slack.Guard = slack.is_public) -> int:
    """Send what is due, one message for all that is due to a person by one channel; returns how many alerts went out.

    Each message has its own transaction; at most `limit` of them. What is over is dropped, a failing one is pushed ahead
    and blocks nobody. Each alert is sent once, by however many workers. A worker killed between the server's answer and
    the commit sends that message again: a mail under the same Message-ID, in Slack a second time.
    """
    sent = failed = 0
    for _ in range(limit):
        outcome = _send_next(now, may_reach)
        if outcome is None:
            break
        sent += outcome.sent
        failed += outcome.has_failed
        if failed == FAILURES_A_RUN:
            break
    return sent


def failing_deliveries(user: User) -> QuerySet[Delivery]:
    """What could not be sent, so far or for good: a person's own, a manager's reps', for marketing ops everybody's."""
    rows = Delivery.objects.failing().select_related("notice__to")
    if not holds(user, Role.MARKETING_OPS):
        reps = Rep.objects.filter(team__managers=user) if holds(user, Role.SALES_MANAGER) else Rep.objects.none()
        rows = rows.filter(Q(notice__to=user) | Q(notice__to__in=reps.values("user")))
    return rows.order_by("-notice__created_at", "-pk")


def retry_failing(*, by: User, now: dt.datetime) -> int:
    """Whatever the person sees failing is due at once, as if it had not failed yet."""
    failing_ids = failing_deliveries(by).order_by().values("pk")
    return Delivery.objects.filter(pk__in=failing_ids).update(failures=0, send_at=now)


def waiting_since(now: dt.datetime) -> dt.datetime | None:
    """Since when the oldest one that should have been sent waits. What rests until its receiver's day opens does not."""
    overdue = Delivery.objects.waiting().filter(Q(send_at__lte=now) | Q(failures__gt=0))
    due_at = Case(When(failures=0, then=F("send_at")), default=F("notice__created_at"))
    oldest: dt.datetime | None = overdue.aggregate(oldest=Min(due_at))["oldest"]
    return oldest


@transaction.atomic
def _send_next(now: dt.datetime, may_reach: slack.Guard) -> _Outcome | None:
    rows = _claim_for_one_person(now)
    if not rows:
        return None
    try:
        with transaction.atomic():
            rows = _select_to_send(rows, now)
        with transaction.atomic():
            _send(rows, now, may_reach)
    # Whatever a server does, the others' alerts go out.
    except Exception as error:
        _schedule_retry(rows, error, now)
        return _Outcome(has_failed=True)
    return _Outcome(sent=len(rows))


def _claim_for_one_person(now: dt.datetime) -> list[Delivery]:
    """All that is due to one person by one channel."""
    due = Delivery.objects.waiting().filter(send_at__lte=now)
    # The oldest stands for them all: while a worker holds it, no other begins with the rest of them.
    earlier = due.filter(channel=OuterRef("channel"), notice__to=OuterRef("notice__to"), pk__lt=OuterRef("pk"))
    oldest = _lock_unclaimed(due.filter(~Exists(earlier)).order_by("send_at", "pk")).select_related("notice").first()
    if oldest is None:
        return []
    deliveries = _lock_unclaimed(due.filter(channel=oldest.channel, notice__to=oldest.notice.to_id).order_by("pk"))
    return list(deliveries.select_related("notice__to", "notice__handoff__rep__user")[:IN_ONE_MESSAGE])


def _lock_unclaimed(rows: DeliveryQuerySet) -> DeliveryQuerySet:
    return rows.select_for_update(of=("self",), no_key=True, skip_locked=True)


def _select_to_send(rows: Sequence[Delivery], now: dt.datetime) -> list[Delivery]:
    """Those to be sent now. The others are gone, rest or are dropped."""
    claimed = Delivery.objects.filter(pk__in=[row.pk for row in rows])
    person = rows[0].notice.to
    if person is None or not person.is_active or not _has_address(person, rows[0].channel):
        # Who left, or took the address away, wants to hear no more.
        claimed.delete()
        return []
    alert_at = preferences.next_alert_at(person, now)
    if alert_at > now:
        claimed.update(send_at=alert_at)
        return []
    reasons = relevance.obsolete_reasons([row.notice for row in rows], now=now)
    obsolete = [row for row in rows if row.notice_id in reasons]
    for row in obsolete:
        row.dropped_at, row.dropped_why, row.error = now, reasons[row.notice_id][:WHY_AT_MOST], ""
    Delivery.objects.bulk_update(obsolete, ["dropped_at", "dropped_why", "error"])
    return [row for row in rows if row.notice_id not in reasons]


def _send(rows: Sequence[Delivery], now: dt.datetime, may_reach: slack.Guard) -> None:
    person = rows[0].notice.to if rows else None
    if person is None:
        return
    notices = [row.notice for row in rows]
    if rows[0].channel == DeliveryChannel.SLACK:
        slack.post_message(
            preferences.read_webhook(preferences.for_user(person)),
            messages.build_slack_text(notices),
            may_reach=may_reach,
        )
    else:
        messages.build_mail(notices, person).send()
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(sent_at=now, error="")


def _has_address(person: User, channel: str) -> bool:
    return bool(preferences.for_user(person).slack_sealed if channel == DeliveryChannel.SLACK else person.email)


def _schedule_retry(rows: Sequence[Delivery], error: Exception, now: dt.datetime) -> None:
    """Those that failed as often as each other are tried again together."""
    channel = rows[0].channel
    log.warning("alert_not_sent", deliveries=[row.pk for row in rows], channel=channel, error=type(error).__name__)
    for row in rows:
        row.send_at = now + BACKOFF[min(row.failures, len(BACKOFF) - 1)]
        row.failures += 1
        row.error = _error_text(channel, error)[:ERROR_AT_MOST]
    Delivery.objects.bulk_update(rows, ["send_at", "failures", "error"])


def _error_text(channel: str, error: Exception) -> str:
    """Only errors of our own wording may speak of a webhook, whose address is one."""
    is_ours = isinstance(error, slack.BadWebhook | slack.NotDelivered)
    if channel == DeliveryChannel.SLACK and not is_ours:
        return type(error).__name__
    return str(error) or type(error).__name__
