from __future__ import annotations

from typing import Any, TypeVar

import django_filters as filters
from django.db.models import QuerySet

from leads import not_understood, search, spellings
from leads.countries import read_country
from leads.models import Company, Lead, LeadQuerySet
from leads.vocabulary import Stage

Rows = TypeVar("Rows", bound=QuerySet[Any])


def filter_leads(leads: LeadQuerySet, _name: str, text: str) -> LeadQuerySet:
    return leads.filter(search.match_leads(text))


def filter_not_understood(leads: LeadQuerySet, _name: str, text: str) -> LeadQuerySet:
    return leads.filter(not_understood.match_leads(text))


def filter_country(rows: Rows, _name: str, text: str) -> Rows:
    """Find a country by its code or by a name; what is no country finds nothing."""
    return rows.filter(country=read_country(text) or text)


def filter_spelled(rows: Rows, name: str, text: str) -> Rows:
    """Find a text that people group by in whatever spelling."""
    return rows.filter(**{name: spellings.spell(name, text)})


class LeadFilter(filters.FilterSet):
    q = filters.CharFilter(method=filter_leads, label="Search")
    stage = filters.ChoiceFilter(choices=Stage.choices, empty_label="All stages")
    source = filters.AllValuesFilter(empty_label="All sources")
    not_understood = filters.CharFilter(
        method=filter_not_understood, label="Not understood", help_text="As company.country:Ruritania."
    )

    class Meta:
        model = Lead
        fields = ["q", "stage", "source", "not_understood"]

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        # The page offers the stored spellings; an address may carry another.
        if data and data.get("source"):
            data = data.copy()
            data["source"] = spellings.spell("source", data["source"])
        super().__init__(data, *args, **kwargs)


class LeadApiFilter(LeadFilter):
    """The filters of the lead page, and further ones for API clients."""

    source = filters.CharFilter(lookup_expr="exact", help_text="In any case.")
    company = filters.NumberFilter(
        field_name="company_id", min_value=1, max_value=2**63 - 1, help_text="Accord's id of the company."
    )
    country = filters.CharFilter(method=filter_country, help_text="A code or a name: DE, Germany.")
    email = filters.CharFilter(lookup_expr="iexact")
    external_id = filters.CharFilter(lookup_expr="exact")

    class Meta(LeadFilter.Meta):
        fields = ["q", "stage", "source", "not_understood", "company", "country", "email", "external_id"]


def filter_companies(companies: QuerySet[Company], _name: str, text: str) -> QuerySet[Company]:
    return companies.filter(search.match_companies(text))


class CompanyFilter(filters.FilterSet):
    q = filters.CharFilter(method=filter_companies, label="Search")
    country = filters.CharFilter(method=filter_country, help_text="A code or a name: DE, Germany.")
    industry = filters.CharFilter(method=filter_spelled, help_text="In any case.")
    domain = filters.CharFilter(lookup_expr="iexact")
    external_id = filters.CharFilter(lookup_expr="exact")

    class Meta:
        model = Company
        fields = ["q", "country", "industry", "domain", "external_id"]
