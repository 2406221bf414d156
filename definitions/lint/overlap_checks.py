"""Checks against the other definitions in force of the same motion: whether one lead can pass the gates of both (rules 3.14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.document.criterion_fields import name_countries_by_code
from definitions.lint.best_lead import find_best_lead
from definitions.lint.context import LintContext
from definitions.lint.finding import Finding, OtherDefinition, Severity
from definitions.plain_english import generated_statement
from definitions.plain_english.generated_statement import Json

#: The fields by which markets and product lines are told apart, the best first.
_SEPARATING: Final = (
    "company.country", "lead.country", "company.region", "lead.region", "company.industry", "company.employees",
)  # fmt: skip


def check(context: LintContext) -> Iterator[Finding]:
    """Yield one finding for each other definition that a lead may meet as well."""
    if context.best_lead.impossible_fields:
        return
    for other in context.others:
        document = name_countries_by_code(other.document)
        if not find_best_lead(_join_gates(context.document, document)).impossible_fields:
            yield _describe_overlap(context, other, document)


def find_scope_field(document: Json, other: Json | None = None) -> str | None:
    """Return the field by which a gate tells its scope: the first one on which no lead passes its rows and the other gate's.

    Without another document it is the first one that the gate asks for; None: no field tells it.
    """
    document = name_countries_by_code(document)
    in_gate = {row["field"] for row in document["gate"]}
    fields = [field for field in _SEPARATING if field in in_gate]
    if other is None:
        return next(iter(fields), None)
    gates = _join_gates(document, name_countries_by_code(other))["gate"]
    apart = (field for field in fields if _excludes_everybody([row for row in gates if row["field"] == field]))
    return next(apart, None)


def _excludes_everybody(gate: list[Json]) -> bool:
    return bool(find_best_lead({"gate": gate, "disqualifiers": [], "fit": [], "bant": []}).impossible_fields)


def _join_gates(one: Json, other: Json) -> Json:
    """Return a document that only those leads meet who pass both gates."""
    joined = {part: [*one[part], *other[part]] for part in ("gate", "disqualifiers")}
    return {**one, **joined, "fit": [], "bant": []}


def _describe_overlap(context: LintContext, other: OtherDefinition, document: Json) -> Finding:
    fields = {row["field"] for row in (*context.document["gate"], *document["gate"])}
    field = next((name for name in _SEPARATING if name in fields), _SEPARATING[0])
    here, there = (_describe_rows(row["gate"], field, context) for row in (context.document, document))
    label = generated_statement.field_label(field).lower()
    return Finding(
        "scope.overlap",
        Severity.WARNING,
        f"A lead can pass this gate and that of “{other.name}” ({other.scope}), which is in force in the same motion. On "
        f"{label} this one asks: {here}; the other: {there}. A lead that meets both qualifies once, by the definition that finds it first.",
        f"Separate the two by {label}: let the gates ask for values of which no lead has both.",
        tuple(row.place for row in context.rows("gate") if row.value["field"] == field) or ("gate",),
    )


def _describe_rows(gate: list[Json], field: str, context: LintContext) -> str:
    rows = [generated_statement.describe_criterion(row, context.names) for row in gate if row["field"] == field]
    return "; ".join(rows) or "nothing"
