"""Explanations of one lead under every version in force, now or at any past instant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from definitions.models import Version
from leads import not_understood
from leads.models import Lead
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine import why
from scoring.engine.criteria import is_missing
from scoring.engine.explanation import CriterionAnswer
from scoring.engine.judge import Explanation, explain
from scoring.instants import microseconds

_ANSWERS: Final = ("gate_answers", "fit_answers", "bant_answers", "disqualifier_answers")


def explain_lead(
    lead: Lead, *, at: dt.datetime, under: Sequence[Version] | None = None
) -> list[tuple[Version, Explanation]]:
    """Return the explanation at `at` under each version in force, or under the versions given."""
    return [
        (version, _explain_under(lead, version, at))
        for version in (active_versions.list_active_versions() if under is None else under)
    ]


def _explain_under(lead: Lead, version: Version, at: dt.datetime) -> Explanation:
    rules = active_versions.rules_of(version)
    explanation = explain(rules, fact_reader.read_for_leads([lead.pk], rules), 0, microseconds(at))
    return show_not_understood(explanation, lead, at)


def show_not_understood(explanation: Explanation, lead: Lead, at: dt.datetime) -> Explanation:
    """Show the texts that could not be read in the answers that are unknown because of them (rules 13.48)."""
    answers = {name: getattr(explanation, name) for name in _ANSWERS}
    if not any(map(_lacks_value, (answer for row in answers.values() for answer in row))):
        return explanation
    texts = not_understood.texts_at(lead, at)
    if not texts:
        return explanation
    shown = {name: tuple(_show_text(answer, texts) for answer in row) for name, row in answers.items()}
    completed = replace(explanation, **shown)
    return replace(completed, why=why.sentence(completed))


def _lacks_value(answer: CriterionAnswer) -> bool:
    return answer.verdict == "unknown" and is_missing(answer.seen)


def _show_text(answer: CriterionAnswer, texts: Mapping[str, str]) -> CriterionAnswer:
    text = texts.get(answer.criterion.field) if _lacks_value(answer) else None
    return answer if text is None else replace(answer, seen=f"“{text}” (not understood)")
