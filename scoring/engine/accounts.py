"""The judgement of companies (motion AQL): the gate, and how many different contacts were engaged within a window.

Instants are int64 microseconds since the epoch, UTC. As for leads, a company is judged at an instant by what happened
at or before it, and windows are closed at both ends (rules 4.26).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scoring.engine.profile import PASS, UNKNOWN, Answers
from scoring.engine.timeline import EVER, Bools, Ints, Positions, microseconds

HOT, STANDARD = 1, 2


@dataclass(frozen=True, slots=True)
class AccountRules:
    """The needs of a company besides its gate. `company_signals_at_least` 0 asks for no signal of the company itself."""

    contacts_at_least: int
    within_days: float
    company_signals_at_least: int = 0
    company_within_days: float = 0.0
    tier_1_contacts: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ContactFacts:
    """A person of the company: when they were engaged (ascending), and since when they count for the company or do not.

    `row_from` ascends, EVER for "since ever"; before the first row the person does not count. Merged leads are one person.
    """

    lead_id: int
    engaged_at: Ints
    row_from: Ints
    counts: Bools


@dataclass(frozen=True, slots=True, eq=False)
class AccountFacts:
    """The facts of one company: what its attributes answered from each change on, its contacts, its own signals.

    `gate`, `disqualified` and the `values` by field have one entry for each of `row_from`; before the first, everything
    is unknown.
    """

    company_id: int
    row_from: Ints
    gate: Answers
    disqualified: Bools
    contacts: Sequence[ContactFacts]
    signal_at: Ints
    values: Mapping[str, Sequence[object]] = field(default_factory=dict)

    def instants(self) -> Ints:
        """Return every instant at which the company can begin to meet its rules: between them counts only fall."""
        dated = [self.row_from, self.signal_at]
        for contact in self.contacts:
            dated += [contact.engaged_at, contact.row_from]
        at = np.unique(np.concatenate(dated)) if dated else np.empty(0, dtype=np.int64)
        return at[at > EVER]


@dataclass(frozen=True, slots=True, eq=False)
class AccountVerdicts:
    """The verdict at each instant; `tier` is 0 where the rules are not met."""

    gate: Answers
    disqualified: Bools
    contacts: Ints
    company_signals: Ints
    meets: Bools
    tier: Ints


def judge_account(rules: AccountRules, facts: AccountFacts, at: Ints) -> AccountVerdicts:
    """Return the verdict on the company at each of the instants. Nothing dated after an instant has any part in it."""
    gate, disqualified = _attributes_at(facts, at)
    contacts = np.zeros(at.size, dtype=np.int64)
    for contact in facts.contacts:
        contacts += _is_engaged(contact, at, microseconds(rules.within_days))
    window = microseconds(rules.company_within_days)
    signals = np.searchsorted(facts.signal_at, at, side="right") - np.searchsorted(facts.signal_at, at - window)
    meets = (
        (gate == PASS)
        & ~disqualified
        & (contacts >= rules.contacts_at_least)
        & (signals >= rules.company_signals_at_least)
    )
    is_hot = meets & (contacts >= rules.tier_1_contacts) if rules.tier_1_contacts else np.zeros_like(meets)
    tier = np.where(meets, np.where(is_hot, HOT, STANDARD), 0).astype(np.int64)
    return AccountVerdicts(gate, disqualified, contacts, signals.astype(np.int64), meets, tier)


def first_meeting(
    rules: AccountRules, facts: AccountFacts, *, since: int, until: int, active_after: int | None = None
) -> int | None:
    """Return the first instant in [since, until] at which the company meets the rules, or None.

    With `active_after` the company must have been active after it: a contact engaged, or a signal of its own seen.
    """
    inside = facts.instants()
    at = np.unique(np.concatenate([[since], inside[(inside >= since) & (inside <= until)]])).astype(np.int64)
    meets = judge_account(rules, facts, at).meets
    if active_after is not None:
        activity_at = _first_activity(facts, active_after)
        meets &= at >= activity_at if activity_at is not None else np.zeros_like(meets)
    first = np.flatnonzero(meets)
    return int(at[first[0]]) if first.size else None


def engaged_contacts(rules: AccountRules, facts: AccountFacts, at: int) -> list[ContactFacts]:
    """Return the contacts that count at an instant, the one engaged last first."""
    instants, window = np.array([at], dtype=np.int64), microseconds(rules.within_days)
    engaged = [contact for contact in facts.contacts if _is_engaged(contact, instants, window)[0]]
    return sorted(engaged, key=lambda contact: (-_last_engaged(contact, at), contact.lead_id))


def values_at(facts: AccountFacts, at: int) -> dict[str, object]:
    """Return the company's attributes in force at an instant, by field."""
    row = int(_row_at(facts.row_from, np.array([at], dtype=np.int64))[0])
    return {name: column[row] if row >= 0 else None for name, column in facts.values.items()}


def is_contact_at(contact: ContactFacts, at: int) -> bool:
    """Tell whether the person counts for the company at an instant, engaged or not."""
    return bool(_counts_at(contact, np.array([at], dtype=np.int64))[0])


def _attributes_at(facts: AccountFacts, at: Ints) -> tuple[Answers, Bools]:
    row = _row_at(facts.row_from, at)
    gate = np.append(facts.gate, np.int8(UNKNOWN))[row].astype(np.int8)
    return gate, np.append(facts.disqualified, False)[row].astype(np.bool_)


def _row_at(row_from: Ints, at: Ints) -> Positions:
    """Return the row in force at each instant; -1, the entry appended for "no row yet", before the first."""
    return np.searchsorted(row_from, at, side="right") - 1


def _counts_at(contact: ContactFacts, at: Ints) -> Bools:
    return np.append(contact.counts, False)[_row_at(contact.row_from, at)].astype(np.bool_)


def _is_engaged(contact: ContactFacts, at: Ints, window: int) -> Bools:
    past = np.searchsorted(contact.engaged_at, at, side="right")
    recent = past > np.searchsorted(contact.engaged_at, at - window)
    return recent & _counts_at(contact, at)


def _last_engaged(contact: ContactFacts, at: int) -> int:
    return int(contact.engaged_at[np.searchsorted(contact.engaged_at, at, side="right") - 1])


def _first_activity(facts: AccountFacts, after: int) -> int | None:
    """Return the first activity of the company later than `after`: of a contact, or a signal of its own."""
    columns = [facts.signal_at, *(contact.engaged_at for contact in facts.contacts)]
    later = [
        int(column[place]) for column in columns if (place := np.searchsorted(column, after, "right")) < column.size
    ]
    return min(later, default=None)
