"""The shipped signals as values, and small documents for tests of the linter."""

from __future__ import annotations

from typing import Any

from definitions import lint
from definitions.document.parser import KnownNames, parse_document
from definitions.plain_english.generated_statement import DisplayNames
from leads.shipped_signals import SIGNALS
from scoring.engine import rules
from scoring.rule_compiler import compile_document
from tests.definitions.documents import criterion, with_reasons

MEANINGS = {
    row.code: lint.SignalMeaning(row.intent.value, row.is_explicit_request, row.is_engagement, row.closes_request)
    for row in SIGNALS
}
LISTS = {
    "free_email": frozenset({"gmail.com"}),
    "disposable_email": frozenset[str](),
    "student_email": frozenset({"edu"}),
    "competitors": frozenset({"rival.example"}),
}
NAMES = DisplayNames(signals={row.code: row.name for row in SIGNALS}, lists={"free_email": "Free e-mail providers"})
CATALOGUE = KnownNames(signals=frozenset(MEANINGS), lists=frozenset(LISTS))
ENGINE_CATALOGUE = rules.Catalogue(
    engagement=frozenset(code for code, meaning in MEANINGS.items() if meaning.is_engagement),
    requests=frozenset(code for code, meaning in MEANINGS.items() if meaning.is_request),
    closing=frozenset(code for code, meaning in MEANINGS.items() if meaning.closes_request),
)


def complete_document(document: object) -> dict[str, Any]:
    return parse_document(document, known_names=CATALOGUE).to_document()


def compile_rules(document: dict[str, Any]) -> rules.Rules:
    return compile_document(document, catalogue=ENGINE_CATALOGUE, named_lists=LISTS)


def signal(code: str, points: float, cap: float | None = None, **more: Any) -> dict[str, Any]:
    reason = {} if cap is None else {"cap_rationale": "Because."}
    return {"signal": code, "points": points, "cap": cap, "rationale": "Because."} | reason | more


def path_row(*clauses: dict[str, Any], name: str = "Way", **more: Any) -> dict[str, Any]:
    return {"name": name, "clauses": list(clauses), "rationale": "Because."} | more


def axis(name: str, at_least: float) -> dict[str, Any]:
    return {"axis": name, "at_least": at_least, "rationale": "Because."}


def count(*signals: str, n: int = 1, days: float | None = 30, **more: Any) -> dict[str, Any]:
    return {"count_of": list(signals), "at_least": n, "within_days": days, "rationale": "Because."} | more


def sound_document(**changes: Any) -> dict[str, Any]:
    """Return a document without any finding."""
    document = {
        "format": "accord.definition/1",
        "name": "Sound",
        "owner": "ops@company.example",
        "reason": "The first one.",
        "summary": "Companies that fit and are interested.",
        "kind": "three_components",
        "gate": [criterion("company.employees", "between", [50, 500])],
        "disqualifiers": [criterion("lead.do_not_contact", "is", True)],
        "signals": [signal("demo_request", 30), signal("pricing_view", 10, 20), signal("blog_read", 5, 10)],
        "paths": [path_row(axis("engagement", 40), count("demo_request", "pricing_view"))],
        "timing": {
            "engaged_within_days": 30,
            "or_request_within_days": 60,
            "engaged_by": [
                *("blog_read", "demo_request", "ebook_download", "pricing_view", "usage_limit_reached"),
                "webinar_attended",
            ],
        },
    }
    return complete_document(with_reasons(document | changes))


def find_findings(document: dict[str, Any], change: lint.ChangeContext | None = None) -> tuple[lint.Finding, ...]:
    return lint.lint_document(document, meanings=MEANINGS, names=NAMES, change=change)


def finding_codes(document: dict[str, Any], change: lint.ChangeContext | None = None) -> dict[str, str]:
    return {finding.code: str(finding.severity) for finding in find_findings(document, change)}
