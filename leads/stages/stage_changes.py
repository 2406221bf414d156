"""The change of a lead's stage in a motion: checked against the table of moves, and logged (rules 2.1, 2.2).

Nothing else writes StageChange, from which the database derives LeadStage, nor the summary stage of a lead.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final, TypeAlias

from django.db import transaction

from config.accounts.models import User
from leads.models import Lead, LeadStage, StageChange
from leads.stages import motion_stages
from leads.vocabulary import MOVES, Motion, Stage, stage_label, summarize_stages

#: The stages in which a lead stands, by motion; a motion without a stage is in the stage lead.
Standing: TypeAlias = dict[Motion, Stage]

#: The columns of the summary stage.
SUMMARY: Final = ("stage", "stage_motion", "stage_at")


class MoveRefused(Exception):
    """The table of moves does not allow this change of stage."""


def apply_move(
    *, lead: Lead, standing: Standing, motion: str, to: Stage, by: User | None, now: dt.datetime, why: str
) -> StageChange | None:
    """Move a lead to another stage of a motion in memory and return the log entry to store; None if it stands there.

    `standing` and the summary stage of the lead are changed with it. Raises MoveRefused with a sentence for the user
    (rules 2.1, 2.2).
    """
    stage = standing.get(Motion(motion), Stage.LEAD)
    if stage == to:
        return None
    if to not in MOVES[stage]:
        raise MoveRefused(f"A lead cannot go from {stage_label(stage, motion)} to {stage_label(to, motion)}.")
    return _apply_change(lead, standing, Motion(motion), to, by, now, why)


def apply_closing(*, lead: Lead, standing: Standing, by: User | None, now: dt.datetime, why: str) -> list[StageChange]:
    """Disqualify a lead in memory in every motion that the table of moves allows, and return the log entries to store.

    An opportunity or a win stays: the CRM ends it (rules 2.14).
    """
    stages = {motion: standing.get(motion, Stage.LEAD) for motion in Motion}
    return [
        _apply_change(lead, standing, motion, Stage.DISQUALIFIED, by, now, why)
        for motion, stage in stages.items()
        if Stage.DISQUALIFIED in MOVES[stage]
    ]


@transaction.atomic
def move(*, lead: Lead, motion: str, to: Stage, by: User | None, now: dt.datetime, why: str) -> Lead:
    """Move a lead to another stage of a motion and log the move. A move to where it stands there does nothing.

    Raises MoveRefused with a sentence for the user (rules 2.1, 2.2).
    """
    lead, standing = _lock(lead)
    change = apply_move(lead=lead, standing=standing, motion=motion, to=to, by=by, now=now, why=why)
    _save(lead, [] if change is None else [change])
    return lead


@transaction.atomic
def close_motions(*, lead: Lead, by: User | None, now: dt.datetime, why: str) -> Lead:
    """Disqualify a lead in every motion, for a reason that concerns the person as such (rules 2.14)."""
    lead, standing = _lock(lead)
    _save(lead, apply_closing(lead=lead, standing=standing, by=by, now=now, why=why))
    return lead


@transaction.atomic
def reopen_motions(
    *, lead: Lead, closed_at: Collection[dt.datetime], but: Collection[str], by: User | None, now: dt.datetime, why: str
) -> Lead:
    """Take back what `close_motions` did at these instants, but not in the motions `but`.

    Each motion goes back to where it stood, whatever the table of moves says; one that has moved since stays.
    """
    lead, standing = _lock(lead)
    closed = LeadStage.objects.filter(lead=lead, stage=Stage.DISQUALIFIED, since__in=closed_at).exclude(motion__in=but)
    changes = []
    for row in closed.order_by("pk"):
        closing = StageChange.objects.filter(lead=lead, motion=row.motion).latest("pk")
        changes.append(_apply_change(lead, standing, Motion(row.motion), Stage(closing.from_stage), by, now, why))
    _save(lead, changes)
    return lead


def _lock(lead: Lead) -> tuple[Lead, Standing]:
    lead = Lead.objects.select_for_update(of=("self",), no_key=True).get(pk=lead.pk)
    # Read after the lock, so that it is where the transaction before has left the lead.
    return lead, motion_stages.read_all_motions(lead.pk)


def _apply_change(
    lead: Lead, standing: Standing, motion: Motion, to: Stage, by: User | None, now: dt.datetime, why: str
) -> StageChange:
    change = StageChange(
        lead=lead, motion=motion, from_stage=standing.get(motion, Stage.LEAD), to_stage=to, at=now, by=by, why=why
    )
    standing[motion] = to
    summary = summarize_stages(standing)
    if summary != (lead.stage, lead.stage_motion):
        lead.stage_at = now
    lead.stage, lead.stage_motion = summary
    return change


def _save(lead: Lead, changes: Collection[StageChange]) -> None:
    for change in changes:
        change.save(force_insert=True)
    if changes:
        lead.save(update_fields=SUMMARY)
