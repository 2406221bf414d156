"""Notices for leaders about pending signatures, suppressions and reviews (rules 20.6, 20.10, 20.11).

The layers below only leave the rows. The sweep notifies each person once; a later leader is notified then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from functools import cache

from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import versions
from definitions.models import Suppression, Version
from definitions.vocabulary import DECIDING_SIDES, Side, VersionState
from sla.commitments import commitments
from sla.models import Commitment
from sla.notifications import outbox, review_notices
from sla.notifications.outbox import NoticeDraft
from sla.vocabulary import CommitmentState, NoticeKind


def notify_leaders(*, now: dt.datetime) -> int:
    """Write the notices that leaders have not received yet; return how many are new."""
    drafts = [
        *_draft_version_notices(now),
        *_draft_commitment_notices(now),
        *review_notices.draft_notices(now),
        *_draft_suppression_notices(now),
    ]
    # Without a receiver nobody is missing a notice: whoever takes the role is told then.
    return outbox.write_notices(draft for draft in drafts if draft.to)


def _draft_version_notices(now: dt.datetime) -> Iterator[NoticeDraft]:
    leaders = cache(_leaders)
    versions_to_sign = Version.objects.filter(state=VersionState.PROPOSED).select_related("definition")
    for version in versions_to_sign.prefetch_related("sign_offs").order_by("pk"):
        sign_offs = list(version.sign_offs.all())
        for side in sorted(set(DECIDING_SIDES) - {sign_off.side for sign_off in sign_offs}):
            signers = {sign_off.by_id for sign_off in sign_offs}
            yield NoticeDraft(
                kind=NoticeKind.SIGNATURE,
                once=f"signature:version:{version.pk}",
                handoff=None,
                to=[leader for leader in leaders(side) if leader.pk not in signers],
                text=f"{version.definition} {version.number} waits for your signature for {Side(side).label.lower()}",
                at=now,
                path=reverse("version_step", args=[version.pk, "sign"]),
            )


def _draft_commitment_notices(now: dt.datetime) -> Iterator[NoticeDraft]:
    """Yield one notice for each draft, and another when the other side signed it: a change removes signatures."""
    drafts = list(Commitment.objects.filter(state=CommitmentState.DRAFT).order_by("pk"))
    leaders = [*_leaders(Side.MARKETING), *_leaders(Side.SALES)] if drafts else []
    for draft in drafts:
        signed = draft.signed_by_marketing_id or draft.signed_by_sales_id
        yield NoticeDraft(
            kind=NoticeKind.SIGNATURE,
            once=f"signature:commitment:{draft.pk}" + (f":{commitments.stamp(draft)}" if signed else ""),
            handoff=None,
            to=[leader for leader in leaders if commitments.side_to_sign(draft, leader)],
            text=f"{draft} wait for your signature" + ("; the other side has signed" if signed else ""),
            at=now,
            path=reverse("commitment", args=[draft.pk]),
        )


def _draft_suppression_notices(now: dt.datetime) -> Iterator[NoticeDraft]:
    """Yield one notice for each suppression that is in force or coming; whoever set it knows."""
    rows = Suppression.objects.not_over(now).select_related("set_by", "lead", "company").order_by("pk")
    suppressions = list(rows)
    leaders = outbox.role_holders(Role.MARKETING_LEADER, Role.SALES_LEADER) if suppressions else ()
    for suppression in suppressions:
        yield NoticeDraft(
            kind=NoticeKind.SUPPRESSED,
            once=f"suppression:{suppression.pk}",
            handoff=None,
            to=[leader for leader in leaders if leader.pk != suppression.set_by_id],
            text=f"{suppression}: {suppression.clause}",
            at=now,
            path=reverse("suppression", args=[suppression.pk]),
        )


def _leaders(side: str) -> Collection[User]:
    return outbox.role_holders(versions.SIGNERS[Side(side)])
