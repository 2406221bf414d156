"""Does what a notice tells of still matter? Asked just before it leaves Accord: a night may have changed everything."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Max

from config.accounts.models import User
from definitions.models import Version
from definitions.vocabulary import VersionState
from sla import permissions
from sla.models import Attempt, Clock, Commitment, Handoff, Notice
from sla.vocabulary import CommitmentState, NoticeKind

#: What a notice is about, where that is no handoff, begins `Notice.once`.
_PROMISE: Final = ("warning", "breach")
_COMMITMENT: Final = ("signature:commitment",)
_VERSION: Final = ("signature:version",)


@dataclass(frozen=True, slots=True)
class _Facts:
    """How things stand now, read once for all notices of a message."""

    now: dt.datetime
    clocks: Mapping[int, Clock]
    commitments: Mapping[int, Commitment]
    versions: Mapping[int, str]
    contacted: Mapping[int, dt.datetime]


def obsolete_reasons(notices: Sequence[Notice], *, now: dt.datetime) -> dict[int, str]:
    """Why each of them need not be told any more, by its id; those that still matter are missing.

    They come with `handoff__rep__user`. The number of queries does not depend on theirs.
    """
    facts = _Facts(
        now=now,
        clocks=Clock.objects.in_bulk(_ids(notices, _PROMISE)),
        commitments=Commitment.objects.in_bulk(_ids(notices, _COMMITMENT)),
        versions=dict(Version.objects.filter(pk__in=_ids(notices, _VERSION)).values_list("pk", "state")),
        contacted=_contacted(notices),
    )
    judged = {notice.pk: _why(notice, facts) for notice in notices}
    return {pk: why for pk, why in judged.items() if why}


def with_deleted_target(notices: Sequence[Notice]) -> frozenset[int]:
    """The ids of those that lead to a draft which was deleted."""
    drafts = {notice.pk: pk for notice in notices if (pk := _id(notice, _COMMITMENT)) is not None}
    there = set(Commitment.objects.filter(pk__in=drafts.values()).values_list("pk", flat=True))
    return frozenset(notice for notice, draft in drafts.items() if draft not in there)


def no_longer_visible(notices: Sequence[Notice], user: User) -> frozenset[int]:
    """The ids of those about a lead which the person may not see any more: it went to another team."""
    handoffs = {notice.pk: notice.handoff_id for notice in notices if notice.handoff_id is not None}
    seen = set(permissions.visible_to(user).filter(pk__in=handoffs.values()).values_list("pk", flat=True))
    return frozenset(notice for notice, handoff in handoffs.items() if handoff not in seen)


def _why(notice: Notice, facts: _Facts) -> str:
    judge = _JUDGES.get(NoticeKind(notice.kind))
    return judge(notice, facts) if judge else ""


def _unrouted(notice: Notice, _facts: _Facts) -> str:
    handoff = notice.handoff
    return "" if handoff is None or handoff.is_unrouted else f"already routed to {handoff.rep}"


def _new(notice: Notice, facts: _Facts) -> str:
    handoff = notice.handoff
    if handoff is None:
        return ""
    return _worked(notice, handoff, facts) if _has_it(notice, handoff) else f"now with {handoff.rep or 'nobody'}"


def _reassigned(notice: Notice, facts: _Facts) -> str:
    handoff = notice.handoff
    if handoff is None:
        return ""
    return "with them again" if _has_it(notice, handoff) else _worked(notice, handoff, facts)


def _due_soon(notice: Notice, facts: _Facts) -> str:
    clock = facts.clocks.get(_id(notice, _PROMISE) or 0)
    if clock is None:
        return ""
    if not clock.is_running:
        return "already kept" if clock.met_at is not None else "no longer promised"
    return "already overdue" if clock.is_breached or clock.due_at < facts.now else ""


def _breached(notice: Notice, facts: _Facts) -> str:
    clock = facts.clocks.get(_id(notice, _PROMISE) or 0)
    return "" if clock is None or clock.is_breached else "kept after all"


def _signature(notice: Notice, facts: _Facts) -> str:
    draft, version = _id(notice, _COMMITMENT), _id(notice, _VERSION)
    if version is not None:
        return "" if facts.versions.get(version) == VersionState.PROPOSED else "no longer proposed"
    if draft is None:
        return ""
    commitment = facts.commitments.get(draft)
    if commitment is None:
        return "the draft was deleted"
    if commitment.state != CommitmentState.DRAFT:
        return "already in force"
    return (
        "already signed" if notice.to_id in (commitment.signed_by_marketing_id, commitment.signed_by_sales_id) else ""
    )


_JUDGES: Final[Mapping[NoticeKind, Callable[[Notice, _Facts], str]]] = {
    NoticeKind.UNROUTED: _unrouted,
    NoticeKind.NEW_MQL: _new,
    NoticeKind.REASSIGNED: _reassigned,
    NoticeKind.DUE_SOON: _due_soon,
    NoticeKind.BREACHED: _breached,
    NoticeKind.SIGNATURE: _signature,
}


def _has_it(notice: Notice, handoff: Handoff) -> bool:
    return handoff.rep is not None and handoff.rep.user_id == notice.to_id


def _worked(notice: Notice, handoff: Handoff, facts: _Facts) -> str:
    """What was done before somebody was told is the work of another, and no reason to keep it from them."""
    if not handoff.is_open:
        return f"already {handoff.get_state_display().lower()}"
    if handoff.decided_at is not None and handoff.decided_at >= notice.created_at:
        return "already decided"
    contacted_at = facts.contacted.get(handoff.pk)
    return "already contacted" if contacted_at is not None and contacted_at >= notice.created_at else ""


def _contacted(notices: Iterable[Notice]) -> dict[int, dt.datetime]:
    """When the latest contact was logged, by the handoff's id: forms give its own time in whole minutes."""
    handoffs = {notice.handoff_id for notice in notices if notice.handoff_id is not None}
    logged = Attempt.objects.filter(handoff__in=handoffs).order_by().values_list("handoff")
    return dict(logged.annotate(last=Max("recorded_at")))


def _ids(notices: Iterable[Notice], names: Sequence[str]) -> set[int]:
    return {pk for notice in notices if (pk := _id(notice, names)) is not None}


def _id(notice: Notice, names: Sequence[str]) -> int | None:
    found = re.match(rf"(?:{'|'.join(names)}):(\d+):", notice.once)
    return int(found[1]) if found else None
