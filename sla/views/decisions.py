"""Accept and reject, each to be taken back for some seconds, one or several at once."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from config.web import Request, roles_required
from leads.vocabulary import Role
from sla import access, dispositions, intentions, states
from sla.forms import DecideForm, RejectForm
from sla.models import Handoff
from sla.views import answers
from sla.vocabulary import DispositionKind


@login_required
@require_POST
def accept(request: Request, pk: int) -> HttpResponse:
    return answers.decide(
        request,
        pk,
        lambda row, now: intentions.intend(handoff=row, kind=DispositionKind.ACCEPT, by=request.user, now=now),
        "Accepted {lead}: it is yours.",
    )


@login_required
@require_http_methods(["GET", "POST"])
def reject(request: Request, pk: int) -> HttpResponse:
    """The list of reasons, and the rejection itself."""
    row = answers.visible(request, pk)
    now = timezone.now()
    day = dispositions.default_reengagement(handoff=row, now=now)
    form = RejectForm(request.POST if request.method == "POST" else None, reengage_on=day)
    if request.method == "GET" or not form.is_valid():
        return reject_form(request, row, form)
    try:
        said = intentions.intend(
            handoff=row, kind=DispositionKind.REJECT, by=request.user, now=now, **form.cleaned_data
        )
    except dispositions.DispositionRefused as refusal:
        form.add_error(None, str(refusal))
        return reject_form(request, row, form)
    except access.NotYours as refusal:
        return answers.refused(request, row, refusal, 403)
    except (dispositions.AlreadyDecided, states.StepRefused) as refusal:
        return answers.refused(request, row, refusal, 409)
    back = f" Back on {said.reengage_on.day} {said.reengage_on:%B %Y}." if said.reengage_on else ""
    return answers.done_with(request, row, f"Rejected {row.lead}: {said.reason}.{back}")


def reject_form(request: Request, row: Handoff, form: RejectForm) -> HttpResponse:
    """In the row it was opened from, or as a page of its own."""
    context = {"handoff": row, "form": form, "here": request.POST.get("next") or request.GET.get("next", "")}
    status = 422 if form.is_bound else 200
    if not request.htmx:
        return render(request, "sla/handoffs/reject.html", context, status=status)
    return answers.into_slot(render(request, "sla/handoffs/_reject_form.html", context, status=status), row)


@login_required
@require_POST
def undo(request: Request, pk: int) -> HttpResponse:
    return answers.decide(
        request,
        pk,
        lambda row, now: intentions.take_back(
            intention=intentions.pending(row, by=request.user), by=request.user, now=now
        ),
        "Taken back: {lead} waits for a decision again.",
    )


@roles_required(Role.SDR, Role.SALES_MANAGER)
@require_POST
def decide_several(request: Request) -> HttpResponse:
    """The same decision on several of one's own; a rejection is shown with its reason before it is made.

    What somebody else has decided or taken since the page was shown is left out by name; the others are decided.
    """
    form = DecideForm(request.POST)
    here = answers.back(request) or reverse("queue")
    if not form.is_valid():
        messages.warning(request, " ".join(str(error) for found in form.errors.values() for error in found))
        return redirect(here)
    said = form.cleaned_data
    chosen = access.visible_to(request.user).filter(pk__in=said["handoffs"]).distinct().order_by("pk")
    rows = list(chosen.select_related("lead__company", "rep__user"))
    own = [row for row in rows if row.rep is not None and row.rep.user_id == request.user.pk]
    if own and said["kind"] == DispositionKind.REJECT and not said["confirmed"]:
        return render(request, "sla/queue/bulk_reject.html", {"form": form, "here": here, **said, "handoffs": own})
    given = intentions.intend_each(
        handoffs=own, kind=said["kind"], by=request.user, now=timezone.now(), reason=said["reason"]
    )
    taken = [intentions.Answer(row, f"{row.rep or 'nobody'} has it now.") for row in rows if row not in own]
    report(request, DispositionKind(said["kind"]), given + taken, unknown=len(set(said["handoffs"])) - len(rows))
    return redirect(here)


def report(request: Request, kind: DispositionKind, given: list[intentions.Answer], unknown: int = 0) -> None:
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
