"""The page of presets, on which marketing ops starts a draft."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from definitions import draft_templates, permissions
from definitions.document.parser import DocumentRefused
from definitions.forms import BeginForm
from leads.vocabulary import Motion


@roles_required(*Role)
@require_http_methods(["GET", "POST"])
def presets(request: Request) -> HttpResponse:
    """Show definitions to begin with; marketing ops starts a draft from one of them or from an empty one."""
    may_begin = holds(request.user, Role.MARKETING_OPS)
    if request.method == "POST" and not may_begin:
        raise Http404
    form = BeginForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return _start_draft(request, form)
    context = {"cards": draft_templates.build_template_cards(), "form": form, "may_begin": may_begin}
    return render(request, "definitions/presets.html", context, status=422 if form.is_bound else 200)


def _start_draft(request: Request, form: BeginForm) -> HttpResponse:
    typed = form.cleaned_data
    try:
        version = draft_templates.start_draft(
            code=typed["preset"],
            name=typed["name"],
            into=typed.get("into"),
            motion=Motion(typed["motion"]) if typed["motion"] else None,
            scope=typed["scope"],
            by=request.user,
            now=timezone.now(),
        )
    except (DocumentRefused, permissions.NotAllowed) as refusal:
        messages.error(request, str(refusal))
        return redirect("presets")
    messages.success(request, f"{version} is a draft now.")
    if request.user.is_staff:
        return redirect("admin:definitions_version_change", version.pk)
    return redirect("definition_version", version.definition.slug, version.number)
