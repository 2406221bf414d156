"""The volume that marketing delivered against the number agreed, by month, for SLA report and weekly meeting (rules 12.4, 12.24)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from config import company_days
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.commitments.commitments import NO_TARGET
from sla.figure_catalogue.promise_figures import (
    AGREED,
    COMPLETE_CONTEXT,
    DELIVERED,
    DELIVERED_SHARE,
    OPPORTUNITIES_IN_TIME,
    OPPORTUNITY_TARGET,
)
from sla.reports import opportunity_target, volume_and_yield
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import NO_VALUE, ReportCard, ReportCell, ReportColumn, ReportRow, ReportTable
from sla.reports.volume_and_yield import DeliveredVolume
from sla.vocabulary import OPPORTUNITY_DAYS

#: The report that lists the MQLs of a month.
FUNNEL: Final = "funnel"
#: Beyond this share of the agreed number sales is given more than it said that it can work on; below the other, less.
TOO_MANY_DELIVERED: Final = 1.1
TOO_FEW_DELIVERED: Final = 0.9


def read_months(motion: Motion, now: dt.datetime) -> list[DeliveredVolume]:
    """Read the running month and the three before it, the newest first."""
    return volume_and_yield.read_delivered_months(motion=motion, now=now, count=4)


def build_cards(months: list[DeliveredVolume], motion: Motion) -> list[ReportCard]:
    """Build the volume of the last month that is over, and the rate that no volume stands without."""
    last = next((month for month in months if not month.is_running), None)
    return [] if last is None else [_build_volume_card(last), _build_rate_card(months, motion)]


def _build_volume_card(last: DeliveredVolume) -> ReportCard:
    share = last.count / last.agreed if last.agreed else None
    return ReportCard(
        "delivered_share",
        DELIVERED_SHARE,
        ReportCell(share, note=f"{last.month.label}, all teams"),
        target=ReportCell(1.0) if last.agreed else None,
        tone="" if share is None else _tone_of(share),
        note=f"{last.count:,} of {last.agreed:,} agreed" if last.agreed else "no number was agreed",
    )


def _build_rate_card(months: list[DeliveredVolume], motion: Motion) -> ReportCard:
    """Build MQL→opportunity of the newest month whose leads have all had their time, beside the target."""
    mature = _find_mature(months)
    if mature is None:
        note = f"no month is over for {OPPORTUNITY_DAYS} days"
        return ReportCard(OPPORTUNITIES_IN_TIME.key, OPPORTUNITIES_IN_TIME, NO_VALUE, note=note)
    judgement = opportunity_target.judge(mature.yield_sample, mature.target, motion)
    return ReportCard(
        OPPORTUNITIES_IN_TIME.key,
        OPPORTUNITIES_IN_TIME,
        ReportCell(mature.yield_sample, note=f"{mature.month.label}, all teams"),
        target=None if mature.target is None else ReportCell(mature.target),
        tone=judgement.tone,
        note=judgement.remark,
    )


def _find_mature(months: list[DeliveredVolume]) -> DeliveredVolume | None:
    return next((month for month in months if not month.is_maturing and month.count), None)


def describe_months(months: list[DeliveredVolume], motion: Motion) -> str:
    """Say what was delivered of what was agreed, and what became of the newest leads that have had their time."""
    last, mature = next((month for month in months if not month.is_running), None), _find_mature(months)
    rate = ""
    if mature is not None:
        rate = opportunity_target.describe(mature.yield_sample, mature.target, motion, mature.month.label)
    return f"{_describe(last, motion) if last else ''} {rate}".strip()


def _describe(last: DeliveredVolume, motion: Motion) -> str:
    """Say whether marketing delivered what sales can work on: too many are no merit but a problem of capacity."""
    if not last.agreed:
        return ""
    share = last.count / last.agreed
    numbers = f"{last.count:,} {motion.upper()}s in {last.month.label} where {last.agreed:,} were agreed"
    if share > TOO_MANY_DELIVERED:
        judgement = "more than sales said that it can work on, which is a problem of capacity"
    else:
        judgement = "fewer than it promised" if share < TOO_FEW_DELIVERED else "as promised"
    return f"Marketing delivered {numbers}: {judgement}."


def _tone_of(share: float) -> str:
    return "good" if TOO_FEW_DELIVERED <= share <= TOO_MANY_DELIVERED else "warn"


def build_table(query: ReportQuery, months: list[DeliveredVolume]) -> ReportTable:
    columns = [
        ReportColumn("delivered", "Delivered", DELIVERED),
        ReportColumn("agreed", "Agreed", AGREED),
        ReportColumn("share", "Of agreed", DELIVERED_SHARE),
        ReportColumn("opportunities", OPPORTUNITIES_IN_TIME.name_for(query.motion), OPPORTUNITIES_IN_TIME),
        ReportColumn("opportunity_target", "Target", OPPORTUNITY_TARGET),
    ]
    if query.motion != Motion.AQL:
        columns.append(ReportColumn("complete", "Context complete", COMPLETE_CONTEXT))
    rows = []
    for month in months:
        share = month.count / month.agreed if month.agreed else None
        cells = [
            ReportCell(month.count, href=_month_link(query, month)),
            ReportCell(month.agreed),
            # Of a month that runs the share says nothing yet.
            NO_VALUE if month.is_running else ReportCell(share, tone="" if share is None else _tone_of(share)),
            ReportCell(
                month.yield_sample,
                is_maturing=month.is_maturing,
                tone=""
                if month.is_maturing
                else opportunity_target.judge(month.yield_sample, month.target, query.motion).tone,
            ),
            ReportCell(month.target, note="" if month.target else NO_TARGET),
        ]
        if month.complete is not None:
            cells.append(ReportCell(Sample(month.complete, month.count)))
        note = "so far" if month.is_running else ""
        rows.append(ReportRow(month.month.name, month.month.label, tuple(cells), note=note))
    return ReportTable("month", "Delivered by month against the number agreed", "Month", tuple(columns), tuple(rows))


def _month_link(query: ReportQuery, month: DeliveredVolume) -> str:
    """Return the address of the MQLs of a month, which are those of all teams and of no filter."""
    if not month.count:
        return ""
    first, last = company_days.day_of(month.month.start), company_days.day_of(month.month.end) - dt.timedelta(days=1)
    whole = ReportQuery(query.motion, query.period)
    return whole.link("report_rows", FUNNEL, figure="mql", from_=first, to=last)
