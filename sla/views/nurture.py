from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.web import Request, roles_required
from leads.vocabulary import READERS_OF_LEADS, Role
from sla import access, nurture

SHOWN: Final = 200


@roles_required(*READERS_OF_LEADS, Role.SDR)
@require_GET
def nurture_list(request: Request) -> HttpResponse:
    rows = list(nurture.recycled(access.visible_to(request.user))[: SHOWN + 1])
    return render(
        request, "sla/nurture.html", {"rows": rows[:SHOWN], "is_cut": len(rows) > SHOWN, "now": timezone.now()}
    )
