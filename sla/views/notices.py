"""The inbox of notices, and the bell that every page polls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.web import Request, typed_number
from sla.models import Notice
from sla.notifications import deliveries, outbox, preferences, relevance

FAILING_SHOWN = 20
#: Older hot leads are in the queue anyway; ringing for them would come too late.
RINGS_FOR: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class NoticeDay:
    """The notices of one day of the reader's, either unread or read."""

    date: dt.date
    is_unread: bool
    notices: list[Notice]


@login_required
@require_GET
def notice_list(request: Request) -> HttpResponse:
    rows = outbox.inbox(request.user, after=typed_number(request.GET.get("after", "")))
    shown, is_cut = rows[: outbox.NOTICES_A_PAGE], len(rows) > outbox.NOTICES_A_PAGE
    failing = deliveries.failing_deliveries(request.user)
    context = {
        "days": group_by_day(shown),
        "gone": relevance.with_deleted_target(shown),
        "elsewhere": relevance.no_longer_visible(shown, request.user),
        "up_to": max((notice.pk for notice in shown), default=0),
        "after": shown[-1].pk if is_cut else None,
        "failing": failing[:FAILING_SHOWN],
        "failing_count": failing.count(),
    }
    return render(request, "sla/notifications/notices.html", context)


@login_required
@require_GET
def bell(request: Request) -> HttpResponse:
    """Render what every page polls: the number of unread notices, and the hot leads to ring for."""
    since = timezone.now() - RINGS_FOR
    context = {"alarm": preferences.for_user(request.user), "hot": outbox.hot_notices(request.user, since=since)}
    return render(request, "components/bell.html", context)


@login_required
@require_POST
def mark_read(request: Request) -> HttpResponse:
    """Mark all notices read that the page showed; later ones stay unread."""
    up_to = typed_number(request.POST.get("up_to", ""))
    outbox.mark_read(user=request.user, now=timezone.now(), up_to=up_to)
    return redirect("notices")


@login_required
@require_POST
def try_again(request: Request) -> HttpResponse:
    count = deliveries.retry_failing(by=request.user, now=timezone.now())
    messages.success(request, f"Being sent again: {count}." if count else "Nothing was left to be sent again.")
    return redirect("notices")


def group_by_day(rows: Iterable[Notice]) -> list[NoticeDay]:
    def place(notice: Notice) -> tuple[dt.date, bool]:
        return timezone.localtime(notice.created_at).date(), notice.read_at is None

    return [NoticeDay(date, is_unread, list(notices)) for (date, is_unread), notices in groupby(rows, key=place)]
