from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config.accounts.models import ApiKey, User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
REFUSED = "This API key is unknown, revoked or expired."


@pytest.fixture
def owner() -> User:
    return UserFactory()


def create_key(owner: User, **columns: Any) -> tuple[ApiKey, str]:
    return ApiKey.objects.create_key(
        **{"name": "site", "owner": owner, "source": "site", "scopes": ["facts:read"], **columns}
    )


def get_leads(authorization: str) -> Any:
    return Client(headers={"authorization": authorization}).get("/api/v1/leads")


def refusal(key: str) -> str:
    """Return the sentence of a 401."""
    answer = get_leads(f"Api-Key {key}")
    assert answer.status_code == 401
    return answer.json()["errors"][0]["detail"]


def test_a_key_is_let_in_and_its_use_noted(owner: User) -> None:
    key, text = create_key(owner, expires_at=timezone.now() + HOUR)

    assert get_leads(f"Api-Key {text}").status_code == 200
    key.refresh_from_db()
    assert key.last_used_at is not None


@pytest.mark.parametrize("columns", [{"revoked_at": timezone.now() - HOUR}, {"expires_at": timezone.now() - HOUR}])
def test_a_revoked_or_expired_key_is_refused(owner: User, columns: dict[str, dt.datetime]) -> None:
    key, text = create_key(owner, **columns)

    assert refusal(text) == REFUSED
    key.refresh_from_db()
    assert key.last_used_at is None


def test_a_key_of_an_inactive_owner_is_refused(owner: User) -> None:
    _, text = create_key(owner)
    User.objects.update(is_active=False)

    assert refusal(text) == REFUSED


def test_an_unknown_key_is_refused_with_the_same_sentence(owner: User) -> None:
    key, text = create_key(owner)

    for other in (text[:-1], f"acc_{key.prefix}.", key.digest, "ü", "x y", "\x00", "k" * 5000):
        assert refusal(other) == REFUSED


@pytest.mark.parametrize("authorization", ["", "Api-Key", "Api-Key ", "Bearer {}", "Basic {}", "{}"])
def test_without_a_key_nobody_is_signed_in(owner: User, authorization: str) -> None:
    answer = get_leads(authorization.format(create_key(owner)[1]))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Api-Key"


def test_a_missing_scope_is_forbidden(owner: User) -> None:
    _, text = create_key(owner, scopes=["reports:read"])

    assert get_leads(f"Api-Key {text}").status_code == 403


def test_a_key_in_the_address_is_not_read(owner: User) -> None:
    _, text = create_key(owner)

    for name in ("api_key", "key", "authorization"):
        assert Client().get("/api/v1/leads", {name: text}).status_code == 401


def test_the_document_names_the_header(client: Client, owner: User) -> None:
    client.force_login(owner)

    schemes = client.get("/api/v1/schema", headers={"accept": "application/json"})

    assert schemes.status_code == 200
    text = schemes.content.decode()
    assert "apiKey" in text
    assert "acc_PREFIX.SECRET" in text
