"""What people must hear: a row of the transaction that caused it. In the app it is there at once; `deliveries` carry it out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from django.db.models import F, Q, QuerySet
from django.db.models.lookups import IsNull

from leads.models import User
from leads.vocabulary import Role
from sla.models import Handoff, Notice, Rep, Team
from sla.notifications import deliveries
from sla.vocabulary import HandoffState, NoticeKind

TEXT_AT_MOST: Final = 300
SHOWN: Final = 50

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


def write(drafts: Iterable[NoticeDraft]) -> int:
    """Put notices in the outbox, within the caller's transaction; returns how many are new.

    Without a receiver the row is kept for the list of all.
    """
    rows = {row.once: row for draft in drafts for row in build_notices(draft)}
    known = set(Notice.objects.filter(once__in=rows).values_list("once", flat=True))
    Notice.objects.bulk_create([row for once, row in rows.items() if once not in known], ignore_conflicts=True)
    new = Notice.objects.filter(once__in=rows.keys() - known).select_related("to").order_by("pk")
    deliveries.write(list(new))
    return len(new)


def reassigned(*, handoff: Handoff, before: Rep | None, why: str, by: User, at: dt.datetime) -> list[NoticeDraft]:
    """Return the notices of a reassignment: to the rep who had it, and to the managers of another team that got it.

    Who has it now is told of a new MQL; who moved it knows.
    """
    if before is None or handoff.rep is None:
        return []
    lost = NoticeDraft(
        kind=NoticeKind.REASSIGNED,
        once=f"reassigned:{handoff.pk}:{at.timestamp()}",
        handoff=handoff,
        to=[before.user],
        text=f"Now with {handoff.rep}: {handoff.lead} ({why.strip()})",
        at=at,
    )
    if handoff.team == before.team:
        return [lost]
    others = {person.pk for person in (by, before.user, handoff.rep.user)}
    receivers = [manager for manager in managers(handoff.team) if manager.pk not in others]
    if not receivers:
        return [lost]
    text = f"From {before.team} to {handoff.rep} of {handoff.team}: {handoff.lead} ({why.strip()})"
    return [lost, replace(lost, once=f"moved:{handoff.pk}:{at.timestamp()}", to=receivers, text=text)]


def new_mql(*, handoff: Handoff, rep: Rep, at: dt.datetime) -> NoticeDraft:
    """Return the notice to the rep who was just given a handoff."""
    return NoticeDraft(
        kind=NoticeKind.NEW_MQL,
        once=f"routed:{handoff.pk}:{at.timestamp()}",
        handoff=handoff,
        to=[rep.user],
        text=f"New tier {handoff.tier} MQL: {handoff.lead}",
        at=at,
    )


def unrouted(*, handoff: Handoff, team: Team | None, why: str, at: dt.datetime) -> NoticeDraft:
    """Nobody has it, told once to those who can help: the managers of the team whose it would be, or of all."""
    return NoticeDraft(
        kind=NoticeKind.UNROUTED,
        once=f"unrouted:{handoff.pk}",
        handoff=handoff,
        to=managers(team),
        text=f"{why.rstrip('.') if team is None else f'Nobody in {team} can take it'}: {handoff.lead}",
        at=at,
    )


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
    return sorted(own, key=lambda manager: manager.pk) or holders(Role.SALES_MANAGER)


def marketing() -> Collection[User]:
    return holders(Role.MARKETING_OPS)


def holders(*roles: Role) -> list[User]:
    """Who has one of the roles, each once."""
    return list(User.objects.filter(groups__name__in=roles, is_active=True).order_by("pk").distinct())


def unread(user: User) -> QuerySet[Notice]:
    """What the person has not seen yet, the newest first."""
    mine = Notice.objects.filter(to=user, read_at__isnull=True)
    return mine.select_related("handoff__lead").order_by("-created_at", "-pk")


def hot(user: User, *, since: dt.datetime) -> QuerySet[Notice]:
    """The leads of tier 1 that came to the person since then, or turned hot with them, and that nobody has decided on,
    the oldest first."""
    # One that turned hot before they had it came to them as new.
    came_hot = Q(handoff__tier=1) | Q(created_at__gte=F("handoff__hot_upgraded_at"))
    turned_hot = Q(kind=NoticeKind.REENGAGED, handoff__hot_upgraded_at__isnull=False)
    is_hot = (Q(kind=NoticeKind.NEW_MQL) & came_hot) | turned_hot
    theirs = Q(handoff__state=HandoffState.ASSIGNED, handoff__rep__user=user)
    told = Notice.objects.filter(is_hot, theirs, to=user, created_at__gt=since)
    rows = told.select_related("handoff__lead", "handoff__qualification__hot_upgrade").order_by("created_at", "pk")
    return rows.exclude(handoff__pending_decision__isnull=False)


def inbox(user: User, *, after: int | None = None, limit: int = SHOWN) -> list[Notice]:
    """The person's notices, unread ones first and the newest first; those that follow the one with the id `after`.

    One more than `limit`, if there are more.
    """
    mine = Notice.objects.filter(to=user)
    last = mine.filter(pk=after).first() if after is not None else None
    rows = mine.filter(_following(last)) if last is not None else mine
    rows = rows.select_related("handoff__lead").prefetch_related("deliveries")
    return list(rows.order_by(_UNREAD_FIRST, "-created_at", "-pk")[: limit + 1])


def seen(*, handoff: Handoff, user: User, now: dt.datetime) -> int:
    """Who looks at a lead has heard what there was to tell of it."""
    return Notice.objects.filter(to=user, handoff=handoff, read_at=None).update(read_at=now)


def mark_read(*, user: User, now: dt.datetime, up_to: int | None = None) -> int:
    """The person has seen their notices, those after the id `up_to` excepted."""
    mine = unread(user) if up_to is None else unread(user).filter(pk__lte=up_to)
    return Notice.objects.filter(pk__in=mine.order_by().values("pk")).update(read_at=now)


def _following(last: Notice) -> Q:
    older = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
    if last.read_at is None:
        return Q(read_at__isnull=False) | (Q(read_at__isnull=True) & older)
    return Q(read_at__isnull=False) & older


def build_notices(draft: NoticeDraft) -> list[Notice]:
    """Return one notice a receiver, not stored yet; without a receiver one for the list of all."""
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
