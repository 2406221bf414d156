"""The monthly question to sales, and its answers (rules 12.64)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from config import lock_waits
from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarMonth
from config.jobs.periods import claim_period
from leads.exceptions import Refused
from sla.models import Rep, SatisfactionQuestion
from sla.notifications import outbox
from sla.notifications.outbox import MailDraft, NoticeDraft
from sla.vocabulary import NoticeKind

SCORES: Final = ((1, "1: useless"), (2, "2: poor"), (3, "3: mixed"), (4, "4: good"), (5, "5: very good"))
#: The question is asked in the first days of a month only, so that everybody has most of it to answer.
ASKED_WITHIN: Final = dt.timedelta(days=7)
_SALT: Final = "accord: satisfaction of sales"
_TEXT: Final = (
    "How good are the leads that you get, from 1 to 5? One click; only your team’s figures are shown, never yours."
)
_SENTENCE_AT_MOST: Final = 300


class AnswerRefused(Exception):
    """An answer that is not taken any more; the sentence says why."""


@transaction.atomic
def ask_due(*, now: dt.datetime) -> int:
    """Ask every active rep and sales manager once a month; return how many were asked."""
    month = CalendarMonth.containing(now)
    if now - month.start > ASKED_WITHIN or not claim_period(job="satisfaction", period=month.name, now=now):
        return 0
    teams = dict(Rep.objects.filter(is_active=True, user__is_active=True).values_list("user", "team"))
    people = User.objects.filter(pk__in=teams) | User.objects.filter(groups__name=Role.SALES_MANAGER, is_active=True)
    questions = SatisfactionQuestion.objects.bulk_create(
        SatisfactionQuestion(
            person=person, month=month.name, team_id=teams.get(person.pk), asked_at=now, closes_at=month.end
        )
        for person in people.distinct().order_by("pk")
    )
    outbox.write_notices(_draft_notice(question, month) for question in questions)
    return len(questions)


@transaction.atomic
def answer(*, question: SatisfactionQuestion, score: int, sentence: str, now: dt.datetime) -> SatisfactionQuestion:
    """Record an answer, or change it, until the month ends. Raises Refused, AnswerRefused, RowContended."""
    if score not in dict(SCORES):
        raise Refused("score", "must be a number from 1 to 5.")
    if len(sentence) > _SENTENCE_AT_MOST:
        raise Refused("sentence", f"must have {_SENTENCE_AT_MOST} characters at most.")
    with lock_waits.limit_lock_waits():
        locked = SatisfactionQuestion.objects.select_for_update(of=("self",), no_key=True).get(pk=question.pk)
    if now >= locked.closes_at:
        raise AnswerRefused("The month is over: its answers stay as they are.")
    locked.score, locked.sentence, locked.answered_at = score, " ".join(sentence.split()), now
    locked.save(update_fields=["score", "sentence", "answered_at"])
    return locked


def find_own(user: User, now: dt.datetime) -> SatisfactionQuestion | None:
    """Return the question to a person in the running month, None if they were not asked."""
    return SatisfactionQuestion.objects.filter(person=user, month=CalendarMonth.containing(now).name).first()


def sign(question: SatisfactionQuestion) -> str:
    """Return the token of the link by which a person answers without a sign-in."""
    return signing.dumps(question.pk, salt=_SALT)


def read_token(token: str) -> SatisfactionQuestion | None:
    """Return the question of a signed link, None if it is not ours."""
    try:
        pk = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None
    return SatisfactionQuestion.objects.filter(pk=pk).first()


def _draft_notice(question: SatisfactionQuestion, month: CalendarMonth) -> NoticeDraft:
    link = reverse("satisfaction_answer", args=[sign(question)])
    address = f"{settings.BASE_URL}{link}" if settings.BASE_URL else ""
    context = {"text": _TEXT, "month": month.label, "scores": SCORES, "address": address}
    subject = f"How good are your leads? {month.label}"
    mail = MailDraft(
        subject,
        render_to_string("sla/satisfaction/mail.txt", context),
        render_to_string("sla/satisfaction/mail.html", context),
    )
    return NoticeDraft(
        kind=NoticeKind.SATISFACTION,
        once=f"satisfaction:{month.name}",
        handoff=None,
        to=[question.person],
        text=_TEXT,
        at=question.asked_at,
        path=reverse("satisfaction"),
        mail=mail if address else None,
    )
