"""Subscribing to a report, and ending it: on the page, in the list, or by the link in the mail (rules 12.62)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from django.core import signing
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from config.accounts.models import User
from config.web import QueryRefused
from sla.models import ReportSending, ReportSubscription
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_query import read_query

#: The most that a person may have: each is a report built every Monday.
MOST: Final = 30
_SALT: Final = "accord: end a report subscription"
_QUERY_AT_MOST: Final = 500


class SubscriptionRefused(Exception):
    """A subscription that is not possible; the sentence says why."""


def subscribe(*, entry: ReportEntry, parameters: Mapping[str, str], user: User, now: dt.datetime) -> ReportSubscription:
    """Subscribe to a report with the motion, weeks and filters of its page; a second time it is the same subscription.

    Raises SubscriptionRefused, QueryRefused.
    """
    if not entry.is_open_to(user):
        raise SubscriptionRefused("You may not read this report.")
    if parameters.get("from") or parameters.get("to"):
        raise QueryRefused(
            "from", "is of fixed days: a subscription takes the latest weeks, so choose a number of weeks."
        )
    if entry.own_parameters and parameters.get("weeks"):
        raise QueryRefused("weeks", "is not known here: this report has a period of its own.")
    known = ("motion", "weeks", *entry.filters)
    pairs = sorted((name, parameters[name]) for name in known if parameters.get(name))
    read_query(dict(pairs), filters=entry.filters, reader=user, now=now)
    query = urlencode(pairs)
    if len(query) > _QUERY_AT_MOST:
        raise SubscriptionRefused("The filters are too long to be kept: choose fewer.")
    return _find_or_store(entry.name, query, user, now)


@transaction.atomic
def _find_or_store(report: str, query: str, user: User, now: dt.datetime) -> ReportSubscription:
    # One at a time for each person, so that the number of theirs is known.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    current = list_current(user)
    same = current.filter(report=report, query=query).first()
    if same is not None:
        return same
    if current.count() >= MOST:
        raise SubscriptionRefused(f"You have {MOST} subscriptions already: end one first.")
    return ReportSubscription.objects.create(user=user, report=report, query=query, created_at=now)


def end(subscription: ReportSubscription, *, now: dt.datetime) -> bool:
    """End a subscription; False if it had ended already."""
    rows = ReportSubscription.objects.filter(pk=subscription.pk, ended_at__isnull=True)
    return bool(rows.update(ended_at=max(now, subscription.created_at)))


def list_current(user: User) -> QuerySet[ReportSubscription]:
    """Return a person's subscriptions that have not ended, with when and how the last sending went."""
    last = ReportSending.objects.filter(subscription=OuterRef("pk")).order_by("-at", "-pk")
    rows = ReportSubscription.objects.filter(user=user, ended_at__isnull=True).order_by("pk")
    return rows.annotate(last_at=Subquery(last.values("at")[:1]), last_refusal=Subquery(last.values("refusal")[:1]))


def sign(subscription: ReportSubscription) -> str:
    """Return the token of the link that ends a subscription without a sign-in."""
    return signing.dumps(subscription.pk, salt=_SALT)


def read_token(token: str) -> ReportSubscription | None:
    """Return the subscription of a signed link, None if it is not ours or its subscription is gone."""
    try:
        pk = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None
    return ReportSubscription.objects.filter(pk=pk).select_related("user").first()
