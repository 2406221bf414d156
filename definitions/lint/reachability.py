"""The reach of each path and hot trigger: who can meet it, proved from points, caps, ceilings and counts."""

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
    """A path (`kind` "paths") or hot trigger ("hot"), and who could meet it with the best profile that the gate lets in.

    `by_one_event_of`: signals of which a single event suffices, requests among them · `by_low_intent_alone`: any number
    of low-intent events suffices · `without_events`: nothing needs to happen · `without_fit`: holds at fit 0 ·
    `without_request`: no explicit request is needed · `without_both`: neither fit nor a request is needed.
    `unmet_clauses` are the places of clauses that nobody can meet.
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
    unmet_clauses: tuple[str, ...] = ()


def compute_reach(document: Json, *, meanings: Meanings, names: DisplayNames | None = None) -> tuple[PathReach, ...]:
    """Compute the reach of every path and hot trigger of a complete document, in the document's order.

    `document` comes from definitions.version_documents.normalize_document or export_document.
    """
    best_points = compute_attainable_points(document, meanings, find_best_lead(document))
    return tuple(
        _compute_path_reach(path, f"{kind}[{at}]", kind, best_points, names or DisplayNames())
        for kind in PATH_PARTS
        for at, path in enumerate(document[kind])
    )


def low_intent_signals(meanings: Meanings) -> frozenset[str]:
    """Return the codes of low-intent signals that are no explicit requests."""
    return frozenset(
        code for code, meaning in meanings.items() if meaning.intent == Intent.LOW and not meaning.is_request
    )


def request_signals(meanings: Meanings) -> frozenset[str]:
    """Return the codes of the signals that are explicit requests."""
    return frozenset(code for code, meaning in meanings.items() if meaning.is_request)


def _compute_path_reach(
    path: Json, place: str, kind: str, best_points: AttainablePoints, names: DisplayNames
) -> PathReach:
    has_timing = kind == "paths"
    without_events = best_points.restricted_to((), times=0).meets_path(path, timing=False)
    single_signals = tuple(
        code
        for code in sorted(best_points.signals)
        if best_points.restricted_to((code,), times=1).meets_path(path, timing=has_timing)
    )
    unmet_clauses = tuple(
        f"{place}.clauses[{at}]" for at, clause in enumerate(path["clauses"]) if not best_points.meets_clause(clause)
    )
    low_intent = best_points.restricted_to(low_intent_signals(best_points.meanings))
    without_requests = best_points.restricted_to(best_points.signals - request_signals(best_points.meanings))
    return PathReach(
        place=place,
        kind=kind,
        name=path["name"],
        reachable=not unmet_clauses and best_points.meets_path(path, timing=has_timing),
        sentence=" ".join(_describe_need(clause, best_points, names) for clause in path["clauses"]) or "Needs nothing.",
        by_low_intent_alone=not without_events and low_intent.meets_path(path, timing=has_timing),
        by_one_event_of=() if without_events else single_signals,
        without_events=without_events,
        without_fit=best_points.without_fit().meets_path(path, timing=has_timing),
        without_request=without_requests.meets_path(path, timing=has_timing),
        without_both=without_requests.without_fit().meets_path(path, timing=has_timing),
        unmet_clauses=unmet_clauses,
    )


def _describe_need(clause: Json, best_points: AttainablePoints, names: DisplayNames) -> str:
    if "axis" not in clause:
        unknown = "" if best_points.meets_clause(clause) else "; none of these signals is known"
        return f"Needs {generated_statement.describe_clause(clause, names)}{unknown}."
    points = f"{format_amount(clause['at_least'])} {_POINTS[Axis(clause['axis'])]}"
    return f"Needs {points}; {describe_most(best_points.best_amount(clause))}."


def describe_most(most: float) -> str:
    return "any number can be had" if most == UNLIMITED else f"at most {format_amount(most)} can be had"


def format_amount(value: float) -> str:
    return "unlimited" if value == UNLIMITED else phrases.format_number(value)
