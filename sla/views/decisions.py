"""Accept and reject, each to be taken back for some seconds, one or several at once."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from config.accounts.roles import roles_required
from config.accounts.vocabulary import Role
from config.web import Request
from sla import handoff_states, permissions
from sla.forms.handoffs import DecideSeveralForm, RejectForm
from sla.handoffs import dispositions, undo_window
from sla.models import Handoff
from sla.views import responses
from sla.vocabulary import DispositionKind


@login_required
@require_POST
def accept(request: Request, pk: int) -> HttpResponse:
    return responses.decide(
        request,
        pk,
        lambda row, now: undo_window.decide(handoff=row, kind=DispositionKind.ACCEPT, by=request.user, now=now),
        "Accepted {lead}: it is yours.",
    )


@login_required
@require_http_methods(["GET", "POST"])
def reject(request: Request, pk: int) -> HttpResponse:
    """The list of reasons, and the rejection itself."""
    row = responses.visible(request, pk)
    now = timezone.now()
    day = dispositions.default_reengagement_date(handoff=row, now=now)
    form = RejectForm(request.POST if request.method == "POST" else None, reengage_on=day)
    if request.method == "GET" or not form.is_valid():
        return reject_form(request, row, form)
    try:
        said = undo_window.decide(
            handoff=row, kind=DispositionKind.REJECT, by=request.user, now=now, **form.cleaned_data
        )
    except dispositions.DispositionRefused as refusal:
        form.add_error(None, str(refusal))
        return reject_form(request, row, form)
    except permissions.NotYours as refusal:
        return responses.refused(request, row, refusal, 403)
    except (dispositions.AlreadyDecided, handoff_states.HandoffStepRefused) as refusal:
        return responses.refused(request, row, refusal, 409)
    back = f" Back on {said.reengage_on.day} {said.reengage_on:%B %Y}." if said.reengage_on else ""
    return responses.done_with(request, row, f"Rejected {row.lead}: {said.reason}.{back}")


def reject_form(request: Request, row: Handoff, form: RejectForm) -> HttpResponse:
    """In the row it was opened from, or as a page of its own."""
    context = {"handoff": row, "form": form, "here": request.POST.get("next") or request.GET.get("next", "")}
    status = 422 if form.is_bound else 200
    if not request.htmx:
        return render(request, "sla/reject.html", context, status=status)
    return responses.into_slot(render(request, "sla/_reject_form.html", context, status=status), row)


@login_required
@require_POST
def undo(request: Request, pk: int) -> HttpResponse:
    return responses.decide(
        request,
        pk,
        lambda row, now: undo_window.undo(
            pending_decision=undo_window.get_pending_decision(row, by=request.user), by=request.user, now=now
        ),
        "Taken back: {lead} waits for a decision again.",
    )


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_POST
def decide_several(request: Request) -> HttpResponse:
    """The same decision on several of one's own; a rejection is shown with its reason before it is made.

    What somebody else has decided or taken since the page was shown is left out by name; the others are decided.
    """
    form = DecideSeveralForm(request.POST)
    here = responses.back(request) or reverse("queue")
    if not form.is_valid():
        messages.warning(request, " ".join(str(error) for found in form.errors.values() for error in found))
        return redirect(here)
    said = form.cleaned_data
    chosen = permissions.visible_to(request.user).filter(pk__in=said["handoffs"]).distinct().order_by("pk")
    rows = list(chosen.select_related("lead__company", "rep__user"))
    own = [row for row in rows if row.rep is not None and row.rep.user_id == request.user.pk]
    if own and said["kind"] == DispositionKind.REJECT and not said["confirmed"]:
        return render(request, "sla/decide_several.html", {"form": form, "here": here, **said, "handoffs": own})
    given = undo_window.decide_several(
        handoffs=own, kind=said["kind"], by=request.user, now=timezone.now(), reason=said["reason"]
    )
    taken = [undo_window.DecisionResult(row, f"{row.rep or 'nobody'} has it now.") for row in rows if row not in own]
    report(request, DispositionKind(said["kind"]), given + taken, unknown=len(set(said["handoffs"])) - len(rows))
    return redirect(here)


def report(request: Request, kind: DispositionKind, given: list[undo_window.DecisionResult], unknown: int = 0) -> None:
    done = sum(not answer.refusal for answer in given)
    if done:
        messages.success(request, f"{kind.label}: {done} lead{'' if done == 1 else 's'}.")
    for answer in given:
        if answer.refusal:
            messages.warning(request, f"{answer.handoff.lead}: {answer.refusal}")
    if unknown:
        messages.warning(
            request, f"{unknown} of the leads you selected {'is' if unknown == 1 else 'are'} not yours any more."
        )
