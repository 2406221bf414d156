"""Who is meant: leads by e-mail or external id, companies by domain or external id, found many at a time.

A lead or company that is named before its own row came is created as a stub: it has its keys and nothing was said of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet
from django.db.models.functions import Lower

from leads import named_lists
from leads.models import EMAIL_DOMAIN, Company, Lead

#: Domains of these lists belong to no company.
NOBODYS_DOMAINS: Final = ("free_email", "disposable_email")


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
    """Stubs for those that are not there. In the order of their keys: two intakes never wait for each other crosswise."""
    wanted = sorted(new)
    companies = companies_of_emails([each.email for each in wanted if each.email])
    Lead.objects.bulk_create(
        [
            Lead(
                email=each.email or None,
                external_id=each.external_id or None,
                company_id=companies.get(domain_of(each.email)),
                known_at=each.known_at,
                stage_at=each.known_at,
                recorded_at=now,
            )
            for each in wanted
        ],
        ignore_conflicts=True,
    )


def add_companies(keys: Iterable[tuple[str, str]], *, now: dt.datetime) -> None:
    """Stubs of the (domain, external id) that are not there."""
    Company.objects.bulk_create(
        [
            Company(domain=domain or None, external_id=external_id or None, known_at=now, recorded_at=now)
            for domain, external_id in sorted(keys)
        ],
        ignore_conflicts=True,
    )


def lead_keys(
    emails: Collection[str], external_ids: Collection[str]
) -> list[tuple[int, tuple[str | None, str | None]]]:
    """(id, (e-mail, external id)) of the leads that have one of these keys. Two queries: an OR would miss both indexes."""
    columns = ("pk", Lower("email"), "external_id")
    found = {
        *leads_by_email(emails).values_list(*columns),
        *Lead.objects.filter(external_id__in=external_ids).values_list(*columns),
    }
    return [(pk, (email, external_id)) for pk, email, external_id in found]


def company_keys(
    domains: Collection[str], external_ids: Collection[str]
) -> list[tuple[int, tuple[str | None, str | None]]]:
    columns = ("pk", Lower("domain"), "external_id")
    by_id = Company.objects.filter(external_id__in=external_ids).values_list(*columns)
    found = {*companies_by_domain(domains).values_list(*columns), *by_id}
    return [(pk, (domain, external_id)) for pk, domain, external_id in found]


def companies_of_emails(emails: Iterable[str]) -> Mapping[str, int]:
    """The employers behind these addresses, see `employers`."""
    return employers({domain_of(email) for email in emails} - {""})


def employers(domains: Collection[str]) -> Mapping[str, int]:
    """Company ids by domain: of companies that exist, never for the domains of free or disposable mail."""
    found = {host: pk for host, pk in companies_by_domain(domains).values_list(Lower("domain"), "pk") if host}
    nobodys = named_lists.among(found, names=NOBODYS_DOMAINS)
    return {domain: pk for domain, pk in found.items() if domain not in nobodys}


def unemployed(domains: Collection[str]) -> list[int]:
    """Leads at these e-mail domains that have no company."""
    at = Lead.objects.filter(company=None).annotate(email_domain=EMAIL_DOMAIN).filter(email_domain__in=domains)
    return list(at.values_list("pk", flat=True)) if domains else []


def domain_of(email: str) -> str:
    return email.rpartition("@")[2]
