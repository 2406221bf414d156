"""The matching of leads by e-mail or external id, and of companies by domain or external id, for many at a time.

A lead or company that a fact names before it was described is created as a stub: a row with its keys alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet
from django.db.models.functions import Lower

from leads import bulk_rows, named_lists
from leads.models import EMAIL_DOMAIN, Company, Lead

#: Domains on these lists are shared by people of many companies.
SHARED_DOMAIN_LISTS: Final = ("free_email", "disposable_email")


@dataclass(frozen=True, slots=True, order=True)
class NewLead:
    email: str
    external_id: str
    known_at: dt.datetime


def leads_by_email(emails: Collection[str]) -> QuerySet[Lead]:
    return Lead.objects.annotate(address=Lower("email")).filter(address__in=emails)


def companies_by_domain(domains: Collection[str]) -> QuerySet[Company]:
    return Company.objects.annotate(host=Lower("domain")).filter(host__in=domains)


def add_leads(new: Iterable[NewLead], *, now: dt.datetime) -> None:
    """Create the leads that are missing, in the order of their keys: two transactions cannot deadlock on them."""
    leads = sorted(new)
    companies = employers_by_email_domain([lead.email for lead in leads if lead.email])
    bulk_rows.insert_rows(
        [
            Lead(
                email=lead.email or None,
                external_id=lead.external_id or None,
                company_id=companies.get(email_domain(lead.email)),
                known_at=lead.known_at,
                stage_at=lead.known_at,
                recorded_at=now,
            )
            for lead in leads
        ]
    )


def add_companies(keys: Iterable[tuple[str, str]], *, now: dt.datetime) -> None:
    """Create the companies that are missing, from pairs (domain, external id), in the order of their keys."""
    bulk_rows.insert_rows(
        [
            Company(domain=domain or None, external_id=external_id or None, known_at=now, recorded_at=now)
            for domain, external_id in sorted(keys)
        ]
    )


def lead_keys(
    emails: Collection[str], external_ids: Collection[str]
) -> list[tuple[int, tuple[str | None, str | None]]]:
    """Return (id, (e-mail, external id)) of the leads that have one of these keys."""
    columns = ("pk", Lower("email"), "external_id")
    # Two queries: with an OR, PostgreSQL would use neither of the two indexes.
    rows = {
        *leads_by_email(emails).values_list(*columns),
        *Lead.objects.filter(external_id__in=external_ids).values_list(*columns),
    }
    return [(pk, (email, external_id)) for pk, email, external_id in rows]


def company_keys(
    domains: Collection[str], external_ids: Collection[str]
) -> list[tuple[int, tuple[str | None, str | None]]]:
    """Return (id, (domain, external id)) of the companies that have one of these keys."""
    columns = ("pk", Lower("domain"), "external_id")
    by_id = Company.objects.filter(external_id__in=external_ids).values_list(*columns)
    rows = {*companies_by_domain(domains).values_list(*columns), *by_id}
    return [(pk, (domain, external_id)) for pk, domain, external_id in rows]


def employers_by_email_domain(emails: Iterable[str]) -> Mapping[str, int]:
    """Return the ids of the companies behind these addresses, by domain, as `employers_by_domain` does."""
    return employers_by_domain({email_domain(email) for email in emails} - {""})


def employers_by_domain(domains: Collection[str]) -> Mapping[str, int]:
    """Return the ids of existing companies, by domain; domains of free or disposable mail are left out."""
    companies = {host: pk for host, pk in companies_by_domain(domains).values_list(Lower("domain"), "pk") if host}
    shared = named_lists.find_listed_domains(companies, names=SHARED_DOMAIN_LISTS)
    return {domain: pk for domain, pk in companies.items() if domain not in shared}


def leads_without_company(domains: Collection[str]) -> list[int]:
    """Return the ids of leads at these e-mail domains that have no company."""
    leads = Lead.objects.filter(company=None).annotate(email_domain=EMAIL_DOMAIN).filter(email_domain__in=domains)
    return list(leads.values_list("pk", flat=True)) if domains else []


def email_domain(email: str) -> str:
    return email.rpartition("@")[2]
