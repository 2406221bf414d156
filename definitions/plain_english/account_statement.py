"""The sentences of a definition that judges companies (motion AQL), written from its section `account`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from definitions.plain_english import phrases
from definitions.plain_english.phrases import count_noun, format_number, join_words

Section = Mapping[str, Any]
#: Returns the display name of a signal by its code, as it stands inside a sentence.
SignalName = Callable[[str], str]


def describe_company(gate: list[Section], list_name: phrases.ListName) -> str:
    """Describe the gate of a company after “is a company”; "" without a gate."""
    return ", ".join(phrases.describe_company_criterion(row, list_name) for row in gate)


def describe_account(section: Section, signal_name: SignalName) -> str:
    """Describe everything that a company needs besides its gate, so that it can follow “is a company …”."""
    company = section["company_signals"]
    rest = f", and with {describe_company_signals(company, signal_name)}" if company else ""
    return f"with {describe_contacts(section, signal_name)}{rest}"


def describe_contacts(section: Section, signal_name: SignalName) -> str:
    """Describe how many contacts must be engaged, by what, and in which window."""
    count = count_noun(section["contacts_at_least"], "different contact")
    by = [signal_name(code) for code in section["engaged_by"] or ()]
    means = f" by {phrases.join_options(by, shown=phrases.SHOWN)}" if by else ""
    return f"at least {count} engaged{means} in the last {phrases.format_days(section['within_days'])}"


def describe_company_signals(row: Section, signal_name: SignalName) -> str:
    """Describe the third-party signals of the company that must have been seen."""
    names = join_words([signal_name(code) for code in row["count_of"]], "or")
    amount = f"at least {format_number(row['at_least'])} of" if row["at_least"] > 1 else "at least one of"
    single = len(row["count_of"]) == 1 and row["at_least"] == 1
    return f"{names if single else f'{amount} {names}'} in the last {phrases.format_days(row['within_days'])}"


def describe_tiers(section: Section) -> tuple[str, ...]:
    """Return a sentence for each tier of a play."""
    if section["tier_1_contacts"] is None:
        return ("Tier 2: every AQL.",)
    return (
        f"Tier 1 (hot): at least {count_noun(section['tier_1_contacts'], 'different contact')} engaged.",
        "Tier 2: every other AQL.",
    )
