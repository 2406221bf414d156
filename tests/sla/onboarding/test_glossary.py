from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from config.accounts.vocabulary import Role
from sla.onboarding import glossary
from tests.factories import UserFactory


def test_every_row_of_the_file_is_a_term_with_an_anchor_of_its_own() -> None:
    rows = [line for line in (settings.BASE_DIR / glossary.PATH).read_text().splitlines() if line.startswith("| ")]
    terms = glossary.read_terms()

    assert len(terms) == len(rows) - 2
    assert len({term.anchor for term in terms}) == len(terms)
    assert all(term.name and term.meaning and term.anchor for term in terms)


def test_references_for_people_who_read_the_code_are_left_out() -> None:
    assert not [term for term in glossary.read_terms() if re.search(r"rules \d|`", term.meaning)]


def test_pages_lead_to_terms_that_exist() -> None:
    anchors = {term.anchor for term in glossary.read_terms()}
    templates = "".join(path.read_text() for path in Path(settings.BASE_DIR / "templates").rglob("*.html"))

    linked = set(re.findall(r"\{% url 'glossary' %\}#([\w-]+)", templates))

    assert linked
    assert linked <= anchors


def test_the_term_that_was_typed_stands_before_those_that_mention_it() -> None:
    names = [term.name for term in glossary.find_terms("sal")]

    assert names[0] == "SAL"
    assert (
        max(names.index("SAL rate"), names.index("SAL guard")) < names.index("account play") < names.index("proposal")
    )
    assert [term.name for term in glossary.find_terms("")] == [term.name for term in glossary.read_terms()]


@pytest.mark.django_db
def test_a_term_is_found_by_its_name_and_its_meaning() -> None:
    client = Client()
    client.force_login(UserFactory(roles=[Role.SDR]))

    assert 'id="hot-trigger"' in client.get("/glossary/").content.decode()
    shown = client.get("/glossary/?q=Fast Track").content.decode()
    assert 'id="hot-trigger"' in shown
    assert 'id="breach"' not in shown
    hostile = client.get("/glossary/?q=<script>x").content.decode()
    assert "<script>x" not in hostile
    assert "No term has that" in hostile
