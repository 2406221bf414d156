"""Templates for a first draft: presets with the linter's findings, and drafts made from a preset or from nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from config.accounts.models import User
from definitions import lint, presets, signals_and_lists, version_documents
from definitions.document.parser import parse_document
from definitions.lint import Finding, Severity
from definitions.models import Definition, Version
from definitions.plain_english import generated_statement
from definitions.plain_english.generated_statement import PlainStatement
from definitions.presets import Preset
from definitions.vocabulary import DOCUMENT_FORMAT
from leads.vocabulary import Motion

_TONES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.ADVICE: ""}


@dataclass(frozen=True, slots=True)
class TemplateRemark:
    finding: Finding

    @property
    def tone(self) -> str:
        return _TONES[self.finding.severity]


@dataclass(frozen=True, slots=True)
class TemplateCard:
    preset: Preset
    statement: PlainStatement
    findings: tuple[Finding, ...]

    @property
    def reading_time(self) -> str:
        return f"{self.statement.seconds} seconds aloud"

    @property
    def remarks(self) -> list[TemplateRemark]:
        return [TemplateRemark(finding) for finding in self.findings]

    @property
    def has_errors(self) -> bool:
        """Tell whether the linter's errors would prevent a proposal of the preset as it is."""
        return any(finding.severity == Severity.ERROR for finding in self.findings)


def build_template_cards() -> list[TemplateCard]:
    """Return a card for each preset; presets that can be proposed as they are come first."""
    meanings, names, known_names = (
        signals_and_lists.read_signal_meanings(),
        signals_and_lists.read_display_names(),
        signals_and_lists.read_known_names(),
    )
    cards = []
    for preset in presets.load_presets():
        document = parse_document(preset.document, known_names=known_names).to_document()
        findings = lint.lint_document(document, meanings=meanings, names=names)
        cards.append(TemplateCard(preset, generated_statement.write_statement(document, names), findings))
    return sorted(cards, key=lambda card: card.has_errors)


@transaction.atomic
def start_draft(
    *,
    code: str,
    name: str,
    into: Definition | None,
    by: User,
    now: dt.datetime,
    motion: Motion | None = None,
    scope: str = "",
) -> Version:
    """Create a draft from a preset, or an empty one without a `code`.

    It becomes the next version of `into`, or the first of a new definition called `name` for `motion`, by default the
    preset's motion or MQL, and for `scope`, by default everything.
    Raises DocumentRefused, permissions.NotAllowed.
    """
    preset = presets.load_preset(code) if code else None
    document: dict[str, Any] = dict(preset.document) if preset else {"format": DOCUMENT_FORMAT, "paths": []}
    document |= {
        "name": into.name if into else name,
        "owner": by.email,
        "reason": f"Begun from “{preset.title}”." if preset else "Begun from nothing.",
    }
    if motion is not None:
        document["motion"] = motion
    if into is not None:
        latest = into.versions.order_by("-major", "-minor").first()
        document |= {"motion": into.motion, "version": f"{latest.major if latest else 1}.0"}
    version = version_documents.import_document(document=document, by=by, now=now)
    if scope.strip() and into is None:
        version.definition.scope = scope.strip()
        version.definition.save(update_fields=["scope"])
    return version
