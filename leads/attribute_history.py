"""The ledger of one company or lead in memory: what was said, what a new statement adds, what holds now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

from leads import attributes
from leads.models import AttributeChange, Company, Lead

Subject = TypeVar("Subject", Lead, Company)
_TEXTS = {
    Lead: [*attributes.LEAD.keys() - {"do_not_contact"}],
    Company: [*attributes.COMPANY.keys() - {"annual_revenue", "technologies", "is_customer", "is_competitor"}],
}

#: Columns that have a value when nobody said anything: the ledger says so from the first day.
_BASELINE: dict[type[Lead | Company], dict[str, Any]] = {Lead: {"do_not_contact": False}, Company: {}}


@dataclass(slots=True)
class Dossier(Generic[Subject]):
    """`said` is in the order of the fold (valid_from, id); `added` is what must be stored."""

    subject: Subject
    said: list[AttributeChange] = field(default_factory=list)
    added: list[AttributeChange] = field(default_factory=list)

    def state(
        self,
        values: Mapping[str, Any],
        *,
        valid_from: dt.datetime | None,
        since: dt.datetime,
        source: str,
        now: dt.datetime,
    ) -> bool:
        """Take a statement; True when it said anything new.

        With `valid_from` it holds from exactly then. Without, a first statement holds from `since`, a later one from `now`.
        A dated statement is kept even where it repeats the value in force: an older one may still come between.
        """
        if not self.said:
            self._begin(values, valid_from or since, source, now)
            return True
        at = valid_from or now
        held = self._said_at(at) if valid_from else self.at(at)
        news = {name: value for name, value in values.items() if name not in held or held[name] != value}
        news = {name: value for name, value in news.items() if value is not None or self._has_named(name)}
        if news:
            self._add(news, at, source, now)
        return bool(news)

    def date(self, known_at: dt.datetime) -> None:
        """The subject is known since then; a lead that nothing moved stands where it stands since then, too."""
        if isinstance(self.subject, Lead) and self.subject.stage_at == self.subject.known_at:
            self.subject.stage_at = known_at
        self.subject.known_at = known_at

    def at(self, instant: dt.datetime) -> dict[str, Any]:
        return _fold(row for row in self.said if row.valid_from <= instant)

    def known_since(self, name: str) -> dt.datetime:
        """When the attribute was first named; for a subject of which nothing was said, since it is known."""
        return next((row.valid_from for row in self.said if name in row.values), self.subject.known_at)

    def _said_at(self, instant: dt.datetime) -> dict[str, Any]:
        return _fold(row for row in self.said if row.valid_from == instant)

    def _has_named(self, name: str) -> bool:
        return any(name in row.values for row in self.said)

    def _begin(self, values: Mapping[str, Any], at: dt.datetime, source: str, now: dt.datetime) -> None:
        implied, known_at = _implied(self.subject), self.subject.known_at
        if implied and at > known_at:
            self._add(_BASELINE[type(self.subject)] | implied, known_at, source, now)
        baseline = _BASELINE[type(self.subject)] | implied | dict(values)
        held = self.at(at)
        news = {name: value for name, value in baseline.items() if value is not None and held.get(name) != value}
        if news or not self.said:
            self._add(news, at, source, now)

    def _add(self, values: Mapping[str, Any], at: dt.datetime, source: str, now: dt.datetime) -> None:
        whose = {"lead": self.subject} if isinstance(self.subject, Lead) else {"company": self.subject}
        row = AttributeChange(**whose, values=dict(values), valid_from=at, recorded_at=now, source=source)
        self.added.append(row)
        self.said.append(row)
        # Stable: of statements from one instant the later row is the later one.
        self.said.sort(key=lambda each: each.valid_from)
        self.date(self.said[0].valid_from)
        self.subject.has_history = self.said[-1].valid_from > self.subject.known_at
        _apply(self.subject, _fold(self.said))


def _fold(rows: Iterable[AttributeChange]) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for row in rows:
        held |= row.values
    return held


def _implied(subject: Lead | Company) -> dict[str, Any]:
    """What is known of a lead that only an event or a reference has named so far."""
    if isinstance(subject, Company):
        return {}
    implied = {"email": subject.email, "company": subject.company_id}
    return {name: value for name, value in implied.items() if value is not None}


def _apply(subject: Lead | Company, held: Mapping[str, Any]) -> None:
    for name in _TEXTS[type(subject)]:
        setattr(subject, name, held.get(name) or "")
    subject.custom = {
        name.removeprefix("custom."): value
        for name, value in held.items()
        if name.startswith("custom.") and value is not None
    }
    if isinstance(subject, Lead):
        subject.do_not_contact = bool(held.get("do_not_contact"))
        subject.email = held.get("email")
        subject.company_id = held.get("company")
        return
    for name in ("employees_low", "employees_high", "is_customer", "is_competitor"):
        setattr(subject, name, held.get(name))
    subject.technologies = held.get("technologies") or []
    revenue = held.get("annual_revenue")
    subject.annual_revenue = None if revenue is None else Decimal(str(revenue))
