"""Relevance of notices, checked just before they are sent: the occasion may be over by then."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Max

from config.accounts.models import User
from definitions.models import Review, Version
from definitions.vocabulary import VersionState
from sla import permissions
from sla.models import Attempt, Clock, Commitment, Handoff, Notice
from sla.vocabulary import CommitmentState, NoticeKind

#: Beginnings of `Notice.once` that the id of a clock, a commitment, a version or a review follows.
_PROMISE: Final = ("warning", "breach")
_COMMITMENT: Final = ("signature:commitment",)
_VERSION: Final = ("signature:version",)
_OPEN_REVIEW: Final = ("review", "review:overdue")


@dataclass(frozen=True, slots=True)
class _Facts:
    """The state of all things that the notices of a message are about, read once."""

    now: dt.datetime
    clocks: Mapping[int, Clock]
    commitments: Mapping[int, Commitment]
    versions: Mapping[int, str]
    reviews: Mapping[int, Review]
    contacted: Mapping[int, dt.datetime]


def obsolete_reasons(notices: Sequence[Notice], *, now: dt.datetime) -> dict[int, str]:
    """Map notice id to the reason why it is obsolete; notices still relevant are absent.

    Expects the notices with `handoff__rep__user`. The number of queries does not grow with the number of notices.
    """
    facts = _Facts(
        now=now,
        clocks=Clock.objects.in_bulk(_target_ids(notices, _PROMISE)),
        commitments=Commitment.objects.in_bulk(_target_ids(notices, _COMMITMENT)),
        versions=dict(Version.objects.filter(pk__in=_target_ids(notices, _VERSION)).values_list("pk", "state")),
        reviews=Review.objects.in_bulk(_target_ids(notices, _OPEN_REVIEW)),
        contacted=_last_contacts(notices),
    )
    reasons = {notice.pk: _obsolete_reason(notice, facts) for notice in notices}
    return {pk: why for pk, why in reasons.items() if why}


def with_deleted_target(notices: Sequence[Notice]) -> frozenset[int]:
    """Return the ids of the notices that lead to a deleted draft."""
    drafts = {notice.pk: pk for notice in notices if (pk := _target_id(notice, _COMMITMENT)) is not None}
    existing_ids = set(Commitment.objects.filter(pk__in=drafts.values()).values_list("pk", flat=True))
    return frozenset(notice for notice, draft in drafts.items() if draft not in existing_ids)


def no_longer_visible(notices: Sequence[Notice], user: User) -> frozenset[int]:
    """Return the ids of the notices about a lead that the person may not see any more: it went to another team."""
    handoffs = {notice.pk: notice.handoff_id for notice in notices if notice.handoff_id is not None}
    visible_ids = set(permissions.visible_to(user).filter(pk__in=handoffs.values()).values_list("pk", flat=True))
    return frozenset(notice for notice, handoff in handoffs.items() if handoff not in visible_ids)


def _obsolete_reason(notice: Notice, facts: _Facts) -> str:
    judge = _JUDGES.get(NoticeKind(notice.kind))
    return judge(notice, facts) if judge else ""


def _unrouted(notice: Notice, _facts: _Facts) -> str:
    handoff = notice.handoff
    return "" if handoff is None or handoff.is_unrouted else f"already routed to {handoff.rep}"


def _new_mql(notice: Notice, facts: _Facts) -> str:
    handoff = notice.handoff
    if handoff is None:
        return ""
    return (
        _later_work(notice, handoff, facts)
        if _is_with_receiver(notice, handoff)
        else f"now with {handoff.rep or 'nobody'}"
    )


def _reassigned(notice: Notice, facts: _Facts) -> str:
    handoff = notice.handoff
    if handoff is None:
        return ""
    return "with them again" if _is_with_receiver(notice, handoff) else _later_work(notice, handoff, facts)


def _due_soon(notice: Notice, facts: _Facts) -> str:
    clock = facts.clocks.get(_target_id(notice, _PROMISE) or 0)
    if clock is None:
        return ""
    if not clock.is_running:
        return "already kept" if clock.met_at is not None else "no longer promised"
    return "already overdue" if clock.is_breached or clock.due_at < facts.now else ""


def _breached(notice: Notice, facts: _Facts) -> str:
    clock = facts.clocks.get(_target_id(notice, _PROMISE) or 0)
    return "" if clock is None or clock.is_breached else "kept after all"


def _signature(notice: Notice, facts: _Facts) -> str:
    draft, version = _target_id(notice, _COMMITMENT), _target_id(notice, _VERSION)
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


def _open_review(notice: Notice, facts: _Facts) -> str:
    review = facts.reviews.get(_target_id(notice, _OPEN_REVIEW) or 0)
    return "already decided" if review is not None and review.decided_at is not None else ""


_JUDGES: Final[Mapping[NoticeKind, Callable[[Notice, _Facts], str]]] = {
    NoticeKind.UNROUTED: _unrouted,
    NoticeKind.NEW_MQL: _new_mql,
    NoticeKind.REASSIGNED: _reassigned,
    NoticeKind.DUE_SOON: _due_soon,
    NoticeKind.BREACHED: _breached,
    NoticeKind.SIGNATURE: _signature,
    NoticeKind.REVIEW: _open_review,
}


def _is_with_receiver(notice: Notice, handoff: Handoff) -> bool:
    return handoff.rep is not None and handoff.rep.user_id == notice.to_id


def _later_work(notice: Notice, handoff: Handoff, facts: _Facts) -> str:
    """Return what was done on the handoff since the notice was written, or an empty string.

    Earlier work is another rep's and does not make the notice obsolete.
    """
    if not handoff.is_open:
        return f"already {handoff.get_state_display().lower()}"
    if handoff.decided_at is not None and handoff.decided_at >= notice.created_at:
        return "already decided"
    contacted_at = facts.contacted.get(handoff.pk)
    return "already contacted" if contacted_at is not None and contacted_at >= notice.created_at else ""


def _last_contacts(notices: Iterable[Notice]) -> dict[int, dt.datetime]:
    """Map handoff id to when its latest contact was logged; `at` would not do, as forms give it in whole minutes."""
    handoffs = {notice.handoff_id for notice in notices if notice.handoff_id is not None}
    logged = Attempt.objects.filter(handoff__in=handoffs).order_by().values_list("handoff")
    return dict(logged.annotate(last=Max("recorded_at")))


def _target_ids(notices: Iterable[Notice], names: Sequence[str]) -> set[int]:
    return {pk for notice in notices if (pk := _target_id(notice, names)) is not None}


def _target_id(notice: Notice, names: Sequence[str]) -> int | None:
    match = re.match(rf"(?:{'|'.join(names)}):(\d+):", notice.once)
    return int(match[1]) if match else None
