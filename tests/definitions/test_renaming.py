"""Renamed definitions: links with an earlier slug lead to the present page, and no slug leads to two (rules 9.25)."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from config.accounts.models import ApiKey
from config.accounts.vocabulary import Role
from definitions.models import Definition, DefinitionSlug, Version
from scoring.explain import evaluation
from tests.definitions.version_lifecycles import create_active, create_draft
from tests.factories import NOW, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> Version:
    """Return an active version of a definition that was renamed twice."""
    version = create_active()
    for slug in ("second", "third"):
        version.definition.slug = slug
        version.definition.save()
    return version


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS], is_staff=True))
    return client


def earlier_slugs(definition: Definition) -> list[str]:
    return list(definition.slugs.order_by("pk").values_list("slug", flat=True))


def test_pages_of_an_earlier_slug_redirect_for_good_with_their_query(version: Version, page: Client) -> None:
    first = earlier_slugs(version.definition)[0]

    for name, args in (("definition_version", [version.number]), ("version_diff", [version.number, version.number])):
        answer = page.get(reverse(name, args=[first, *args]), {"motion": "mql"})
        assert answer.status_code == 301
        assert answer["location"] == reverse(name, args=["third", *args]) + "?motion=mql"
        assert page.get(answer["location"]).status_code == 200
    assert page.get(reverse("definition_version", args=["unknown", version.number])).status_code == 404


def test_the_api_and_commands_follow_an_earlier_slug(version: Version) -> None:
    owner = UserFactory(roles=[Role.MARKETING_OPS])
    _, secret = ApiKey.objects.create_key(
        name="crm", owner=owner, source="crm", scopes=["definitions:read", "definitions:write"]
    )
    machine = Client(headers={"authorization": f"Api-Key {secret}"})

    current = machine.get("/api/v1/definitions/current", {"definition": "second"}).json()
    listed = machine.get("/api/v1/definitions", {"definition": "second"}).json()["results"]
    begun = machine.post("/api/v1/definitions/presets", {"into": "second"}, content_type="application/json")

    assert current["definition"] == "third"
    assert [row["id"] for row in listed] == [version.pk]
    assert begun.json()["definition"] == "third"
    assert evaluation.find_version(f"second/{version.number}") == version


def test_a_definition_may_go_back_to_a_slug_of_its_own(version: Version, page: Client) -> None:
    version.definition.slug = "second"
    version.definition.save()

    answer = page.get(reverse("definition_version", args=["third", version.number]))

    assert answer["location"] == reverse("definition_version", args=["second", version.number])


def test_nobody_else_gets_a_slug_that_was_taken(version: Version) -> None:
    other = create_draft(name="Second").definition

    assert other.slug == "second-2"
    with pytest.raises(IntegrityError, match="another definition has or had this slug"), transaction.atomic():
        Definition.objects.filter(pk=other.pk).update(slug="second")
    with pytest.raises(IntegrityError), transaction.atomic():
        Definition.objects.create(name="Third", slug="third", created_at=NOW)


@pytest.mark.parametrize("step", ["update", "delete", "insert"])
def test_the_database_keeps_the_slugs(version: Version, step: str) -> None:
    steps = {
        "update": lambda: DefinitionSlug.objects.filter(slug="second").update(slug="else"),
        "delete": lambda: DefinitionSlug.objects.filter(slug="second").delete(),
        "insert": lambda: DefinitionSlug.objects.create(slug="else", definition=version.definition),
    }

    with pytest.raises(DatabaseError), transaction.atomic():
        steps[step]()


def test_the_editor_refuses_the_earlier_slug_of_another_definition(version: Version, page: Client) -> None:
    other = create_draft(name="Else").definition
    form = reverse("admin:definitions_definition_change", args=[other.pk])

    answer = page.post(form, {"name": "Else", "slug": "second", "scope": ""})

    assert "Links with this slug lead to" in answer.content.decode()
    page.post(form, {"name": "Else anew", "slug": "else-anew", "scope": "DACH"})
    other.refresh_from_db()
    assert (other.slug, other.scope, earlier_slugs(other)) == ("else-anew", "DACH", ["else", "else-anew"])
