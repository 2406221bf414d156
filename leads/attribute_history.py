"""The attribute history of one company or lead in memory: its statements, its values at an instant, new statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

from leads import bulk_rows
from leads.models import AttributeChange, Company, Lead
from leads.normalization import attributes, stated_values
from leads.normalization.stated_values import SENIORITY_OF_TITLE
from leads.normalization.text_folding import fold_text

Subject = TypeVar("Subject", Lead, Company)
#: Texts that people group by: one value in any case (rules 13.36).
GROUPED_TEXTS = frozenset({"source", "industry"})
_TEXT_COLUMNS = {
    Lead: [*attributes.LEAD.keys() - {"do_not_contact"}],
    Company: [*attributes.COMPANY.keys() - {"annual_revenue", "technologies", "is_customer", "is_competitor"}],
}

#: Columns that have a value before any statement; the history states it from the first day.
_BASELINE: dict[type[Lead | Company], dict[str, Any]] = {Lead: {"do_not_contact": False}, Company: {}}


@dataclass(slots=True)
class AttributeHistory(Generic[Subject]):
    """The attribute changes of a subject, ordered by (valid_from, id). `new_changes` are those that must be stored."""

    subject: Subject
    changes: list[AttributeChange] = field(default_factory=list)
    new_changes: list[AttributeChange] = field(default_factory=list)

    def apply_statement(
        self,
        values: Mapping[str, Any],
        *,
        valid_from: dt.datetime | None,
        since: dt.datetime,
        source: str,
        now: dt.datetime,
    ) -> bool:
        """Add the news of a statement to the history and to the columns of the subject. Return whether there was any.

        With `valid_from` the statement holds from exactly then. Without, the first statement about a subject holds from
        `since`, a later one from `now`. A dated statement is stored even where it repeats the value then in force,
        because an older statement may still arrive and come between.
        """
        values = self._complete_seniority(values, valid_from or now)
        if not self.changes:
            self._start_history(values, valid_from or since, source, now)
            return True
        at = valid_from or now
        current = self._values_stated_at(at) if valid_from else self.values_at(at)
        new_values = {
            name: value
            for name, value in values.items()
            if name not in current
            or not _is_same(name, current[name], value)
            or stated_values.is_marked(current, name, values)
        }
        new_values = {
            name: value
            for name, value in new_values.items()
            if value is not None or self._has_stated(name) or stated_values.is_marked(current, name, values)
        }
        if new_values:
            # A statement of an attribute without its mark would end the mark.
            self._append_change(new_values | stated_values.list_marks(values, new_values), at, source, now)
        return bool(new_values)

    def set_known_at(self, known_at: dt.datetime) -> None:
        """Date the subject from `known_at` on, and with it the stage of a lead that has never moved."""
        if isinstance(self.subject, Lead) and self.subject.stage_at == self.subject.known_at:
            self.subject.stage_at = known_at
        self.subject.known_at = known_at

    def values_at(self, instant: dt.datetime) -> dict[str, Any]:
        """Return the values in force at an instant, by attribute name."""
        return _fold_changes(row for row in self.changes if row.valid_from <= instant) if self.changes else {}

    def first_stated_at(self, name: str) -> dt.datetime:
        """Return when the attribute was first stated, or `known_at` of the subject if no statement names it."""
        return next((row.valid_from for row in self.changes if name in row.values), self.subject.known_at)

    def _complete_seniority(self, values: Mapping[str, Any], at: dt.datetime) -> Mapping[str, Any]:
        """Add the seniority that a correction of the title gives, and take back one that belonged to another title.

        A seniority that a sender stated goes before both.
        """
        if "title" not in values or values.get("seniority") is not None:
            return {name: value for name, value in values.items() if name != SENIORITY_OF_TITLE}
        current, rank = self.values_at(at), values.get(SENIORITY_OF_TITLE)
        if current.get(SENIORITY_OF_TITLE) is None and (rank is None or current.get("seniority") is not None):
            return {name: value for name, value in values.items() if name != SENIORITY_OF_TITLE}
        return {**values, "seniority": rank, SENIORITY_OF_TITLE: rank}

    def _values_stated_at(self, instant: dt.datetime) -> dict[str, Any]:
        return _fold_changes(row for row in self.changes if row.valid_from == instant)

    def _has_stated(self, name: str) -> bool:
        return any(name in row.values for row in self.changes)

    def _start_history(self, values: Mapping[str, Any], at: dt.datetime, source: str, now: dt.datetime) -> None:
        implied, known_at = _implied_values(self.subject), self.subject.known_at
        if implied and at > known_at:
            self._append_change(_BASELINE[type(self.subject)] | implied, known_at, source, now)
        baseline = _BASELINE[type(self.subject)] | implied | dict(values)
        current = self.values_at(at)
        new_values = {
            name: value for name, value in baseline.items() if value is not None and current.get(name) != value
        }
        if new_values or not self.changes:
            self._append_change(new_values, at, source, now)

    def _append_change(self, values: Mapping[str, Any], at: dt.datetime, source: str, now: dt.datetime) -> None:
        change = bulk_rows.build_row(
            AttributeChange, values=dict(values), valid_from=at, recorded_at=now, source=source
        )
        if isinstance(self.subject, Lead):
            change.lead = self.subject
        else:
            change.company = self.subject
        self.new_changes.append(change)
        self.changes.append(change)
        # The sort is stable: of statements with the same date the one stored later stays the later one.
        self.changes.sort(key=lambda change: change.valid_from)
        self.set_known_at(self.changes[0].valid_from)
        self.subject.has_history = self.changes[-1].valid_from > self.subject.known_at
        write_columns(self.subject, _fold_changes(self.changes))


def _fold_changes(changes: Iterable[AttributeChange]) -> dict[str, Any]:
    return stated_values.fold_statements(change.values for change in changes)


def _is_same(name: str, known: object, stated: object) -> bool:
    if name in GROUPED_TEXTS and isinstance(known, str) and isinstance(stated, str):
        return fold_text(known) == fold_text(stated)
    return known == stated


def _implied_values(subject: Lead | Company) -> dict[str, Any]:
    """Return the values that a lead has before any statement: its address and the company behind the address."""
    if isinstance(subject, Company):
        return {}
    implied = {"email": subject.email, "company": subject.company_id}
    return {name: value for name, value in implied.items() if value is not None}


def write_columns(subject: Lead | Company, values: Mapping[str, Any]) -> None:
    """Set the columns of a lead or company to these values in force."""
    for name in _TEXT_COLUMNS[type(subject)]:
        text = values.get(name) or ""
        # An older statement may have another spelling than the one shown; the column has been given that one.
        if name not in GROUPED_TEXTS or fold_text(text) != fold_text(getattr(subject, name)):
            setattr(subject, name, text)
    prefixed = {name: value for name, value in values.items() if "." in name and value is not None}
    subject.not_understood = stated_values.list_marked(prefixed, stated_values.NOT_UNDERSTOOD)
    subject.read_as = stated_values.list_marked(prefixed, stated_values.READ_AS)
    subject.custom = {
        name.removeprefix("custom."): value for name, value in prefixed.items() if name.startswith("custom.")
    }
    if isinstance(subject, Lead):
        subject.do_not_contact = bool(values.get("do_not_contact"))
        subject.email = values.get("email")
        subject.company_id = values.get("company")
        return
    for name in ("employees_low", "employees_high", "is_customer", "is_competitor"):
        setattr(subject, name, values.get(name))
    subject.technologies = values.get("technologies") or []
    revenue = values.get("annual_revenue")
    subject.annual_revenue = None if revenue is None else Decimal(str(revenue))
