"""The guards of what was promised and done: clocks, handoffs, plays and commitments (rules 17.14).

Each is a trigger that allows what the use cases do and refuses every other change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import pgtrigger
from django.db.models import TextChoices

from leads.models import FrozenOnce, set_once

_State = TypeVar("_State", bound=TextChoices)

_F: Final = pgtrigger.F
_Q: Final = pgtrigger.Q

#: The columns of a promise that say what became of it.
_OUTCOME: Final = ("warned_at", "breached_at", "met_at", "used_seconds", "is_late", "cancelled_at")
#: The columns of a promise that say what was promised, to whom, and for when.
_PROMISE: Final = (
    "kind", "rep", "rep_name", "commitment", "calendar_version", "target_seconds", "started_at", "due_at", "warn_at",
)  # fmt: skip
#: The columns that change when a closed record is opened again: what closing had set.
_CLOSING: Final = ("closed_at", "rep_name", "team_name")


def guard_moves(name: str, *tables: Mapping[_State, Iterable[_State]]) -> pgtrigger.FSM:
    """Return the trigger that lets `state` change along these tables of moves alone, the ones that the use cases read."""
    moves = {(str(before), str(after)) for table in tables for before, targets in table.items() for after in targets}
    return pgtrigger.FSM(name=name, field="state", transitions=sorted(moves))


def guard_clocks(name: str, *, owner: str, table: str, open_states: Iterable[TextChoices]) -> list[pgtrigger.Trigger]:
    """Return the triggers of a table of promises; `owner` is the foreign key of the record in `table` that they are on.

    A promise stays as it was made and is never deleted. Met, it stays as it is; cancelled as well, until it is resumed
    while the record is in one of its open states.
    A breach goes away only with a fulfilment in time, and whether that is in time follows from the seconds used.
    """
    is_cancelled = _Q(old__cancelled_at__isnull=False, new__cancelled_at__isnull=False)
    is_in_time = _Q(new__breached_at__isnull=True, new__met_at__isnull=False, new__is_late=False)
    is_wrong = _Q(new__is_late=False, new__used_seconds__gt=_F("new__target_seconds")) | _Q(
        new__is_late=True, new__used_seconds__lte=_F("new__target_seconds")
    )
    without_fulfilment = _Q(new__met_at__isnull=True, old__is_late__df=_F("new__is_late"))
    return [
        pgtrigger.Protect(name=f"{name}s_stay", operation=pgtrigger.Delete),
        pgtrigger.ReadOnly(name=f"{name}_promise_stays", fields=[owner, *_PROMISE]),
        FrozenOnce(name=f"{name}_met_stays", fields=list(_OUTCOME), condition=_Q(old__met_at__isnull=False)),
        FrozenOnce(name=f"{name}_cancelled_stays", fields=list(_OUTCOME), condition=is_cancelled),
        set_once(f"{name}_warned_once", ["warned_at"]),
        set_once(f"{name}_breach_stays", ["breached_at"], ~is_in_time),
        pgtrigger.Protect(
            name=f"{name}_lateness_is_reckoned", operation=pgtrigger.Update, condition=is_wrong | without_fulfilment
        ),
        pgtrigger.Trigger(
            name=f"{name}_resumes_while_open",
            when=pgtrigger.Before,
            operation=pgtrigger.Update,
            condition=_Q(old__cancelled_at__isnull=False, new__cancelled_at__isnull=True),
            func=_refuse_when_closed(owner, table, open_states),
        ),
    ]


def _refuse_when_closed(owner: str, table: str, open_states: Iterable[TextChoices]) -> str:
    states = ", ".join(f"'{state}'" for state in open_states)
    return f"""
    IF NOT EXISTS (
        SELECT FROM {table} h WHERE h.id = NEW.{owner}_id AND h.state IN ({states})
    ) THEN
        RAISE EXCEPTION 'pgtrigger: a clock of a closed {owner} stays cancelled';
    END IF;
    RETURN NEW;
"""


def guard_record(name: str, closed: Iterable[TextChoices]) -> list[pgtrigger.Trigger]:
    """Return the triggers of a record that sales works on: its times are set once, and closed it stays as it is.

    `closed` are its closed states. The first contact may turn out to have been earlier; a meeting may be moved, but
    not removed. Whether it is opened again is for the table of moves.
    """
    states = [str(state) for state in closed]
    was_closed, is_closed = _Q(old__state__in=states), _Q(new__state__in=states)
    is_contact_later = _Q(old__first_contact_at__isnull=False) & (
        _Q(new__first_contact_at__isnull=True) | _Q(new__first_contact_at__gt=_F("old__first_contact_at"))
    )
    is_meeting_removed = _Q(old__meeting_at__isnull=False, new__meeting_at__isnull=True)
    is_half_closed = is_closed & _Q(new__closed_at__isnull=True) | ~is_closed & _Q(new__closed_at__isnull=False)
    changes_state = _Q(old__state__df=_F("new__state")) | _Q(old__closed_at__df=_F("new__closed_at"))
    return [
        set_once(f"{name}_times_once", ["routed_at", "decided_at"]),
        pgtrigger.Protect(
            name=f"{name}_contact_stays",
            operation=pgtrigger.Update,
            condition=is_contact_later | is_meeting_removed,
        ),
        pgtrigger.Protect(
            name=f"{name}_closed_whole", operation=pgtrigger.Update, condition=changes_state & is_half_closed
        ),
        FrozenOnce(name=f"{name}_closed_stays", exclude=["state", "due_at", *_CLOSING], condition=was_closed),
        FrozenOnce(
            name=f"{name}_closing_stays",
            fields=list(_CLOSING),
            condition=was_closed & _Q(old__state=_F("new__state")),
        ),
    ]


def guard_ended(name: str, *, owner: str, table: str, ended_by: str, sentence: str) -> pgtrigger.Trigger:
    """Return the trigger that lets rows of a record be added only until it has ended.

    `owner` is the foreign key of the record in `table`, and `ended_by` its column that is set when it ends.
    """
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("closed", "timestamptz")],
        # FOR SHARE waits for an end that is being stored.
        func=f"""
            SELECT m.{ended_by} INTO closed FROM {table} m WHERE m.id = NEW.{owner}_id FOR SHARE;
            IF closed IS NOT NULL THEN
                RAISE EXCEPTION 'pgtrigger: {sentence}; its record stays as it is';
            END IF;
            RETURN NEW;
        """,  # noqa: S608  # names of our own
    )
