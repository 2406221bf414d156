from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from config.web import Request, holds
from leads.vocabulary import Role


@login_required
@require_GET
def home(request: Request) -> HttpResponse:
    """Where each role's day begins."""
    if holds(request.user, Role.SDR) and not request.user.is_superuser:
        return redirect("queue")
    return redirect("notices")
