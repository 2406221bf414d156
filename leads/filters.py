from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import django_filters as filters
from django.db.models import Exists, OuterRef, QuerySet

from config.web import QueryRefused
from leads import search
from leads.exceptions import Refused
from leads.intake import not_understood, spellings
from leads.models import Company, CompanyKey, Lead, LeadKey, LeadQuerySet, LeadStage
from leads.normalization import validation
from leads.normalization.countries import read_country
from leads.vocabulary import KeyKind, Motion, Stage

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


def _clean_key(read: Callable[[str, object], str], name: str, text: str) -> str:
    """Return a key in its one spelling; what can be nobody's key is looked up as it is and finds nothing."""
    try:
        return read(name, text)
    except Refused:
        return text


def _owners(
    keys: type[LeadKey] | type[CompanyKey], kind: KeyKind, value: str, system: str | None = None
) -> QuerySet[Any, int]:
    rows = keys.objects.filter(kind=kind, value=value)
    rows = rows.filter(system=system.lower()) if system else rows
    return rows.values_list("lead_id" if keys is LeadKey else "company_id", flat=True)


class LeadFilter(filters.FilterSet):
    #: The filters with which leads that are merged into another one are found as well.
    finds_merged_by: ClassVar[tuple[str, ...]] = ("merged", "not_understood")

    q = filters.CharFilter(method=filter_leads, label="Search")
    stage = filters.ChoiceFilter(
        method="filter_stage",
        choices=Stage.choices,
        empty_label="All stages",
        help_text="With motion: the stage there.",
    )
    motion = filters.ChoiceFilter(
        method="filter_motion",
        choices=[(motion.value, motion.short) for motion in Motion],
        empty_label="All motions",
        help_text="The leads that have come to a stage in this motion; with a stage those that stand on it there.",
    )
    source = filters.AllValuesFilter(empty_label="All sources")
    not_understood = filters.CharFilter(
        method=filter_not_understood, label="Not understood", help_text="As company.country:Ruritania."
    )
    merged = filters.ChoiceFilter(
        method="filter_merged", label="Merged", choices=[("true", "Merged into another")], empty_label="Not merged"
    )

    class Meta:
        model = Lead
        fields = ["q", "stage", "motion", "source", "not_understood", "merged"]

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        # The page offers the stored spellings; an address may carry another.
        if data and data.get("source"):
            data = data.copy()
            data["source"] = spellings.spell("source", data["source"])
        super().__init__(data, *args, **kwargs)

    def filter_queryset(self, queryset: LeadQuerySet) -> LeadQuerySet:
        """Leave out leads that are merged into another one, unless they are asked for.

        An unknown motion is refused, as on every list: its figures would be taken for those of the one asked for.
        """
        if "motion" in self.form.errors:
            raise QueryRefused("motion", f"must be one of {', '.join(Motion.values)}.")
        rows: LeadQuerySet = super().filter_queryset(queryset)
        asks = self.form.cleaned_data
        return rows if any(asks.get(name) for name in self.finds_merged_by) else rows.standing()

    def filter_stage(self, leads: LeadQuerySet, _name: str, stage: str) -> LeadQuerySet:
        """Keep the leads of this summary stage; `filter_motion` looks for the stage in a motion."""
        return leads if self.form.cleaned_data.get("motion") else leads.filter(stage=stage)

    def filter_motion(self, leads: LeadQuerySet, _name: str, motion: str) -> LeadQuerySet:
        stage, there = self.form.cleaned_data.get("stage"), LeadStage.objects.filter(lead=OuterRef("pk"), motion=motion)
        if stage == Stage.LEAD:
            # Without a row a lead never left this stage.
            return leads.exclude(Exists(there.exclude(stage=stage)))
        return leads.filter(Exists(there.filter(stage=stage) if stage else there))

    def filter_merged(self, leads: LeadQuerySet, _name: str, is_merged: object) -> LeadQuerySet:
        return leads.filter(merged_into__isnull=not is_merged)


class LeadApiFilter(LeadFilter):
    """The filters of the lead page, and further ones for API clients. A key finds merged leads as well."""

    finds_merged_by = ("merged", "not_understood", "email", "external_id")

    source = filters.CharFilter(lookup_expr="exact", help_text="In any case.")
    merged = filters.BooleanFilter(
        method="filter_merged", help_text="true: only leads that are merged into another one."
    )
    company = filters.NumberFilter(
        field_name="company_id", min_value=1, max_value=2**63 - 1, help_text="Accord's id of the company."
    )
    country = filters.CharFilter(method=filter_country, help_text="A code or a name: DE, Germany.")
    email = filters.CharFilter(method="filter_email", help_text="The current or an earlier address.")
    external_id = filters.CharFilter(method="filter_id", help_text="The id that a system gave.")
    system = filters.CharFilter(method="filter_system", help_text="With external_id: the system of the id.")

    class Meta(LeadFilter.Meta):
        fields = [
            "q", "stage", "motion", "source", "not_understood", "company", "country", "email", "external_id", "system", "merged",
        ]  # fmt: skip

    def filter_email(self, leads: LeadQuerySet, name: str, text: str) -> LeadQuerySet:
        return leads.filter(pk__in=_owners(LeadKey, KeyKind.EMAIL, _clean_key(validation.email, name, text)))

    def filter_id(self, leads: LeadQuerySet, name: str, text: str) -> LeadQuerySet:
        return leads.filter(
            pk__in=_owners(LeadKey, KeyKind.ID, _clean_key(validation.identity, name, text), self.data.get("system"))
        )

    def filter_system(self, leads: LeadQuerySet, _name: str, system: str) -> LeadQuerySet:
        """Keep the leads that the system knows, unless `filter_id` looks for one of its ids."""
        return (
            leads if self.data.get("external_id") else leads.filter(keys__kind=KeyKind.ID, keys__system=system.lower())
        )


def filter_companies(companies: QuerySet[Company], _name: str, text: str) -> QuerySet[Company]:
    return companies.filter(search.match_companies(text))


class CompanyFilter(filters.FilterSet):
    q = filters.CharFilter(method=filter_companies, label="Search")
    country = filters.CharFilter(method=filter_country, help_text="A code or a name: DE, Germany.")
    industry = filters.CharFilter(method=filter_spelled, help_text="In any case.")
    domain = filters.CharFilter(method="filter_domain", help_text="One of the domains.")
    external_id = filters.CharFilter(method="filter_id", help_text="The id that a system gave.")

    class Meta:
        model = Company
        fields = ["q", "country", "industry", "domain", "external_id"]

    def filter_domain(self, companies: QuerySet[Company], name: str, text: str) -> QuerySet[Company]:
        return companies.filter(pk__in=_owners(CompanyKey, KeyKind.DOMAIN, _clean_key(validation.domain, name, text)))

    def filter_id(self, companies: QuerySet[Company], name: str, text: str) -> QuerySet[Company]:
        return companies.filter(pk__in=_owners(CompanyKey, KeyKind.ID, _clean_key(validation.identity, name, text)))
