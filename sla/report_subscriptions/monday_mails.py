"""The mails of Monday morning: each subscribed report once a week, with the reader's own rights (rules 12.63)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from config.jobs import sweeps
from config.web import QueryRefused, zone_of
from sla.models import ReportSending, ReportSubscription
from sla.notifications import outbox
from sla.notifications.outbox import MailDraft, NoticeDraft
from sla.report_subscriptions import subscriptions
from sla.reports import report_names
from sla.reports.framework import report_page
from sla.reports.framework.report_entry import ReportEntry, UnknownReport
from sla.reports.framework.report_query import read_query
from sla.reports.framework.report_shape import Report
from sla.vocabulary import NoticeKind

SWEEP: Final = "report subscriptions"
#: The hour of Monday, in the zone of the reader, from which the mails are written.
FROM_HOUR: Final = 7
BATCH: Final = 50
_SUBJECT_AT_MOST: Final = 150


def send_due(*, now: dt.datetime) -> int:
    """Write the mails of the subscriptions that are due this week; return how many subscriptions were seen to.

    Each is done in a transaction of its own; that it is done once a week is held by the database.
    """
    waiting = ReportSubscription.objects.filter(pk__in=list(_list_due(now))).select_related("user").order_by("pk")
    return sum(1 for _ in sweeps.claim_each(SWEEP, waiting, lambda row: _send(row, now), now=now, limit=BATCH))


def _list_due(now: dt.datetime) -> Iterator[int]:
    """Yield the ids of subscriptions of this week's Monday; one that was made after that hour waits for the next."""
    rows = ReportSubscription.objects.filter(ended_at__isnull=True, user__is_active=True).select_related("user")
    since = now - dt.timedelta(days=14)
    sent = set(ReportSending.objects.filter(at__gte=since).values_list("subscription", "week"))
    for row in rows.order_by("pk"):
        begins = _find_monday(row, now)
        if row.created_at < begins <= now and (row.pk, _name_week(begins)) not in sent:
            yield row.pk


def _find_monday(subscription: ReportSubscription, now: dt.datetime) -> dt.datetime:
    """Return the hour of this week's Monday from which the reader gets the mail, in their zone."""
    zone = zone_of(subscription.user)
    today = now.astimezone(zone).date()
    return dt.datetime.combine(today - dt.timedelta(days=today.weekday()), dt.time(FROM_HOUR), zone)


def _name_week(begins: dt.datetime) -> str:
    year, week, _ = begins.date().isocalendar()
    return f"{year}-W{week:02}"


def _send(subscription: ReportSubscription, now: dt.datetime) -> ReportSending | None:
    sending, is_new = ReportSending.objects.get_or_create(
        subscription=subscription, week=_name_week(_find_monday(subscription, now)), defaults={"at": now}
    )
    if not is_new:
        return None
    try:
        entry = report_names.find_report(subscription.report)
        if not entry.is_open_to(subscription.user):
            return _refuse(sending, "You may no longer read this report.")
        query = read_query(
            dict(parse_qsl(subscription.query)), filters=entry.filters, reader=subscription.user, now=now
        )
        report = entry.build_current(query, reader=subscription.user, now=now)
    except (UnknownReport, QueryRefused) as refusal:
        return _refuse(sending, str(refusal))
    outbox.write_notices([_draft_notice(subscription, sending, entry, report, now)])
    return sending


def _refuse(sending: ReportSending, sentence: str) -> ReportSending:
    sending.refusal = sentence[:300]
    sending.save(update_fields=["refusal"])
    return sending


def _draft_notice(
    subscription: ReportSubscription, sending: ReportSending, entry: ReportEntry, report: Report, now: dt.datetime
) -> NoticeDraft:
    name = f"{entry.title}, {report.motion.upper()}: {report.period.label}"
    path = reverse("report", args=[entry.name])
    token = subscriptions.sign(subscription)
    unsubscribe = reverse("report_unsubscribe", args=[token])
    context = {
        "name": name,
        "report": report,
        "sections": [part for part in report_page.build_sections(report, "") if part.cards or part.section.headline],
        "base": settings.BASE_URL,
        "address": f"{settings.BASE_URL}{path}?{subscription.query}" if settings.BASE_URL else "",
        "unsubscribe": f"{settings.BASE_URL}{unsubscribe}" if settings.BASE_URL else "",
    }
    mail = MailDraft(
        subject=name[:_SUBJECT_AT_MOST],
        text=render_to_string("sla/reports/mail.txt", context),
        html=render_to_string("sla/reports/mail.html", context),
        unsubscribe_url=context["unsubscribe"],
    )
    return NoticeDraft(
        kind=NoticeKind.REPORT,
        once=f"report:{sending.pk}",
        handoff=None,
        to=[subscription.user],
        text=f"{name}. {report.headline}",
        at=now,
        # A path takes 100 characters; the filters stand in the mail and in the list of subscriptions.
        path=f"{path}?motion={report.motion}",
        mail=mail,
    )
