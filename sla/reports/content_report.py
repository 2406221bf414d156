"""The report of content: what makes MALs, against what comes before they become MQLs (rules 12.46, 12.47)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.urls import reverse

from config.accounts.models import User
from config.ui import formats
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS, Motion, Stage, stage_label
from scoring.backtests.intervals_and_tests import Sample, ratio_interval
from scoring.models import Qualification
from sla.figure_catalogue.catalogue import MQL_TO_OPPORTUNITY, SMALLEST_SAMPLE
from sla.figure_catalogue.content_figures import FIRST_TOUCHES, LIFT, MAL_TO_MQL, TOUCHED_BY_MQLS, TOUCHED_BY_OTHERS
from sla.figure_catalogue.funnel_figures import MQL_TO_SAL, NEW_MALS
from sla.figure_catalogue.promise_figures import DELIVERED
from sla.reports import content_touches, funnel_report
from sla.reports.content_touches import COHORT_AT_MOST, MalTouches, MqlTouches, Touch
from sla.reports.conversion_rows import is_still_maturing
from sla.reports.framework import headlines
from sla.reports.framework.figure_rows import FigureRow, FigureRows
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_query import ReportQuery
from sla.reports.framework.report_shape import (
    NO_VALUE,
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)

NAME: Final = "content"
#: Rows beyond this number are added up in one.
ROWS_SHOWN: Final = 30
#: Stands for touches without an asset, and for leads without any touch.
NOTHING: Final = "(none)"
ROW_PARAMETERS: Final = ("asset", "signal")
_KEYS: Final[dict[str, Callable[[Touch], str]]] = {
    "asset": lambda touch: touch.asset,
    "signal": lambda touch: touch.signal,
}


@dataclass(frozen=True, slots=True)
class ContentGroup:
    """The figures of an asset or signal. Of several together `mqls` and `others` are None: one person can be in all of them."""

    key: str
    label: str
    begun: Sample
    mqls: Sample | None = None
    others: Sample | None = None
    sal: int = 0
    opportunity: int = 0

    @property
    def lift(self) -> float | None:
        """Return how many times as often MQLs had touched it as other MALs; None where one of them never did."""
        if self.mqls is None or self.others is None or not self.mqls.hits or not self.others.hits:
            return None
        return (self.mqls.rate or 0.0) / (self.others.rate or 1.0)

    @property
    def touched(self) -> int:
        return (self.mqls.hits if self.mqls else 0) + (self.others.hits if self.others else 0)


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the content that the MALs and MQLs of the period touched."""
    sections: tuple[ReportSection, ...] = ()
    notes = ["Companies become AQLs by what several people do; content is told of leads."]
    if query.motion != Motion.AQL:
        mals, mqls = content_touches.read_mals(query, now), content_touches.read_mqls(query, reader, now)
        sections = (
            _build_cards(mals, mqls),
            *(_build_groups(query, by, mals, mqls, now) for by in _KEYS),
        )
        notes = _notes(query, mals, mqls)
    headline = next((section.headline for section in sections if section.headline), "")
    return Report(
        name=NAME, title="Content", motion=query.motion, period=query.period, headline=headline, sections=sections,
        notes=tuple(notes),
    )  # fmt: skip


def _notes(query: ReportQuery, mals: Sequence[MalTouches], mqls: Sequence[MqlTouches]) -> list[str]:
    name = query.motion.upper()
    notes = [
        "A touch is an event of engagement. One lead can have touched several; only the first touch is one for each MAL.",
        f"MALs that became {name}s after the period count as {name}s as well.",
        "Who qualifies is not drawn by lot: a lift is no proof that the content causes it.",
    ]
    if COHORT_AT_MOST in (len(mals), len(mqls)):
        notes.append(f"Of the {COHORT_AT_MOST:,} newest MALs and the {COHORT_AT_MOST:,} newest {name}s of the period.")
    return notes


def _build_cards(mals: Sequence[MalTouches], mqls: Sequence[MqlTouches]) -> ReportSection:
    converted = Sample(sum(mal.is_mql for mal in mals), len(mals))
    cards = (
        ReportCard("new_mals", NEW_MALS, ReportCell(len(mals))),
        ReportCard("mal_to_mql", MAL_TO_MQL, ReportCell(converted)),
        ReportCard("mqls", DELIVERED, ReportCell(len(mqls))),
    )
    return ReportSection("content", "MALs and MQLs of the period", cards=cards)


