"""The kept scores: written only where something changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from scoring.instants import from_microseconds
from scoring.live.judgement import Judged
from scoring.models import Score

_JUDGED = ["version", "as_of", "fit", "engagement", "bant", "gate", "is_disqualified", "meets", "tier"]


def keep(judged: Judged, *, now: dt.datetime) -> Mapping[int, Score]:
    """Store what changed. Returns the score of each lead before, by its id; leads never judged are absent."""
    lead_ids = judged.facts.lead_ids.tolist()
    before = {
        score.lead_id: score
        for score in Score.objects.filter(definition_id=judged.version.definition_id, lead_id__in=lead_ids)
    }
    fresh = [score for score in _scores(judged, now) if _differs(score, before.get(score.lead_id))]
    Score.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["lead", "definition"], update_fields=[*_JUDGED, "judged_at"]
    )
    return before


def _scores(judged: Judged, now: dt.datetime) -> list[Score]:
    then, present = judged.at_latest, judged.at_now
    return [
        Score(
            lead_id=lead_id,
            definition_id=judged.version.definition_id,
            version_id=judged.version.pk,
            as_of=from_microseconds(int(judged.latest[index])),
            fit=float(then.fit[index]),
            engagement=float(then.engagement[index]),
            bant=float(then.bant[index]),
            gate=int(present.gate[index]),
            is_disqualified=bool(present.disqualified[index]),
            meets=bool(present.meets[index]),
            tier=int(present.tier[index]),
            judged_at=now,
        )
        for index, lead_id in enumerate(judged.facts.lead_ids.tolist())
    ]


def _differs(score: Score, before: Score | None) -> bool:
    return before is None or any(getattr(score, name) != getattr(before, name) for name in _names())


def _names() -> list[str]:
    return ["version_id" if name == "version" else name for name in _JUDGED]
