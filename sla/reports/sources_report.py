"""The sources report: what the leads of each source and campaign become, cost and bring back (rules 12.51, 12.52)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from config.accounts.models import User
from config.charts import Chart, Series, bar_chart
from config.ui import formats
from leads.vocabulary import READERS_OF_LEADS, Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.figure_catalogue.promise_figures import DELIVERED
from sla.figure_catalogue.source_figures import COST, COST_PER, PAYBACK, RETURNED, WON_OF_COHORT
from sla.marketing_costs import cost_sums
from sla.reports import funnel_report, mql_outcomes, source_costs
from sla.reports.conversion_rows import RATES, is_still_maturing
from sla.reports.framework import headlines, row_rights
from sla.reports.framework.figure_rows import FigureRows
from sla.reports.framework.report_entry import ReportEntry
from sla.reports.framework.report_query import NO_SOURCE, ReportQuery
from sla.reports.framework.report_shape import (
    MoneySums,
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)
from sla.reports.funnel_tables import GROUPS_SHOWN
from sla.reports.mql_outcomes import STEP_NAMES
from sla.reports.source_costs import CostedGroup

NAME: Final = "sources"
NO_COSTS: Final = "no costs entered"
_DAY: Final = dt.timedelta(days=1)
#: Sources in the chart.
_CHARTED: Final = 12
_OTHERS: Final = "others"
Groups = Mapping[str, CostedGroup]


def build(query: ReportQuery, *, reader: User, now: dt.datetime) -> Report:
    """Build the conversions and costs of the MQLs by source and campaign. Companies have neither."""
    sections: tuple[ReportSection, ...] = ()
    headline = "Companies have no source: this report is about MQLs and PQLs."
    if query.motion != Motion.AQL:
        sections = _build_sections(query, reader, now)
        headline = sections[1].headline
    return Report(
        name=NAME,
        title="Sources and campaigns",
        motion=query.motion,
        period=query.period,
        headline=headline,
        sections=sections,
        notes=(
            "The source is that of the lead, the campaign that of its last activity with one before it qualified.",
            "Currencies are never summed. A source without costs has no cost per lead: nobody entered what it costs.",
        ),
        links=(("Costs", reverse("costs")),),
    )


def _build_sections(query: ReportQuery, reader: User, now: dt.datetime) -> tuple[ReportSection, ...]:
    mqls = row_rights.select_mqls(query, reader)
    counts, counts_before = (
        source_costs.read_counts(query, mqls, period, now) for period in (query.period, query.period.before)
    )
    parts, parts_before = (source_costs.read_costs(query, period) for period in (query.period, query.period.before))
    deals = source_costs.read_deals(mqls, query.period, settings.CURRENCY, now)
    by_name = {
        name: (
            source_costs.group_by(name, counts, parts, deals, query),
            source_costs.group_by(name, counts_before, parts_before, (), query),
        )
        for name in ("source", "campaign")
    }
    tables = [
        section
        for name, (groups, before) in by_name.items()
        for section in (_build_costs(query, name, groups, before, now), _build_steps(query, name, groups, before, now))
    ]
    return (_build_cards(query, *by_name["source"], now), *tables)


def _build_cards(query: ReportQuery, groups: Groups, before: Groups, now: dt.datetime) -> ReportSection:
    """Build the costs of all sources beside those of the period before."""
    total, total_before = (source_costs.merge_groups(side.values(), query) for side in (groups, before))
    cards = [
        ReportCard("marketing_cost", COST, _money_cell(total.costs, reverse("costs")), _money_cell(total_before.costs))
    ]
    for step in ("mql", *mql_outcomes.list_steps(query.motion)):
        cell, cell_before = _cost_cell(query, total, step, now), _cost_cell(query, total_before, step, now)
        cards.append(ReportCard(COST_PER[step].key, COST_PER[step], cell, cell_before))
    return ReportSection("costs", "What leads cost", cards=tuple(cards))


def _build_costs(query: ReportQuery, name: str, groups: Groups, before: Groups, now: dt.datetime) -> ReportSection:
    steps = ("mql", *mql_outcomes.list_steps(query.motion))
    columns = (
        ReportColumn("cost", "Cost", COST),
        ReportColumn("entered", "Costs entered"),
        *(ReportColumn(f"per_{step}", COST_PER[step].name_for(query.motion), COST_PER[step]) for step in steps),
        ReportColumn("per_mql_before", f"{COST_PER['mql'].name_for(query.motion)}, period before", COST_PER["mql"]),
        ReportColumn("won", "Won", WON_OF_COHORT),
        ReportColumn("returned", "Won of cost", RETURNED),
        ReportColumn("payback", "Months to payback", PAYBACK),
    )
    rows = tuple(
        ReportRow(key, label, _cost_cells(query, group, group_before, now))
        for key, label, group, group_before in _list_groups(query, name, groups, before)
    )
    total_of_groups, total_before = (source_costs.merge_groups(side.values(), query) for side in (groups, before))
    total = ReportRow("total", "All", _cost_cells(query, total_of_groups, total_before, now))
    table = ReportTable(
        f"{name}_costs", f"Cost and payback by {name}", name.capitalize(), columns, rows, total if rows else None,
        worst_by="per_sql",
    )  # fmt: skip
    headline, chart = "", None
    if name == "source":
        headline, chart = _describe_costs(query, groups), _draw_costs(query, groups)
    notes = (
        "Maturing: the youngest leads can still become one, so that the cost per lead will fall and the amount won will rise.",
        "The line of all divides by the leads of those that have costs.",
        f"Of a {name} with costs for some months alone the cost per lead is too low.",
        *(["Costs of a source as a whole are of no campaign."] if name == "campaign" else []),
    )
    return ReportSection(f"{name}_costs", f"Cost by {name}", headline, chart=chart, table=table, notes=notes)


def _build_steps(query: ReportQuery, name: str, groups: Groups, before: Groups, now: dt.datetime) -> ReportSection:
    mql = f"{query.motion.upper()}s"
    rates = tuple(
        ReportColumn(step, RATES[step].name_for(query.motion), RATES[step])
        for step in mql_outcomes.list_steps(query.motion)
    )
    columns = (
        ReportColumn("mql", mql, DELIVERED),
        ReportColumn("mql_before", f"{mql}, period before", DELIVERED),
        *rates,
        ReportColumn("sql_before", f"{RATES['sql'].name_for(query.motion)}, period before", RATES["sql"]),
    )
    listed = _list_groups(query, name, groups, before)
    rows = tuple(
        ReportRow(key, label, _step_cells(query, group, group_before, now, name, "" if key == _OTHERS else key))
        for key, label, group, group_before in listed
    )
    total_of_groups, total_before = (source_costs.merge_groups(side.values(), query) for side in (groups, before))
    total = ReportRow("total", "All", _step_cells(query, total_of_groups, total_before, now, "", ""))
    table = ReportTable(
        name, f"Conversion by {name}", name.capitalize(), columns, rows, total if rows else None, worst_by="sql"
    )
    samples = [
        (label, Sample(group.counts["sql"], group.counts["mql"])) for key, label, group, _ in listed if key != _OTHERS
    ]
    headline = headlines.describe_worst(samples, RATES["sql"].name_for(query.motion))
    return ReportSection(name, f"Conversion by {name}", headline, table=table)


def _list_groups(
    query: ReportQuery, name: str, groups: Groups, before: Groups
) -> list[tuple[str, str, CostedGroup, CostedGroup]]:
    """Return key, label, group and the group of the period before: those with the most leads, then the others as one."""
    nothing = source_costs.merge_groups([], query)
    in_order = sorted(groups, key=lambda key: (-groups[key].counts["mql"], key))
    listed = [(*_name_group(name, key), groups[key], before.get(key, nothing)) for key in in_order[:GROUPS_SHOWN]]
    if others := in_order[GROUPS_SHOWN:]:
        of_others = source_costs.merge_groups([groups[key] for key in others], query)
        before_of_others = source_costs.merge_groups([before[key] for key in others if key in before], query)
        listed.append((_OTHERS, f"{len(others)} others", of_others, before_of_others))
    return listed


def _name_group(name: str, key: str) -> tuple[str, str]:
    if name == "source":
        return key or NO_SOURCE, key or "No source"
    return key, key or "No campaign"


def _cost_cells(
    query: ReportQuery, group: CostedGroup, before: CostedGroup, now: dt.datetime
) -> tuple[ReportCell, ...]:
    steps = ("mql", *mql_outcomes.list_steps(query.motion))
    sources = {part.source for part in group.parts}
    href = f"{reverse('costs')}?{urlencode({'source': next(iter(sources))})}" if len(sources) == 1 else reverse("costs")
    months = group.count_months_to_payback(query.period.start)
    is_open = is_still_maturing(query.period.end, "won", now)
    is_costed = bool(group.parts)
    return (
        _money_cell(group.costs, href if is_costed else ""),
        ReportCell(_describe_entered(query, group)),
        *(_cost_cell(query, group, step, now) for step in steps),
        _cost_cell(query, before, "mql", now),
        _money_cell(group.won),
        ReportCell(group.returned, is_maturing=is_open and is_costed),
        ReportCell(months, note="" if months or len(group.costs) != 1 else "not yet"),
    )


def _step_cells(
    query: ReportQuery, group: CostedGroup, before: CostedGroup, now: dt.datetime, name: str, key: str
) -> tuple[ReportCell, ...]:
    counts, counts_before = group.counts, before.counts
    cells = [
        ReportCell(counts["mql"], href=_rows_link(query, "mql", name, key) if counts["mql"] else ""),
        ReportCell(counts_before["mql"]),
    ]
    for step in mql_outcomes.list_steps(query.motion):
        href = _rows_link(query, step, name, key) if counts[step] else ""
        is_maturing = is_still_maturing(query.period.end, step, now)
        cells.append(ReportCell(Sample(counts[step], counts["mql"]), href=href, is_maturing=is_maturing))
    is_maturing = is_still_maturing(query.period.before.end, "sql", now)
    cells.append(ReportCell(Sample(counts_before["sql"], counts_before["mql"]), is_maturing=is_maturing))
    return tuple(cells)


def _rows_link(query: ReportQuery, step: str, name: str, key: str) -> str:
    """Return the address of the rows of a group; of all without a name, and none of a group that has no filter."""
    if not name:
        return query.link("report_rows", NAME, figure=step)
    return query.link("report_rows", NAME, figure=step, **{name: key}) if key else ""


def _money_cell(sums: Mapping[str, Decimal], href: str = "") -> ReportCell:
    return ReportCell(MoneySums(tuple(sums.items())) if sums else None, href=href)


def _cost_cell(query: ReportQuery, group: CostedGroup, step: str, now: dt.datetime) -> ReportCell:
    value, count = group.cost_per(step)
    is_maturing = value is not None and step != "mql" and is_still_maturing(query.period.end, step, now)
    note = f"no {STEP_NAMES[step]} yet" if value is None and group.parts else "" if group.parts else NO_COSTS
    return ReportCell(value, sample=count or None, is_maturing=is_maturing, note=note)


def _describe_entered(query: ReportQuery, group: CostedGroup) -> str:
    months = cost_sums.list_months(query.period.start_day, query.period.last_day + _DAY)
    entered = {part.month for part in group.parts}
    if not entered:
        return NO_COSTS
    return "all months" if len(entered) == len(months) else f"{len(entered)} of {len(months)} months"


def _home_costs(groups: Groups) -> list[tuple[str, Decimal, int]]:
    """Return label, cost per SQL in the installation's currency, and the MQLs of each source that has both."""
    costs = []
    for key, group in groups.items():
        value, _ = group.cost_per("sql")
        amount = dict(value.amounts).get(settings.CURRENCY) if value else None
        if amount is not None:
            costs.append((_name_group("source", key)[1], amount, group.counts["mql"]))
    return sorted(costs, key=lambda row: -row[1])


