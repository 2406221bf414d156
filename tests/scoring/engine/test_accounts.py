"""The engine's judgement of companies."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.engine.accounts import (
    AccountFacts,
    AccountRules,
    ContactFacts,
    engaged_contacts,
    first_meeting,
    judge_account,
)
from scoring.engine.profile import FAIL, PASS, UNKNOWN
from scoring.engine.timeline import DAY, EVER

T = 1_750_000_000_000_000
RULES = AccountRules(contacts_at_least=2, within_days=30)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def contact(lead_id: int, *engaged_at: int, row_from: int = EVER, counts: bool = True) -> ContactFacts:
    return ContactFacts(lead_id, ints(*engaged_at), ints(row_from), np.array([counts]))


def account(*contacts: ContactFacts, signal_at: tuple[int, ...] = (), gate: int = PASS) -> AccountFacts:
    return AccountFacts(1, ints(EVER), np.array([gate], dtype=np.int8), np.array([False]), contacts, ints(*signal_at))


def meets(facts: AccountFacts, at: int, rules: AccountRules = RULES) -> bool:
    return bool(judge_account(rules, facts, ints(at)).meets[0])


def test_one_contact_twice_is_not_two_contacts() -> None:
    assert not meets(account(contact(1, T - DAY, T)), T)
    assert meets(account(contact(1, T - DAY), contact(2, T)), T)


def test_a_window_is_closed_at_both_ends() -> None:
    facts = account(contact(1, T), contact(2, T))

    assert meets(facts, T)
    assert meets(facts, T + 30 * DAY)
    assert not meets(facts, T + 30 * DAY + 1)
    assert not meets(facts, T - 1)


@pytest.mark.parametrize("gate", [FAIL, UNKNOWN])
def test_a_gate_that_does_not_pass_holds_a_company_back(gate: int) -> None:
    assert not meets(account(contact(1, T), contact(2, T), gate=gate), T)


def test_before_anything_is_known_of_a_company_it_is_unknown() -> None:
    facts = AccountFacts(
        1, ints(T), np.array([PASS], dtype=np.int8), np.array([False]), (contact(1, T - 1), contact(2, T - 1)), ints()
    )

    assert judge_account(RULES, facts, ints(T - 1, T)).gate.tolist() == [UNKNOWN, PASS]


def test_a_person_counts_only_while_they_belong_to_the_company() -> None:
    moved = ContactFacts(2, ints(T - DAY), ints(EVER, T), np.array([True, False]))
    facts = account(contact(1, T - DAY), moved)

    assert meets(facts, T - 1)
    assert not meets(facts, T)


def test_signals_of_the_company_count_within_their_own_window() -> None:
    rules = AccountRules(2, 30, company_signals_at_least=1, company_within_days=90)
    group = (contact(1, T), contact(2, T))

    assert not meets(account(*group), T, rules)
    assert meets(account(*group, signal_at=(T - 90 * DAY,)), T, rules)
    assert not meets(account(*group, signal_at=(T - 90 * DAY - 1,)), T, rules)
    assert not meets(account(*group, signal_at=(T + 1,)), T, rules)


def test_enough_contacts_make_tier_1() -> None:
    rules = AccountRules(2, 30, tier_1_contacts=3)
    facts = account(contact(1, T), contact(2, T), contact(3, T + 1))

    assert judge_account(rules, facts, ints(T - 1, T, T + 1)).tier.tolist() == [0, 2, 1]


def test_a_company_begins_to_meet_the_rules_with_the_contact_that_completes_it() -> None:
    facts = account(contact(1, T), contact(2, T + DAY))

    assert first_meeting(RULES, facts, since=T - DAY, until=T + 2 * DAY) == T + DAY
    assert first_meeting(RULES, facts, since=T + 2 * DAY, until=T + 3 * DAY) == T + 2 * DAY
    assert first_meeting(RULES, facts, since=T - DAY, until=T) is None


def test_after_a_cycle_it_takes_newer_activity() -> None:
    facts = account(contact(1, T), contact(2, T))

    assert first_meeting(RULES, facts, since=T + DAY, until=T + 2 * DAY, active_after=T) is None
    again = account(contact(1, T, T + DAY), contact(2, T))
    assert first_meeting(RULES, again, since=T, until=T + 2 * DAY, active_after=T) == T + DAY


def test_engaged_contacts_are_listed_with_the_latest_first() -> None:
    facts = account(contact(1, T - DAY), contact(2, T), contact(3, T - 31 * DAY), contact(4, T, counts=False))

    assert [row.lead_id for row in engaged_contacts(RULES, facts, T)] == [2, 1]
