"""The matching of leads and companies by their keys, for many at a time (rules 13.1).

A lead or company that a fact names before it was described is created as a stub: a row with its keys alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from leads import bulk_rows, named_lists
from leads.models import Company, Lead
from leads.normalization import domain_names
from leads.vocabulary import KeyKind

#: Domains on these lists are shared by people of many companies.
SHARED_DOMAIN_LISTS: Final = ("free_email", "disposable_email")

# The addresses at a domain and at the domains below it lie side by side in the index of reversed domains: from `moc.emca`
# to before `moc.emca/`, for the slash follows the full stop. Of these, `moc.emca-x` is none.
_WITHOUT_COMPANY: Final = """
    SELECT lead.id, split_part(lower(lead.email), '@', 2)
    FROM unnest(%s::text[]) AS site (host)
    JOIN leads_lead AS lead ON lead.company_id IS NULL
        AND reverse(split_part(lower(lead.email), '@', 2)) ~>=~ reverse(site.host)
        AND reverse(split_part(lower(lead.email), '@', 2)) ~<~ (reverse(site.host) || '/')
    WHERE split_part(lower(lead.email), '@', 2) = site.host
        OR reverse(split_part(lower(lead.email), '@', 2)) ~>=~ (reverse(site.host) || '.')
"""

# An array is one parameter; a list of a thousand parameters costs more than the search itself. The values of one kind are
# a range of the index.
_OWNERS: Final = (
    "SELECT system, value, {subject}_id FROM leads_{subject}key WHERE kind = %s AND value = ANY(%s::text[])"
)
_KEYS: Final = "SELECT {subject}_id, kind, system, value FROM leads_{subject}key WHERE {subject}_id = ANY(%s::bigint[])"


# Plain texts: these functions run several times for each row of an import.
_EMAIL, _DOMAIN, _PHONE, _ID = (kind.value for kind in (KeyKind.EMAIL, KeyKind.DOMAIN, KeyKind.PHONE, KeyKind.ID))


class IdentityKey(NamedTuple):
    """A key of a lead or company, as its row in `LeadKey` or `CompanyKey`; only ids have a system."""

    kind: str
    system: str
    value: str


class NewLead(NamedTuple):
    email: str
    external_id: str
    system: str
    phone: str
    known_at: dt.datetime


class NewCompany(NamedTuple):
    domain: str
    external_id: str
    system: str


def email_key(address: str) -> IdentityKey:
    return IdentityKey(_EMAIL, "", address)


def domain_key(host: str) -> IdentityKey:
    return IdentityKey(_DOMAIN, "", host)


def phone_key(number: str) -> IdentityKey:
    return IdentityKey(_PHONE, "", number)


def id_key(system: str, external_id: str) -> IdentityKey:
    return IdentityKey(_ID, system, external_id)


def add_leads(new: Collection[NewLead], *, now: dt.datetime) -> None:
    """Create the leads that are missing, in the order of their keys: two transactions cannot deadlock on them.

    A lead that another transaction has added meanwhile is a unique violation, for `retry_on_conflict`: the next attempt
    knows it and locks it before anything else. To go on would be to lock it after keys were added, in the other order.
    """
    employers = employers_by_email_domain(lead.email for lead in new)
    bulk_rows.insert_rows(build_leads(new, employers, now=now))


def build_leads(new: Iterable[NewLead], employers: Mapping[str, int], *, now: dt.datetime) -> list[Lead]:
    """Return leads with their keys alone, not stored yet, in the order of their keys."""
    return [build_lead(lead, employers.get(email_domain(lead.email)), now=now) for lead in sorted(new)]


def build_lead(lead: NewLead, company_id: int | None, *, now: dt.datetime) -> Lead:
    """Return a lead with its keys and the company behind its address alone, not stored yet."""
    return bulk_rows.build_row(
        Lead,
        email=lead.email or None,
        external_id=lead.external_id or None,
        external_system=lead.system if lead.external_id else "",
        phone=lead.phone,
        phone_key=lead.phone,
        company_id=company_id,
        known_at=lead.known_at,
        stage_at=lead.known_at,
        recorded_at=now,
    )


def build_companies(new: Iterable[NewCompany], *, now: dt.datetime) -> list[Company]:
    """Return companies with their keys alone, not stored yet, in the order of their keys."""
    return [build_company(company, now=now) for company in sorted(new)]


def build_company(company: NewCompany, *, now: dt.datetime) -> Company:
    """Return a company with its keys alone, not stored yet."""
    return bulk_rows.build_row(
        Company,
        domain=company.domain or None,
        external_id=company.external_id or None,
        external_system=company.system if company.external_id else "",
        known_at=now,
        recorded_at=now,
    )


def find_lead_keys(keys: Collection[IdentityKey]) -> dict[IdentityKey, int]:
    """Return the ids of the leads that have one of these keys, by key."""
    return _find_owners("lead", keys)


def find_company_keys(keys: Collection[IdentityKey]) -> dict[IdentityKey, int]:
    """Return the ids of the companies that have one of these keys, by key."""
    return _find_owners("company", keys)


def keys_of_leads(ids: Collection[int]) -> list[tuple[int, IdentityKey]]:
    """Return (id, key) for all keys of these leads."""
    return _find_keys("lead", ids)


def keys_of_companies(ids: Collection[int]) -> list[tuple[int, IdentityKey]]:
    """Return (id, key) for all keys of these companies."""
    return _find_keys("company", ids)


def _find_owners(subject: str, keys: Collection[IdentityKey]) -> dict[IdentityKey, int]:
    values: dict[str, set[str]] = {}
    for key in keys:
        values.setdefault(key.kind, set()).add(key.value)
    owners: dict[IdentityKey, int] = {}
    for kind, of_kind in values.items():
        rows = bulk_rows.fetch_rows(_OWNERS.format(subject=subject), [kind, list(of_kind)])
        owners |= {IdentityKey(kind, system, value): pk for system, value, pk in rows}
    return {key: pk for key, pk in owners.items() if key in keys}


def _find_keys(subject: str, ids: Collection[int]) -> list[tuple[int, IdentityKey]]:
    rows = bulk_rows.fetch_rows(_KEYS.format(subject=subject), [list(ids)]) if ids else []
    return [(pk, IdentityKey(*key)) for pk, *key in rows]


def employers_by_email_domain(emails: Iterable[str]) -> Mapping[str, int]:
    """Return the ids of the companies behind these addresses, by domain; domains of free or disposable mail are left out."""
    domains = {email_domain(email) for email in emails} - {""}
    companies = companies_by_host(domains)
    employers = {domain: find_employer(domain, companies) for domain in domains}
    return {domain: company for domain, company in employers.items() if company is not None}


def companies_by_host(domains: Iterable[str]) -> dict[str, int]:
    """Return the ids of existing companies at these domains and the ones above them, by host.

    Hosts of free or disposable mail are left out.
    """
    hosts = {host for domain in domains for host in domain_names.domains_above(domain)}
    companies = {key.value: pk for key, pk in find_company_keys({domain_key(host) for host in hosts}).items()}
    shared = named_lists.find_listed_domains(companies, names=SHARED_DOMAIN_LISTS)
    return {host: pk for host, pk in companies.items() if host not in shared}


def find_employer(domain: str, companies: Mapping[str, int]) -> int | None:
    """Return the company behind an e-mail domain among companies by host; None if there is none.

    The company of exactly this host comes first, then those of the domains above it, down to the registered one.
    """
    return next((companies[host] for host in domain_names.domains_above(domain) if host in companies), None)


def leads_without_company(domains: Collection[str]) -> dict[int, str]:
    """Return the e-mail domains of leads that have no company, by their ids: those at these domains and below them."""
    if not domains:
        return {}
    return dict(bulk_rows.fetch_rows(_WITHOUT_COMPANY, [sorted(domains)]))


def email_domain(email: str) -> str:
    return email.rpartition("@")[2]
