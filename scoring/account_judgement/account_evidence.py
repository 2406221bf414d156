"""The frozen evidence of a company that qualified: what it was, who was engaged by what, what was seen of it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from definitions import signals_and_lists
from definitions.plain_english import generated_statement
from definitions.plain_english.phrases import count_noun, format_days, join_words
from leads.identity import merges
from leads.models import Company, CompanyEvent, Event, Lead
from scoring.account_judgement.account_versions import CompiledAccount
from scoring.engine.accounts import AccountFacts, engaged_contacts, values_at
from scoring.engine.bands import Band
from scoring.instants import from_microseconds

#: Longer evidence would not be read; the count says how many there were.
CONTACTS_AT_MOST: Final = 100
SIGNALS_AT_MOST: Final = 50
Json = dict[str, Any]


def build_evidence(compiled: CompiledAccount, facts: AccountFacts, at: int) -> Json:
    """Return the evidence on a company as of an instant (microseconds), for storing.

    Names and titles are those of now: they are how people are called, and no rule of the count reads them.
    """
    engaged = engaged_contacts(compiled.rules, facts, at)
    moment, names = from_microseconds(at), signals_and_lists.read_display_names()
    since = moment - dt.timedelta(days=compiled.rules.within_days)
    ids = [contact.lead_id for contact in engaged[:CONTACTS_AT_MOST]]
    values = values_at(facts, at)
    return {
        "at": moment.isoformat(),
        "gate": [_criterion_line(row, names, values) for row in compiled.document["gate"]],
        "contacts_needed": compiled.rules.contacts_at_least,
        "within_days": compiled.rules.within_days,
        "contacts_engaged": len(engaged),
        "contacts": list_engagement(ids, engaging=compiled.engaging, since=since, until=moment),
        "company_signals_needed": compiled.rules.company_signals_at_least,
        "company_within_days": compiled.rules.company_within_days,
        "company_signals": list_company_signals(
            facts.company_id,
            codes=compiled.company_signals,
            since=moment - dt.timedelta(days=compiled.rules.company_within_days),
            until=moment,
        ),
    }


def list_engagement(
    lead_ids: Sequence[int], *, engaging: Collection[str], since: dt.datetime, until: dt.datetime
) -> list[Json]:
    """Return what each of these people did in [since, until], in the order given; one query for all events."""
    aliases = dict(merges.list_aliases(lead_ids))
    leads = Lead.objects.in_bulk(lead_ids)
    rows = Event.objects.filter(
        lead__in=[*lead_ids, *aliases], signal__code__in=engaging, occurred_at__gte=since, occurred_at__lte=until
    )
    by_person: dict[int, dict[str, list[dt.datetime]]] = defaultdict(lambda: defaultdict(list))
    for lead, name, at in rows.order_by("occurred_at", "pk").values_list("lead", "signal__name", "occurred_at"):
        by_person[aliases.get(lead, lead)][name].append(at)
    return [_contact_line(leads[pk], by_person[pk]) for pk in lead_ids if pk in leads]


def list_company_signals(
    company_id: int, *, codes: Collection[str], since: dt.datetime, until: dt.datetime
) -> list[Json]:
    """Return the signals that third parties saw of a company in [since, until], the latest first."""
    rows = CompanyEvent.objects.filter(
        company=company_id, signal__code__in=codes, occurred_at__gte=since, occurred_at__lte=until
    )
    rows = rows.select_related("signal").order_by("-occurred_at", "-pk")[:SIGNALS_AT_MOST]
    return [{"signal": row.signal.name, "at": row.occurred_at.isoformat(), "source": row.source} for row in rows]


def write_reason(company: Company, evidence: Mapping[str, Any]) -> str:
    """Return one line for lists: how many contacts, and what was seen of the company."""
    contacts = count_noun(evidence["contacts_engaged"], "contact")
    days = format_days(evidence["within_days"])
    line = f"{contacts} of {company} engaged within {days}"
    signals = list(dict.fromkeys(row["signal"] for row in evidence["company_signals"]))
    company_part = f"; seen of the company: {join_words(signals, 'and')}" if signals else ""
    return f"{line}{company_part}."[:300]


def _criterion_line(row: Mapping[str, Any], names: Any, values: Mapping[str, object]) -> Json:
    return {
        "text": generated_statement.describe_criterion(row, names),
        "value": _value_text(values.get(row["field"])),
        "rationale": row["rationale"],
    }


def _value_text(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, Band):
        ends = ["?" if end is None else f"{end:,.0f}" for end in (value.low, value.high)]
        return "–".join(ends)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _contact_line(lead: Lead, signals: Mapping[str, Sequence[dt.datetime]]) -> Json:
    last_at = max((times[-1] for times in signals.values()), default=None)
    return {
        "lead": lead.pk,
        "name": lead.name,
        "title": lead.title,
        "seniority": lead.seniority_text,
        "count": sum(map(len, signals.values())),
        "last_at": last_at and last_at.isoformat(),
        "signals": [
            {"signal": name, "count": len(times), "last_at": times[-1].isoformat()}
            for name, times in sorted(signals.items(), key=lambda entry: entry[1][-1], reverse=True)
        ],
    }
