"""The life of a suppression: it is set with a reason and an end, and may be ended early (rules 9.21, 9.22)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import structlog
from django.db import transaction

from config import company_days, lock_waits
from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import permissions
from definitions.models import Suppression
from definitions.suppressions import kept_back
from definitions.suppressions.subjects import SubjectRef
from leads.exceptions import Refused
from leads.rescoring import account_queue, rescore_queue

log = structlog.get_logger(__name__)

#: Roles that may set a suppression, and end one.
SETTERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)
DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 366
REASON_AT_MOST: Final = 500


class SuppressionEnded(Exception):
    """A suppression that is over already; the sentence says since when and by whom."""


@transaction.atomic
def suppress(
    *,
    subject: SubjectRef,
    reason: str,
    by: User,
    now: dt.datetime,
    starts_at: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Suppression:
    """Keep a subject from becoming MQLs from `starts_at` (by default now) until `until` (by default 90 days later).

    It is read by every judgement and every handoff from then on, so nothing has to be judged again. Raises Refused with
    the field and the rule, permissions.NotAllowed.
    """
    permissions.require_role(by, *SETTERS, to="suppress leads")
    starts_at = now if starts_at is None else starts_at
    until = starts_at + dt.timedelta(days=DEFAULT_DAYS) if until is None else until
    if starts_at < now:
        raise Refused("starts_at", "lies in the past: who became an MQL stays one.")
    if until <= starts_at:
        raise Refused("until", "must lie after the beginning.")
    if until - starts_at > dt.timedelta(days=MOST_DAYS):
        raise Refused(
            "until", f"may lie {MOST_DAYS} days after the beginning at most: what holds for longer is a rule."
        )
    suppression = Suppression.objects.create(
        subject=subject.kind,
        value=subject.value,
        lead=subject.lead,
        company=subject.company,
        reason=_check_reason(reason),
        starts_at=starts_at,
        until=until,
        set_by=by,
        set_at=now,
    )
    log.info("suppression_set", suppression=suppression.pk, subject=subject.kind, by=by.pk)
    return suppression


@transaction.atomic
def end(*, suppression: Suppression, reason: str, by: User, now: dt.datetime) -> Suppression:
    """End a suppression before its time, and have everybody whom it kept back judged again.

    Raises Refused, SuppressionEnded, permissions.NotAllowed.
    """
    permissions.require_role(by, *SETTERS, to="end a suppression")
    with lock_waits.limit_lock_waits():
        row = Suppression.objects.select_for_update(of=("self",), no_key=True).get(pk=suppression.pk)
    if row.ends_at <= now:
        since = f"{company_days.day_of(row.ends_at):%-d %B %Y}"
        raise SuppressionEnded(f"It ended on {since}" + (f", by {row.ended_by}." if row.ended_by else "."))
    row.ended_at, row.ended_by, row.end_reason = now, by, _check_reason(reason)
    row.save(update_fields=["ended_at", "ended_by", "end_reason"])
    lead_ids, company_ids = kept_back.list_ids(row)
    rescore_queue.request(lead_ids=lead_ids, at=now)
    account_queue.request(company_ids=company_ids, at=now)
    log.info("suppression_ended", suppression=row.pk, by=by.pk, leads=len(lead_ids), companies=len(company_ids))
    return row


def _check_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Refused("reason", "is required: it stands beside every lead that is kept back.")
    if len(reason) > REASON_AT_MOST:
        raise Refused("reason", f"has {REASON_AT_MOST} characters at most.")
    return reason
