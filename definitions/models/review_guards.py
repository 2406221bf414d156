"""The guards of reviews in the database: what no path to it can change (rules 8.29 to 8.31)."""

from __future__ import annotations

from typing import Final

import pgtrigger

#: A trigger, because the conditions of a decision stand in other tables.
DECIDED_WHOLE: Final = """
    IF NEW.blocked_on <> '' THEN
        RAISE EXCEPTION 'pgtrigger: a review that is blocked on data is not decided';
    END IF;
    IF NEW.escalated_to_id <> NEW.decided_by_id THEN
        RAISE EXCEPTION 'pgtrigger: an escalated review is decided by its decider';
    END IF;
    IF NEW.kind IN ('joint', 'reconciliation') AND (
        SELECT count(DISTINCT p.seat) FROM definitions_reviewparticipant p
        WHERE p.review_id = NEW.id AND p.removed_at IS NULL AND p.seat <> 'guest'
    ) < 4 THEN
        RAISE EXCEPTION 'pgtrigger: a joint review is decided with all four roles at the table';
    END IF;
    IF NEW.kind = 'reconciliation' AND NOT EXISTS (
        SELECT FROM definitions_reviewparticipant p
        JOIN definitions_reviewstep s ON s.review_id = p.review_id AND s.by_id = p.person_id
        WHERE p.review_id = NEW.id AND p.is_new_leader AND p.removed_at IS NULL AND s.kind = 'acknowledged'
    ) THEN
        RAISE EXCEPTION 'pgtrigger: a reconciliation is decided after the new leader has acknowledged the definition';
    END IF;
    IF EXISTS (
        SELECT FROM definitions_reviewchecklistpoint c
        WHERE c.review_id = NEW.id AND c.is_required AND c.ticked_at IS NULL
    ) THEN
        RAISE EXCEPTION 'pgtrigger: a review is decided after the points that its decision needs are ticked';
    END IF;
    RETURN NEW;
"""

#: A trigger, so that the columns of the state say what the latest steps say, with who, when and why.
STATE_HAS_ITS_STEP: Final = """
    IF NEW.blocked_on <> OLD.blocked_on AND NEW.blocked_on IS DISTINCT FROM (
        SELECT CASE s.kind WHEN 'blocked' THEN s.why ELSE '' END FROM definitions_reviewstep s
        WHERE s.review_id = NEW.id AND s.kind IN ('blocked', 'unblocked') ORDER BY s.id DESC LIMIT 1
    ) THEN
        RAISE EXCEPTION 'pgtrigger: a review is blocked and unblocked by a step';
    END IF;
    IF NEW.escalated_to_id IS DISTINCT FROM OLD.escalated_to_id AND NEW.escalated_to_id IS DISTINCT FROM (
        SELECT s.person_id FROM definitions_reviewstep s
        WHERE s.review_id = NEW.id AND s.kind = 'escalated' ORDER BY s.id DESC LIMIT 1
    ) THEN
        RAISE EXCEPTION 'pgtrigger: a review is escalated by a step';
    END IF;
    IF NEW.meets_at IS DISTINCT FROM OLD.meets_at AND NEW.meets_at IS DISTINCT FROM (
        SELECT s.meets_at FROM definitions_reviewstep s
        WHERE s.review_id = NEW.id AND s.kind = 'meeting' ORDER BY s.id DESC LIMIT 1
    ) THEN
        RAISE EXCEPTION 'pgtrigger: the meeting of a review is moved by a step';
    END IF;
    RETURN NEW;
"""


def undecided_only_trigger(name: str, operation: pgtrigger.Operation) -> pgtrigger.Trigger:
    """Return a trigger that lets rows of a review be added and changed only until its decision."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=operation,
        declare=[("decided", "timestamptz")],
        # FOR SHARE waits for a decision that is running.
        func="""
            SELECT r.decided_at INTO decided FROM definitions_review r WHERE r.id = NEW.review_id FOR SHARE;
            IF decided IS NOT NULL THEN
                RAISE EXCEPTION 'pgtrigger: this review is decided; its record stays as it is';
            END IF;
            RETURN NEW;
        """,
    )
