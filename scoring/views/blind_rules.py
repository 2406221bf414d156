"""The page of blind rules: the open alarms of the active versions, and how each ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.web import Request, typed_number
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS
from scoring.blind_rules import daily_search
from scoring.models import BlindRule

PAGE: Final = 50
_LEADS_SHOWN: Final = 5


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def blind_rules(request: Request) -> HttpResponse:
    """Show the open alarms with their newest leads, then the ended ones, the newest first, in keyset pages."""
    after = typed_number(request.GET.get("after", ""))
    ended = BlindRule.objects.filter(ended_at__isnull=False).select_related("version__definition", "ended_by")
    page = list((ended if after is None else ended.filter(pk__lt=after)).order_by("-pk")[: PAGE + 1])
    open_alarms = list(BlindRule.objects.open().select_related("version__definition").order_by("-pk"))
    context = {
        "alarms": _present(open_alarms),
        "ended": _present(page[:PAGE]),
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "may_close": holds(request.user, Role.MARKETING_OPS),
        "now": timezone.now(),
    }
    return render(request, "scoring/blind_rules/blind_rules.html", context)


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def blind_rule_leads(request: Request, pk: int) -> HttpResponse:
    """List the newest leads concerned by one alarm."""
    alarm = get_object_or_404(BlindRule.objects.select_related("version__definition"), pk=pk)
    leads = Lead.objects.select_related("company").filter(pk__in=alarm.lead_ids).order_by("-pk")
    context = {"alarm": alarm, "sentence": daily_search.describe(alarm, daily_search.signal_names()), "leads": leads}
    return render(request, "scoring/blind_rules/leads.html", context | {"now": timezone.now()})


@roles_required(Role.MARKETING_OPS, seen_by=READERS_OF_LEADS)
@require_POST
def blind_rule_close(request: Request, pk: int) -> HttpResponse:
    """Close an alarm: the value is one that the rule need not match, or the cause has been mended."""
    closed = BlindRule.objects.open().filter(pk=pk).update(ended_at=timezone.now(), ended_by=request.user)
    get_object_or_404(BlindRule, pk=pk)
    messages.success(request, "Closed." if closed else "Already closed.")
    return redirect("blind_rules")


def _present(alarms: Sequence[BlindRule]) -> list[dict[str, Any]]:
    names = daily_search.signal_names()
    newest_ids = {pk for alarm in alarms for pk in alarm.lead_ids[:_LEADS_SHOWN]}
    leads = Lead.objects.in_bulk(newest_ids)
    return [
        {
            "alarm": alarm,
            "sentence": daily_search.describe(alarm, names),
            "leads": [leads[pk] for pk in alarm.lead_ids[:_LEADS_SHOWN] if pk in leads],
            "others": max(len(alarm.lead_ids) - _LEADS_SHOWN, 0),
        }
        for alarm in alarms
    ]
