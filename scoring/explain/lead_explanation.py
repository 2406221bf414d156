"""Explanations of one lead under every version in force, now or at any past instant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from definitions.models import Version
from leads.intake import not_understood
from leads.models import Lead
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine import why
from scoring.engine.criteria import is_missing
from scoring.engine.explanation import CriterionAnswer
from scoring.engine.judge import Explanation, explain
from scoring.instants import microseconds


def explain_lead(
    lead: Lead, *, at: dt.datetime, under: Sequence[Version] | None = None
) -> list[tuple[Version, Explanation]]:
    """Return the explanation at `at` under each version in force, or under the versions given.

    A lead that is merged into another one is explained as that one (rules 13.50).
    """
    return [
        (version, _explain_under(lead, version, at))
        for version in (active_versions.list_active_versions() if under is None else under)
    ]


def _explain_under(lead: Lead, version: Version, at: dt.datetime) -> Explanation:
    rules = active_versions.rules_of(version)
    explanation = explain(
        rules, fact_reader.read_for_leads([lead.merged_into_id or lead.pk], rules), 0, microseconds(at)
    )
    return show_not_understood(explanation, lead, at)


def show_not_understood(explanation: Explanation, lead: Lead, at: dt.datetime) -> Explanation:
    """Show the texts that could not be read in the answers that are unknown because of them (rules 13.33)."""
    if not any(_lacks_value(answer) for answer in _all_answers(explanation)):
        return explanation
    texts = not_understood.texts_at(lead, at)
    if not texts:
        return explanation
    completed = replace(
        explanation,
        gate_answers=_show_texts(explanation.gate_answers, texts),
        fit_answers=_show_texts(explanation.fit_answers, texts),
        bant_answers=_show_texts(explanation.bant_answers, texts),
        disqualifier_answers=_show_texts(explanation.disqualifier_answers, texts),
    )
    return replace(completed, why=why.sentence(completed))


def _all_answers(explanation: Explanation) -> tuple[CriterionAnswer, ...]:
    return (
        *explanation.gate_answers,
        *explanation.fit_answers,
        *explanation.bant_answers,
        *explanation.disqualifier_answers,
    )


def _show_texts(answers: Iterable[CriterionAnswer], texts: Mapping[str, str]) -> tuple[CriterionAnswer, ...]:
    return tuple(_show_text(answer, texts) for answer in answers)


def _lacks_value(answer: CriterionAnswer) -> bool:
    # By its policy an unknown value counts as failed, and is unknown all the same (rules 3.15).
    return (answer.verdict == "unknown" or bool(answer.criterion.unknown)) and is_missing(answer.seen)


def _show_text(answer: CriterionAnswer, texts: Mapping[str, str]) -> CriterionAnswer:
    text = texts.get(answer.criterion.field) if _lacks_value(answer) else None
    return answer if text is None else replace(answer, seen=f"“{text}” (not understood)")
