"""The page of the 60-day plan: steps, figures before and now, interviews (rules 12.66 to 12.68)."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from config.accounts.roles import holds, roles_required
from config.web import Request, show_refused_step
from definitions import motions
from leads.exceptions import Refused
from leads.vocabulary import READERS_OF_LEADS
from sla.forms.overhaul import InterviewForm, OverhaulTickForm
from sla.models import OverhaulPlan
from sla.overhaul import plan_figures, plan_steps, plans
from sla.views import step_forms


@roles_required(*READERS_OF_LEADS)
@require_GET
def overhaul_page(request: Request) -> HttpResponse:
    """Show the running plan of a motion, else the last one, else how to begin one."""
    now, motion = timezone.now(), motions.read_motion(request.GET)
    plan = plans.find_latest(motion)
    is_running = plan is not None and plan.ended_at is None
    context = {
        "plan": plan,
        "phases": plan_steps.list_states(plan) if plan else [],
        "figures": plan_figures.compare(plan, now) if plan else [],
        "days_read": plan_figures.DAYS_READ,
        "interviews": plan.interviews.select_related("rep", "by").order_by("pk") if plan else [],
        "is_running": is_running,
        "may_write": is_running and holds(request.user, *plans.WRITERS),
        "may_start": not is_running and holds(request.user, *plans.STARTERS),
        "may_end": is_running and holds(request.user, *plans.STARTERS),
        "interview_form": InterviewForm(),
        "motion": motion,
        "motions": motions.list_motions_in_use(),
        "now": now,
    }
    return render(request, "sla/overhaul/overhaul.html", context)


@roles_required(*plans.STARTERS, seen_by=READERS_OF_LEADS)
@require_POST
def overhaul_start(request: Request) -> HttpResponse:
    motion = motions.read_motion(request.POST)
    return _take_step(request, f"{reverse('overhaul')}?motion={motion}", "The plan begins today.", lambda: plans.start_plan(
        motion=motion, by=request.user, now=timezone.now()
    ))  # fmt: skip


@roles_required(*plans.STARTERS, seen_by=READERS_OF_LEADS)
@require_POST
def overhaul_end(request: Request, pk: int) -> HttpResponse:
    plan = get_object_or_404(OverhaulPlan, pk=pk)
    return _take_step(
        request,
        _address(plan),
        "The plan has ended.",
        lambda: plans.end_plan(plan=plan, by=request.user, now=timezone.now()),
    )


@roles_required(*plans.WRITERS, seen_by=READERS_OF_LEADS)
@require_POST
def overhaul_tick(request: Request, pk: int) -> HttpResponse:
    plan, form = get_object_or_404(OverhaulPlan, pk=pk), OverhaulTickForm(request.POST)
    if not form.is_valid():
        return step_forms.show_errors(form, link=_address(plan), label="Back to the plan")
    return _take_step(
        request,
        _address(plan),
        "Ticked.",
        lambda: plans.tick_step(plan=plan, by=request.user, now=timezone.now(), **form.cleaned_data),
    )


@roles_required(*plans.WRITERS, seen_by=READERS_OF_LEADS)
@require_POST
def overhaul_interview(request: Request, pk: int) -> HttpResponse:
    plan, form = get_object_or_404(OverhaulPlan, pk=pk), InterviewForm(request.POST)
    if not form.is_valid():
        return step_forms.show_errors(form, link=_address(plan), label="Back to the plan")
    return _take_step(
        request,
        _address(plan),
        "The interview is written down.",
        lambda: plans.record_interview(plan=plan, by=request.user, now=timezone.now(), **form.cleaned_data),
    )


def _take_step(request: Request, address: str, success: str, step: Callable[[], object]) -> HttpResponse:
    try:
        step()
    except plans.PlanRefused as refusal:
        return show_refused_step(str(refusal), link=address)
    except Refused as refusal:
        return show_refused_step(f"Nothing was stored. {refusal}", link=address, label="Back to the plan", status=422)
    messages.success(request, success)
    return redirect(address)


def _address(plan: OverhaulPlan) -> str:
    return f"{reverse('overhaul')}?motion={plan.motion}"
