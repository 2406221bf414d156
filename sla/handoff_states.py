"""Changes of a handoff's state and of its lead's stage. Nothing else writes `Handoff.state`."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import structlog

from config.accounts.models import User
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import Stage
from sla.models import Handoff
from sla.vocabulary import CRM_MOVES, HANDOFF_MOVES, OPEN_STATES, HandoffState

log = structlog.get_logger(__name__)


#: The names that a closed handoff has of its own.
_NAMES: Final = ("rep_name", "team_name")

#: The stages into which the CRM moves a lead.
_STAGES_OF_CRM: Final = (Stage.OPPORTUNITY, Stage.WON, Stage.LOST)


class HandoffStepRefused(Exception):
    """A step that a handoff in this state does not have."""


def lock(handoff: Handoff) -> Handoff:
    """Lock the handoff until the end of the transaction and return it as it is now; every action starts with this."""
    # Locked without joins: a joined row that changed while this waited for the lock would come with its old rep.
    Handoff.objects.select_for_update(no_key=True).values_list("pk").get(pk=handoff.pk)
    return Handoff.objects.select_related("lead", "rep__user", "team", "commitment").get(pk=handoff.pk)


def move(handoff: Handoff, to: HandoffState, **columns: Any) -> None:
    """Move a locked handoff to another state. Raises HandoffStepRefused with a sentence for the user."""
    apply_move(handoff, to, **columns)
    handoff.save(update_fields=["state", *columns, *_NAMES])


def apply_move(handoff: Handoff, to: HandoffState, **columns: Any) -> None:
    """Set the state and these columns in memory. Raises HandoffStepRefused if HANDOFF_MOVES has no such move."""
    if to not in HANDOFF_MOVES[HandoffState(handoff.state)]:
        raise HandoffStepRefused(
            f"This handoff is “{HandoffState(handoff.state).label}”; it cannot become “{to.label}”."
        )
    _set_columns(handoff, to, columns)


def follow_crm(handoff: Handoff, to: HandoffState, **columns: Any) -> bool:
    """Move a locked handoff to the stage the CRM reports for its lead; return False when it cannot go there, or is there."""
    if to not in CRM_MOVES.get(HandoffState(handoff.state), ()):
        return False
    _set_columns(handoff, to, columns)
    handoff.save(update_fields=["state", *columns, *_NAMES])
    return True


def states_before(to: HandoffState) -> list[HandoffState]:
    """Return the states from which the CRM may move a handoff to `to`."""
    return [state for state, allowed in CRM_MOVES.items() if to in allowed]


def _set_columns(handoff: Handoff, to: HandoffState, columns: dict[str, Any]) -> None:
    """Set state and columns in memory; a handoff that closes takes the names of the day, one that opens again drops them."""
    handoff.state = to
    for name, value in columns.items():
        setattr(handoff, name, value)
    is_open = to in OPEN_STATES
    handoff.rep_name = "" if is_open else str(handoff.rep or "")
    handoff.team_name = "" if is_open else str(handoff.team or "")


def move_lead(handoff: Handoff, *path: Stage, by: User, now: dt.datetime, why: str) -> None:
    """Move the lead along `path` in the motion of its handoff, step by step.

    A lead that the CRM has already moved further keeps its stage: the decision of sales on the handoff stands all the same.
    Raises HandoffStepRefused with a sentence where the table of moves refuses the step otherwise.
    """
    for stage in path:
        try:
            stage_changes.move(lead=handoff.lead, motion=handoff.motion, to=stage, by=by, now=now, why=why[:300])
        except stage_changes.MoveRefused as refusal:
            if motion_stages.read_stage(handoff.lead, handoff.motion) not in _STAGES_OF_CRM:
                raise HandoffStepRefused(str(refusal)) from refusal
            log.info("lead_keeps_its_stage", handoff=handoff.pk, why=str(refusal))
