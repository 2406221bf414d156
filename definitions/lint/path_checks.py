"""What lets too many in, or nobody: paths and hot triggers that ask too little or too much. Rules 9.4, 9.5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from definitions.lint.context import LintContext
from definitions.lint.finding import Finding, Severity
from definitions.lint.reachability import PathReach, describe_most, format_amount, low_intent_signals
from definitions.plain_english import phrases
from definitions.plain_english.generated_statement import Json, field_label
from definitions.vocabulary import Axis
from leads.vocabulary import Intent, Motion

#: Rules 9.5: so many different high-intent signals together with a gate are met by nobody, or by people who play the game.
TIGHT_SIGNALS: Final = 4
ERROR, WARNING, ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE


def check(case: LintContext) -> Iterator[Finding]:
    ways = case.ways
    if not ways:
        yield Finding(
            "no_behavioural_component",
            ERROR,
            "Nothing says what a lead must do: there is no path and no hot trigger, so nobody can ever qualify.",
            "Add a path with what a lead must have done.",
            ("paths",),
        )
    yield from _check_gate_contradictions(case)
    open_ways = [way for way in ways if way.reachable]
    yield from _check_reachability(case, ways)
    yield from _check_behaviour(open_ways)
    yield from _check_single_action(case, open_ways)
    yield from _check_low_intent(case, open_ways)
    yield from _check_fit_gates(case, open_ways)
    yield from _check_tightness(case, open_ways)
    yield from _advise(case, open_ways)


def describe_path(way: PathReach) -> str:
    return f"{'The path' if way.kind == 'paths' else 'The hot trigger'} “{way.name}”"


def _check_gate_contradictions(case: LintContext) -> Iterator[Finding]:
    for field in case.ideal.barred:
        rows = [row.place for row in case.rows("gate", "disqualifiers") if row.value["field"] == field]
        yield Finding(
            "gate.contradictory",
            ERROR,
            f"Nobody can pass the gate: its rows on {field_label(field).lower()} and the disqualifiers leave no value that satisfies all.",
            "Join the rows on this field into one, or take one of them away.",
            tuple(rows),
        )


def _check_reachability(case: LintContext, ways: Iterable[PathReach]) -> Iterator[Finding]:
    if case.ideal.barred:
        return
    for way in ways:
        if not way.reachable:
            severity = ERROR if way.kind == "paths" else WARNING
            yield Finding(
                f"{'path' if way.kind == 'paths' else 'hot'}.unreachable",
                severity,
                f"{describe_path(way)} can never hold. {_describe_shortfall(case, way)}",
                "Lower the threshold, raise points, caps or the ceiling, or take the path away.",
                way.short or (way.place,),
            )


def _describe_shortfall(case: LintContext, way: PathReach) -> str:
    if not way.short:
        return "No signal that it can rest on satisfies the timing."
    best = case.best
    short = [row.value for row in case.clauses() if row.place in way.short]
    return " ".join(_describe_need(clause, best.found(clause)) for clause in short)


def _describe_need(clause: Json, found: float) -> str:
    if "axis" not in clause:
        return "None of the signals that it counts exists."
    return f"It needs {format_amount(clause['at_least'])} points on the axis {Axis(clause['axis']).label}, and {describe_most(found)}."


def _check_behaviour(ways: Iterable[PathReach]) -> Iterator[Finding]:
    for way in ways:
        if way.without_events:
            yield Finding(
                "no_behavioural_component",
                ERROR,
                f"{describe_path(way)} holds for a lead that did nothing: its profile alone is enough.",
                "Add a clause for behaviour: engagement points, or a count of signals in a window.",
                (way.place,),
            )


def _check_single_action(case: LintContext, ways: Iterable[PathReach]) -> Iterator[Finding]:
    for way in ways:
        signals = [code for code in way.by_one_event_of if not case.meanings[code].is_request]
        if signals:
            # A use of the product that is worth a definition of its own is a threshold that was passed before the event (rules 9.4).
            mild = way.kind == "hot" or case.document["motion"] != Motion.MQL
            yield Finding(
                "loose.single_action",
                WARNING if mild else ERROR,
                f"{describe_path(way)} is met by one single event: {_list_signals(case, signals)}.",
                "Ask for two or three actions, for more points, or only for an explicit request.",
                (way.place,),
            )


def _check_low_intent(case: LintContext, ways: Iterable[PathReach]) -> Iterator[Finding]:
    low = low_intent_signals(case.meanings)
    for way in ways:
        if way.by_low_intent_alone:
            used = [code for code in _used_signals(case, way) if code in low]
            best = case.best.only(low)
            points = " and ".join(
                f"{describe_most(best.found(clause))}, {format_amount(clause['at_least'])} are asked"
                for clause in _path_clauses(case, way)
                if clause.get("axis") in (Axis.ENGAGEMENT, Axis.FIT_AND_ENGAGEMENT)
            )
            yield Finding(
                "loose.low_intent",
                ERROR,
                f"{describe_path(way)} is met by low-intent signals alone: {_list_signals(case, used)}{f' ({points})' if points else ''}.",
                "Cap these signals below the threshold, or ask for at least one high-intent signal beside the points.",
                (way.place, *(row.place for row in case.rows("signals") if row.value["signal"] in used)),
            )


def _check_fit_gates(case: LintContext, ways: list[PathReach]) -> Iterator[Finding]:
    if case.document["gate"] or not ways:
        return
    loose = [way for way in ways if way.without_fit]
    if not loose:
        yield Finding(
            "fit.by_points_only",
            ADVICE,
            "There is no gate: fit is asked for in points alone, so a strong answer to one question makes up for a failed one.",
            "Make what must hold in any case a row of the gate; it is passed or failed, whatever a lead does.",
            ("gate",),
        )
        return
    unasked = [way for way in loose if way.without_both]
    asks, loose = not unasked, unasked or loose
    yield Finding(
        "loose.fit_does_not_gate",
        WARNING if asks else ERROR,
        f"Fit does not gate: there is no gate, and {phrases.join_words([f'“{way.name}”' for way in loose], 'and')} can be met at fit 0"
        f"{', if only by people who ask' if asks else ''}.",
        "Add gate rows for who may become a lead at all, or ask each path for fit points of its own.",
        ("gate", *(way.place for way in loose)),
    )


def _check_tightness(case: LintContext, ways: Iterable[PathReach]) -> Iterator[Finding]:
    for way in ways:
        demanded = [clause for clause in _path_clauses(case, way) if _counts_high_intent_only(case, clause)]
        if case.document["gate"] and _count_disjoint(demanded) >= TIGHT_SIGNALS:
            yield Finding(
                "tight.unreachable",
                WARNING,
                f"{describe_path(way)} asks for {_count_disjoint(demanded)} different high-intent signals together, beside a gate of "
                f"{phrases.count_noun(len(case.document['gate']), 'row')}: hardly anybody meets it, and those who must will game it.",
                "Ask for two or three actions; let the others be further paths or points.",
                (way.place,),
            )


def _counts_high_intent_only(case: LintContext, clause: Json) -> bool:
    return "axis" not in clause and all(
        code in case.meanings and case.meanings[code].intent == Intent.HIGH for code in clause["count_of"]
    )


def _count_disjoint(clauses: Iterable[Json]) -> int:
    """So many signals at least are needed: clauses that share one could be met by it together."""
    taken: set[str] = set()
    count = 0
    for clause in sorted(clauses, key=lambda each: len(each["count_of"])):
        if taken.isdisjoint(clause["count_of"]):
            count += 1
            taken |= set(clause["count_of"])
    return count


def _advise(case: LintContext, ways: Iterable[PathReach]) -> Iterator[Finding]:
    for way in ways:
        clauses = _path_clauses(case, way)
        if way.kind == "hot" or way.without_events or way.by_low_intent_alone:
            continue
        if all("axis" in clause for clause in clauses):
            yield Finding(
                "advice.points_without_signal",
                ADVICE,
                f"{describe_path(way)} asks for points alone; points say how much a lead did, not what.",
                "Ask for at least one high-intent signal in a window beside the points.",
                (way.place,),
            )
        kinds = [code for code in _used_signals(case, way) if _is_met_by_one_signal(case, way, code)]
        if kinds and all(case.meanings[code].is_request for code in way.by_one_event_of):
            yield Finding(
                "advice.two_actions",
                ADVICE,
                f"{describe_path(way)} can be met by one kind of action, often enough: {_list_signals(case, kinds)}.",
                "Consider asking for two or three different actions before a lead is flagged.",
                (way.place,),
            )


def _is_met_by_one_signal(case: LintContext, way: PathReach, code: str) -> bool:
    best = case.best.only((code,))
    opens = all(map(best.meets, _path_clauses(case, way))) and best.is_timely
    return opens and not case.meanings[code].is_request


def _path_clauses(case: LintContext, way: PathReach) -> list[Json]:
    at = int(way.place.partition("[")[2].rstrip("]"))
    clauses: list[Json] = case.document[way.kind][at]["clauses"]
    return clauses


def _used_signals(case: LintContext, way: PathReach) -> list[str]:
    """Signals that this path counts or that give it points."""
    clauses = _path_clauses(case, way)
    counted = [code for clause in clauses for code in clause.get("count_of", ())]
    by_points = any(clause.get("axis") in (Axis.ENGAGEMENT, Axis.FIT_AND_ENGAGEMENT) for clause in clauses)
    giving = [row["signal"] for row in case.document["signals"] if row["points"] > 0] if by_points else []
    return [code for code in dict.fromkeys(counted + giving) if code in case.meanings]


def _list_signals(case: LintContext, codes: Iterable[str]) -> str:
    return phrases.join_options([case.names.signal(code) for code in codes], shown=phrases.SHOWN)
