"""The last wins and the last rejections of a definition, which a joint session reads one by one (rules 8.38)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from definitions.models import Definition
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from scoring.explain import frozen_evidence
from scoring.models import Qualification
from sla.models import Disposition, PlayDisposition, PlayOutcome
from sla.review_triggers import rejection_evidence
from sla.vocabulary import DispositionKind

LAST_WINS: Final = 20
LAST_REJECTIONS: Final = 30
SIGNALS_SHOWN: Final = 5


def collect_evidence(definition: Definition, now: dt.datetime) -> dict[str, Any]:
    """Return `wins` as they were when they became MQLs, and the rejections with what was missing, the latest first."""
    if definition.motion == Motion.AQL:
        plays = PlayDisposition.objects.filter(
            kind=DispositionKind.REJECT, play__version__definition=definition, at__lte=now
        )
        plays = plays.select_related("reason", "sub_reason", "play__company").order_by("-at", "-pk")
        return {"wins": _list_won_plays(definition, now), "rejected_plays": _describe(plays)}
    handoffs = Disposition.objects.standing().filter(
        kind=DispositionKind.REJECT,
        handoff__version__definition=definition,
        handoff__decided_at__lte=now,
    )
    handoffs = handoffs.select_related("reason", "sub_reason", "handoff__lead")
    rejected = handoffs.order_by("-handoff__decided_at", "-pk")
    return {"wins": _list_won_leads(definition, now), "rejected_handoffs": _describe(rejected)}


def _describe(rejected: Any) -> list[dict[str, Any]]:
    return [rejection_evidence.describe_rejection(row) for row in rejected[:LAST_REJECTIONS]]


def _list_won_leads(definition: Definition, now: dt.datetime) -> list[dict[str, Any]]:
    """Describe the last wins of people who had been MQLs of the definition, by their latest cycle before the win."""
    person = Coalesce(OuterRef("lead__merged_into"), OuterRef("lead"))
    mqls = Qualification.objects.filter(
        Q(lead=person) | Q(lead__merged_into=person), definition=definition, at__lte=OuterRef("at")
    )
    won = Outcome.objects.effective().filter(motion=definition.motion, kind=OutcomeKind.WON, at__lte=now)
    latest = Subquery(mqls.order_by("-at", "-pk").values("pk")[:1])
    wins = list(won.filter(Exists(mqls)).order_by("-at", "-pk").values_list(latest, "at")[:LAST_WINS])
    by_pk = Qualification.objects.select_related("version", "lead", "handoff").in_bulk([mql for mql, _ in wins])
    return [_describe_won_lead(by_pk[mql], at) for mql, at in wins]


def _describe_won_lead(mql: Qualification, won_at: dt.datetime) -> dict[str, Any]:
    evidence = frozen_evidence.read_evidence(mql.evidence)
    signals = [f"{row.signal} {row.points:+.3g}" for row in evidence.contributions if row.points][:SIGNALS_SHOWN]
    ways = [path.name for path in evidence.paths if path.verdict == frozen_evidence.HELD]
    handoff = getattr(mql, "handoff", None)
    return {
        "handoff": handoff.pk if handoff else None,
        "lead": mql.lead_id,
        "name": str(mql.lead),
        "won_at": won_at.isoformat(),
        "qualified_at": mql.at.isoformat(),
        "fit": round(mql.fit, 1),
        "engagement": round(mql.engagement, 1),
        "tier": mql.tier,
        "way": ", ".join(ways),
        "signals": ", ".join(signals),
    }


def _list_won_plays(definition: Definition, now: dt.datetime) -> list[dict[str, Any]]:
    won = PlayOutcome.objects.filter(kind=OutcomeKind.WON, play__version__definition=definition, at__lte=now)
    rows = won.order_by("-at", "-pk").values(
        "at",
        "play_id",
        "play__company_id",
        tier=F("play__tier"),
        name=F("play__company__name"),
        qualified_at=F("play__qualification__at"),
        contacts=F("play__qualification__contacts"),
        why=F("play__qualification__why"),
    )
    return [
        {
            "play": row["play_id"],
            "company": row["play__company_id"],
            "name": row["name"],
            "won_at": row["at"].isoformat(),
            "qualified_at": row["qualified_at"].isoformat(),
            "contacts": row["contacts"],
            "tier": row["tier"],
            "way": row["why"],
        }
        for row in rows[:LAST_WINS]
    ]
