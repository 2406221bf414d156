"""Notices for marketing ops about blind rules: criteria and signals that no longer see what they ask for (rules 20.7)."""

from __future__ import annotations

import datetime as dt

from django.urls import reverse

from scoring.blind_rules import daily_search
from scoring.models import BlindRule
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.vocabulary import NoticeKind


def notify_marketing_ops(*, now: dt.datetime) -> int:
    """Write one notice for each open alarm to each person of marketing ops; return how many are new."""
    alarms = list(BlindRule.objects.open().order_by("pk"))
    if not alarms:
        return 0
    receivers, signal_names = outbox.marketing_ops(), daily_search.signal_names()
    return outbox.write_notices(
        NoticeDraft(
            kind=NoticeKind.BLIND_RULE,
            once=f"blind-rule:{alarm.pk}",
            handoff=None,
            to=receivers,
            text=daily_search.describe(alarm, signal_names),
            at=now,
            path=reverse("blind_rules"),
        )
        for alarm in alarms
        if receivers
    )
