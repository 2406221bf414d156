"""Checks of paths and hot triggers that demand too little, or so much that nobody meets them. Rules 9.4, 9.5."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from typing import Final

from definitions.lint.attainable_points import most_signal_points
from definitions.lint.context import LintContext
from definitions.lint.finding import Finding, Severity
from definitions.lint.reachability import PathReach, describe_most, format_amount, low_intent_signals
from definitions.plain_english import phrases
from definitions.plain_english.generated_statement import Json, field_label
from definitions.vocabulary import Axis
from leads.vocabulary import Intent, Motion

#: Rules 9.5: hardly anybody sends this many different high-intent signals and passes a gate, unless they game it.
TIGHT_SIGNALS: Final = 4
ERROR, WARNING, ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE


def check(context: LintContext) -> Iterator[Finding]:
    reaches = context.reaches
    if not reaches:
        yield Finding(
            "no_behavioural_component",
            ERROR,
            "Nothing says what a lead must do: there is no path and no hot trigger, so nobody can ever qualify.",
            "Add a path with what a lead must have done.",
            ("paths",),
        )
    yield from _check_gate_contradictions(context)
    reachable = [reach for reach in reaches if reach.reachable]
    yield from _check_reachability(context, reaches)
    yield from _check_behaviour(reachable)
    yield from _check_single_action(context, reachable)
    yield from _check_low_intent(context, reachable)
    yield from _check_fit_gates(context, reachable)
    yield from _check_tightness(context, reachable)
    yield from _check_high_bars(context, reachable)
    yield from _advise(context, reachable)


def describe_path(reach: PathReach) -> str:
    return f"{'The path' if reach.kind == 'paths' else 'The hot trigger'} “{reach.name}”"


def _check_gate_contradictions(context: LintContext) -> Iterator[Finding]:
    for field in context.best_lead.impossible_fields:
        rows = [row.place for row in context.rows("gate", "disqualifiers") if row.value["field"] == field]
        yield Finding(
            "gate.contradictory",
            ERROR,
            f"Nobody can pass the gate: its rows on {field_label(field).lower()} and the disqualifiers leave no value that satisfies all.",
            "Join the rows on this field into one, or take one of them away.",
            tuple(rows),
        )


def _check_reachability(context: LintContext, reaches: Iterable[PathReach]) -> Iterator[Finding]:
    if context.best_lead.impossible_fields:
        return
    for reach in reaches:
        if not reach.reachable:
            severity = ERROR if reach.kind == "paths" else WARNING
            yield Finding(
                f"{'path' if reach.kind == 'paths' else 'hot'}.unreachable",
                severity,
                f"{describe_path(reach)} can never hold. {_describe_shortfall(context, reach)}",
                "Lower the threshold, raise points, caps or the ceiling, or take the path away.",
                reach.unmet_clauses or (reach.place,),
            )


def _describe_shortfall(context: LintContext, reach: PathReach) -> str:
    if not reach.unmet_clauses:
        return "No signal that it can rest on satisfies the timing."
    best_points = context.best_points
    unmet_clauses = [row.value for row in context.clauses() if row.place in reach.unmet_clauses]
    return " ".join(_describe_need(clause, best_points.best_amount(clause)) for clause in unmet_clauses)


def _describe_need(clause: Json, most: float) -> str:
    if "axis" not in clause:
        return "None of the signals that it counts exists."
    return f"It needs {format_amount(clause['at_least'])} points on the axis {Axis(clause['axis']).label}, and {describe_most(most)}."


def _check_behaviour(reaches: Iterable[PathReach]) -> Iterator[Finding]:
    for reach in reaches:
        if reach.without_events:
            yield Finding(
                "no_behavioural_component",
                ERROR,
                f"{describe_path(reach)} holds for a lead that did nothing: its profile alone is enough.",
                "Add a clause for behaviour: engagement points, or a count of signals in a window.",
                (reach.place,),
            )


def _check_single_action(context: LintContext, reaches: Iterable[PathReach]) -> Iterator[Finding]:
    for reach in reaches:
        signals = [code for code in reach.by_one_event_of if not context.meanings[code].is_request]
        if signals:
            # A single use of the product may qualify: it is the threshold of its own definition (PQL), passed before
            # the event (rules 9.4).
            is_warning = reach.kind == "hot" or context.document["motion"] != Motion.MQL
            yield Finding(
                "loose.single_action",
                WARNING if is_warning else ERROR,
                f"{describe_path(reach)} is met by one single event: {_list_signals(context, signals)}.",
                "Ask for two or three actions, for more points, or only for an explicit request.",
                (reach.place,),
            )


def _check_low_intent(context: LintContext, reaches: Iterable[PathReach]) -> Iterator[Finding]:
    low_intent = low_intent_signals(context.meanings)
    for reach in reaches:
        if reach.by_low_intent_alone:
            used = [code for code in _used_signals(context, reach) if code in low_intent]
            best_points = context.best_points.restricted_to(low_intent)
            points = " and ".join(
                f"{describe_most(best_points.best_amount(clause))}, {format_amount(clause['at_least'])} are asked"
                for clause in _path_clauses(context, reach)
                if clause.get("axis") in (Axis.ENGAGEMENT, Axis.FIT_AND_ENGAGEMENT)
            )
            yield Finding(
                "loose.low_intent",
                ERROR,
                f"{describe_path(reach)} is met by low-intent signals alone: {_list_signals(context, used)}"
                f"{f' ({points})' if points else ''}.",
                "Cap these signals below the threshold, or ask for at least one high-intent signal beside the points.",
                (reach.place, *(row.place for row in context.rows("signals") if row.value["signal"] in used)),
            )


def _check_fit_gates(context: LintContext, reaches: list[PathReach]) -> Iterator[Finding]:
    if context.document["gate"] or not reaches:
        return
    without_fit = [reach for reach in reaches if reach.without_fit]
    if not without_fit:
        yield Finding(
            "fit.by_points_only",
            ADVICE,
            "There is no gate: fit is asked for in points alone, so a strong answer to one question makes up for a failed one.",
            "Make what must hold in any case a row of the gate; it is passed or failed, whatever a lead does.",
            ("gate",),
        )
        return
    without_both = [reach for reach in without_fit if reach.without_both]
    needs_request, without_fit = not without_both, without_both or without_fit
    names = phrases.join_words([f"“{reach.name}”" for reach in without_fit], "and")
    yield Finding(
        "loose.fit_does_not_gate",
        WARNING if needs_request else ERROR,
        f"Fit does not gate: there is no gate, and {names} can be met at fit 0"
        f"{', if only by people who ask' if needs_request else ''}.",
        "Add gate rows for who may become a lead at all, or ask each path for fit points of its own.",
        ("gate", *(reach.place for reach in without_fit)),
    )


def _check_tightness(context: LintContext, reaches: Iterable[PathReach]) -> Iterator[Finding]:
    for reach in reaches:
        high_intent_clauses = [
            clause for clause in _path_clauses(context, reach) if _counts_high_intent_only(context, clause)
        ]
        count = _count_disjoint(high_intent_clauses)
        if context.document["gate"] and count >= TIGHT_SIGNALS:
            yield Finding(
                "tight.unreachable",
                WARNING,
                f"{describe_path(reach)} asks for {count} different high-intent signals together, beside a gate of "
                f"{phrases.count_noun(len(context.document['gate']), 'row')}: hardly anybody meets it, and those who must will game it.",
                "Ask for two or three actions; let the others be further paths or points.",
                (reach.place,),
            )


def _check_high_bars(context: LintContext, reaches: Iterable[PathReach]) -> Iterator[Finding]:
    """Find bars of points that nothing but four events of high intent, or more, reaches (rules 9.42)."""
    of_high_intent = [code for code, meaning in context.meanings.items() if meaning.intent == Intent.HIGH]
    others = context.best_points.restricted_to(set(context.meanings) - set(of_high_intent))
    strongest = sum(_list_strongest_events(context.document, of_high_intent)[: TIGHT_SIGNALS - 1])
    for reach in reaches:
        for clause in _path_clauses(context, reach):
            if clause.get("axis") not in (Axis.ENGAGEMENT, Axis.FIT_AND_ENGAGEMENT):
                continue
            most = others.best_amount(clause) + strongest
            if most < clause["at_least"]:
                yield Finding(
                    "tight.high_bar",
                    WARNING,
                    f"{describe_path(reach)} asks for {format_amount(clause['at_least'])} points, which nobody has without "
                    f"{TIGHT_SIGNALS} events of high intent or more: hardly anybody meets it, and those who must will game it.",
                    "Lower the bar to what two or three actions give.",
                    (reach.place,),
                )


def _list_strongest_events(document: Json, signals: Collection[str]) -> list[float]:
    """Return what each further event of these signals adds within its cap, of TIGHT_SIGNALS events each, the most first."""
    added = []
    for row in document["signals"]:
        if row["signal"] in signals:
            earned = [most_signal_points(row, times) for times in range(TIGHT_SIGNALS + 1)]
            added += [more - less for less, more in pairwise(earned)]
    return sorted(added, reverse=True)


def _counts_high_intent_only(context: LintContext, clause: Json) -> bool:
    return "axis" not in clause and all(
        code in context.meanings and context.meanings[code].intent == Intent.HIGH for code in clause["count_of"]
    )


def _count_disjoint(clauses: Iterable[Json]) -> int:
    """Count clauses that share no signal with one another.

    At least so many different signals are needed; a signal shared by two clauses could meet both.
    """
    codes: set[str] = set()
    count = 0
    for clause in sorted(clauses, key=lambda candidate: len(candidate["count_of"])):
        if codes.isdisjoint(clause["count_of"]):
            count += 1
            codes |= set(clause["count_of"])
    return count


def _advise(context: LintContext, reaches: Iterable[PathReach]) -> Iterator[Finding]:
    for reach in reaches:
        clauses = _path_clauses(context, reach)
        if reach.kind == "hot" or reach.without_events or reach.by_low_intent_alone:
            continue
        if all("axis" in clause for clause in clauses):
            yield Finding(
                "advice.points_without_signal",
                ADVICE,
                f"{describe_path(reach)} asks for points alone; points say how much a lead did, not what.",
                "Ask for at least one high-intent signal in a window beside the points.",
                (reach.place,),
            )
        codes = [code for code in _used_signals(context, reach) if _is_met_by_one_signal(context, reach, code)]
        if codes and all(context.meanings[code].is_request for code in reach.by_one_event_of):
            yield Finding(
                "advice.two_actions",
                ADVICE,
                f"{describe_path(reach)} can be met by one kind of action, often enough: {_list_signals(context, codes)}.",
                "Consider asking for two or three different actions before a lead is flagged.",
                (reach.place,),
            )


def _is_met_by_one_signal(context: LintContext, reach: PathReach, code: str) -> bool:
    """Tell whether events of this one signal, which is no request, meet the path if there are enough of them."""
    best_points = context.best_points.restricted_to((code,))
    is_met = all(map(best_points.meets_clause, _path_clauses(context, reach))) and best_points.is_timely
    return is_met and not context.meanings[code].is_request


def _path_clauses(context: LintContext, reach: PathReach) -> list[Json]:
    at = int(reach.place.partition("[")[2].rstrip("]"))
    clauses: list[Json] = context.document[reach.kind][at]["clauses"]
    return clauses


def _used_signals(context: LintContext, reach: PathReach) -> list[str]:
    """Return the signals that this path counts or that give it points."""
    clauses = _path_clauses(context, reach)
    counted = [code for clause in clauses for code in clause.get("count_of", ())]
    by_points = any(clause.get("axis") in (Axis.ENGAGEMENT, Axis.FIT_AND_ENGAGEMENT) for clause in clauses)
    scored = [row["signal"] for row in context.document["signals"] if row["points"] > 0] if by_points else []
    return [code for code in dict.fromkeys(counted + scored) if code in context.meanings]


def _list_signals(context: LintContext, codes: Iterable[str]) -> str:
    return phrases.join_options([context.names.signal(code) for code in codes], shown=phrases.SHOWN)
