"""The tables of the report of rejections: by month, reason, family and contact, and the digests (rules 12.42, 12.45)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from django.db.models import QuerySet

from config.charts import HorizontalAxis, Series, bar_chart, line_chart
from scoring.backtests.intervals_and_tests import Sample, exceeds_percent
from sla.figure_catalogue.catalogue import REJECTION, SMALLEST_SAMPLE
from sla.figure_catalogue.health_bands import REJECTION_LINE
from sla.figure_catalogue.rejection_figures import (
    ATTEMPTS_ON_REJECTED,
    CUMULATIVE_SHARE,
    DECIDED,
    REJECTED,
    REJECTED_UNCONTACTED,
    SHARE_OF_REJECTIONS,
    TIME_TO_REJECTION,
)
from sla.models import RejectionDigest
from sla.reports import reason_counts, rejection_decisions, rejection_digests, rejection_work
from sla.reports.framework import headlines
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import ReportCell, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.reports.reason_counts import ReasonCount
from sla.reports.rejection_decisions import AFTER, BEFORE, DecisionCount
from sla.vocabulary import DispositionKind, Family

NAME: Final = "rejections"
_LOOKS: Final = ("one", "two", "three", "four", "bad")


def build_months(query: ReportQuery, rows: list[DecisionCount], now: dt.datetime) -> ReportSection:
    """Build the rejection rate by month of the decision, with the line above which it is too high."""
    months = rejection_decisions.list_months(query.period)
    by_month = rejection_decisions.part(rows, lambda row: row.month)
    samples = [rejection_decisions.rejected_of(by_month.get(month.name, ())) for month in months]
    table_rows = []
    for month, sample in reversed(list(zip(months, samples, strict=True))):
        is_cut = month.start < query.period.start or month.end > query.period.end
        note = "so far" if month.end > now else "a part of the month" if is_cut else ""
        cells = (
            ReportCell(sample.total, href=link_rows(query, "decided", sample.total, month=month.name)),
            ReportCell(sample, href=link_rows(query, "rejected", sample.hits, month=month.name)),
            ReportCell(rejection_decisions.early_of(by_month.get(month.name, ()))),
        )
        table_rows.append(ReportRow(month.name, month.label, cells, note=note))
    columns = (*rate_columns(), ReportColumn("early", "Before any contact", REJECTED_UNCONTACTED))
    total = total_row(query, rows, rejection_decisions.early_of(rows))
    table = ReportTable("month", "Rejection rate by month", "Month", columns, tuple(table_rows), total)
    chart = line_chart(
        "Rejection rate by month",
        [month.label for month in months],
        [
            Series(
                "Rejection rate", "bad", [None if sample.rate is None else 100 * sample.rate for sample in samples],
                hrefs=[link_rows(query, "rejected", sample.hits, month=month.name) for month, sample in zip(months, samples, strict=True)],
            )
        ],
        target=(REJECTION_LINE, f"{REJECTION_LINE} %"),
        across=HorizontalAxis(is_time=True),
    )  # fmt: skip
    headline = describe_line([(month.label, sample) for month, sample in zip(months, samples, strict=True)])
    return ReportSection("month", "By month", headline, chart=chart if rows else None, table=table)


def describe_line(months: Sequence[tuple[str, Sample]]) -> str:
    """Say which months were above the line, of those with enough decisions."""
    firm = [(label, sample) for label, sample in months if sample.total >= SMALLEST_SAMPLE]
    above = [
        f"{label} ({100 * (sample.rate or 0):.3g} % of {sample.total:,})"
        for label, sample in firm
        if exceeds_percent(sample.hits, sample.total, REJECTION_LINE)
    ]
    if not firm:
        return f"No month has {SMALLEST_SAMPLE} decisions yet."
    if not above:
        return f"No month with {SMALLEST_SAMPLE} decisions or more was above {REJECTION_LINE} %."
    return f"Above {REJECTION_LINE} % in {' and '.join([', '.join(above[:-1]), above[-1]] if above[1:] else above)}."


def build_reasons(query: ReportQuery, decisions: QuerySet[Any]) -> ReportSection:
    """Build the reasons by frequency, with their sum from the top; details stand beside their reason."""
    counted = reason_counts.build_rows(rejection_decisions.select_rejections(query.motion, decisions), {})
    reasons = [row for row in counted if not row.detail]
    total = sum(row.count for row in reasons)
    columns = (
        ReportColumn("rejected", "Rejected", REJECTED),
        ReportColumn("share", "Of the rejections", SHARE_OF_REJECTIONS),
        ReportColumn("cumulative", "With those above", CUMULATIVE_SHARE),
        ReportColumn("family", "Family"),
    )
    sums = list(accumulate(reason.count for reason in reasons))
    rows = []
    for reason, sum_so_far in zip(reasons, sums, strict=True):
        cells = (
            ReportCell(reason.count, href=link_rows(query, "rejected", reason.count, reason=reason.code)),
            ReportCell(Sample(reason.count, total)),
            ReportCell(sum_so_far / total),
            ReportCell(reason.family),
        )
        rows.append(ReportRow(reason.code, reason.label, cells, note=_list_details(counted, reason)))
    all_cells = (ReportCell(total), ReportCell(Sample(total, total)), ReportCell(1.0), ReportCell(""))
    table = ReportTable(
        "reason", "Reasons of rejections", "Reason", columns, tuple(rows), ReportRow("total", "All", all_cells)
    )
    labels = [reason.label for reason in reasons]
    chart = bar_chart(
        "Reasons of rejections",
        labels,
        [
            Series(
                "Of the rejections", "one", [100 * reason.count / total for reason in reasons],
                hrefs=[link_rows(query, "rejected", reason.count, reason=reason.code) for reason in reasons],
            )
        ],
        unit="%",
        over=Series("With those before", "two", [100 * count / total for count in sums]),
    )  # fmt: skip
    headline = _describe_reasons(reasons, total)
    return ReportSection("reason", "Why", headline, chart=chart if rows else None, table=table)


def _list_details(counted: Sequence[ReasonCount], reason: ReasonCount) -> str:
    return ", ".join(f"{row.detail} {row.count:,}" for row in counted if row.detail and row.code == reason.code)


def _describe_reasons(reasons: Sequence[ReasonCount], total: int) -> str:
    """Say how few reasons make four fifths of the rejections."""
    if total < SMALLEST_SAMPLE:
        return ""
    sums = 0
    for place, reason in enumerate(reasons, start=1):
        sums += reason.count
        if sums * 5 >= total * 4:
            names = ", ".join(f"“{row.label}”" for row in reasons[:place])
            return f"{100 * sums / total:.0f} % of the rejections have {'one reason' if place == 1 else f'{place} reasons'}: {names}."
    return ""


def build_families(query: ReportQuery, rows: list[DecisionCount]) -> ReportSection:
    """Build the families of reasons over the months of the period."""
    months = rejection_decisions.list_months(query.period)
    by_month = rejection_decisions.part(rows, lambda row: row.month)
    counts = [rejection_decisions.count_families(by_month.get(month.name, ())) for month in months]
    families = [family for family in Family if any(count[family] for count in counts)]
    columns = tuple(ReportColumn(family, str(family.label), SHARE_OF_REJECTIONS) for family in families)
    table_rows = [
        ReportRow(month.name, month.label, _family_cells(query, families, count, month=month.name))
        for month, count in reversed(list(zip(months, counts, strict=True)))
    ]
    total_counts = rejection_decisions.count_families(rows)
    total = ReportRow("total", "All", _family_cells(query, families, total_counts))
    table = ReportTable("family", "Families of reasons by month", "Month", columns, tuple(table_rows), total)
    chart = line_chart(
        "Families of reasons by month",
        [month.label for month in months],
        [
            Series(
                str(family.label), look,
                [100 * count[family] / count.total() if count.total() >= SMALLEST_SAMPLE else None for count in counts],
                hrefs=[
                    link_rows(query, "rejected", count[family], month=month.name, family=family)
                    for month, count in zip(months, counts, strict=True)
                ],
            )
            for family, look in zip(families, _LOOKS, strict=False)
        ],
        across=HorizontalAxis(is_time=True),
    )  # fmt: skip
    trends = [
        headlines.RateTrend(
            f"The share of {family.label}",
            *headlines.halves([Sample(count[family], count.total()) for count in counts]),
        )
        for family in families
    ]
    has_points = any(count.total() >= SMALLEST_SAMPLE for count in counts)
    note = f"The chart leaves out months of fewer than {SMALLEST_SAMPLE} rejections; the table marks them as small."
    return ReportSection(
        "family", "Families over time", headlines.describe_trends(trends) if families else "",
        chart=chart if has_points else None, table=table, notes=(note,) if has_points else (),
    )  # fmt: skip


def _family_cells(
    query: ReportQuery, families: Sequence[Family], counts: Counter[str], **group: str
) -> tuple[ReportCell, ...]:
    total = counts.total()
    return tuple(
        ReportCell(
            Sample(counts[family], total), href=link_rows(query, "rejected", counts[family], family=family, **group)
        )
        for family in families
    )


def build_contact(query: ReportQuery, decisions: QuerySet[Any], rows: list[DecisionCount]) -> ReportSection:
    """Build the rejections before and after the first contact apart, with the work that went into them."""
    columns = (
        ReportColumn("rejected", "Rejected", REJECTED),
        ReportColumn("share", "Of the rejections", SHARE_OF_REJECTIONS),
        ReportColumn("attempts", "Contact attempts", ATTEMPTS_ON_REJECTED),
        ReportColumn("time", "Median time to rejection", TIME_TO_REJECTION),
        ReportColumn("reason", "Most frequent family"),
    )
    early = rejection_decisions.early_of(rows)
    rejections = decisions.filter(decision=DispositionKind.REJECT)
    table_rows = []
    for key, label, count in (
        (BEFORE, "Before any contact", early.hits),
        (AFTER, "After a contact", early.misses),
    ):
        part = rejections.filter(contacted_before=key == AFTER)
        families = rejection_decisions.count_families(row for row in rows if row.is_before_contact == (key == BEFORE))
        cells = (
            ReportCell(count, href=link_rows(query, "rejected", count, contact=key)),
            ReportCell(Sample(count, early.total)),
            ReportCell(rejection_work.count_attempts(part).hits),
            rejection_work.read_time(part),
            ReportCell(name_largest(families)),
        )
        table_rows.append(ReportRow(key, label, cells))
    table = ReportTable(
        "contact", "Rejections before and after the first contact", "Rejected", columns, tuple(table_rows)
    )
    headline = (
        f"{early.hits:,} of {early.total:,} rejections were made before anybody had contacted the lead."
        if early.total
        else ""
    )
    return ReportSection("contact", "Before and after the first contact", headline, table=table)


def name_largest(families: Counter[str]) -> str:
    if not families:
        return ""
    family, count = min(families.items(), key=lambda item: (-item[1], item[0]))
    return f"{Family(family).label}, {count:,} of {families.total():,}"


def build_digests(digests: Sequence[RejectionDigest], drafts: Mapping[int, str]) -> ReportSection:
    """Build the monthly digests, with the figures that they were sent with; `drafts` has the address of a draft by digest."""
    columns = [
        *rate_columns(),
        ReportColumn("reasons", "Largest reasons"),
        ReportColumn("consequence", "What they lead to"),
    ]
    if drafts:
        columns.append(ReportColumn("draft", "Draft"))
    rows = tuple(
        ReportRow(
            f"{digest.month}:{digest.definition_id}",
            f"{rejection_digests.month_of(digest).label}, {digest.definition}",
            (
                ReportCell(digest.decided),
                ReportCell(Sample(digest.rejected, digest.decided)),
                ReportCell(rejection_digests.list_reasons(digest)),
                ReportCell(digest.consequence),
                *([_draft_cell(drafts.get(digest.pk, ""))] if drafts else []),
            ),
        )
        for digest in digests
    )
    table = ReportTable("digest", "Monthly digests of rejections", "Digest", tuple(columns), rows)
    note = (
        "As they stood when the month had closed; a decision that was corrected later changes the tables above alone."
    )
    return ReportSection("digest", "Monthly digests", table=table, notes=(note,))


def _draft_cell(address: str) -> ReportCell:
    return ReportCell("Start a draft from this", href=address) if address else ReportCell("")


def rate_columns() -> tuple[ReportColumn, ...]:
    return ReportColumn("decided", "Decided", DECIDED), ReportColumn("rejection", "Rejection rate", REJECTION)


def total_row(query: ReportQuery, rows: list[DecisionCount], early: Sample, *more: ReportCell) -> ReportRow:
    sample = rejection_decisions.rejected_of(rows)
    cells = (
        ReportCell(sample.total, href=link_rows(query, "decided", sample.total)),
        ReportCell(sample, href=link_rows(query, "rejected", sample.hits)),
        ReportCell(early),
        *more,
    )
    return ReportRow("total", "All", cells)


def link_rows(query: ReportQuery, figure: str, count: int, **parameters: str) -> str:
    return query.link("report_rows", NAME, figure=figure, **parameters) if count else ""
