"""The conversion of what was stored before values were read."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from django.apps import apps

import leads.migrations
from leads.models import Company, Lead, Spelling
from tests.factories import CompanyFactory, LeadFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def migration() -> ModuleType:
    (path,) = Path(leads.migrations.__path__[0]).glob("*_values.py")
    return importlib.import_module(f"leads.migrations.{path.stem}")


def test_stored_countries_get_their_codes_and_the_rest_is_kept(migration: ModuleType) -> None:
    for country in ("Germany", "DE", "Ruritania", "N/A", ""):
        LeadFactory(country=country)
    CompanyFactory(country="United Kingdom")

    migration.read_countries(apps, None)

    stored = Lead.objects.order_by("pk").values_list("country", "not_understood")
    assert list(stored) == [("DE", {}), ("DE", {}), ("", {"country": "Ruritania"}), ("", {}), ("", {})]
    assert Company.objects.get().country == "GB"


def test_stored_sources_get_their_most_frequent_spelling(migration: ModuleType) -> None:
    for source in ("LINKEDIN ", "LinkedIn", "linkedin", "LinkedIn", "Linked In", ""):
        LeadFactory(source=source)

    migration.settle_spellings(apps, None)

    stored = sorted(Lead.objects.values_list("source", flat=True))
    assert stored == ["", "Linked In", "LinkedIn", "LinkedIn", "LinkedIn", "LinkedIn"]
    assert dict(Spelling.objects.values_list("folded", "text")) == {"linkedin": "LinkedIn", "linked in": "Linked In"}
