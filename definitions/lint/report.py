"""All findings on one document, the gravest first."""

from __future__ import annotations

from typing import Final

from definitions.lint import changing, rows, shape, ways
from definitions.lint.case import Case
from definitions.lint.finding import Change, Finding, Meanings, Severity
from definitions.wording import Json, Names

_GRAVEST_FIRST: Final = (Severity.ERROR, Severity.WARNING, Severity.ADVICE)


def findings(document: Json, *, meanings: Meanings, names: Names, change: Change | None = None) -> tuple[Finding, ...]:
    """
    Rules 9.3 to 9.6 on a complete document (definitions.documents.normal or export), errors first, else in the document's order.

    `meanings` of all signals of the catalogue (definitions.catalogue.meanings); without `change` nothing is said about what changed.
    """
    case = Case(document, meanings, names, change)
    found = [finding for part in (ways, shape, rows, changing) for finding in part.inspect(case)]
    return tuple(sorted(found, key=lambda finding: _GRAVEST_FIRST.index(finding.severity)))
