"""The panel beside the editor: the typed version in plain English, the linter's findings, and what leads can reach."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from definitions import lint, scopes, signals_and_lists, version_documents
from definitions.admin.form_document import FormDocument, UnfinishedRow
from definitions.document.parser import DocumentRefused
from definitions.document.values import Json
from definitions.lint import Complexity, Finding, PathReach, Severity
from definitions.models import Version
from definitions.plain_english import generated_statement
from definitions.plain_english.generated_statement import PlainStatement

_TITLES: Final = {
    Severity.ERROR: (("error", "errors"), "to mend before it can be proposed", "bad"),
    Severity.WARNING: (("warning", "warnings"), "to answer with a reason when it is proposed", "warn"),
    Severity.ADVICE: (("thought", "thoughts"), "nobody has to answer", "quiet"),
}


@dataclass(frozen=True, slots=True)
class PanelFinding:
    finding: Finding
    links: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class FindingGroup:
    label: str
    meaning: str
    tone: str
    findings: list[PanelFinding]


@dataclass(frozen=True, slots=True)
class SidePanel:
    """Everything that the panel shows.

    `document` is JSON for the figures; it is empty when the version cannot be judged, and `complaints` then say why.
    """

    statement: PlainStatement
    unfinished: Sequence[UnfinishedRow]
    groups: list[FindingGroup]
    reaches: list[tuple[PathReach, str]]
    complexity: Complexity
    document: str
    complaints: Sequence[str]
    is_saved: bool


def build_panel(version: Version, typed: FormDocument) -> SidePanel:
    names, meanings = signals_and_lists.read_display_names(), signals_and_lists.read_signal_meanings()
    document, complaints = _normalize(typed.document)
    findings = (
        ()
        if complaints
        else lint.lint_document(
            document,
            meanings=meanings,
            names=names,
            change=_build_change_context(version),
            others=scopes.list_others_in_force(version.definition),
        )
    )
    reaches = () if complaints else lint.compute_reach(document, meanings=meanings, names=names)
    return SidePanel(
        statement=generated_statement.write_statement(document, names),
        unfinished=typed.unfinished,
        groups=_group_findings(findings, typed),
        reaches=[(reach, typed.anchors.get(reach.place, "")) for reach in reaches],
        complexity=lint.measure_complexity(document),
        document="" if complaints or not document["paths"] else json.dumps(document),
        complaints=complaints,
        is_saved=typed.is_saved,
    )


def _normalize(document: Json) -> tuple[Json, tuple[str, ...]]:
    try:
        return version_documents.normalize_document(document), ()
    except DocumentRefused as refusal:
        return document, refusal.complaints


def _build_change_context(version: Version) -> lint.ChangeContext | None:
    in_force = Version.objects.active().filter(definition=version.definition).exclude(pk=version.pk).first()
    return lint.ChangeContext(before=version_documents.export_document(in_force)) if in_force else None


def _group_findings(findings: Iterable[Finding], typed: FormDocument) -> list[FindingGroup]:
    groups = []
    for severity, ((singular, plural), meaning, tone) in _TITLES.items():
        group = [
            PanelFinding(finding, _build_links(finding, typed)) for finding in findings if finding.severity == severity
        ]
        if group:
            groups.append(FindingGroup(singular if len(group) == 1 else plural, meaning, tone, group))
    return groups


def _build_links(finding: Finding, typed: FormDocument) -> list[tuple[str, str]]:
    """Return anchors on the page with their labels; a place without a row of its own leads to its section."""
    links: dict[str, str] = {}
    for place in filter(None, finding.rows):
        anchor = typed.anchors.get(place) or _SECTIONS.get(place.partition("[")[0].partition(".")[0], "")
        if anchor:
            links.setdefault(anchor, _describe_place(place))
    return list(links.items())


_SECTIONS: Final = {
    **{
        name: name
        for name in ("account", "gate", "signals", "paths", "timing", "disqualifiers", "hot", "fit", "bant", "decay")
    },
    "inactivity": "decay",
    "ceilings": "decay",
    "tier_3_below": "tiers",
    "owner": "head",
    "reason": "head",
    "statement": "head",
    "summary": "head",
    "kind": "head",
    "sal_rate_target": "head",
    "mql_to_sql": "head",
}
_ROW_NAMES: Final = {"gate": "gate row", "signals": "signal", "paths": "path", "disqualifiers": "disqualifier", "hot": "hot trigger",
                 "fit": "fit row", "bant": "BANT row", "tier_3_below": "tier 3", "mql_to_sql": "healthy range"}  # fmt: skip


def _describe_place(place: str) -> str:
    """Describe a place of the document: `paths[0].clauses[1]` becomes “path 1, clause 2”."""
    parts: list[str] = []
    for step in place.split("."):
        name, _, index = step.partition("[")
        name = _ROW_NAMES.get(name, "clause" if name == "clauses" else name.replace("_", " "))
        parts.append(f"{name} {int(index[:-1]) + 1}" if index[:-1].isdecimal() else name)
    return ", ".join(parts)
