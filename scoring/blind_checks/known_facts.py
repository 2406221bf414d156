"""The facts known of leads at their instants, for people to judge: nothing later, nothing that names anybody (rules 9.37)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Q

from definitions.plain_english import phrases
from leads.models import AttributeChange, Event, Lead, Signal
from scoring.columns import fact_reader
from scoring.engine import canonical_facts
from scoring.engine.bands import Band
from scoring.engine.criteria import is_missing, predicate
from scoring.engine.judge import judge
from scoring.engine.rules import CriterionRule, Rules
from scoring.instants import microseconds

#: Fields that a person needs to judge, whether or not the version asks for them, in the order in which they are shown.
_SHOWN: Final = (
    "lead.title", "lead.seniority", "lead.country", "lead.use_case", "lead.budget", "lead.timeline", "company.industry",
    "company.employees", "company.annual_revenue", "company.country", "company.business_model", "company.technologies",
)  # fmt: skip
_DOMAIN: Final = "lead.email_domain"
#: Operators of criteria that name domains.
_NAMING: Final = ("in", "in_list", "contains_any", "has_word_any")
_HOUR: Final = 3_600_000_000
#: Ages are in hours below this many, in whole days from then on.
_HOURS_SHOWN: Final = 48

#: A lead's id and the instant at which it is judged.
Moment = tuple[int, dt.datetime]


@dataclass(frozen=True, slots=True)
class KnownLead:
    """A lead as it was known at its instant.

    `facts` has `attributes`, pairs of a field's words and its value's, and `events`, pairs of a signal's name and its age
    in words, the latest first. `meets` is the version's verdict on them.
    """

    lead_id: int
    at: dt.datetime
    facts: dict[str, Any]
    meets: bool


def read_known(moments: Sequence[Moment], rules: Rules) -> list[KnownLead]:
    """Return the leads as they were known at their instants, judged by the rules."""
    shown = replace(rules, bant=(*rules.bant, *(CriterionRule("", field, "known", True) for field in _SHOWN)))
    facts = fact_reader.read_for_leads([lead_id for lead_id, _at in moments], shown)
    at_of = dict(moments)
    instants = [microseconds(at_of[lead_id]) for lead_id in facts.lead_ids.tolist()]
    verdicts = judge(rules, facts, range(len(facts)), instants)
    names = dict(Signal.objects.values_list("code", "name"))
    naming = _read_names(at_of)
    return [
        KnownLead(
            lead_id,
            at_of[lead_id],
            _describe(
                canonical_facts.write_facts(shown, facts, place, instants[place]),
                instants[place],
                rules,
                names,
                naming[lead_id],
            ),
            bool(verdicts.meets[place]),
        )
        for place, lead_id in enumerate(facts.lead_ids.tolist())
    ]


def find_known_late(moments: Collection[Moment]) -> set[int]:
    """Return the leads of which something from before their instant was recorded after it, so nobody knew it then."""
    at_of = dict(moments)
    late = {
        lead_id
        for lead_id, occurred_at, recorded_at in Event.objects.filter(lead__in=at_of).values_list(
            "lead_id", "occurred_at", "recorded_at"
        )
        if occurred_at <= at_of[lead_id] < recorded_at
    }
    companies = _list_companies(at_of)
    changes = AttributeChange.objects.filter(
        Q(lead__in=at_of) | Q(company__in={company for ids in companies.values() for company in ids})
    )
    rows: dict[tuple[str, int], list[tuple[dt.datetime, dt.datetime]]] = {}
    for lead_id, company_id, valid_from, recorded_at in changes.values_list(
        "lead_id", "company_id", "valid_from", "recorded_at"
    ):
        subject = ("company", company_id) if lead_id is None else ("lead", lead_id)
        rows.setdefault(subject, []).append((valid_from, recorded_at))
    for lead_id, at in at_of.items():
        subjects = [("lead", lead_id), *(("company", company_id) for company_id in companies[lead_id])]
        dates = [pair for subject in subjects for pair in rows.get(subject, ())]
        if any(valid_from <= at < recorded_at for valid_from, recorded_at in dates):
            late.add(lead_id)
    return late


def _list_companies(lead_ids: Collection[int]) -> dict[int, set[int]]:
    """Return the companies that each lead has or had, by its id."""
    companies: dict[int, set[int]] = {
        pk: {company_id} if company_id else set()
        for pk, company_id in Lead.objects.filter(pk__in=lead_ids).values_list("pk", "company_id")
    }
    moved = AttributeChange.objects.filter(lead__in=companies, values__has_key="company")
    for lead_id, values in moved.values_list("lead_id", "values"):
        if isinstance(values["company"], int):
            companies[lead_id or 0].add(values["company"])
    return companies


def _describe(
    content: Mapping[str, Any], at: int, rules: Rules, names: Mapping[str, str], naming: re.Pattern[str]
) -> dict[str, Any]:
    attributes = dict(content["attributes"])
    domain = attributes.pop(_DOMAIN, None)
    fields = [*_SHOWN, *sorted(attributes.keys() - set(_SHOWN))]
    # What people typed about a lead may name it.
    rows = [
        [_label(field), naming.sub("…", _value_text(attributes[field]))]
        for field in fields
        if not is_missing(attributes.get(field))
    ]
    if domain is not None:
        rows.append(["E-mail", _describe_domain(str(domain), rules)])
    return {
        "attributes": rows,
        "events": [
            [names.get(signal, signal), _age_text(at - when)] for when, signal, _ in reversed(content["events"])
        ],
    }


def _read_names(lead_ids: Collection[int]) -> dict[int, re.Pattern[str]]:
    """Return for each lead what would name it in a text that somebody typed: its name, address, company or domain."""
    columns = ("first_name", "last_name", "email", "company__name", "company__domain")
    return {
        pk: re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in texts if text) or r"(?!)", re.IGNORECASE)
        for pk, *texts in Lead.objects.filter(pk__in=lead_ids).values_list("pk", *columns)
    }


def _age_text(microseconds_ago: int) -> str:
    hours = microseconds_ago // _HOUR
    if hours < 1:
        return "less than an hour before"
    text = phrases.count_noun(hours, "hour") if hours < _HOURS_SHOWN else phrases.count_noun(hours // 24, "day")
    return f"{text} before"


def _label(field: str) -> str:
    label = phrases.field_label(field)
    return f"{label[:1].upper()}{label[1:]}"


def _value_text(value: Any) -> str:
    match value:
        case {"band": [low, high]}:
            return str(Band(low, high))
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return phrases.format_number(value)
        case list():
            return ", ".join(map(str, value))
    return str(value)


def _describe_domain(domain: str, rules: Rules) -> str:
    """Say on which lists a domain is that the rules ask for; the domain itself would name the company."""
    asking = [
        row
        for row in (*rules.gate, *rules.fit, *rules.bant, *rules.disqualifiers)
        if row.field == _DOMAIN and row.op in _NAMING and predicate(row, rules.lists)(domain)
    ]
    if not asking:
        return "at a domain of its own"
    lists = sorted({str(row.value).replace("_", " ") for row in asking if row.op == "in_list"})
    return f"on the list of {phrases.join_words(lists, 'and')}" if lists else "at a domain that the rule names"
