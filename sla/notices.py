"""The outbox: a notice is a row of the transaction that caused it. In the app it is there at once; its e-mail follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q, QuerySet

from leads.models import User
from leads.vocabulary import Role
from sla.models import Handoff, Notice, Rep, Team
from sla.vocabulary import NoticeKind

log = structlog.get_logger(__name__)

#: How long a notice whose mail failed waits, by the number of failures so far; after the last it is given up.
BACKOFF: Final = (dt.timedelta(minutes=1), dt.timedelta(minutes=10), dt.timedelta(hours=1), dt.timedelta(hours=6))
TEXT_AT_MOST: Final = 300


@dataclass(frozen=True, slots=True)
class Draft:
    """One notice to several people. `once` names what it is about: the same is never written twice to one person."""

    kind: NoticeKind
    once: str
    handoff: Handoff | None
    to: Collection[User]
    text: str
    at: dt.datetime


def write(drafts: Iterable[Draft]) -> None:
    """Put notices in the outbox, within the caller's transaction. Without a receiver the row is kept for the list of all."""
    rows = [_row(draft, receiver) for draft in drafts for receiver in _receivers(draft)]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)


def rep_or_managers(rep: Rep | None, team: Team | None) -> Collection[User]:
    return [rep.user] if rep is not None else managers(team)


def rep_and_managers(rep: Rep | None, team: Team | None) -> Collection[User]:
    """The rep first, then the managers, nobody twice."""
    people = [rep.user, *managers(team)] if rep is not None else managers(team)
    return list({person.pk: person for person in people}.values())


def managers(team: Team | None) -> Collection[User]:
    """Who answers for a team; for no team, or one without managers, every sales manager."""
    # Sorted here, so that a sweep can prefetch them.
    own = [manager for manager in team.managers.all() if manager.is_active] if team is not None else []
    return sorted(own, key=lambda manager: manager.pk) or list(_holders(Role.SALES_MANAGER))


def marketing() -> Collection[User]:
    return list(_holders(Role.MARKETING_OPS))


def unread(user: User) -> QuerySet[Notice]:
    """What the person has not seen yet, the newest first."""
    mine = Notice.objects.filter(to=user, read_at__isnull=True)
    return mine.select_related("handoff__lead").order_by("-created_at", "-pk")


def mark_read(*, user: User, now: dt.datetime, up_to: int | None = None) -> int:
    """The person has seen their notices, those after the id `up_to` excepted."""
    mine = unread(user) if up_to is None else unread(user).filter(pk__lte=up_to)
    return Notice.objects.filter(pk__in=mine.order_by().values("pk")).update(read_at=now)


def send_due(*, now: dt.datetime, limit: int = 100) -> int:
    """Send the e-mails that are due, each in its own transaction. A failing one is pushed ahead and blocks nobody.

    A worker killed between the mail server's answer and the commit sends that one mail again, under the same
    Message-ID.
    """
    sent = 0
    for _ in range(limit):
        outcome = _send_next(now)
        if outcome is None:
            break
        sent += outcome
    return sent


@transaction.atomic
def _send_next(now: dt.datetime) -> bool | None:
    waiting = Notice.objects.filter(sent_at__isnull=True, send_at__lte=now, failures__lte=len(BACKOFF))
    claimed = waiting.order_by("send_at", "pk").select_for_update(of=("self",), no_key=True, skip_locked=True)
    notice = claimed.select_related("to").first()
    if notice is None:
        return None
    try:
        _mail(notice)
    # Whatever a mail server does, the others' notices go out.
    except Exception as error:
        _push_ahead(notice, error, now)
        return False
    notice.sent_at, notice.error = now, ""
    notice.save(update_fields=["sent_at", "error"])
    return True


def _mail(notice: Notice) -> None:
    if notice.to is None or not notice.to.is_active or not notice.to.email:
        return
    EmailMessage(
        # A lead's name may hold anything; a subject is one line.
        subject=" ".join(notice.text.split())[:150],
        body=notice.text,
        to=[notice.to.email],
        headers={"Message-ID": f"<notice-{notice.pk}@{_sender_domain()}>"},
    ).send()


def _push_ahead(notice: Notice, error: Exception, now: dt.datetime) -> None:
    log.warning("notice_not_sent", notice=notice.pk, error=type(error).__name__)
    notice.send_at = now + BACKOFF[min(notice.failures, len(BACKOFF) - 1)]
    notice.failures += 1
    notice.error = str(error)[:2000]
    notice.save(update_fields=["send_at", "failures", "error"])


def _receivers(draft: Draft) -> list[User | None]:
    return [*draft.to] or [None]


def _row(draft: Draft, receiver: User | None) -> Notice:
    return Notice(
        kind=draft.kind,
        once=f"{draft.once}:{receiver.pk if receiver else 'nobody'}",
        handoff=draft.handoff,
        to=receiver,
        text=draft.text[:TEXT_AT_MOST],
        created_at=draft.at,
        send_at=draft.at,
    )


def _holders(role: Role) -> QuerySet[User]:
    return User.objects.filter(Q(groups__name=role) & Q(is_active=True)).order_by("pk")


def _sender_domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
