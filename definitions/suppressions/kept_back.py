"""The record of what suppressions kept back: one row for each lead or company, suppression and version (rules 9.23)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count

from definitions.models import KeptBack, Suppression, Version
from definitions.suppressions.subject_matching import Matches


@dataclass(frozen=True, slots=True)
class KeptBackCount:
    """The number of different leads and companies that a suppression kept back."""

    leads: int = 0
    companies: int = 0

    @property
    def text(self) -> str:
        companies = f", {self.companies:,} compan{'y' if self.companies == 1 else 'ies'}" if self.companies else ""
        return f"{self.leads:,} lead{'' if self.leads == 1 else 's'}{companies}"


def record_leads(lead_ids: Iterable[int], matches: Matches, *, version: Version, now: dt.datetime) -> None:
    """Record leads that met the version and did not qualify, for each suppression in force at `now`; known ones stay."""
    _store([
        KeptBack(suppression=row, version=version, lead_id=pk, at=now)
        for pk in lead_ids
        for row in matches.get(pk, ())
        if row.starts_at <= now < row.ends_at
    ])  # fmt: skip


def record_companies(company_ids: Iterable[int], matches: Matches, *, version: Version, now: dt.datetime) -> None:
    """Record companies that met the version and did not qualify, as `record_leads` does."""
    _store([
        KeptBack(suppression=row, version=version, company_id=pk, at=now)
        for pk in company_ids
        for row in matches.get(pk, ())
        if row.starts_at <= now < row.ends_at
    ])  # fmt: skip


def list_ids(suppression: Suppression) -> tuple[list[int], list[int]]:
    """Return the ids of the leads and of the companies that a suppression kept back, each once."""
    pairs = list(suppression.kept_back.values_list("lead_id", "company_id"))
    return sorted({lead for lead, _ in pairs if lead}), sorted({company for _, company in pairs if company})


def count(suppressions: Collection[Suppression]) -> Mapping[int, KeptBackCount]:
    """Return the counts by the id of the suppression, with one query; those that kept nobody back are missing."""
    rows = KeptBack.objects.filter(suppression__in=suppressions).values_list("suppression_id").order_by()
    counted = rows.annotate(leads=Count("lead", distinct=True), companies=Count("company", distinct=True))
    return {pk: KeptBackCount(leads, companies) for pk, leads, companies in counted}


def _store(rows: list[KeptBack]) -> None:
    if rows:
        KeptBack.objects.bulk_create(rows, ignore_conflicts=True)
