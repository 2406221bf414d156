"""The subject of a suppression, read from what a person or a program writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from definitions.vocabulary import SuppressionSubject
from leads.exceptions import Refused
from leads.models import Company, CompanyKey, Lead, LeadKey
from leads.normalization import domain_names
from leads.vocabulary import KeyKind

SOURCE_AT_MOST: Final = 120
#: Longer numbers fit no column.
_DIGITS_AT_MOST: Final = 18


@dataclass(frozen=True, slots=True)
class SubjectRef:
    """A domain or source (`value`), or a lead or company that exists."""

    kind: SuppressionSubject
    value: str = ""
    lead: Lead | None = None
    company: Company | None = None


def read_subject(kind: str, text: str) -> SubjectRef:
    """Read a domain, a source, a lead (its id or address) or a company (its id or domain).

    Of leads that are merged it is the one that stands for the person. Raises Refused with the field and the rule.
    """
    text = text.strip()
    if kind not in SuppressionSubject.values:
        raise Refused("subject", f"must be one of {', '.join(SuppressionSubject.values)}.")
    if not text:
        raise Refused("value", "is required: it says what is suppressed.")
    match SuppressionSubject(kind):
        case SuppressionSubject.DOMAIN:
            return SubjectRef(SuppressionSubject.DOMAIN, _read_domain(text))
        case SuppressionSubject.SOURCE:
            return SubjectRef(SuppressionSubject.SOURCE, _read_source(text))
        case SuppressionSubject.LEAD:
            return SubjectRef(SuppressionSubject.LEAD, lead=_find_lead(text))
        case SuppressionSubject.COMPANY:
            return SubjectRef(SuppressionSubject.COMPANY, company=_find_company(text))


def _read_domain(text: str) -> str:
    host = _to_host(text.rpartition("@")[2])
    if not domain_names.is_domain(host):
        raise Refused("value", "is no domain, as competitor.example is.")
    if domain_names.is_public_suffix(host):
        raise Refused("value", "is a suffix below which everybody can register a domain.")
    return host


def _read_source(text: str) -> str:
    if len(text) > SOURCE_AT_MOST:
        raise Refused("value", f"has {SOURCE_AT_MOST} characters at most.")
    return text


def _find_lead(text: str) -> Lead:
    if _is_id(text):
        lead = Lead.objects.select_related("merged_into").filter(pk=int(text)).first()
    else:
        keys = LeadKey.objects.filter(kind=KeyKind.EMAIL, value=text.lower())
        key = keys.select_related("lead__merged_into").first()
        lead = key.lead if key else None
    if lead is None:
        raise Refused("value", "is neither the id nor the e-mail address of a lead.")
    return lead.merged_into or lead


def _find_company(text: str) -> Company:
    if _is_id(text):
        company = Company.objects.filter(pk=int(text)).first()
    else:
        key = CompanyKey.objects.filter(kind=KeyKind.DOMAIN, value=_to_host(text)).select_related("company").first()
        company = key.company if key else None
    if company is None:
        raise Refused("value", "is neither the id nor the domain of a company.")
    return company


def _to_host(text: str) -> str:
    """Return the host of a domain or web address in its one spelling; "" for characters that no domain can have."""
    try:
        return domain_names.to_ascii(domain_names.split_url(text)[0])
    except UnicodeError:
        return ""


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS_AT_MOST
