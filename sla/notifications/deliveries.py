"""Deliveries of notices by e-mail and Slack: a row for each channel, sent once, retried, given up visibly.

Quiet hours are checked when a row is due, not when it is written: so they also hold for retries and for rows that
waited for a worker, and a calendar that cannot be read never disturbs the routing that wrote the notice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Case, Exists, F, Min, OuterRef, Q, QuerySet, When

from config import outages
from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.models import Delivery, DeliveryQuerySet, Notice, NoticeMail, Rep
from sla.notifications import messages, preferences, relevance, slack
from sla.vocabulary import BACKOFF, DeliveryChannel, NoticeKind

log = structlog.get_logger(__name__)

#: After this many failures a run stops, as each may wait for a server that is down; the next run continues.
FAILURES_A_RUN: Final = 3
#: A longer list is cut into several messages: nobody reads on, and Slack would cut it.
IN_ONE_MESSAGE: Final = 40
WHY_AT_MOST: Final = 200
ERROR_AT_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The number of alerts that one message carried, and whether sending failed."""

    sent: int = 0
    has_failed: bool = False


def write_deliveries(notices: Sequence[Notice]) -> None:
    """Store a delivery for each channel that the receiver chose, in the caller's transaction; once for each channel."""
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
    """Send the deliveries that are due, in one message for each person and channel; return how many alerts went out.

    For each message, in a transaction of its own, until nothing is due or `limit` is reached:
    1. Claim the oldest due delivery and everything due to the same person by the same channel, skipping locked rows.
    2. Delete them if the person left or has no address for the channel any more.
    3. Defer them if the person is away or outside their hours.
    4. Drop those whose notice is obsolete, with the reason.
    5. Send the rest as one message.
    6. Mark them as sent, or on failure schedule a retry; after FAILURES_A_RUN failures stop until the next run.

    Any number of workers may run at once: each alert is sent once. If a worker is killed between the server's answer and
    the commit, that message is sent again: a mail under the same Message-ID, in Slack a second time.
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
    """Return the deliveries that failed, retried or given up: a person's own, a manager's reps', marketing ops everybody's."""
    rows = Delivery.objects.failing().select_related("notice__to")
    if not holds(user, Role.MARKETING_OPS):
        reps = Rep.objects.filter(team__managers=user) if holds(user, Role.SALES_MANAGER) else Rep.objects.none()
        rows = rows.filter(Q(notice__to=user) | Q(notice__to__in=reps.values("user")))
    return rows.order_by("-notice__created_at", "-pk")


def retry_failing(*, by: User, now: dt.datetime) -> int:
    """Make the failing deliveries that the person sees due at once, with no failures counted; return how many."""
    failing_ids = failing_deliveries(by).order_by().values("pk")
    return Delivery.objects.filter(pk__in=failing_ids).update(failures=0, send_at=now)


def waiting_since(now: dt.datetime) -> dt.datetime | None:
    """Return since when the oldest delivery is overdue, or None. Deliveries deferred by quiet hours do not count."""
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
    # A failing server must not keep other people's alerts from going out.
    except Exception as error:
        if outages.is_outage(error):
            raise
        _schedule_retry(rows, error, now)
        return _Outcome(has_failed=True)
    return _Outcome(sent=len(rows))


def _claim_for_one_person(now: dt.datetime) -> list[Delivery]:
    """Lock and return everything that is due to one person by one channel, at most IN_ONE_MESSAGE.

    A notice that has a mail of its own is an e-mail for itself.
    """
    due = Delivery.objects.waiting().filter(send_at__lte=now)
    # Only the oldest row of a person and channel is claimed first: while a worker holds its lock, no other worker starts
    # a second message with the rest.
    earlier = due.filter(channel=OuterRef("channel"), notice__to=OuterRef("notice__to"), pk__lt=OuterRef("pk"))
    oldest = _lock_unclaimed(due.filter(~Exists(earlier)).order_by("send_at", "pk")).select_related("notice").first()
    if oldest is None:
        return []
    together = due.filter(channel=oldest.channel, notice__to=oldest.notice.to_id)
    if oldest.channel == DeliveryChannel.EMAIL:
        has_own_mail = NoticeMail.objects.filter(notice=oldest.notice).exists()
        together = together.filter(pk=oldest.pk) if has_own_mail else together.filter(notice__mail=None)
    deliveries = _lock_unclaimed(together.order_by("pk"))
    return list(deliveries.select_related("notice__to", "notice__handoff__rep__user")[:IN_ONE_MESSAGE])


def _lock_unclaimed(rows: DeliveryQuerySet) -> DeliveryQuerySet:
    return rows.select_for_update(of=("self",), no_key=True, skip_locked=True)


def _select_to_send(rows: Sequence[Delivery], now: dt.datetime) -> list[Delivery]:
    """Return the deliveries to send now; delete, defer or drop the rest."""
    claimed = Delivery.objects.filter(pk__in=[row.pk for row in rows])
    person = rows[0].notice.to
    if person is None or not person.is_active or not _has_address(person, rows[0].channel):
        # The person left, or removed the address: no more alerts by this channel.
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
    """Count the failure and set when to try again; rows that failed equally often are retried together."""
    channel = rows[0].channel
    log.warning("alert_not_sent", deliveries=[row.pk for row in rows], channel=channel, error=type(error).__name__)
    for row in rows:
        row.send_at = now + BACKOFF[min(row.failures, len(BACKOFF) - 1)]
        row.failures += 1
        row.error = _error_text(channel, error)[:ERROR_AT_MOST]
    Delivery.objects.bulk_update(rows, ["send_at", "failures", "error"])


def _error_text(channel: str, error: Exception) -> str:
    """Return what a mail server answered or Slack refused, without a secret, else a fixed sentence.

    For Slack, only our own errors are known to omit the webhook's address.
    """
    if isinstance(error, slack.BadWebhook | slack.NotDelivered):
        return str(error)
    # What smtplib raises is an OSError, too.
    if channel == DeliveryChannel.EMAIL and isinstance(error, OSError):
        return str(error) or type(error).__name__
    return outages.describe_failure(error)
