"""Checks of a definition that judges companies (motion AQL): its gate, its contacts, its company signals. Rules 15.16."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.lint.context import LintContext
from definitions.lint.finding import Finding, Severity
from definitions.plain_english import phrases
from leads.vocabulary import Intent

#: Engagement of a company that is older than this says little of a group that decides now.
LONG_WINDOW_DAYS: Final = 90
#: More contacts than these are hardly ever engaged in one company at a time.
MANY_CONTACTS: Final = 10
_CONTACTS: Final = "account.contacts_at_least"


def check(context: LintContext) -> Iterator[Finding]:
    """Yield findings on the section `account` and on the gate of the company."""
    yield from _check_gate(context)
    yield from _check_contacts(context)
    yield from _check_signals(context)
    yield from _check_exclusions(context)


def _check_gate(context: LintContext) -> Iterator[Finding]:
    if not context.document["gate"]:
        yield Finding(
            "account.no_gate",
            Severity.ERROR,
            "Nothing says which companies fit: contacts of any company whatever would make a play.",
            "Add a gate: size, industry or country of the companies that you sell to.",
            ("gate",),
        )


def _check_contacts(context: LintContext) -> Iterator[Finding]:
    section = context.document["account"]
    if section["within_days"] > LONG_WINDOW_DAYS:
        yield Finding(
            "account.long_window",
            Severity.WARNING,
            f"Contacts count for {phrases.format_days(section['within_days'])}: they need not be engaged at the same time.",
            f"Count within {LONG_WINDOW_DAYS} days or fewer.",
            ("account.within_days",),
        )
    if section["contacts_at_least"] > MANY_CONTACTS:
        yield Finding(
            "account.many_contacts",
            Severity.WARNING,
            f"{phrases.count_noun(section['contacts_at_least'], 'different contact')} are asked for; "
            "few companies have so many that are known.",
            f"Ask for {MANY_CONTACTS} or fewer.",
            (_CONTACTS,),
        )


def _check_signals(context: LintContext) -> Iterator[Finding]:
    section = context.document["account"]
    engaged_by = section["engaged_by"] or []
    meanings = [context.meanings[code] for code in engaged_by]
    if engaged_by and all(meaning.intent == Intent.LOW for meaning in meanings):
        yield Finding(
            "account.low_intent",
            Severity.WARNING,
            f"Only signals of low intent count as engagement: {_list_signals(context, engaged_by)}.",
            "Count signals of medium or high intent as well, or every engagement.",
            ("account.engaged_by",),
        )
    passive = [
        code
        for code, meaning in zip(engaged_by, meanings, strict=True)
        if not meaning.is_engagement or meaning.closes_request
    ]
    if passive:
        yield Finding(
            "account.no_engagement",
            Severity.ERROR,
            f"{_list_signals(context, passive)} {'is' if len(passive) == 1 else 'are'} no engagement of a contact.",
            "Take it out, or mark the signal as engagement.",
            ("account.engaged_by",),
        )
    company = section["company_signals"]
    both = [code for code in company["count_of"] if code in engaged_by] if company else []
    if both:
        yield Finding(
            "account.counted_twice",
            Severity.WARNING,
            f"{_list_signals(context, both)} counts for the company and as engagement of a contact.",
            "Keep it in one of the two.",
            ("account.engaged_by", "account.company_signals"),
        )


def _check_exclusions(context: LintContext) -> Iterator[Finding]:
    fields = {row["field"] for row in context.document["disqualifiers"]}
    if fields and "company.is_customer" not in fields:
        yield Finding(
            "account.customers",
            Severity.ADVICE,
            "Companies that are customers already make plays, too.",
            "Exclude them, unless you sell more to customers by plays.",
            ("disqualifiers",),
        )


def _list_signals(context: LintContext, codes: list[str]) -> str:
    return phrases.join_words([f"“{context.names.signal(code)}”" for code in codes], "and")
