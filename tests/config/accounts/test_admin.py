from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NEW_KEY = {"name": "Site", "kind": "system", "source": "site", "scopes": ["facts:write"]}


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root@acme.example", "secret"))
    return client


def create_key(root: Client, **fields: object) -> tuple[ApiKey | None, str]:
    """Fill in the form of a new key; returns its row, if one was stored, and the text of the page's messages."""
    form = NEW_KEY | {"owner": User.objects.get().pk} | fields
    page = root.post(reverse("admin:accounts_apikey_add"), form, follow=True)
    return ApiKey.objects.first(), " ".join(str(message) for message in page.context["messages"])


def test_a_key_is_shown_once_and_its_scopes_are_boxes(root: Client) -> None:
    key, shown = create_key(root)

    text = re.search(r"acc_[0-9a-f]{8}\.\S+", shown)
    assert key is not None
    assert text is not None
    assert (key.scopes, key.source, key.kind) == (["facts:write"], "site", "system")
    assert ApiKey.objects.get_from_key(text[0]) == key
    pages = [
        root.get(reverse("admin:accounts_apikey_change", args=[key.pk])),
        root.get(reverse("admin:accounts_apikey_changelist")),
    ]
    for page in pages:
        assert page.status_code == 200
        assert key.prefix.encode() in page.content
        assert text[0].partition(".")[2].encode() not in page.content
        assert key.digest.encode() not in page.content


def test_a_key_cannot_be_given_a_scope_that_is_none(root: Client) -> None:
    assert create_key(root, scopes=["everything"])[0] is None


def test_a_key_is_revoked_by_the_action(root: Client) -> None:
    key, _ = create_key(root)
    assert key is not None

    done = root.post(
        reverse("admin:accounts_apikey_changelist"),
        {"action": "revoke_keys", "_selected_action": [key.pk]},
        follow=True,
    )

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "1 API key revoked." in [str(message) for message in done.context["messages"]]


def test_a_key_is_revoked_by_its_field_and_stays_so(root: Client) -> None:
    key, _ = create_key(root)
    assert key is not None
    page = reverse("admin:accounts_apikey_change", args=[key.pk])

    root.post(page, NEW_KEY | {"owner": key.owner_id, "revoked": "on"})
    key.refresh_from_db()
    revoked_at = key.revoked_at
    root.post(page, NEW_KEY | {"owner": key.owner_id, "name": "Old site"})

    key.refresh_from_db()
    assert revoked_at is not None
    assert (key.name, key.revoked_at) == ("Old site", revoked_at)


def test_a_key_expires_by_its_field_and_cannot_be_deleted(root: Client) -> None:
    key, _ = create_key(root, expires_at_0="2027-01-31", expires_at_1="12:00")

    assert key is not None
    assert key.expires_at == dt.datetime(2027, 1, 31, 12, tzinfo=dt.UTC)
    assert root.post(reverse("admin:accounts_apikey_delete", args=[key.pk]), {"post": "yes"}).status_code == 403


def test_people_are_shown_with_their_roles(root: Client) -> None:
    person = User.objects.create_user("sam@acme.example", "secret")
    person.groups.add(Group.objects.get(name=Role.SDR))

    page = root.get(reverse("admin:accounts_user_changelist"), {"q": "sam"})
    assert b"sam@acme.example" in page.content
    assert b"sdr" in page.content
    assert root.get(reverse("admin:accounts_user_change", args=[person.pk])).status_code == 200
    assert root.get(reverse("admin:accounts_user_add")).status_code == 200


def test_a_person_is_added_by_e_mail_and_then_set_up(root: Client) -> None:
    password = "north-by-northlane"
    root.post(
        reverse("admin:accounts_user_add"),
        {"email": "Sam@Acme.Example", "password1": password, "password2": password},
    )
    person = User.objects.get(email="sam@acme.example")
    group = Group.objects.get(name=Role.SALES_LEADER)

    root.post(
        reverse("admin:accounts_user_change", args=[person.pk]),
        {
            "email": "sam@acme.example", "first_name": "Sam", "last_name": "Lee", "time_zone": "Asia/Tokyo",
            "is_active": "on", "is_staff": "on", "groups": [group.pk],
            "date_joined_0": "2026-01-01", "date_joined_1": "00:00",
        },
    )  # fmt: skip

    person.refresh_from_db()
    assert person.check_password(password)
    assert (str(person), person.time_zone, person.is_staff, list(person.groups.all())) == (
        "Sam Lee", "Asia/Tokyo", True, [group],
    )  # fmt: skip


def test_an_address_that_differs_by_case_is_taken(root: Client) -> None:
    password = "north-by-northlane"
    page = root.post(
        reverse("admin:accounts_user_add"),
        {"email": "ROOT@acme.example", "password1": password, "password2": password},
    )

    assert page.status_code == 200
    assert User.objects.count() == 1


def test_an_administrator_sets_a_password(root: Client) -> None:
    person = User.objects.create_user("sam@acme.example", "secret")
    password = "north-by-northlane"

    root.post(
        reverse("admin:auth_user_password_change", args=[person.pk]), {"password1": password, "password2": password}
    )

    person.refresh_from_db()
    assert person.check_password(password)


def test_a_person_chooses_a_place_as_time_zone(root: Client) -> None:
    person = UserFactory(time_zone="US/Eastern")
    url = reverse("admin:accounts_user_change", args=[person.pk])

    page = root.get(url).content.decode()
    answer = root.post(url, {"email": person.email, "time_zone": "EST"})

    assert '<option value="Europe/Berlin">' in page
    assert '<option value="US/Eastern" selected>' in page
    assert '<option value="EST">' not in page
    assert "EST has no summer time; take America/New_York." in answer.content.decode()