def count_groups(by: str, mals: Sequence[MalTouches], mqls: Sequence[MqlTouches]) -> list[ContentGroup]:
    """Count by asset or signal, those first that most people touched; first touches without one are a group at the end."""
    key = _KEYS[by]
    begun = Counter(_first_key(mal, by) for mal in mals)
    converted = Counter(_first_key(mal, by) for mal in mals if mal.is_mql)
    of_mqls = _count_keys(key, (mql.touches for mql in mqls))
    sal = _count_keys(key, (mql.touches for mql in mqls if mql.is_sal))
    opportunity = _count_keys(key, (mql.touches for mql in mqls if mql.is_opportunity))
    others = [mal for mal in mals if not mal.is_mql]
    of_others = _count_keys(key, (mal.touches for mal in others))
    names = {*begun, *of_mqls, *of_others} - {""}
    in_order = sorted(names, key=lambda name: (-of_mqls[name] - of_others[name] - begun[name], name))
    groups = [
        ContentGroup(
            name, name, Sample(converted[name], begun[name]),
            Sample(of_mqls[name], len(mqls)), Sample(of_others[name], len(others)), sal[name], opportunity[name],
        )
        for name in in_order
    ]  # fmt: skip
    if begun[""]:
        groups.append(ContentGroup(NOTHING, f"No {by} on record", Sample(converted[""], begun[""])))
    return groups


def _first_key(mal: MalTouches, by: str) -> str:
    return _KEYS[by](mal.first) if mal.first else ""


def _count_keys(key: Callable[[Touch], str], people: Iterable[frozenset[Touch]]) -> Counter[str]:
    """Count the people who touched each asset or signal, a person once."""
    return Counter(name for touches in people for name in {key(touch) for touch in touches} if name)


def _build_groups(
    query: ReportQuery, by: str, mals: Sequence[MalTouches], mqls: Sequence[MqlTouches], now: dt.datetime
) -> ReportSection:
    groups = count_groups(by, mals, mqls)
    name = query.motion.upper()
    columns = (
        ReportColumn("begun", "MALs that began with it", FIRST_TOUCHES),
        ReportColumn("mal_to_mql", f"MAL→{name}", MAL_TO_MQL),
        ReportColumn("of_mqls", f"{name}s that had touched it", TOUCHED_BY_MQLS),
        ReportColumn("of_others", "Other MALs that touched it", TOUCHED_BY_OTHERS),
        ReportColumn("lift", "Lift", LIFT),
        ReportColumn("sal", MQL_TO_SAL.name_for(query.motion), MQL_TO_SAL),
        ReportColumn("opportunity", MQL_TO_OPPORTUNITY.name_for(query.motion), MQL_TO_OPPORTUNITY),
    )
    shown = groups[:ROWS_SHOWN]
    if rest := groups[ROWS_SHOWN:]:
        begun = Sample(sum(group.begun.hits for group in rest), sum(group.begun.total for group in rest))
        shown.append(ContentGroup("", f"{len(rest)} others", begun))
    all_of_them = ContentGroup(
        "", "All", Sample(sum(mal.is_mql for mal in mals), len(mals)), Sample(len(mqls), len(mqls)), None,
        sum(mql.is_sal for mql in mqls), sum(mql.is_opportunity for mql in mqls),
    )  # fmt: skip
    rows = tuple(_row(query, by, group, now) for group in shown)
    total = _row(query, by, all_of_them, now)
    # All of them touched all of it: that is no figure.
    total = replace(total, cells=(*total.cells[:2], NO_VALUE, *total.cells[3:]))
    table = ReportTable(by, f"Content by {by}", by.capitalize(), columns, rows, total if rows else None)
    headline = describe_content(groups, query.motion)
    return ReportSection(by, f"By {by}", headline, table=table)


def _row(query: ReportQuery, by: str, group: ContentGroup, now: dt.datetime) -> ReportRow:
    period_end = query.period.end
    touched = group.mqls.hits if group.mqls else 0
    cells = [
        ReportCell(group.begun.total, href=_link(query, "first_touches", group.begun.total, by, group.key)),
        ReportCell(group.begun),
        ReportCell(group.mqls, href=_link(query, "mqls", touched, by, group.key)),
        ReportCell(group.others),
        _lift_cell(group),
        ReportCell(Sample(group.sal, touched), is_maturing=is_still_maturing(period_end, "sal", now)),
        ReportCell(Sample(group.opportunity, touched), is_maturing=is_still_maturing(period_end, "opportunity", now)),
    ]
    if group.mqls is None:
        cells[5:] = [NO_VALUE, NO_VALUE]
    return ReportRow(group.key or group.label.lower(), group.label, tuple(cells))


