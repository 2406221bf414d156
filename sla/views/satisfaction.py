"""The page on which sales answers the monthly question: signed in, or by the signed link of the mail (rules 12.64)."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from config.calendar_periods import CalendarMonth
from config.web import Request, typed_number
from leads.exceptions import Refused
from sla.figure_catalogue.satisfaction_figures import FEWEST_ANSWERS
from sla.models import SatisfactionQuestion
from sla.satisfaction import monthly_question


@login_required
@require_GET
def own_question(request: Request) -> HttpResponse:
    """Lead to the person's question of the month, or say that they were not asked."""
    now = timezone.now()
    question = monthly_question.find_own(request.user, now)
    if question is None:
        context = {"question": None, "month": CalendarMonth.containing(now), "fewest": FEWEST_ANSWERS}
        return render(request, "sla/satisfaction/answer.html", context)
    return redirect("satisfaction_answer", monthly_question.sign(question))


@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show the question with the score of the link chosen, and record what the button sends (decision 0041)."""
    question = monthly_question.read_token(token)
    if question is None:
        raise Http404
    now = timezone.now()
    if request.method != "POST":
        return _render(request, question, token, now, typed_number(request.GET.get("score", "")) or question.score)
    score, sentence = typed_number(request.POST.get("score", "")), request.POST.get("sentence", "").replace("\0", "")
    try:
        question = monthly_question.answer(question=question, score=score or 0, sentence=sentence, now=now)
    except Refused as refusal:
        return _render(request, question, token, now, score, refusal=str(refusal), status=422)
    except monthly_question.AnswerRefused as refusal:
        return _render(request, question, token, now, score, refusal=str(refusal), status=409)
    return _render(request, question, token, now, question.score, is_recorded=True)


def _render(  # noqa: PLR0913  # what differs between the answers
    request: HttpRequest,
    question: SatisfactionQuestion,
    token: str,
    now: dt.datetime,
    chosen: int | None,
    *,
    refusal: str = "",
    is_recorded: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "question": question,
        "token": token,
        "month": CalendarMonth.containing(question.asked_at),
        "scores": monthly_question.SCORES,
        "chosen": chosen,
        "sentence": question.sentence,
        "refusal": refusal,
        "is_recorded": is_recorded,
        "is_over": now >= question.closes_at,
        "fewest": FEWEST_ANSWERS,
    }
    return render(request, "sla/satisfaction/answer.html", context, status=status)