def _describe_costs(query: ReportQuery, groups: Groups) -> str:
    costs = _home_costs(groups)
    if not any(group.parts for group in groups.values()):
        return "No costs are entered for this period, so nothing can be said about what leads cost." if groups else ""
    firm = [(label, amount) for label, amount, mqls in costs if mqls >= SMALLEST_SAMPLE]
    if len(firm) < 2:  # noqa: PLR2004  # two, to compare them
        return f"Too few sources have both costs and {SMALLEST_SAMPLE} {query.motion.upper()}s to compare them."
    (dearest, high), (cheapest, low) = firm[0], firm[-1]
    return f"An SQL costs most from {dearest}, {formats.money(high)}, and least from {cheapest}, {formats.money(low)}."


def _draw_costs(query: ReportQuery, groups: Groups) -> Chart | None:
    costs = _home_costs(groups)[:_CHARTED]
    if not costs:
        return None
    name = COST_PER["sql"].name_for(query.motion)
    values = [float(amount) for _, amount, _ in costs]
    return bar_chart(
        f"{name} by source", [label for label, _, _ in costs], [Series(name, "one", values)], unit=settings.CURRENCY
    )


def list_rows(figure: str, query: ReportQuery, *, reader: User, now: dt.datetime) -> FigureRows | None:
    """Return the MQLs that came to a step, `mql` all of them."""
    return None if query.motion == Motion.AQL else funnel_report.list_rows(figure, query, reader=reader, now=now)


ENTRY: Final = ReportEntry(
    NAME, "Sources", build, readers=READERS_OF_LEADS, filters=("source", "campaign"), list_rows=list_rows
)
