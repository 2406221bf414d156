"""The daily notice of leads that marketing is to validate, one for each person and not one for each lead (rules 2.29)."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from django.urls import reverse

from config import company_days
from config.accounts.models import User
from scoring.models import RecencyValidation
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.vocabulary import NoticeKind


def notify_of_yesterday(*, now: dt.datetime) -> int:
    """Tell each owner how many validations that were opened on the day before are still open; return how many notices are new.

    Those without an owner are told to marketing ops.
    """
    today = company_days.day_of(now)
    start, end = (company_days.start_of(today - dt.timedelta(days=days)) for days in (1, 0))
    rows = RecencyValidation.objects.open().filter(opened_at__gte=start, opened_at__lt=end)
    counts = Counter(rows.values_list("owner", flat=True))
    return outbox.write_notices(
        NoticeDraft(
            kind=NoticeKind.REENGAGED,
            once=f"recency:{today}:{'ops' if owner is None else 'own'}",
            handoff=None,
            to=receivers,
            text=f"{count} lead{' needs' if count == 1 else 's need'} recency validation since yesterday.",
            at=now,
            path=f"{reverse('recency_validations')}{'' if owner is None else '?show=mine'}",
        )
        for owner, count in counts.items()
        if (receivers := _list_receivers(owner))
    )


def _list_receivers(owner: int | None) -> list[User]:
    return list(outbox.marketing_ops() if owner is None else User.objects.filter(pk=owner, is_active=True))
