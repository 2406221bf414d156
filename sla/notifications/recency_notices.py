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

    Those without an owner who can sign in are told to marketing ops.
    """
    today = company_days.day_of(now)
    start, end = (company_days.start_of(today - dt.timedelta(days=days)) for days in (1, 0))
    rows = RecencyValidation.objects.open().filter(opened_at__gte=start, opened_at__lt=end)
    return outbox.write_notices(
        NoticeDraft(
            kind=NoticeKind.VALIDATION,
            once=f"recency:{today}",
            handoff=None,
            to=[person],
            text=f"{count} lead{' needs' if count == 1 else 's need'} recency validation since yesterday.",
            at=now,
            path=reverse("recency_validations"),
        )
        for person, count in _count_by_receiver(Counter(rows.values_list("owner", flat=True))).items()
    )


def _count_by_receiver(by_owner: Counter[int | None]) -> Counter[User]:
    owners = User.objects.filter(pk__in=[owner for owner in by_owner if owner is not None], is_active=True).in_bulk()
    counts: Counter[User] = Counter()
    for owner, count in by_owner.items():
        for person in [owners[owner]] if owner in owners else outbox.marketing_ops():
            counts[person] += count
    return counts
