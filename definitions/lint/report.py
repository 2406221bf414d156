"""All findings on one document, the gravest first."""

from __future__ import annotations

from typing import Final

from definitions.lint import change_checks, path_checks, row_checks, whole_checks
from definitions.lint.context import Case
from definitions.lint.finding import Change, Finding, Meanings, Severity
from definitions.plain_english.generated_statement import Json, Names

_GRAVEST_FIRST: Final = (Severity.ERROR, Severity.WARNING, Severity.ADVICE)


def findings(document: Json, *, meanings: Meanings, names: Names, change: Change | None = None) -> tuple[Finding, ...]:
    """
    SPEC 9 on a complete document (definitions.version_documents.normal or export), errors first, else in the document's order.

    `meanings` of all signals of the catalogue (definitions.signals_and_lists.meanings); without `change` nothing is said about what changed.
    """
    case = Case(document, meanings, names, change)
    found = [
        finding for part in (path_checks, whole_checks, row_checks, change_checks) for finding in part.inspect(case)
    ]
    return tuple(sorted(found, key=lambda finding: _GRAVEST_FIRST.index(finding.severity)))
