"""Checks of single rows: rows that say too little, repeat another row, or decide nothing. Rules 3.9, 3.11, 9.5."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import Any, Final

from definitions.document.values import field_kind
from definitions.lint.best_lead import normalize_text, range_ends, seniority_rank
from definitions.lint.context import CRITERIA, CriterionPlace, LintContext
from definitions.lint.finding import Finding, Severity
from definitions.lint.reachability import PATH_PARTS
from definitions.lint.whole_checks import BY_ENGAGEMENT
from definitions.plain_english import generated_statement, phrases
from definitions.plain_english.generated_statement import Json
from definitions.vocabulary import Axis, FieldKind, Operator
from leads.vocabulary import Seniority

#: Texts that people type only to fill a required field.
_EMPTY_RATIONALES: Final = frozenset(
    {"", "tbd", "tba", "tbc", "todo", "fixme", "na", "none", "x", "xx", "xxx", "asdf", "test"}
)
_SETS: Final = frozenset({Operator.IN, Operator.NOT_IN, Operator.CONTAINS_ANY, Operator.HAS_WORD_ANY, Operator.HAS_ANY})
_RANGES: Final = frozenset({Operator.BETWEEN, Operator.AT_LEAST, Operator.AT_MOST})


def check(context: LintContext) -> Iterator[Finding]:
    yield from _check_rationales(context)
    yield from _check_vague_gate(context)
    yield from _check_duplicates(context)
    yield from _check_caps(context)
    yield from _check_idle_signals(context)
    yield from _check_idle_criteria(context)


def _check_rationales(context: LintContext) -> Iterator[Finding]:
    rows = [
        row
        for row in context.rows(*CRITERIA, "signals", *PATH_PARTS)
        if is_empty_rationale(row.value.get("rationale") or "")
    ]
    if rows:
        labels = phrases.join_options([_row_label(context, row) for row in rows], shown=phrases.SHOWN_EXCLUDED)
        yield Finding(
            "rationale.missing",
            Severity.ERROR,
            f"{phrases.count_noun(len(rows), 'row')} without a reason: {labels.replace(' or ', ' and ')}.",
            "Write for each why it is there; what has no reason is overruled by whoever is senior.",
            tuple(row.place for row in rows),
        )


def is_empty_rationale(text: str) -> bool:
    return re.sub(r"[\W_]+", "", text.casefold()) in _EMPTY_RATIONALES


def _row_label(context: LintContext, row: CriterionPlace) -> str:
    if "signal" in row.value:
        return f"“{context.names.signal(row.value['signal'])}”"
    return f"“{row.value['name'] if 'name' in row.value else generated_statement.field_label(row.value['field'])}”"


# Gate


def _check_vague_gate(context: LintContext) -> Iterator[Finding]:
    for row in context.rows("gate"):
        label, op = generated_statement.field_label(row.value["field"]), row.value["op"]
        if op == Operator.KNOWN:
            yield Finding(
                "vague.no_values",
                Severity.WARNING,
                f"The gate asks only that {label.lower()} is {'' if row.value['value'] else 'not '}known, which says nothing of who fits.",
                "Name the values or the range that fit.",
                (row.place,),
            )
        elif op in _RANGES and _lets_everybody_in(row.value):
            yield Finding(
                "vague.no_range",
                Severity.WARNING,
                f"The gate lets nearly everybody in on {label.lower()}: it {phrases.describe_comparison(op, row.value['value'])}.",
                "Say from where to where, so that two people judge alike.",
                (row.place,),
            )


def _lets_everybody_in(row: Json) -> bool:
    kind = field_kind(row["field"])
    low, high = range_ends(row)
    if kind == FieldKind.SENIORITY:
        return (low is None or seniority_rank(low) == 0) and (
            high is None or seniority_rank(high) == len(Seniority.values) - 1
        )
    return high is None and low is not None and low <= 1


# Duplicates


def _check_duplicates(context: LintContext) -> Iterator[Finding]:
    groups: dict[Hashable, list[CriterionPlace]] = defaultdict(list)
    for part in CRITERIA:
        for row in context.rows(part):
            groups[part, row.value["field"], row.value["op"], _comparable_value(row.value["value"])].append(row)
    for part in PATH_PARTS:
        for row in context.rows(part):
            groups[part, frozenset(_comparable_clause(clause) for clause in row.value["clauses"])].append(row)
    for row in context.clauses():
        groups[row.place.partition(".")[0], _comparable_clause(row.value)].append(row)
    for rows in groups.values():
        if len(rows) > 1:
            yield Finding(
                "row.duplicate",
                Severity.WARNING,
                f"{len(rows)} rows say the same: {_describe_row(context, rows[0])}.",
                "Keep one of them; points of both would be added up.",
                tuple(row.place for row in rows),
            )


def _comparable_value(value: Any) -> Hashable:
    if isinstance(value, list):
        return frozenset(normalize_text(text) for text in value) if None not in value else tuple(value)
    return normalize_text(value) if isinstance(value, str) else value


def _comparable_clause(clause: Json) -> Hashable:
    parts = sorted((key, value) for key, value in clause.items() if key != "rationale")
    return tuple((key, frozenset(value) if isinstance(value, list) else value) for key, value in parts)


def _describe_row(context: LintContext, row: CriterionPlace) -> str:
    if "name" in row.value:
        return f"the path “{row.value['name']}”"
    if "field" in row.value:
        return generated_statement.describe_criterion(row.value, context.names)
    return generated_statement.describe_clause(row.value, context.names)


# Rows that decide nothing


def _check_caps(context: LintContext) -> Iterator[Finding]:
    for row in context.rows("signals"):
        points, cap = row.value["points"], row.value["cap"]
        if cap is not None and abs(cap) < abs(points):
            yield Finding(
                "signal.cap_below_points",
                Severity.WARNING,
                f"“{context.names.signal(row.value['signal'])}” gives {phrases.count_noun(points, 'point')} but is limited to "
                f"{phrases.format_number(cap)}: not even one event counts in full.",
                "Raise the cap, or lower the points to it.",
                (row.place,),
            )


def _axes_in_use(context: LintContext) -> set[str]:
    floor = context.document["tier_3_below"]
    return {row.value["axis"] for row in context.clauses() if "axis" in row.value} | (
        {floor["axis"]} if floor else set()
    )


def _check_idle_signals(context: LintContext) -> Iterator[Finding]:
    """Find signals whose points no path, hot trigger or tier uses.

    Rows with negative points are left out: they also exclude their signal from what counts as activity.
    """
    if _axes_in_use(context) & BY_ENGAGEMENT:
        return
    counted = {code for row in context.clauses() for code in row.value.get("count_of", ())}
    idle = [row for row in context.rows("signals") if row.value["points"] > 0 or row.value["signal"] not in counted]
    idle = [row for row in idle if row.value["points"] >= 0 and not row.value.get("disqualifies")]
    if idle:
        labels = phrases.join_words([_row_label(context, row) for row in idle[: phrases.SHOWN]], "and")
        yield Finding(
            "signal.never_matters",
            Severity.WARNING,
            f"Engagement points of {labels}{' and others' if len(idle) > phrases.SHOWN else ''} decide nothing: no path, "
            "hot trigger or tier asks for engagement points.",
            "Ask for engagement points somewhere, or take the points away.",
            tuple(row.place for row in idle),
        )


def _check_idle_criteria(context: LintContext) -> Iterator[Finding]:
    axes = _axes_in_use(context)
    idle = [] if Axis.BANT in axes else context.rows("bant")
    if not axes & {Axis.FIT, Axis.FIT_AND_ENGAGEMENT}:
        idle += [*context.rows("fit"), *(row for row in context.rows("gate") if row.value["points"])]
    if idle:
        labels = phrases.join_words([_row_label(context, row) for row in idle[: phrases.SHOWN]], "and")
        yield Finding(
            "criterion.never_matters",
            Severity.WARNING,
            f"Points of {labels}{' and others' if len(idle) > phrases.SHOWN else ''} decide nothing: no path, hot trigger or "
            "tier asks for them.",
            "Ask for these points somewhere, or take them away.",
            tuple(row.place for row in idle),
        )
