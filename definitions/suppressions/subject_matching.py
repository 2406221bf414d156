"""The suppressions that concern leads and companies, found for many of them at once.

A person known by several leads is suppressed when one of them is (rules 9.21).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from django.db.models import F, Q

from definitions.models import Suppression
from definitions.vocabulary import SuppressionSubject
from leads.models import CompanyKey, Lead
from leads.normalization.text_folding import fold_text
from leads.vocabulary import KeyKind

#: Suppressions by the id of a lead or company, those that began first before the others.
Matches: TypeAlias = Mapping[int, Sequence[Suppression]]


def match_leads(lead_ids: Collection[int], *, now: dt.datetime) -> Matches:
    """Return the suppressions of these leads that have begun by `now`, also ended ones.

    `lead_ids` stand for their persons. One query while nothing is suppressed, at most three for any number of leads.
    """
    subjects = _Subjects(_read_begun(now))
    if not subjects or not lead_ids:
        return {}
    matches: dict[int, list[Suppression]] = defaultdict(list)
    columns = ("pk", "merged_into_id", "email", "company_id", "source")
    rows = list(Lead.objects.filter(Q(pk__in=lead_ids) | Q(merged_into__in=lead_ids)).values_list(*columns))
    domains = subjects.read_company_domains({company for *_, company, _ in rows if company is not None})
    for pk, merged_into, email, company, source in rows:
        matches[merged_into or pk] += [
            *subjects.leads.get(pk, ()),
            *subjects.of_source(source),
            *subjects.of_domains([(email or "").rpartition("@")[2]]),
            *(subjects.of_company(company, domains.get(company, ())) if company is not None else ()),
        ]
    return {pk: _in_order(rows) for pk, rows in matches.items() if rows}


def match_companies(company_ids: Collection[int], *, now: dt.datetime) -> Matches:
    """Return the suppressions of these companies that have begun by `now`, also ended ones."""
    subjects = _Subjects(_read_begun(now))
    if not subjects or not company_ids:
        return {}
    domains = subjects.read_company_domains(company_ids)
    matches = {pk: _in_order(subjects.of_company(pk, domains.get(pk, ()))) for pk in company_ids}
    return {pk: rows for pk, rows in matches.items() if rows}


def find_in_force(suppressions: Iterable[Suppression], at: dt.datetime) -> Suppression | None:
    """Return the one in force at an instant; of several the one that ends last."""
    in_force = [row for row in suppressions if row.starts_at <= at < row.ends_at]
    return max(in_force, key=lambda row: (row.ends_at, row.pk), default=None)


def find_for_lead(lead: Lead, *, at: dt.datetime) -> Suppression | None:
    """Return the suppression of a lead's person in force at an instant."""
    standing_id = lead.merged_into_id or lead.pk
    return find_in_force(match_leads([standing_id], now=at).get(standing_id, ()), at)


def _read_begun(now: dt.datetime) -> list[Suppression]:
    rows = Suppression.objects.filter(starts_at__lte=now).exclude(ended_at__lte=F("starts_at"))
    return list(rows.select_related("set_by", "lead", "company"))


def _in_order(rows: Iterable[Suppression]) -> list[Suppression]:
    return sorted({row.pk: row for row in rows}.values(), key=lambda row: (row.starts_at, row.pk))


class _Subjects:
    """Suppressions by what they are about."""

    def __init__(self, rows: Iterable[Suppression]) -> None:
        self.leads: dict[int, list[Suppression]] = defaultdict(list)
        self.companies: dict[int, list[Suppression]] = defaultdict(list)
        self.sources: dict[str, list[Suppression]] = defaultdict(list)
        self.domains: dict[str, list[Suppression]] = defaultdict(list)
        for row in rows:
            match SuppressionSubject(row.subject):
                case SuppressionSubject.LEAD if row.lead_id is not None:
                    self.leads[row.lead_id].append(row)
                case SuppressionSubject.COMPANY if row.company_id is not None:
                    self.companies[row.company_id].append(row)
                case SuppressionSubject.SOURCE:
                    self.sources[fold_text(row.value)].append(row)
                case SuppressionSubject.DOMAIN:
                    self.domains[row.value].append(row)

    def __bool__(self) -> bool:
        return bool(self.leads or self.companies or self.sources or self.domains)

    def read_company_domains(self, company_ids: Collection[int]) -> Mapping[int, Sequence[str]]:
        """Return the domains of these companies; nothing while no domain is suppressed."""
        domains: dict[int, list[str]] = defaultdict(list)
        if self.domains and company_ids:
            keys = CompanyKey.objects.filter(company__in=company_ids, kind=KeyKind.DOMAIN)
            for company, domain in keys.values_list("company_id", "value"):
                domains[company].append(domain)
        return domains

    def of_source(self, source: str) -> Sequence[Suppression]:
        return self.sources.get(fold_text(source), ()) if self.sources and source else ()

    def of_domains(self, domains: Iterable[str]) -> list[Suppression]:
        """Return the suppressions of these domains and of those above them (rules 15.4)."""
        if not self.domains:
            return []
        parts = [domain.lower().split(".") for domain in domains]
        above = {".".join(labels[start:]) for labels in parts for start in range(len(labels))}
        return [row for domain in above for row in self.domains.get(domain, ())]

    def of_company(self, company_id: int, domains: Iterable[str]) -> list[Suppression]:
        return [*self.companies.get(company_id, ()), *self.of_domains(domains)]
