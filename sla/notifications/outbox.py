"""The outbox of notices: rows written in the transaction that caused them, shown in the app at once.

`deliveries` sends them by e-mail and Slack.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Final

from django.db.models import F, Q, QuerySet
from django.db.models.lookups import IsNull

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from sla.models import Handoff, Notice, NoticeMail, Rep, Team
from sla.notifications import deliveries
from sla.vocabulary import HandoffState, NoticeKind

TEXT_AT_MOST: Final = 300
NOTICES_A_PAGE: Final = 50

_UNREAD_FIRST: Final = IsNull(F("read_at"), True).desc()


@dataclass(frozen=True, slots=True)
class MailDraft:
    """An e-mail that is more than the line of its notice."""

    subject: str
    text: str
    html: str
    unsubscribe_url: str = ""


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    """A notice to several people. `once` names the occasion: the same one is never written twice to one person.

    `path` is the page it is about, if that is no handoff. A notice with a `mail` is sent by e-mail alone, in that form.
    """

    kind: NoticeKind
    once: str
    handoff: Handoff | None
    to: Collection[User]
    text: str
    at: dt.datetime
    path: str = ""
    mail: MailDraft | None = None


def write_notices(drafts: Iterable[NoticeDraft]) -> int:
    """Store notices and their deliveries in the caller's transaction; return how many are new.

    A notice without a receiver is stored for the list of all.
    """
    rows: dict[str, Notice] = {}
    mails: dict[str, MailDraft] = {}
    for draft in drafts:
        notices = {notice.once: notice for notice in build_notices(draft)}
        rows |= notices
        if draft.mail is not None:
            mails |= dict.fromkeys(notices, draft.mail)
    known_keys = set(Notice.objects.filter(once__in=rows).values_list("once", flat=True))
    Notice.objects.bulk_create([row for once, row in rows.items() if once not in known_keys], ignore_conflicts=True)
    new_notices = Notice.objects.filter(once__in=rows.keys() - known_keys).select_related("to").order_by("pk")
    with_mail = [(notice, mails[notice.once]) for notice in new_notices if notice.once in mails]
    NoticeMail.objects.bulk_create(NoticeMail(notice=notice, **asdict(mail)) for notice, mail in with_mail)
    deliveries.write_deliveries(list(new_notices))
    return len(new_notices)


def draft_reassigned(*, handoff: Handoff, before: Rep | None, why: str, by: User, at: dt.datetime) -> list[NoticeDraft]:
    """Draft the notices of a reassignment: to the former rep, and to the managers of the new team if it changed.

    The new rep gets a notice of a new MQL instead; the person who moved the handoff knows.
    """
    if before is None or handoff.rep is None:
        return []
    draft = NoticeDraft(
        kind=NoticeKind.REASSIGNED,
        once=f"reassigned:{handoff.pk}:{at.timestamp()}",
        handoff=handoff,
        to=[before.user],
        text=f"Now with {handoff.rep}: {name_lead(handoff)} ({why.strip()})",
        at=at,
    )
    if handoff.team == before.team:
        return [draft]
    informed_ids = {person.pk for person in (by, before.user, handoff.rep.user)}
    receivers = [manager for manager in managers(handoff.team) if manager.pk not in informed_ids]
    if not receivers:
        return [draft]
    text = f"From {before.team} to {handoff.rep} of {handoff.team}: {name_lead(handoff)} ({why.strip()})"
    return [draft, replace(draft, once=f"moved:{handoff.pk}:{at.timestamp()}", to=receivers, text=text)]


def name_lead(handoff: Handoff) -> str:
    """Return the lead's name for a sentence about a handoff; other motions than MQL are named beside it (rules 20.8)."""
    return str(handoff.lead) if handoff.motion == Motion.MQL else f"{handoff.lead} ({handoff.motion.upper()})"


def draft_new_mql(*, handoff: Handoff, rep: Rep, at: dt.datetime) -> NoticeDraft:
    """Draft the notice to the rep who was just given a handoff."""
    return NoticeDraft(
        kind=NoticeKind.NEW_MQL,
        once=f"routed:{handoff.pk}:{at.timestamp()}",
        handoff=handoff,
        to=[rep.user],
        text=f"New tier {handoff.tier} {handoff.motion.upper()}: {handoff.lead}",
        at=at,
    )


