"""Stored scores of the prompt path: a row is written only where something changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from scoring.instants import from_microseconds
from scoring.live.judgement import LeadJudgement
from scoring.models import Score

_JUDGED_FIELDS = ["version", "as_of", "fit", "engagement", "bant", "gate", "is_disqualified", "meets", "tier"]


def store_scores(judgement: LeadJudgement, *, now: dt.datetime) -> Mapping[int, Score]:
    """Store the scores that changed; return each lead's score from before, by lead id. Leads never judged are absent."""
    lead_ids = judgement.facts.lead_ids.tolist()
    before = {
        score.lead_id: score
        for score in Score.objects.filter(definition_id=judgement.version.definition_id, lead_id__in=lead_ids)
    }
    changed = [
        score for score in _build_scores(judgement, now, before) if _has_changed(score, before.get(score.lead_id))
    ]
    Score.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["lead", "definition"],
        update_fields=[*_JUDGED_FIELDS, "judged_at", "shortfall_due"],
    )
    return before


def _build_scores(judgement: LeadJudgement, now: dt.datetime, before: Mapping[int, Score]) -> list[Score]:
    at_latest, at_now, is_active = judgement.at_latest, judgement.at_now, judgement.is_active
    return [
        Score(
            lead_id=lead_id,
            definition_id=judgement.version.definition_id,
            version_id=judgement.version.pk,
            as_of=from_microseconds(int(judgement.latest[index])),
            fit=float(at_latest.fit[index]),
            engagement=float(at_latest.engagement[index]),
            bant=float(at_latest.bant[index]),
            gate=int(at_now.gate[index]),
            is_disqualified=bool(at_now.disqualified[index]),
            meets=bool(at_now.meets[index]),
            tier=int(at_now.tier[index]),
            judged_at=now,
            # A lead that never did anything has no shortfall: files bring hundreds of thousands of them.
            shortfall_due=lead_id in before or bool(is_active[index]),
        )
        for index, lead_id in enumerate(judgement.facts.lead_ids.tolist())
    ]


def _has_changed(score: Score, before: Score | None) -> bool:
    return before is None or any(getattr(score, name) != getattr(before, name) for name in _compared_columns())


def _compared_columns() -> list[str]:
    return ["version_id" if name == "version" else name for name in _JUDGED_FIELDS]
