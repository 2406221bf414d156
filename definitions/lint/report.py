"""The linter's report: all findings on one document, errors first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from definitions.document.criterion_fields import name_countries_by_code
from definitions.lint import (
    account_checks,
    change_checks,
    kind_checks,
    overlap_checks,
    part_rationales,
    path_checks,
    row_checks,
    whole_checks,
)
from definitions.lint.context import LintContext
from definitions.lint.finding import ChangeContext, Finding, Meanings, OtherDefinition, Severity
from definitions.plain_english.generated_statement import DisplayNames, Json

_SEVERITY_ORDER: Final = (Severity.ERROR, Severity.WARNING, Severity.ADVICE)


def lint_document(
    document: Json,
    *,
    meanings: Meanings,
    names: DisplayNames,
    change: ChangeContext | None = None,
    others: Sequence[OtherDefinition] = (),
) -> tuple[Finding, ...]:
    """Return all findings on a complete document, errors first, otherwise in the document's order.

    `document` comes from `definitions.version_documents.normalize_document` or `export_document`; `meanings` of all
    signals from `definitions.signals_and_lists.read_signal_meanings`. Without `change` no finding is about what changed
    (rules 9.3 to 9.6), without `others` none about definitions that overlap with it (rules 3.14).
    """
    context = LintContext(name_countries_by_code(document), meanings, names, change, others)
    about = (account_checks,) if document.get("account") else (path_checks,)
    findings = [
        finding
        for module in (*about, whole_checks, row_checks, part_rationales, kind_checks, change_checks, overlap_checks)
        for finding in module.check(context)
    ]
    return tuple(sorted(findings, key=lambda finding: _SEVERITY_ORDER.index(finding.severity)))
