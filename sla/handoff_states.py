"""The one gate for the state of a handoff, and for taking its lead along. Nothing else writes `Handoff.state`."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import Any, Final

import structlog

from leads import stage_changes
from leads.models import User
from leads.vocabulary import Stage
from sla.models import Handoff
from sla.vocabulary import HANDOFF_MOVES, HandoffState

log = structlog.get_logger(__name__)


#: Where the CRM's word takes a handoff, whatever sales has said of it (rules 2.6: outcomes come from the CRM). These are
#: facts, no steps that anybody may take: those stand in HANDOFF_MOVES.
CRM_MOVES: Final = MappingProxyType(
    {
        HandoffState.ASSIGNED: {HandoffState.OPPORTUNITY, HandoffState.WON, HandoffState.LOST},
        HandoffState.ACCEPTED: {HandoffState.OPPORTUNITY, HandoffState.WON, HandoffState.LOST},
        HandoffState.QUALIFIED: {HandoffState.OPPORTUNITY, HandoffState.WON, HandoffState.LOST},
        HandoffState.OPPORTUNITY: {HandoffState.WON, HandoffState.LOST},
    }
)


class HandoffStepRefused(Exception):
    """A handoff in this state has no such step."""


def lock(handoff: Handoff) -> Handoff:
    """The handoff as it is now, held until the end of the transaction: whoever acts on one comes through here first."""
    # Locked without joins: a row that was changed while we waited would come with the old rep beside it.
    Handoff.objects.select_for_update(no_key=True).values_list("pk").get(pk=handoff.pk)
    return Handoff.objects.select_related("lead", "rep__user", "team", "commitment").get(pk=handoff.pk)


def move(handoff: Handoff, to: HandoffState, **columns: Any) -> None:
    """Take a locked handoff to another state. Raises StepRefused with a sentence for the user."""
    apply_move(handoff, to, **columns)
    handoff.save(update_fields=["state", *columns])


def apply_move(handoff: Handoff, to: HandoffState, **columns: Any) -> None:
    """Set the state and these columns in memory. Raises HandoffStepRefused if HANDOFF_MOVES has no such move."""
    if to not in HANDOFF_MOVES[HandoffState(handoff.state)]:
        raise HandoffStepRefused(
            f"This handoff is “{HandoffState(handoff.state).label}”; it cannot become “{to.label}”."
        )
    _set(handoff, to, columns)


def follow_crm(handoff: Handoff, to: HandoffState, **columns: Any) -> bool:
    """Take a locked handoff to where the CRM says its lead is; False when it cannot go there, or is there."""
    if to not in CRM_MOVES.get(HandoffState(handoff.state), ()):
        return False
    _set(handoff, to, columns)
    handoff.save(update_fields=["state", *columns])
    return True


def before(to: HandoffState) -> list[HandoffState]:
    """The states from which the CRM's word leads there."""
    return [state for state, allowed in CRM_MOVES.items() if to in allowed]


def _set(handoff: Handoff, to: HandoffState, columns: dict[str, Any]) -> None:
    handoff.state = to
    for name, value in columns.items():
        setattr(handoff, name, value)


def lead_follows(handoff: Handoff, *path: Stage, by: User, now: dt.datetime, why: str) -> None:
    """Take the lead along, step by step.

    A lead that the CRM has already taken further keeps its stage: the word of sales on the handoff stands all the same.
    """
    for stage in path:
        try:
            stage_changes.move(lead=handoff.lead, to=stage, by=by, now=now, why=why[:300])
        except stage_changes.MoveRefused as refusal:
            log.info("lead_keeps_its_stage", handoff=handoff.pk, why=str(refusal))
