"""The change of a lead's stage: checked against the table of moves, and logged. Nothing else writes `Lead.stage`."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.accounts.models import User
from leads.models import Lead, StageChange
from leads.vocabulary import MOVES, Stage


class MoveRefused(Exception):
    """The table of moves does not allow this change of stage."""


@transaction.atomic
def move(*, lead: Lead, to: Stage, by: User | None, now: dt.datetime, why: str) -> Lead:
    """Move a lead to another stage and log the move (rules 2.1, 2.2). A move to its current stage does nothing.

    Raises MoveRefused with a sentence for the user.
    """
    lead = Lead.objects.select_for_update(of=("self",), no_key=True).get(pk=lead.pk)
    if lead.stage == to:
        return lead
    if to not in MOVES[Stage(lead.stage)]:
        raise MoveRefused(f"A lead cannot go from {Stage(lead.stage).label} to {to.label}.")
    StageChange.objects.create(lead=lead, from_stage=lead.stage, to_stage=to, at=now, by=by, why=why)
    lead.stage, lead.stage_at = to, now
    lead.save(update_fields=["stage", "stage_at"])
    return lead
