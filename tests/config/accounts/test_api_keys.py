from __future__ import annotations

import base64
import hashlib

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from config.accounts.models import ApiKey, User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return UserFactory()


def test_the_secret_has_256_random_bits(owner: User) -> None:
    secrets = {ApiKey.objects.create_key(name="site", owner=owner, source="site")[1].partition(".")[2] for _ in "abc"}

    assert len(secrets) == 3
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}


def test_the_database_holds_the_digest_and_not_the_key(owner: User) -> None:
    key, text = ApiKey.objects.create_key(name="site", owner=owner, source="site")

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(k)::text FROM accounts_apikey k")
        ((row,),) = cursor.fetchall()
    assert hashlib.sha256(text.encode()).hexdigest() in row
    assert text.partition(".")[2] not in row
    assert text.startswith(f"acc_{key.prefix}.")
    assert str(key) == f"site ({key.prefix})"


def test_a_key_is_found_by_its_whole_text_only(owner: User) -> None:
    key, text = ApiKey.objects.create_key(name="site", owner=owner, source="site")

    assert ApiKey.objects.get_from_key(text) == key
    for other in (text[:-1], text.upper(), key.prefix, key.digest, ""):
        with pytest.raises(ApiKey.DoesNotExist):
            ApiKey.objects.get_from_key(other)


def test_a_key_is_never_deleted(owner: User) -> None:
    key, _ = ApiKey.objects.create_key(name="site", owner=owner, source="site")

    with pytest.raises(DatabaseError, match="Cannot delete"):
        key.delete()


@pytest.mark.parametrize("value", [None, "later"])
def test_a_revoked_key_stays_revoked(owner: User, value: object) -> None:
    key, _ = ApiKey.objects.create_key(name="site", owner=owner, source="site")
    keys = ApiKey.objects.filter(pk=key.pk)
    keys.update(revoked_at=timezone.now())
    keys.update(name="old site", last_used_at=timezone.now())

    with pytest.raises(DatabaseError, match="Cannot update"):
        keys.update(revoked_at=value and timezone.now())


@pytest.mark.parametrize("columns", [{"digest": "0" * 64}, {"prefix": "00000000"}])
def test_a_key_cannot_become_another(owner: User, columns: dict[str, str]) -> None:
    ApiKey.objects.create_key(name="site", owner=owner, source="site")

    with pytest.raises(DatabaseError, match="Cannot update"):
        ApiKey.objects.update(**columns)


@pytest.mark.parametrize("source", ["accord", "Accord", "by-hand", "derived", "outcome", "READING"])
def test_no_sender_takes_a_name_of_accords_own(source: str) -> None:
    owner = UserFactory()
    key = ApiKey(name="CRM", owner=owner, source=source, prefix="p", digest="d")

    with pytest.raises(ValidationError) as refusal:
        key.full_clean()
    with pytest.raises(IntegrityError, match="api_key_source_is_not_reserved"), transaction.atomic():
        ApiKey.objects.create_key(name="CRM", owner=owner, source=source)

    assert "kept for what Accord itself" in str(refusal.value.error_dict["source"])