def draft_unrouted(*, handoff: Handoff, team: Team | None, why: str, at: dt.datetime) -> NoticeDraft:
    """Draft one notice of an unrouted handoff to those who can help: the managers of its team, or all sales managers."""
    problem = why.rstrip(".") if team is None else f"Nobody in {team} can take it"
    return NoticeDraft(
        kind=NoticeKind.UNROUTED,
        once=f"unrouted:{handoff.pk}",
        handoff=handoff,
        to=managers(team),
        text=f"{problem}: {name_lead(handoff)}",
        at=at,
    )


def rep_or_managers(rep: Rep | None, team: Team | None) -> Collection[User]:
    return [rep.user] if rep is not None else managers(team)


def rep_and_managers(rep: Rep | None, team: Team | None) -> Collection[User]:
    """Return the rep first, then the managers, nobody twice."""
    people = [rep.user, *managers(team)] if rep is not None else managers(team)
    return list({person.pk: person for person in people}.values())


def managers(team: Team | None) -> Collection[User]:
    """Return the active managers of a team; without a team, or in one without managers, every sales manager."""
    # Filtered and sorted in Python, so that a sweep can prefetch the managers.
    team_managers = [manager for manager in team.managers.all() if manager.is_active] if team is not None else []
    return sorted(team_managers, key=lambda manager: manager.pk) or role_holders(Role.SALES_MANAGER)


def marketing_ops() -> Collection[User]:
    return role_holders(Role.MARKETING_OPS)


def role_holders(*roles: Role) -> list[User]:
    """Return the active people who hold one of the roles, nobody twice."""
    return list(User.objects.filter(groups__name__in=roles, is_active=True).order_by("pk").distinct())


def unread_notices(user: User) -> QuerySet[Notice]:
    """Return the person's unread notices, the newest first."""
    notices = Notice.objects.filter(to=user, read_at__isnull=True)
    return notices.select_related("handoff__lead").order_by("-created_at", "-pk")


def hot_notices(user: User, *, since: dt.datetime) -> QuerySet[Notice]:
    """Return notices of hot leads that came to the person since then and are undecided, the oldest first.

    Hot leads are those of tier 1 and those that turned hot while the person had them.
    """
    # A lead that turned hot before the person had it came to them as a new MQL.
    came_hot = Q(handoff__tier=1) | Q(created_at__gte=F("handoff__hot_upgraded_at"))
    turned_hot = Q(kind=NoticeKind.REENGAGED, handoff__hot_upgraded_at__isnull=False)
    is_hot = (Q(kind=NoticeKind.NEW_MQL) & came_hot) | turned_hot
    is_undecided_own = Q(handoff__state=HandoffState.ASSIGNED, handoff__rep__user=user)
    notices = Notice.objects.filter(is_hot, is_undecided_own, to=user, created_at__gt=since)
    rows = notices.select_related("handoff__lead", "handoff__qualification__hot_upgrade").order_by("created_at", "pk")
    return rows.exclude(handoff__pending_decision__isnull=False)


def inbox(user: User, *, after: int | None = None, limit: int = NOTICES_A_PAGE) -> list[Notice]:
    """Return the person's notices, unread ones first and the newest first, after the notice with the id `after`.

    One more than `limit`, if there are more.
    """
    notices = Notice.objects.filter(to=user)
    last_notice = notices.filter(pk=after).first() if after is not None else None
    rows = notices.filter(_is_after(last_notice)) if last_notice is not None else notices
    rows = rows.select_related("handoff__lead").prefetch_related("deliveries")
    return list(rows.order_by(_UNREAD_FIRST, "-created_at", "-pk")[: limit + 1])


def mark_handoff_read(*, handoff: Handoff, user: User, now: dt.datetime) -> int:
    """Mark the person's notices about this handoff as read, since they are looking at it; return how many."""
    return Notice.objects.filter(to=user, handoff=handoff, read_at=None).update(read_at=now)


def mark_read(*, user: User, now: dt.datetime, up_to: int | None = None) -> int:
    """Mark the person's notices as read, except those after the id `up_to`; return how many."""
    notices = unread_notices(user) if up_to is None else unread_notices(user).filter(pk__lte=up_to)
    return Notice.objects.filter(pk__in=notices.order_by().values("pk")).update(read_at=now)


def _is_after(last: Notice) -> Q:
    older = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
    if last.read_at is None:
        return Q(read_at__isnull=False) | (Q(read_at__isnull=True) & older)
    return Q(read_at__isnull=False) & older


def build_notices(draft: NoticeDraft) -> list[Notice]:
    """Return one notice for each receiver, not stored yet; without a receiver, one for the list of all."""
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
