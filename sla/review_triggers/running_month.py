"""Notices to both leaders when a rate of the running month crosses a line (rules 8.23); they open no review."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.urls import reverse

from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarMonth
from definitions.models import Definition
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import readings
from sla.figure_catalogue.catalogue import REJECTION
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.review_triggers.trigger_rules import TOO_FEW, TOO_MANY, RejectionLine, find_rejection_line
from sla.vocabulary import NoticeKind

_LINES: Final = {
    RejectionLine.TOO_MANY: f"above {TOO_MANY} %",
    RejectionLine.TOO_FEW: f"below {TOO_FEW} %",
}


def notify_of_crossed_lines(*, now: dt.datetime) -> int:
    """Write a notice for each line that the running month crossed, once a month and line; return how many are new."""
    return outbox.write_notices(_draft_notices(now))


def _draft_notices(now: dt.datetime) -> Iterator[NoticeDraft]:
    month = CalendarMonth.containing(now)
    leaders = outbox.role_holders(Role.MARKETING_LEADER, Role.SALES_LEADER)
    for definition in Definition.objects.order_by("pk") if leaders else ():
        rejected = readings.read_rate(REJECTION, definition=definition, start=month.start, end=month.end, now=now)
        line = find_rejection_line(rejected)
        if line != RejectionLine.NONE:
            yield NoticeDraft(
                kind=NoticeKind.LINE_CROSSED,
                once=f"line:{definition.pk}:{line.name.lower()}:{month.name}",
                handoff=None,
                to=leaders,
                text=_write_text(definition, month, rejected, line),
                at=now,
                path=f"{reverse('overview')}?motion={definition.motion}",
            )


def _write_text(definition: Definition, month: CalendarMonth, rejected: Sample, line: RejectionLine) -> str:
    rate = (rejected.rate or 0) * 100
    return (
        f"{definition}: {rate:.3g} % of {rejected.total} decided {definition.motion.upper()}s rejected so far in {month.label},"
        f" {_LINES[line]}. A review opens if the whole month is."
    )
