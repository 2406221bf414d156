"""Drafts from definitions to begin with, or from nothing; what the linter says of each is shown with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from config.accounts.models import User
from definitions import lint, presets, signals_and_lists, version_documents
from definitions.document.parser import parse
from definitions.lint import Finding, Severity
from definitions.models import Definition, Version
from definitions.plain_english import generated_statement
from definitions.plain_english.generated_statement import PlainStatement
from definitions.presets import Preset
from definitions.vocabulary import DOCUMENT_FORMAT

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
    def reading(self) -> str:
        return f"{self.statement.seconds} seconds aloud"

    @property
    def remarks(self) -> list[TemplateRemark]:
        return [TemplateRemark(finding) for finding in self.findings]

    @property
    def bars(self) -> bool:
        """Whether it could not be proposed as it is."""
        return any(finding.severity == Severity.ERROR for finding in self.findings)


def offered_templates() -> list[TemplateCard]:
    meanings, names, catalogue_now = (
        signals_and_lists.meanings(),
        signals_and_lists.names(),
        signals_and_lists.current(),
    )
    cards = []
    for preset in presets.all_presets():
        document = parse(preset.document, catalogue=catalogue_now).document()
        found = lint.findings(document, meanings=meanings, names=names)
        cards.append(TemplateCard(preset, generated_statement.statement(document, names), found))
    # Those that can be proposed as they are come first.
    return sorted(cards, key=lambda card: card.bars)


def start_draft(*, code: str, name: str, into: Definition | None, by: User, now: dt.datetime) -> Version:
    """A draft equal to a preset, or empty without a `code`: the next version of a definition, or the first of a new one.

    Raises DocumentRefused, rights.NotAllowed.
    """
    preset = presets.preset(code) if code else None
    document: dict[str, Any] = dict(preset.document) if preset else {"format": DOCUMENT_FORMAT, "paths": []}
    document |= {
        "name": into.name if into else name,
        "owner": by.email,
        "reason": f"Begun from “{preset.title}”." if preset else "Begun from nothing.",
    }
    if into is not None:
        latest = into.versions.order_by("-major", "-minor").first()
        document |= {"motion": into.motion, "version": f"{latest.major if latest else 1}.0"}
    return version_documents.import_document(document=document, by=by, now=now)
