"""The monthly digest of a definition's rejections, for both leaders and marketing ops (rules 12.45)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, QuerySet
from django.urls import reverse

from config import company_days
from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarMonth
from definitions.models import Definition
from leads.vocabulary import Motion
from sla.models import Disposition, PlayDisposition, RejectionDigest
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.reports import reason_counts, rejection_families
from sla.reports.framework.report_period import ReportPeriod
from sla.vocabulary import DispositionKind, NoticeKind

REASONS_NAMED: Final = 3


def make_due_digests(*, now: dt.datetime) -> int:
    """Make the digests of the last closed month that are missing, of definitions with any decision; return how many.

    Any number of workers may run it: the database holds one digest a definition and month, and its notices are written with
    it. A definition that fails keeps no other one from its digest, and its error is raised afterwards.
    """
    month = CalendarMonth.containing(now, months_back=1)
    with_digest = RejectionDigest.objects.filter(month=month.name).values("definition")
    count, failures = 0, []
    for definition in Definition.objects.exclude(pk__in=with_digest).order_by("pk"):
        try:
            count += _make_once(definition, month, now)
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return count


def list_digests(motion: Motion, period: ReportPeriod) -> list[RejectionDigest]:
    """Return the digests of a motion's definitions for the months of which any day lies in a period, the latest first."""
    names = (CalendarMonth.containing(at).name for at in (period.start, period.end - dt.timedelta(microseconds=1)))
    first, last = names
    digests = RejectionDigest.objects.filter(definition__motion=motion, month__gte=first, month__lte=last)
    return list(digests.select_related("definition").order_by("-month", "definition__name", "pk"))


def read_reason(definition: Definition, number: int) -> str:
    """Return the reason of a draft that answers a digest, with its figures; empty if there is none."""
    digest = RejectionDigest.objects.select_related("definition").filter(pk=number, definition=definition).first()
    return f"Rejections: {describe_digest(digest)}" if digest else ""


def describe_digest(digest: RejectionDigest) -> str:
    """Return the rate of the month, what it leads to, and the largest reasons, as sentences."""
    rate = f"{100 * digest.rejected / digest.decided:.3g} % of {digest.decided:,}"
    sentence = f"{rate} decided {digest.definition.motion.upper()}s rejected in {month_of(digest).label}."
    reasons = f"Most for: {list_reasons(digest)}." if digest.reasons else ""
    return " ".join(filter(None, (sentence, digest.consequence, reasons)))


def list_reasons(digest: RejectionDigest) -> str:
    """Return the largest reasons with their counts."""
    return ", ".join(f"{row['label']} {row['count']:,}" for row in digest.reasons)


def month_of(digest: RejectionDigest) -> CalendarMonth:
    return CalendarMonth.containing(dt.datetime.fromisoformat(f"{digest.month}-15T00:00:00+00:00"))


@transaction.atomic
def _make_once(definition: Definition, month: CalendarMonth, now: dt.datetime) -> bool:
    figures = _read_figures(definition, month)
    if not figures["decided"]:
        return False
    # A second worker waits here for the unique constraint, and finds the digest of the first.
    digest, is_new = RejectionDigest.objects.get_or_create(
        definition=definition, month=month.name, defaults={**figures, "at": now}
    )
    if is_new:
        _notify(digest, month, now)
    return is_new


def _read_figures(definition: Definition, month: CalendarMonth) -> dict[str, Any]:
    decisions = _select_decisions(definition, month)
    rejections = decisions.filter(kind=DispositionKind.REJECT)
    families = dict(rejections.order_by().values_list("reason__family").annotate(count=Count("pk")))
    reasons = [row for row in reason_counts.build_rows(rejections, {}) if not row.detail]
    return {
        "decided": decisions.count(),
        "rejected": Counter(families).total(),
        "reasons": [{"code": row.code, "label": row.label, "count": row.count} for row in reasons[:REASONS_NAMED]],
        "consequence": rejection_families.describe_consequence(families),
    }


def _select_decisions(definition: Definition, month: CalendarMonth) -> QuerySet[Any]:
    """Return the standing decisions of all teams on what a definition made, by the instant of the decision."""
    if definition.motion == Motion.AQL:
        return PlayDisposition.objects.filter(
            play__version__definition=definition, play__decided_at__gte=month.start, play__decided_at__lt=month.end
        )
    return Disposition.objects.standing().filter(
        handoff__version__definition=definition,
        handoff__decided_at__gte=month.start, handoff__decided_at__lt=month.end,
    )  # fmt: skip


def _notify(digest: RejectionDigest, month: CalendarMonth, now: dt.datetime) -> None:
    receivers = outbox.role_holders(Role.MARKETING_LEADER, Role.SALES_LEADER, Role.MARKETING_OPS)
    if not receivers:
        return
    first, last = company_days.day_of(month.start), company_days.day_of(month.end) - dt.timedelta(days=1)
    draft = NoticeDraft(
        kind=NoticeKind.REJECTION_DIGEST,
        once=f"rejections:{digest.pk}",
        handoff=None,
        to=receivers,
        text=f"{digest.definition}: {describe_digest(digest)}",
        at=now,
        path=f"{reverse('report', args=['rejections'])}?motion={digest.definition.motion}&from={first}&to={last}",
    )
    outbox.write_notices([draft])
