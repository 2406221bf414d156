"""Opt-outs: the wish of a lead not to be contacted, which older and undated statements do not lift (rules 13.37).

An opt-out is the value true of `do_not_contact`. A dated statement (`valid_from`) and one by a signed-in person can lift
it; both are marked in the attribute history by `is_dated_wish`. Whatever else the history states as false is a default.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from config.accounts import sources
from leads.attribute_history import AttributeHistory
from leads.models import AttributeChange, Lead
from leads.normalization.row_notes import RowNote
from leads.vocabulary import NoteKind

FIELD: Final = "do_not_contact"


@dataclass(frozen=True, slots=True)
class ContactStatement:
    """A sender's statement about whether a lead may be contacted, with the date that the sender gave, if any."""

    is_opt_out: bool
    valid_from: dt.datetime | None
    by_person: bool
    now: dt.datetime

    @property
    def at(self) -> dt.datetime:
        return self.valid_from or self.now

    @property
    def is_binding(self) -> bool:
        """Return whether it may lift an opt-out: it is dated, or a person makes it."""
        return self.by_person or self.valid_from is not None


def read_statement(
    values: Mapping[str, Any], *, valid_from: dt.datetime | None, by_person: bool, now: dt.datetime
) -> ContactStatement | None:
    """Return what these values state about contact, or None. Null, for unknown, is no opt-out."""
    if FIELD not in values:
        return None
    return ContactStatement(bool(values[FIELD]), valid_from, by_person, now)


def keeps_wish(history: AttributeHistory[Lead], statement: ContactStatement | None) -> bool:
    """Return whether the lead's opt-out stands against this statement, so that it must not be stored."""
    if statement is None or statement.is_opt_out:
        return False
    if not statement.is_binding:
        current = history.values_at(statement.now) if history.changes else {FIELD: history.subject.do_not_contact}
        return bool(current.get(FIELD))
    dates = [_wish_date(row) for row in history.changes if row.values.get(FIELD) and row.valid_from <= statement.at]
    wished_at = max(dates, default=None)
    if wished_at is None:
        return False
    return wished_at > statement.at or (wished_at == statement.at and not statement.by_person)


def settle_wish(history: AttributeHistory[Lead], statement: ContactStatement | None, *, source: str) -> bool:
    """Complete the history after an accepted statement was applied to it. Return whether that added to the history.

    1. A binding statement is stored and marked also where it repeats a default, as an older one may still arrive.
    2. Defaults that stand later in the history than the statement are overruled, up to the next statement.
    """
    if statement is None:
        return False
    is_changed = False
    if statement.is_binding and not _repeats_binding(history, statement):
        is_changed = history.apply_statement(
            {FIELD: statement.is_opt_out},
            valid_from=statement.at,
            since=statement.at,
            source=source,
            now=statement.now,
        )
        _mark_binding(history, statement)
    return _overrule_defaults(history, statement) or is_changed


def note_kept_wish(lead: Lead, statement: ContactStatement | None) -> tuple[RowNote, ...]:
    """Return the note that an opt-out is in force though the statement denies it, or nothing."""
    if statement is None or statement.is_opt_out or not lead.do_not_contact:
        return ()
    sentence = "The lead asked not to be contacted, and this statement does not lift that: " + (
        "it is dated before the request." if statement.valid_from else "it has no date of its own (valid_from)."
    )
    return (RowNote(NoteKind.KEPT_WISH, FIELD, sentence),)


def _wish_date(row: AttributeChange) -> dt.datetime:
    """Return the date of an opt-out: as its sender dated it, else when it came, however far back its values hold."""
    return (
        row.valid_from if row.is_dated_wish or row.source == sources.DERIVED else max(row.valid_from, row.recorded_at)
    )


def _is_wish(row: AttributeChange) -> bool:
    """Return whether the row is somebody's statement about contact, not a default and not derived from one."""
    return FIELD in row.values and row.source != sources.DERIVED and (row.is_dated_wish or bool(row.values[FIELD]))


def _repeats_binding(history: AttributeHistory[Lead], statement: ContactStatement) -> bool:
    """Return whether an undated statement repeats the binding one in force, so that it says nothing new."""
    wishes = [row for row in history.changes if _is_wish(row) and row.valid_from <= statement.at]
    if statement.valid_from is not None or not wishes or not wishes[-1].is_dated_wish:
        return False
    return bool(wishes[-1].values[FIELD]) == statement.is_opt_out


def _mark_binding(history: AttributeHistory[Lead], statement: ContactStatement) -> None:
    for row in history.new_changes:
        if row.valid_from == statement.at and row.values.get(FIELD, ...) is statement.is_opt_out:
            row.is_dated_wish = True


def _overrule_defaults(history: AttributeHistory[Lead], statement: ContactStatement) -> bool:
    """State the wish again at each later default, up to the next statement of somebody about contact."""
    wishes = [row.valid_from for row in history.changes if _is_wish(row) and row.valid_from > statement.at]
    end = min(wishes, default=None)
    defaults = {
        row.valid_from
        for row in history.changes
        if FIELD in row.values and not _is_wish(row) and row.valid_from > statement.at
    }
    is_changed = False
    for at in sorted(defaults):
        if (end is None or at < end) and bool(history.values_at(at).get(FIELD)) != statement.is_opt_out:
            is_changed |= history.apply_statement(
                {FIELD: statement.is_opt_out}, valid_from=at, since=at, source=sources.DERIVED, now=statement.now
            )
    return is_changed
