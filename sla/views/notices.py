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
from sla import alerts, deliveries, matters, notices
from sla.models import Notice

FAILING_SHOWN = 20
#: What came before is in the queue; a bell for it would come too late.
RINGS_FOR: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Day:
    """What was told on one day of the reader's: unread, or read already."""

    date: dt.date
    is_unread: bool
    notices: list[Notice]


@login_required
@require_GET
def notice_list(request: Request) -> HttpResponse:
    rows = notices.inbox(request.user, after=typed_number(request.GET.get("after", "")))
    shown, is_cut = rows[: notices.SHOWN], len(rows) > notices.SHOWN
    failing = deliveries.failing(request.user)
    context = {
        "days": by_day(shown),
        "gone": matters.gone(shown),
        "elsewhere": matters.elsewhere(shown, request.user),
        "up_to": max((notice.pk for notice in shown), default=0),
        "after": shown[-1].pk if is_cut else None,
        "failing": failing[:FAILING_SHOWN],
        "failing_count": failing.count(),
    }
    return render(request, "sla/notifications/notices.html", context)


@login_required
@require_GET
def bell(request: Request) -> HttpResponse:
    """What every page asks for now and then: how many notices are unread, and for which leads to ring."""
    since = timezone.now() - RINGS_FOR
    context = {"alarm": alerts.of(request.user), "hot": notices.hot(request.user, since=since)}
    return render(request, "components/bell.html", context)


@login_required
@require_POST
def mark_read(request: Request) -> HttpResponse:
    """All that the page showed; what came since stays unread."""
    up_to = typed_number(request.POST.get("up_to", ""))
    notices.mark_read(user=request.user, now=timezone.now(), up_to=up_to)
    return redirect("notices")


@login_required
@require_POST
def try_again(request: Request) -> HttpResponse:
    count = deliveries.try_again(by=request.user, now=timezone.now())
    messages.success(request, f"Being sent again: {count}." if count else "Nothing was left to be sent again.")
    return redirect("notices")


def by_day(rows: Iterable[Notice]) -> list[Day]:
    def place(notice: Notice) -> tuple[dt.date, bool]:
        return timezone.localtime(notice.created_at).date(), notice.read_at is None

    return [Day(date, is_unread, list(told)) for (date, is_unread), told in groupby(rows, key=place)]
