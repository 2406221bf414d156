"""What it takes to come through each path and hot trigger: proved from points, caps, ceilings and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from definitions.lint.attainable_points import UNLIMITED, AttainablePoints, compute_attainable_points
from definitions.lint.best_lead import find_best_lead
from definitions.lint.finding import Meanings
from definitions.plain_english import generated_statement, phrases
from definitions.plain_english.generated_statement import DisplayNames, Json
from definitions.vocabulary import Axis
from leads.vocabulary import Intent

PATH_PARTS: Final = ("paths", "hot")
_POINTS: Final = {
    Axis.FIT: "fit points",
    Axis.ENGAGEMENT: "engagement points",
    Axis.BANT: "BANT points",
    Axis.FIT_AND_ENGAGEMENT: "points of fit and engagement together",
}


@dataclass(frozen=True, slots=True)
class PathReach:
    """
    One path (`kind` "paths") or hot trigger ("hot"), and who could come through it with the best profile that the gate lets in.

    `by_one_event_of`: signals of which a single event suffices, requests among them · `by_low_intent_alone`: any number of
    low-intent events suffices · `without_events`: nothing needs to happen · `without_fit`: holds at fit 0 · `without_request`:
    no explicit request is needed · `without_both`: neither fit nor a request. `short` are places of clauses that nobody can meet.
    """

    place: str
    kind: str
    name: str
    reachable: bool
    sentence: str
    by_low_intent_alone: bool
    by_one_event_of: tuple[str, ...]
    without_events: bool
    without_fit: bool
    without_request: bool
    without_both: bool
    short: tuple[str, ...] = ()


def compute_reach(document: Json, *, meanings: Meanings, names: DisplayNames | None = None) -> tuple[PathReach, ...]:
    """Of every path and hot trigger of a complete document (definitions.version_documents.normal or export), in its order."""
    best = compute_attainable_points(document, meanings, find_best_lead(document))
    return tuple(
        _compute_path_reach(way, f"{kind}[{at}]", kind, best, names or DisplayNames())
        for kind in PATH_PARTS
        for at, way in enumerate(document[kind])
    )


def low_intent_signals(meanings: Meanings) -> frozenset[str]:
    return frozenset(code for code, mean in meanings.items() if mean.intent == Intent.LOW and not mean.is_request)


def request_signals(meanings: Meanings) -> frozenset[str]:
    return frozenset(code for code, mean in meanings.items() if mean.is_request)


def _compute_path_reach(way: Json, place: str, kind: str, best: AttainablePoints, names: DisplayNames) -> PathReach:
    timing = kind == "paths"
    without_events = best.only((), times=0).opens(way, timing=False)
    single = tuple(s for s in sorted(best.signals) if best.only((s,), times=1).opens(way, timing=timing))
    short = tuple(f"{place}.clauses[{at}]" for at, clause in enumerate(way["clauses"]) if not best.meets(clause))
    low = best.only(low_intent_signals(best.meanings))
    quiet = best.only(best.signals - request_signals(best.meanings))
    return PathReach(
        place=place,
        kind=kind,
        name=way["name"],
        reachable=not short and best.opens(way, timing=timing),
        sentence=" ".join(_describe_need(clause, best, names) for clause in way["clauses"]) or "Needs nothing.",
        by_low_intent_alone=not without_events and low.opens(way, timing=timing),
        by_one_event_of=() if without_events else single,
        without_events=without_events,
        without_fit=best.without_fit().opens(way, timing=timing),
        without_request=quiet.opens(way, timing=timing),
        without_both=quiet.without_fit().opens(way, timing=timing),
        short=short,
    )


def _describe_need(clause: Json, best: AttainablePoints, names: DisplayNames) -> str:
    if "axis" not in clause:
        unknown = "" if best.meets(clause) else "; none of these signals is known"
        return f"Needs {generated_statement.describe_clause(clause, names)}{unknown}."
    what = f"{format_amount(clause['at_least'])} {_POINTS[Axis(clause['axis'])]}"
    return f"Needs {what}; {describe_most(best.found(clause))}."


def describe_most(found: float) -> str:
    return "any number can be had" if found == UNLIMITED else f"at most {format_amount(found)} can be had"


def format_amount(value: float) -> str:
    return "unlimited" if value == UNLIMITED else phrases.format_number(value)
