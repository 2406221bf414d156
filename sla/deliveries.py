"""Notices on their way out of Accord: a row for each channel, sent once, tried again, given up visibly.

Quiet hours are looked up when a row is due, not when it is written: so they hold for what was tried again or waited for a
worker, too, and a calendar that cannot be read never disturbs the routing that wrote the notice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Final

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Case, F, Min, Q, QuerySet, When
from django.urls import reverse

from config.web import holds, zone_of
from leads.models import User
from leads.vocabulary import Role
from sla import alerts, slack
from sla.models import Delivery, Notice, Rep
from sla.vocabulary import BACKOFF, DeliveryChannel, NoticeKind

log = structlog.get_logger(__name__)

#: A server that is down costs a worker so many waits; the rest is left to the next beat.
FAILURES_A_RUN: Final = 3
SUBJECT_AT_MOST: Final = 150
ERROR_AT_MOST: Final = 500

#: They tell of a promise that runs, so they say until when.
_WITH_DUE: Final = (NoticeKind.NEW_MQL, NoticeKind.DUE_SOON)


class _Outcome(Enum):
    SENT = auto()
    FAILED = auto()
    NOT_NOW = auto()


def write(notices: Sequence[Notice]) -> None:
    """A delivery for each channel that the receiver wants to hear by, in the caller's transaction; once a channel."""
    rows: list[Delivery] = []
    for kind in dict.fromkeys(notice.kind for notice in notices):
        told = [(notice, notice.to) for notice in notices if notice.kind == kind and notice.to is not None]
        wanted = alerts.channels({person for _, person in told}, NoticeKind(kind))
        rows += [
            Delivery(notice=notice, channel=channel, send_at=notice.created_at)
            for notice, person in told
            for channel in wanted.get(person.pk, ())
        ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def send_due(*, now: dt.datetime, limit: int = 100, may_reach: slack.Guard = slack.is_public) -> int:
    """Send what is due, each in its own transaction. A failing one is pushed ahead and blocks nobody.

    Each is sent once, by however many workers. A worker killed between the server's answer and the commit sends that
    one again: a mail under the same Message-ID, a line in Slack a second time.
    """
    sent = failed = 0
    for _ in range(limit):
        outcome = _send_next(now, may_reach)
        sent += outcome is _Outcome.SENT
        failed += outcome is _Outcome.FAILED
        if outcome is None or failed == FAILURES_A_RUN:
            break
    return sent


def failing(user: User) -> QuerySet[Delivery]:
    """What could not be sent, so far or for good: a person's own, a manager's reps', for marketing ops everybody's."""
    rows = Delivery.objects.failing().select_related("notice__to")
    if not holds(user, Role.MARKETING_OPS):
        theirs = Rep.objects.filter(team__managers=user) if holds(user, Role.SALES_MANAGER) else Rep.objects.none()
        rows = rows.filter(Q(notice__to=user) | Q(notice__to__in=theirs.values("user")))
    return rows.order_by("-notice__created_at", "-pk")


def try_again(*, by: User, now: dt.datetime) -> int:
    """Whatever the person sees failing is due at once, as if it had not failed yet."""
    again = failing(by).order_by().values("pk")
    return Delivery.objects.filter(pk__in=again).update(failures=0, send_at=now)


def waiting_since(now: dt.datetime) -> dt.datetime | None:
    """Since when the oldest one that should have been sent waits. What rests until its receiver's day opens does not."""
    late = Delivery.objects.waiting().filter(Q(send_at__lte=now) | Q(failures__gt=0))
    since = Case(When(failures=0, then=F("send_at")), default=F("notice__created_at"))
    oldest: dt.datetime | None = late.aggregate(oldest=Min(since))["oldest"]
    return oldest


@transaction.atomic
def _send_next(now: dt.datetime, may_reach: slack.Guard) -> _Outcome | None:
    claimed = Delivery.objects.waiting().filter(send_at__lte=now).order_by("send_at", "pk")
    claimed = claimed.select_for_update(of=("self",), no_key=True, skip_locked=True)
    delivery = claimed.select_related("notice__to", "notice__handoff").first()
    if delivery is None:
        return None
    try:
        with transaction.atomic():
            return _deliver(delivery, now, may_reach)
    # Whatever a server does, the others' alerts go out.
    except Exception as error:
        _push_ahead(delivery, error, now)
        return _Outcome.FAILED


def _deliver(delivery: Delivery, now: dt.datetime, may_reach: slack.Guard) -> _Outcome:
    person = delivery.notice.to
    if person is None or not person.is_active or not _has_address(person, delivery.channel):
        # Who left, or took the address away, wants to hear no more.
        delivery.delete()
        return _Outcome.NOT_NOW
    opens = alerts.may_hear_from(person, now)
    if opens > now:
        delivery.send_at = opens
        delivery.save(update_fields=["send_at"])
        return _Outcome.NOT_NOW
    if delivery.channel == DeliveryChannel.SLACK:
        slack.post(alerts.webhook(alerts.of(person)), _for_slack(delivery.notice), may_reach=may_reach)
    else:
        _mail(delivery.notice, person)
    delivery.sent_at, delivery.error = now, ""
    delivery.save(update_fields=["sent_at", "error"])
    return _Outcome.SENT


def _has_address(person: User, channel: str) -> bool:
    return bool(alerts.of(person).slack_sealed if channel == DeliveryChannel.SLACK else person.email)


def _mail(notice: Notice, person: User) -> None:
    EmailMessage(
        # A lead's name may hold anything; a subject is one line.
        subject=" ".join(notice.text.split())[:SUBJECT_AT_MOST],
        body="\n\n".join(_paragraphs(notice, person)),
        to=[person.email],
        headers={"Message-ID": f"<notice-{notice.pk}@{_sender_domain()}>"},
    ).send()


def _paragraphs(notice: Notice, person: User) -> Iterator[str]:
    yield notice.text
    due = notice.handoff.due_at if notice.handoff is not None and notice.kind in _WITH_DUE else None
    if due is not None:
        yield f"Due {due.astimezone(zone_of(person)):%A %-d %B %Y, %H:%M (%Z)}, counted in business hours."
    if link := _link(notice):
        yield link
    if settings.BASE_URL:
        yield f"How Accord alerts you: {settings.BASE_URL}{reverse('alerts')}"


def _for_slack(notice: Notice) -> str:
    text, link = slack.quoted(notice.text), _link(notice)
    return f"{text} <{link}|Open in Accord>" if link else text


def _link(notice: Notice) -> str:
    return f"{settings.BASE_URL}{notice.leads_to}" if notice.leads_to and settings.BASE_URL else ""


def _push_ahead(delivery: Delivery, error: Exception, now: dt.datetime) -> None:
    log.warning("alert_not_sent", delivery=delivery.pk, channel=delivery.channel, error=type(error).__name__)
    delivery.send_at = now + BACKOFF[min(delivery.failures, len(BACKOFF) - 1)]
    delivery.failures += 1
    delivery.error = _without_secret(delivery, error)[:ERROR_AT_MOST]
    delivery.save(update_fields=["send_at", "failures", "error"])


def _without_secret(delivery: Delivery, error: Exception) -> str:
    """Only errors of our own wording may speak of a webhook, whose address is one."""
    is_ours = isinstance(error, slack.BadWebhook | slack.NotDelivered)
    if delivery.channel == DeliveryChannel.SLACK and not is_ours:
        return type(error).__name__
    return str(error) or type(error).__name__


def _sender_domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
