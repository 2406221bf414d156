from __future__ import annotations

from typing import ClassVar

import django_filters as filters
from django.db.models import QuerySet

from leads import search
from leads.models import Company, Lead, LeadQuerySet
from leads.vocabulary import Stage


def filter_leads(leads: LeadQuerySet, _name: str, text: str) -> LeadQuerySet:
    return leads.filter(search.match_leads(text))


class LeadFilter(filters.FilterSet):
    #: The filters with which leads that are merged into another one are found as well.
    finds_merged_by: ClassVar[tuple[str, ...]] = ("merged",)

    q = filters.CharFilter(method=filter_leads, label="Search")
    stage = filters.ChoiceFilter(choices=Stage.choices, empty_label="All stages")
    source = filters.AllValuesFilter(empty_label="All sources")
    merged = filters.ChoiceFilter(
        method="filter_merged", label="Merged", choices=[("true", "Merged into another")], empty_label="Not merged"
    )

    class Meta:
        model = Lead
        fields = ["q", "stage", "source", "merged"]

    def filter_queryset(self, queryset: LeadQuerySet) -> LeadQuerySet:
        """Leave out leads that are merged into another one, unless they are asked for."""
        rows: LeadQuerySet = super().filter_queryset(queryset)
        asks = self.form.cleaned_data
        return rows if any(asks.get(name) for name in self.finds_merged_by) else rows.standing()

    def filter_merged(self, leads: LeadQuerySet, _name: str, is_merged: object) -> LeadQuerySet:
        return leads.filter(merged_into__isnull=not is_merged)


class LeadApiFilter(LeadFilter):
    """The filters of the lead page, and further ones for API clients. A key finds merged leads as well."""

    finds_merged_by = ("merged", "email", "external_id")

    source = filters.CharFilter(lookup_expr="exact")
    merged = filters.BooleanFilter(
        method="filter_merged", help_text="true: only leads that are merged into another one."
    )
    company = filters.NumberFilter(
        field_name="company_id", min_value=1, max_value=2**63 - 1, help_text="Accord's id of the company."
    )
    country = filters.CharFilter(lookup_expr="iexact")
    email = filters.CharFilter(lookup_expr="iexact")
    external_id = filters.CharFilter(lookup_expr="exact")

    class Meta(LeadFilter.Meta):
        fields = ["q", "stage", "source", "company", "country", "email", "external_id", "merged"]


def filter_companies(companies: QuerySet[Company], _name: str, text: str) -> QuerySet[Company]:
    return companies.filter(search.match_companies(text))


class CompanyFilter(filters.FilterSet):
    q = filters.CharFilter(method=filter_companies, label="Search")
    country = filters.CharFilter(lookup_expr="iexact")
    industry = filters.CharFilter(lookup_expr="iexact")
    domain = filters.CharFilter(lookup_expr="iexact")
    external_id = filters.CharFilter(lookup_expr="exact")

    class Meta:
        model = Company
        fields = ["q", "country", "industry", "domain", "external_id"]
