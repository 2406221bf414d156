"""The button that drafts the amendment of a version in force."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from definitions import amendments
from definitions.models import Version


@roles_required(Role.MARKETING_OPS)
@require_POST
def draft_amendment(request: Request, pk: int) -> HttpResponse:
    """Draft the amendment of a version in force by what changed since it was proposed."""
    version = get_object_or_404(Version.objects.select_related("definition"), pk=pk)
    try:
        draft = amendments.draft_amendment(version=version, by=request.user, now=timezone.now())
    except amendments.AmendmentRefused as refusal:
        messages.error(request, str(refusal))
        draft = version
    else:
        messages.success(request, f"{draft} is a draft now. Run its backtest, then propose it.")
    return redirect("definition_version", draft.definition.slug, draft.number)
