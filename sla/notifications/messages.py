"""E-mail and Slack texts of notices: a single notice as it is, several to one person as one list."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.urls import reverse
from django.utils.text import Truncator

from config.accounts.models import User
from config.web import zone_of
from sla.models import Notice, NoticeMail
from sla.notifications import slack
from sla.vocabulary import NoticeKind

SUBJECT_AT_MOST: Final = 150
#: Slack cuts a message at 40,000 characters, and a stranger's name may be long.
LISTED_AT_MOST: Final = 160

#: Kinds about a running clock: their text says when it is due.
_WITH_DUE: Final = (NoticeKind.NEW_MQL, NoticeKind.DUE_SOON)
#: The most urgent first.
_BY_URGENCY: Final = (
    NoticeKind.BREACHED,
    NoticeKind.DUE_SOON,
    NoticeKind.UNROUTED,
    NoticeKind.NEW_MQL,
    NoticeKind.NEW_PLAY,
    NoticeKind.REENGAGED,
    NoticeKind.GIVEN_BACK,
    NoticeKind.SIGNATURE,
    NoticeKind.SUPPRESSED,
    NoticeKind.LINE_CROSSED,
    NoticeKind.PIPELINE_SHORT,
    NoticeKind.REVIEW,
    NoticeKind.REJECTION_DIGEST,
    NoticeKind.BLIND_RULE,
    NoticeKind.REINSTATED,
    NoticeKind.VALIDATION,
    NoticeKind.REASSIGNED,
    NoticeKind.RECYCLED,
    NoticeKind.MEETING,
    NoticeKind.REPORT,
    NoticeKind.SATISFACTION,
)
_LAST: Final = dt.datetime.max.replace(tzinfo=dt.UTC)


def build_mail(notices: Sequence[Notice], person: User) -> EmailMessage:
    """Build the e-mail; the same notices give the same Message-ID, so a mail that was sent twice is shown once."""
    own_mail = NoticeMail.objects.filter(notice=notices[0]).first() if len(notices) == 1 else None
    if own_mail is not None:
        return _build_own_mail(own_mail, person)
    by_urgency = sorted(notices, key=_urgency)
    first_text = by_urgency[0].text
    summary = first_text if len(by_urgency) == 1 else f"{len(by_urgency)} alerts: {first_text}"
    return EmailMessage(
        # A lead's name may hold anything; a subject is one line.
        subject=" ".join(summary.split())[:SUBJECT_AT_MOST],
        body="\n\n".join([*_body(by_urgency, person), *_footer(by_urgency)]),
        to=[person.email],
        headers={"Message-ID": f"<{_message_id(notices)}@{_sender_domain()}>"},
    )


def _build_own_mail(mail: NoticeMail, person: User) -> EmailMessage:
    headers = {"Message-ID": f"<notice-{mail.notice_id}@{_sender_domain()}>"}
    if mail.unsubscribe_url:
        headers |= {
            "List-Unsubscribe": f"<{mail.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    message = EmailMultiAlternatives(subject=mail.subject, body=mail.text, to=[person.email], headers=headers)
    message.attach_alternative(mail.html, "text/html")
    return message


def build_slack_text(notices: Sequence[Notice]) -> str:
    """Build the message in Slack's mrkdwn."""
    by_urgency = sorted(notices, key=_urgency)
    if len(by_urgency) == 1:
        return _slack_line(by_urgency[0], by_urgency[0].text)
    lines = [f"• {_slack_line(notice, Truncator(notice.text).chars(LISTED_AT_MOST))}" for notice in by_urgency]
    return "\n".join([f"{len(by_urgency)} alerts, the most urgent first:", *lines])


def _urgency(notice: Notice) -> tuple[int, bool, dt.datetime, int]:
    handoff = notice.handoff
    place = _BY_URGENCY.index(NoticeKind(notice.kind))
    if handoff is None:
        return place, True, _LAST, notice.pk
    return place, not handoff.is_hot, handoff.due_at or _LAST, notice.pk


def _body(notices: Sequence[Notice], person: User) -> Iterator[str]:
    if len(notices) == 1:
        yield from _notice_lines(notices[0], person)
        return
    yield f"{len(notices)} alerts, the most urgent first."
    for notice in notices:
        yield "\n".join(_notice_lines(notice, person))


def _notice_lines(notice: Notice, person: User) -> Iterator[str]:
    yield notice.text
    due = notice.handoff.due_at if notice.handoff is not None and notice.kind in _WITH_DUE else None
    if due is not None:
        yield f"Due {due.astimezone(zone_of(person)):%A %-d %B %Y, %H:%M (%Z)}, counted in business hours."
    if link := _link(notice):
        yield link


def _footer(notices: Sequence[Notice]) -> Iterator[str]:
    if not settings.BASE_URL:
        return
    if len(notices) > 1:
        yield f"All your notices: {settings.BASE_URL}{reverse('notices')}"
    yield f"How Accord alerts you: {settings.BASE_URL}{reverse('alerts')}"


def _slack_line(notice: Notice, text: str) -> str:
    quoted, link = slack.quote_text(text), _link(notice)
    return f"{quoted} <{link}|Open in Accord>" if link else quoted


def _link(notice: Notice) -> str:
    return f"{settings.BASE_URL}{notice.leads_to}" if notice.leads_to and settings.BASE_URL else ""


def _message_id(notices: Sequence[Notice]) -> str:
    ids = sorted(notice.pk for notice in notices)
    if len(ids) == 1:
        return f"notice-{ids[0]}"
    return f"notices-{hashlib.sha256(repr(ids).encode()).hexdigest()[:32]}"


def _sender_domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
