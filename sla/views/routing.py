"""The rules that choose the team, and the dry run that shows where a lead would go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.web import Request, typed_number
from definitions import motions
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS, Motion
from sla.forms.routing import DryRunForm, NewRuleForm, RuleForm
from sla.handoffs import routing_dry_run
from sla.handoffs.routing import RoutingPlan
from sla.models import Handoff, RoutingRule
from sla.teams import changelog, rule_editing

CHANGES_SHOWN: Final = 10
#: The fields that describe a lead by hand; the other fields say when and in which motion it arrives.
ATTRIBUTES: Final = ("country", "region", "source", "domain", "industry", "employees")


@roles_required(*READERS_OF_LEADS)
@require_GET
def routing(request: Request) -> HttpResponse:
    context = {
        "entries": rule_editing.list_entries(),
        "may_change": rule_editing.may_change(request.user),
        "unrouted": Handoff.objects.unrouted().order_by("motion").values_list("motion").annotate(Count("pk")),
        "changes": changelog.latest_changes(RoutingRule)[:CHANGES_SHOWN],
        "now": timezone.now(),
    }
    return render(request, "sla/teams/routing_rules.html", context)


@roles_required(Role.SALES_MANAGER)
@require_http_methods(["GET", "POST"])
def rule_new(request: Request) -> HttpResponse:
    form = NewRuleForm(request.POST or None)
    if not form.is_valid():
        return _render_rule(request, form, None)
    columns = dict(form.cleaned_data)
    before = columns.pop("before")
    rule = rule_editing.add_rule(
        columns=columns, before=before.pk if before else None, by=request.user, now=timezone.now()
    )
    messages.success(request, f"Added: {rule.name}.")
    return redirect("routing")


@roles_required(Role.SALES_MANAGER)
@require_http_methods(["GET", "POST"])
def rule_edit(request: Request, pk: int) -> HttpResponse:
    rule = get_object_or_404(RoutingRule.objects.select_related("team"), pk=pk)
    form = RuleForm(request.POST or None, rule=rule)
    if not form.is_valid():
        return _render_rule(request, form, rule)
    rule_editing.change_rule(rule=rule, columns=form.cleaned_data, by=request.user, now=timezone.now())
    messages.success(request, f"Saved: {form.cleaned_data['name']}.")
    return redirect("routing")


@roles_required(Role.SALES_MANAGER)
@require_POST
def rule_move(request: Request, pk: int) -> HttpResponse:
    up = request.POST.get("to") == "up"
    return _act_on_rule(pk, lambda rule: rule_editing.move_rule(rule=rule, up=up, by=request.user, now=timezone.now()))


@roles_required(Role.SALES_MANAGER)
@require_POST
def rule_switch(request: Request, pk: int) -> HttpResponse:
    columns = {"is_active": request.POST.get("to") == "on"}
    return _act_on_rule(
        pk, lambda rule: rule_editing.change_rule(rule=rule, columns=columns, by=request.user, now=timezone.now())
    )


@roles_required(Role.SALES_MANAGER)
@require_POST
def rule_delete(request: Request, pk: int) -> HttpResponse:
    return _act_on_rule(pk, lambda rule: rule_editing.remove_rule(rule=rule, by=request.user, now=timezone.now()))


@roles_required(*READERS_OF_LEADS, seen_by=READERS_OF_LEADS)
@require_GET
def routing_try(request: Request) -> HttpResponse:
    """Show where a lead would go. The form uses GET: it writes nothing, and its address can be sent to a colleague."""
    form = DryRunForm(request.GET or None)
    lead = _find_lead(request)
    context: dict[str, Any] = {
        "form": form,
        "lead": lead,
        "search": request.GET.get("q", ""),
        "leads": routing_dry_run.find_leads(request.GET.get("q", "").replace("\x00", "")),
        "plan": _run_dry_run(form, lead) if form.is_valid() and _has_lead_to_try(form, request, lead) else None,
        "now": timezone.now(),
    }
    return render(request, "sla/teams/routing_dry_run.html", context, status=422 if form.errors else 200)


def _has_lead_to_try(form: DryRunForm, request: Request, lead: Lead | None) -> bool:
    return lead is not None or "tier" in request.GET or any(form.cleaned_data[name] for name in ATTRIBUTES)


def _run_dry_run(form: DryRunForm, lead: Lead | None) -> RoutingPlan:
    typed = form.cleaned_data
    conditions = {
        "tier": typed["tier"],
        "motion": Motion(typed["motion"] or motions.read_primary_motion()),
        "now": typed["at"] or timezone.now(),
    }
    if lead is not None:
        return routing_dry_run.dry_run_for_lead(lead=lead, **conditions)
    unknown_lead = routing_dry_run.UnknownLead(**{name: typed[name] for name in ATTRIBUTES})
    return routing_dry_run.dry_run_for_attributes(unknown_lead=unknown_lead, **conditions)


def _find_lead(request: Request) -> Lead | None:
    number = typed_number(request.GET.get("lead", ""))
    return None if number is None else Lead.objects.select_related("company").filter(pk=number).first()


def _act_on_rule(pk: int, act: Callable[[RoutingRule], object]) -> HttpResponse:
    act(get_object_or_404(RoutingRule, pk=pk))
    return redirect("routing")


def _render_rule(request: Request, form: RuleForm, rule: RoutingRule | None) -> HttpResponse:
    return render(
        request, "sla/teams/rule_form.html", {"form": form, "rule": rule}, status=422 if form.is_bound else 200
    )
