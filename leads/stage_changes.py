"""One gate for stage changes: the table of moves, the move, the log. Nothing else writes `Lead.stage`."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.accounts.models import User
from leads.models import Lead, StageChange
from leads.vocabulary import MOVES, Stage


class MoveRefused(Exception):
    """The ladder has no such step."""


@transaction.atomic
def move(*, lead: Lead, to: Stage, by: User | None, now: dt.datetime, why: str) -> Lead:
    """Take a lead to another stage and log it (rules 2.1, 2.2). To where it stands already: nothing happens.

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
