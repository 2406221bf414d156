"""The stages in which leads stand in each motion (rules 2.1). Without a row a lead never left the stage lead there."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

from django.db.models import Exists, OuterRef

from leads.models import Lead, LeadStage
from leads.vocabulary import Motion, Stage


def read_stage(lead: Lead, motion: str) -> Stage:
    """Return the stage of a lead in a motion."""
    row = LeadStage.objects.filter(lead=lead, motion=motion).values_list("stage", flat=True).first()
    return Stage(row or Stage.LEAD)


def read_stages(lead_ids: Collection[int], motion: str) -> defaultdict[int, Stage]:
    """Return the stages of these leads in one motion, by their ids; the stage lead for all others."""
    rows = LeadStage.objects.filter(lead_id__in=list(lead_ids), motion=motion).values_list("lead_id", "stage")
    return defaultdict(lambda: Stage.LEAD, {lead_id: Stage(stage) for lead_id, stage in rows})


def read_since(lead_ids: Collection[int], motion: str, stage: Stage) -> dict[int, dt.datetime]:
    """Return since when the leads that stand in this stage of a motion stand there, by their ids."""
    rows = LeadStage.objects.filter(lead_id__in=list(lead_ids), motion=motion, stage=stage)
    return dict(rows.values_list("lead_id", "since"))


def read_all_motions(lead_id: int) -> dict[Motion, Stage]:
    """Return the stage of a lead in each motion in which it has one."""
    rows = LeadStage.objects.filter(lead_id=lead_id).values_list("motion", "stage")
    return {Motion(motion): Stage(stage) for motion, stage in rows}


def read_all_leads() -> defaultdict[int, dict[Motion, Stage]]:
    """Return the stages of all leads by motion, by their ids."""
    standing: defaultdict[int, dict[Motion, Stage]] = defaultdict(dict)
    for lead_id, motion, stage in LeadStage.objects.values_list("lead_id", "motion", "stage"):
        standing[lead_id][Motion(motion)] = Stage(stage)
    return standing


def list_stages(lead: Lead) -> list[LeadStage]:
    """Return the stages of a lead in the order MQL, PQL, AQL, from the prefetched rows if there are any.

    A lead that never left the stage lead in any motion has one row, which is not stored.
    """
    order = list(Motion)
    rows = sorted(lead.motion_stages.all(), key=lambda row: order.index(Motion(row.motion)))
    return rows or [LeadStage(lead=lead, motion=lead.stage_motion, stage=Stage.LEAD, since=lead.stage_at)]


def stands_in(*stages: Stage, lead: str = "lead", motion: str = "motion") -> Exists:
    """Return a condition: the row's lead stands in one of these stages in the row's motion."""
    return Exists(LeadStage.objects.filter(lead=OuterRef(lead), motion=OuterRef(motion), stage__in=stages))
