"""The change of a lead's stage: checked against the table of moves, and logged. Nothing else writes `Lead.stage`."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.accounts.models import User
from leads.models import Lead, StageChange
from leads.vocabulary import MOVES, Stage


class MoveRefused(Exception):
    """The table of moves does not allow this change of stage."""


def apply_move(*, lead: Lead, to: Stage, by: User | None, now: dt.datetime, why: str) -> StageChange | None:
    """Move a lead to another stage in memory and return the log entry to store; None if that is its current stage.

    Raises MoveRefused with a sentence for the user (rules 2.1, 2.2).
    """
    if lead.stage == to:
        return None
    if to not in MOVES[Stage(lead.stage)]:
        raise MoveRefused(f"A lead cannot go from {Stage(lead.stage).label} to {to.label}.")
    change = StageChange(lead=lead, from_stage=lead.stage, to_stage=to, at=now, by=by, why=why)
    lead.stage, lead.stage_at = to, now
    return change


@transaction.atomic
def move(*, lead: Lead, to: Stage, by: User | None, now: dt.datetime, why: str) -> Lead:
    """Move a lead to another stage and log the move (rules 2.1, 2.2). A move to its current stage does nothing.

    Raises MoveRefused with a sentence for the user.
    """
    lead = Lead.objects.select_for_update(of=("self",), no_key=True).get(pk=lead.pk)
    change = apply_move(lead=lead, to=to, by=by, now=now, why=why)
    if change is not None:
        change.save(force_insert=True)
        lead.save(update_fields=["stage", "stage_at"])
    return lead
