from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.web import Request, typed_number
from sla import notices

SHOWN: Final = 100


@login_required
@require_GET
def notice_list(request: Request) -> HttpResponse:
    mine = request.user.notices.select_related("handoff__lead").order_by("-created_at", "-pk")[:SHOWN]
    return render(request, "sla/notices.html", {"notices": mine})


@login_required
@require_POST
def mark_read(request: Request) -> HttpResponse:
    """All that the page showed; what came since stays unread."""
    up_to = typed_number(request.POST.get("up_to", ""))
    notices.mark_read(user=request.user, now=timezone.now(), up_to=up_to)
    return redirect("notices")
