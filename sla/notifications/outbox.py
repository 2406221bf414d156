"""What people must hear: a row of the transaction that caused it. In the app it is there at once; `deliveries` carry it out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from django.db.models import F, Q, QuerySet
from django.db.models.lookups import IsNull

from config.accounts.models import User
from config.accounts.vocabulary import Role
from sla.models import Handoff, Notice, Rep, Team
from sla.notifications import deliveries
from sla.vocabulary import HandoffState, NoticeKind

TEXT_AT_MOST: Final = 300
NOTICES_A_PAGE: Final = 50

_UNREAD_FIRST: Final = IsNull(F("read_at"), True).desc()


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    """One notice to several people. `once` names what it is about: the same is never written twice to one person.

    `path` is the page it is about, where that is no handoff.
    """

    kind: NoticeKind
    once: str
    handoff: Handoff | None
    to: Collection[User]
    text: str
    at: dt.datetime
    path: str = ""


def write_notices(drafts: Iterable[NoticeDraft]) -> int:
    """Put notices in the outbox, within the caller's transaction; returns how many are new.

    Without a receiver the row is kept for the list of all.
    """
    rows = {row.once: row for draft in drafts for row in _rows(draft)}
    known = set(Notice.objects.filter(once__in=rows).values_list("once", flat=True))
    Notice.objects.bulk_create([row for once, row in rows.items() if once not in known], ignore_conflicts=True)
    new = Notice.objects.filter(once__in=rows.keys() - known).select_related("to").order_by("pk")
    deliveries.write_deliveries(list(new))
    return len(new)


def notify_reassigned(*, handoff: Handoff, before: Rep | None, why: str, by: User, at: dt.datetime) -> None:
    """Tell the rep who had it that they need not care any more, and the managers of another team that it came to them.

    Who has it now is told of a new MQL; who moved it knows.
    """
    if before is None or handoff.rep is None:
        return
    draft = NoticeDraft(
        kind=NoticeKind.REASSIGNED,
        once=f"reassigned:{handoff.pk}:{at.timestamp()}",
        handoff=handoff,
        to=[before.user],
        text=f"Now with {handoff.rep}: {handoff.lead} ({why.strip()})",
        at=at,
    )
    write_notices([draft])
    informed_ids = {person.pk for person in (by, before.user, handoff.rep.user)}
    managers_to_tell = (
        []
        if handoff.team == before.team
        else [manager for manager in managers(handoff.team) if manager.pk not in informed_ids]
    )
    if managers_to_tell:
        text = f"From {before.team} to {handoff.rep} of {handoff.team}: {handoff.lead} ({why.strip()})"
        write_notices([replace(draft, once=f"moved:{handoff.pk}:{at.timestamp()}", to=managers_to_tell, text=text)])


def draft_unrouted(*, handoff: Handoff, team: Team | None, why: str, at: dt.datetime) -> NoticeDraft:
    """Nobody has it, told once to those who can help: the managers of the team whose it would be, or of all."""
    return NoticeDraft(
        kind=NoticeKind.UNROUTED,
        once=f"unrouted:{handoff.pk}",
        handoff=handoff,
        to=managers(team),
        text=unrouted_text(handoff, team, why),
        at=at,
    )


def unrouted_text(handoff: Handoff, team: Team | None, why: str) -> str:
    problem = why.rstrip(".") if team is None else f"Nobody in {team} can take it"
    return f"{problem}: {handoff.lead}"


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
    return sorted(own, key=lambda manager: manager.pk) or role_holders(Role.SALES_MANAGER)


def marketing_ops() -> Collection[User]:
    return role_holders(Role.MARKETING_OPS)


def role_holders(*roles: Role) -> list[User]:
    """Who has one of the roles, each once."""
    return list(User.objects.filter(groups__name__in=roles, is_active=True).order_by("pk").distinct())


def unread_notices(user: User) -> QuerySet[Notice]:
    """What the person has not seen yet, the newest first."""
    mine = Notice.objects.filter(to=user, read_at__isnull=True)
    return mine.select_related("handoff__lead").order_by("-created_at", "-pk")


def hot_notices(user: User, *, since: dt.datetime) -> QuerySet[Notice]:
    """The leads of tier 1 that came to the person since then, or turned hot with them, and that nobody has decided on,
    the oldest first."""
    # One that turned hot before they had it came to them as new.
    came_hot = Q(handoff__tier=1) | Q(created_at__gte=F("handoff__hot_upgraded_at"))
    turned_hot = Q(kind=NoticeKind.REENGAGED, handoff__hot_upgraded_at__isnull=False)
    is_hot = (Q(kind=NoticeKind.NEW_MQL) & came_hot) | turned_hot
    theirs = Q(handoff__state=HandoffState.ASSIGNED, handoff__rep__user=user)
    notices = Notice.objects.filter(is_hot, theirs, to=user, created_at__gt=since)
    rows = notices.select_related("handoff__lead", "handoff__qualification__hot_upgrade").order_by("created_at", "pk")
    return rows.exclude(handoff__pending_decision__isnull=False)


def inbox(user: User, *, after: int | None = None, limit: int = NOTICES_A_PAGE) -> list[Notice]:
    """The person's notices, unread ones first and the newest first; those that follow the one with the id `after`.

    One more than `limit`, if there are more.
    """
    mine = Notice.objects.filter(to=user)
    last = mine.filter(pk=after).first() if after is not None else None
    rows = mine.filter(_is_after(last)) if last is not None else mine
    rows = rows.select_related("handoff__lead").prefetch_related("deliveries")
    return list(rows.order_by(_UNREAD_FIRST, "-created_at", "-pk")[: limit + 1])


def mark_handoff_read(*, handoff: Handoff, user: User, now: dt.datetime) -> int:
    """Who looks at a lead has heard what there was to tell of it."""
    return Notice.objects.filter(to=user, handoff=handoff, read_at=None).update(read_at=now)


def mark_read(*, user: User, now: dt.datetime, up_to: int | None = None) -> int:
    """The person has seen their notices, those after the id `up_to` excepted."""
    mine = unread_notices(user) if up_to is None else unread_notices(user).filter(pk__lte=up_to)
    return Notice.objects.filter(pk__in=mine.order_by().values("pk")).update(read_at=now)


def _is_after(last: Notice) -> Q:
    older = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
    if last.read_at is None:
        return Q(read_at__isnull=False) | (Q(read_at__isnull=True) & older)
    return Q(read_at__isnull=False) & older


def _rows(draft: NoticeDraft) -> list[Notice]:
    receivers: list[User | None] = [*draft.to] or [None]
    return [_row(draft, receiver) for receiver in receivers]


def _row(draft: NoticeDraft, receiver: User | None) -> Notice:
    return Notice(
        kind=draft.kind,
        once=f"{draft.once}:{receiver.pk if receiver else 'nobody'}",
        handoff=draft.handoff,
        to=receiver,
        text=draft.text[:TEXT_AT_MOST],
        path=draft.path,
        created_at=draft.at,
    )
