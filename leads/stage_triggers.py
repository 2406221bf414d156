"""The triggers that derive the stage of a lead in a motion from its changes (rules 2.2).

Whoever stores a change of stage moves the lead with it; a change that does not begin where the lead stands is refused,
and so is every other write of `LeadStage`.
"""

from __future__ import annotations

from typing import Final

import pgtrigger

#: A change is stored by a statement of its own, so that its trigger runs at depth 1 and the guard's below it at depth 2.
_DEPTH_OF_DERIVED: Final = 2

GUARD_STAGES: Final = pgtrigger.Trigger(
    name="stages_are_derived",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    func=(
        f"IF pg_trigger_depth() < {_DEPTH_OF_DERIVED} THEN"
        " RAISE EXCEPTION 'Stages follow from the changes of stage; store a change.'; END IF;"
        " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;"
    ),
)


def derive_stages(table: str) -> pgtrigger.Trigger:
    """Return the trigger that writes the stage which a new change leads to into `table`.

    The first change of a lead in a motion begins in the stage lead. Of two transactions that move a lead of one motion
    at once the second waits for the row, and is refused if the first has moved the lead elsewhere.
    """
    return pgtrigger.Trigger(
        name="stage_is_derived",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        func=(
            f"UPDATE {table} SET stage = NEW.to_stage, since = NEW.at"  # noqa: S608  # constants
            " WHERE lead_id = NEW.lead_id AND motion = NEW.motion AND stage = NEW.from_stage;"
            " IF FOUND THEN RETURN NULL; END IF;"
            " IF NEW.from_stage = 'lead' THEN"
            f" INSERT INTO {table} (lead_id, motion, stage, since) VALUES (NEW.lead_id, NEW.motion, NEW.to_stage, NEW.at)"
            " ON CONFLICT (lead_id, motion) DO NOTHING;"
            " IF FOUND THEN RETURN NULL; END IF; END IF;"
            " RAISE EXCEPTION 'Lead % does not stand in the stage % of the motion %.',"
            " NEW.lead_id, NEW.from_stage, NEW.motion USING ERRCODE = 'check_violation';"
        ),
    )