def _lift_cell(group: ContentGroup) -> ReportCell:
    bounds = _lift_interval(group)
    if group.lift is None or bounds is None:
        return NO_VALUE
    note = f"95 %: {bounds[0]:.1f} to {bounds[1]:.1f}" if group.touched >= LIFT.smallest_sample else ""
    return ReportCell(group.lift, sample=group.touched, note=note)


def _lift_interval(group: ContentGroup, confidence: float = headlines.CONFIDENCE) -> tuple[float, float] | None:
    return ratio_interval(group.mqls, group.others, confidence) if group.mqls and group.others else None


def _link(query: ReportQuery, figure: str, count: int, by: str, key: str) -> str:
    return query.link("report_rows", NAME, figure=figure, **{by: key}) if count and key else ""


def describe_content(groups: Sequence[ContentGroup], motion: Motion) -> str:
    """Say what most MALs began with, and what stands out before they become MQLs."""
    makers = sorted((group for group in groups if group.key != NOTHING), key=lambda group: -group.begun.total)
    begun = sum(group.begun.total for group in groups)
    sentences = []
    if makers and begun >= SMALLEST_SAMPLE and makers[0].begun.total:
        share = formats.percent(makers[0].begun.total / begun)
        sentences.append(f"Most MALs began with “{makers[0].label}” ({share}).")
    firm = [group for group in groups if group.touched >= LIFT.smallest_sample and group.lift is not None]
    # The largest lift of many lies above 1 by chance alone: 95 % are for all of them together.
    confidence = 1 - (1 - headlines.CONFIDENCE) / max(len(firm), 1)
    clear = [(bounds[0], group) for group in firm if (bounds := _lift_interval(group, confidence)) and bounds[0] > 1]
    if clear:
        _, best = max(clear, key=lambda pair: pair[0])
        bounds = _lift_interval(best) or (0.0, 0.0)
        sentences.append(
            f"What stands out before an {motion.upper()} is “{best.label}”: {best.lift:.1f} times as many {motion.upper()}s as other"
            f" MALs had touched it (95 % interval {bounds[0]:.1f} to {bounds[1]:.1f})."
        )
    elif sentences:
        sentences.append(f"Nothing stands out before an {motion.upper()} by more than chance.")
    return " ".join(sentences)


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:
    """Return the MALs that began with an asset or signal, or the MQLs that had touched it."""
    names = [by for by in ROW_PARAMETERS if query.parameters.get(by)]
    if figure not in ("first_touches", "mqls") or len(names) != 1 or query.motion == Motion.AQL:
        return None
    by, key = names[0], query.parameters[names[0]]
    if figure == "mqls":
        mql_ids = [
            mql.pk
            for mql in content_touches.read_mqls(query, reader, now)
            if any(_KEYS[by](touch) == key for touch in mql.touches)
        ]
        rows = funnel_report.with_page_facts(Qualification.objects.filter(pk__in=mql_ids), query, reader)
        return FigureRows(f"{query.motion.upper()}s that had touched {key}", rows, funnel_report.write_mql)
    first_key = "" if key == NOTHING else key
    lead_ids = [mal.lead for mal in content_touches.read_mals(query, now) if _first_key(mal, by) == first_key]
    title = f"MALs without {by} on record" if key == NOTHING else f"MALs that began with {key}"
    return FigureRows(title, Lead.objects.filter(pk__in=lead_ids).select_related("company"), _write_lead)


def _write_lead(lead: Any) -> FigureRow:
    return FigureRow(
        label=lead.name,
        company=str(lead.company or ""),
        href=reverse("lead", args=[lead.pk]),
        owner="",
        tier=None,
        state=stage_label(lead.stage, lead.stage_motion),
        tone=Stage(lead.stage).tone,
        at=lead.stage_at,
        why=f"From {lead.source}" if lead.source else "No source",
    )


ENTRY: Final = ReportEntry(
    NAME, "Content", build, readers=READERS_OF_LEADS, filters=("source",), list_rows=list_rows, row_parameters=ROW_PARAMETERS
)  # fmt: skip
